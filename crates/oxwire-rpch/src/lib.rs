//! RPC over HTTP ([MS-RPCH]), version 2: the RTS PDUs that its channels are steered by, encode and decode.
//!
//! The roles (client, proxies, server) are not built yet; this crate holds the bytes.

pub mod rts;
