//! RPC over HTTP ([MS-RPCH]): the RTS PDUs that its channels are steered by, and the roles that steer them.
//!
//! - [`rts`]: RTS commands and RTS PDUs, both directions.
//! - [`http`]: the heads of the requests and responses that channels ride on.
//! - [`flow_control`], [`channel`], [`ping`], [`fault`]: what all roles share.

pub mod channel;
pub mod fault;
pub mod flow_control;
pub mod http;
pub mod ping;
pub mod rts;
