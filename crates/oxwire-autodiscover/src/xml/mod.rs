//! XML as Autodiscover needs it: a pull reader over quick-xml's events, and a writer.
//!
//! - Any namespace prefix; names are compared without it, in any letter case of ASCII where a document asks for that.
//! - The five predefined entities and references by number. A document type declaration is an error, so nothing can be
//!   declared and nothing outside of the document is ever asked for.
//! - Every bound is the caller's: [`XmlLimits`].
//! - An error names its byte and the path of the elements that were open: [`XmlError`].

mod error;
mod limits;
mod reader;
mod source;
mod writer;

pub use error::{Path, XmlError, XmlErrorKind};
pub use limits::XmlLimits;
pub(crate) use reader::is_character;
pub use reader::{Element, Reader};
pub use source::Source;
pub use writer::Writer;
