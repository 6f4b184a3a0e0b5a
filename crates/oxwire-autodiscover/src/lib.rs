//! Autodiscover: from an address to the endpoints of a mailbox.
//!
//! - [`discovery`]: the search, from an address to the settings of its mailbox, as a machine without I/O.
//! - [`xml`]: the reader and the writer that the documents stand on.
//! - [`pox`]: the documents of Outlook and of Exchange ActiveSync, request and response, encode and decode.
//! - [`json`]: query and answer of Autodiscover v2.
//! - [`responder`]: a server's answers, from a request and what the caller knows of the user.
//! - [`scp`]: what a directory says of where to ask, put in order.
//! - [`soap`]: the documents of the SOAP service, request and response, encode and decode.
//! - [`transport`]: from the settings of a mailbox to the candidates of its transport.

pub mod discovery;
pub mod json;
pub mod pox;
pub mod responder;
pub mod scp;
pub mod soap;
mod text;
pub mod transport;
pub mod xml;

pub use text::Text;
