//! RPC over HTTP v1, [MS-RPCH] 3.1: one request, `RPC_CONNECT`, behind whose answer one connection carries PDUs both ways.

pub mod client;
pub mod mixed_proxy;
pub mod server;
