//! HTTP authentication (Basic, Bearer, NTLM, Negotiate), client and acceptor, sans-IO.
//!
//! [`client::ClientLayer`] and [`server::ServerLayer`] stand between HTTP connections and the machines above them: a client
//! machine never sees a challenge, a server machine gets a [`Principal`](oxwire_core::Principal) with each event. [`ntlm`] is both
//! ends of [MS-NLMP] as a [`SecurityContext`](oxwire_core::SecurityContext), for RPC too; [`spnego`] is both ends of [RFC 4178] over it
//! or over a mechanism that the caller brings. [`ChannelBinding`] ties an authentication to
//! the TLS connection underneath.
//!
//! **One connection, one client.** NTLM and Negotiate authenticate the transport connection, not the request. A driver has to keep a
//! [`ConnectionId`](oxwire_core::ConnectionId) on one connection from its first byte to its last. Pools and HTTP/2 in between give one
//! user's authentication to another or break the handshake; haproxy needs `http-reuse never`, and HTTP/2 towards clients of NTLM
//! switched off.
//!
//! Entropy and wall time are arguments. Secrets are wiped when dropped, absent from `Debug` and from errors, and compared in
//! constant time.

mod basic;
mod binding;
mod challenge;
pub mod client;
mod clock;
mod closed;
mod credentials;
pub mod ntlm;
mod scheme;
pub mod server;
pub mod spnego;
mod trace;

pub use basic::{BasicError, Charset, basic_value, read_basic};
pub use binding::{BindingError, BindingKind, ChannelBinding};
pub use challenge::{Challenge, Offer, Param, challenges, param_value, token_value};
pub use credentials::{Credentials, UserName};
pub use scheme::AuthScheme;
