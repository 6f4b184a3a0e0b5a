//! The server's side: from an HTTP request and what the caller knows of the user to the document that answers it.
//!
//! Two steps, so that the caller can ask its directory in between, and no I/O in either:
//!
//! ```
//! use oxwire_autodiscover::responder::{Asked, Known, Mailbox, MapiHttp, UrlPair};
//! use oxwire_autodiscover::xml::XmlLimits;
//!
//! # let body = oxwire_autodiscover::pox::Request::for_address(
//! #     oxwire_autodiscover::pox::Schema::Outlook, "kim@example.com").encode()?;
//! let fields = [("X-MapiHttpCapability", "1")];
//! let reply = match Asked::pox("POST", fields, body.as_bytes(), XmlLimits::DEFAULT) {
//!     Asked::Question(question) => {
//!         assert_eq!(question.email_address(), Some("kim@example.com"));
//!         let mut mailbox = Mailbox::new("kim@example.com", "Kim", "/o=example/cn=kim");
//!         mailbox.mapi_http = Some(MapiHttp {
//!             mail_store: UrlPair::both("https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com"),
//!             address_book: UrlPair::both("https://mail.example.com/mapi/nspi/?MailboxId=1@example.com"),
//!         });
//!         question.answer(Known::Mailbox(&mailbox))
//!     }
//!     Asked::Reply(reply) => reply,
//! };
//! assert_eq!(reply.status, 200);
//! # Ok::<(), oxwire_core::EncodeError>(())
//! ```
//!
//! No reply has the status 500: a client takes that for a broken server and asks its user for the password. What cannot be
//! answered is an error inside the document. There are POX of Outlook and of ActiveSync ([`Asked`]), SOAP ([`AskedSoap`]) and JSON
//! ([`AskedJson`]). [`Responder`] is the machine around them: HTTP events in, questions out.

mod facts;
mod json;
mod machine;
mod outlook;
mod question;
mod settings;
mod soap;

pub use facts::{Known, KnownDomain, KnownFederation, KnownSoap, Mailbox, MapiHttp, Proxy, RpcHttp, UrlPair, Web};
pub use json::{AskedJson, KnownJson, answer_json};
pub use machine::{Event, QuestionHandle, Responder, ResponderConfig, Service, Wanted};
pub use question::{Asked, Question, Reply, Subject};
pub use soap::{AskedSoap, SoapQuestion};
