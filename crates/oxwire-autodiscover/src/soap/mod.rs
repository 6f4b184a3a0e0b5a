//! SOAP: GetUserSettings, GetDomainSettings and GetFederationInformation, requests and responses, both directions.
//!
//! Elements are told apart by their names without prefix, whatever namespace they stand in: clients and servers spell the
//! service's namespace with `http` and with `https`. Settings that hold text are read; collections (protocol connections, URLs of
//! the web client, alternate mailboxes) are kept as markup. Of the headers, those are read that change an answer.

mod code;
mod envelope;
mod request;
mod response;

pub use code::ErrorCode;
pub use envelope::NAMESPACE;
pub use request::{Request, RequestBody, SettingsRequest};
pub use response::{
    Fault, FederationInformation, Response, ResponseBody, Setting, SettingError, SettingsResponse, Status,
    SubjectResponse, TokenIssuer, Value,
};
