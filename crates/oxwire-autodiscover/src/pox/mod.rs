//! Plain old XML: the documents that Outlook and Exchange ActiveSync ask with and are answered with.
//!
//! ```
//! use oxwire_autodiscover::pox::{Outcome, ProtocolType, Request, Response, Schema};
//! use oxwire_autodiscover::xml::{Source, XmlLimits};
//!
//! let body = Request::for_address(Schema::Outlook, "kim@example.com").encode()?;
//! # let answer = r#"<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
//! #   <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
//! #     <Account><Action>settings</Action><Protocol Type="mapiHttp" Version="1"><MailStore>
//! #       <ExternalUrl>https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com</ExternalUrl></MailStore></Protocol>
//! #     </Account></Response></Autodiscover>"#.as_bytes();
//! // … the caller sends `body` and has `answer` …
//! let source = Source::new(answer, XmlLimits::DEFAULT)?;
//! let response = Response::decode(&source)?;
//! let Outcome::Settings(account) = response.outcome() else { panic!("no settings") };
//! let mapi = account.protocol(&ProtocolType::MapiHttp).and_then(|protocol| protocol.mail_store());
//! assert!(mapi.is_some_and(|urls| urls.external_url.is_some()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod element;
mod mobilesync;
mod protocol;
mod request;
mod response;
mod schema;
mod setting;
mod values;

pub use element::Unknown;
pub use mobilesync::{ActionError, MobileResponse, MobileUser, Server};
pub use protocol::{Location, MapiUrls, NetworkRequirements, OwaUrl, Part, Protocol, ProtocolType};
pub use request::{Request, RequestHeaders};
pub use response::{
    Account, Action, AlternativeMailbox, Outcome, PublicFolderInformation, Response, ServerError, User,
};
pub use schema::{RESPONSE, Schema};
pub use setting::Setting;
pub use values::{AuthPackage, PrincipalName, ServerVersion};
