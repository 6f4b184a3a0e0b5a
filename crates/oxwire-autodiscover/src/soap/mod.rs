//! SOAP: GetUserSettings, GetDomainSettings and GetFederationInformation, requests and responses, both directions.
//!
//! Elements are told apart by their names without prefix, whatever namespace they stand in: clients and servers spell the
//! service's namespace with `http` and with `https`. Settings that hold a list the reference knows are read, others are kept as
//! markup. Of the headers, those of WS-Addressing and the service's own are read.

mod as_pox;
mod code;
mod collection;
mod envelope;
mod names;
mod request;
mod response;
mod setting;

pub use code::ErrorCode;
pub use collection::{AlternateMailbox, DocumentSharingLocation, ProtocolConnection, WebClientUrl};
pub use envelope::{NAMESPACE, ServerVersionInfo};
pub use names::{DOMAIN_SETTINGS, USER_SETTINGS};
pub use request::{Request, RequestBody, SettingsRequest};
pub use response::{
    Fault, FederationInformation, Response, ResponseBody, SettingError, SettingsResponse, Status, SubjectResponse,
    TokenIssuer,
};
pub use setting::{Setting, Value};
