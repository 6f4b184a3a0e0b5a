//! RPC over HTTP ([MS-RPCH]): the RTS PDUs that its channels are steered by, and the roles that steer them.
//!
//! - [`rts`]: RTS commands and RTS PDUs, both directions.
//! - [`http`]: the heads of the requests and responses that channels ride on.
//! - [`flow_control`], [`channel`], [`ping`], [`fault`]: what all roles share; [`front`]: what those do that take channel requests.
//! - [`client`]: one virtual connection from the client's end.
//! - [`eerr`]: extended error information, which failures carry.
//! - [`endpoint`]: proxies and server in one process, for a server that is reached over HTTP itself.
//! - [`inbound_proxy`], [`outbound_proxy`], [`server`]: the same roles apart, which talk to each other over TCP.
//! - [`peek`]: for reverse proxies, where a channel belongs.
//! - [`v1`]: version 1, one connection through a mixed proxy.

pub mod channel;
pub mod client;
pub mod eerr;
pub mod endpoint;
pub mod fault;
pub mod flow_control;
pub mod front;
pub mod http;
pub mod inbound_proxy;
mod orphans;
pub mod outbound_proxy;
pub mod peek;
pub mod ping;
pub mod rts;
pub mod server;
mod settings;
#[cfg(test)]
mod test_pdus;
mod unacknowledged;
pub mod v1;
