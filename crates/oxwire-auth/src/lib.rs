//! HTTP authentication (Basic, Bearer, NTLM), client and acceptor, sans-IO.

mod basic;
mod binding;
mod challenge;
mod credentials;
pub mod ntlm;
mod scheme;

pub use basic::{BasicError, Charset, basic_value, read_basic};
pub use binding::{BindingError, BindingKind, ChannelBinding};
pub use challenge::{Challenge, Offer, Param, challenges, param_value, token_value};
pub use credentials::{Credentials, UserName};
pub use scheme::AuthScheme;
