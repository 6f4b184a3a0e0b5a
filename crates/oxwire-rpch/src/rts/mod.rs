//! RTS commands and RTS PDUs, [MS-RPCH] 2.2.3.5 to 2.2.4.51.
//!
//! An RTS PDU is a header and a list of [`Command`]s. [`RtsPdu`] reads any of them; its flags and the types of its commands are
//! its [`Signature`], of which there are 31 for 50 PDUs: role, channel and state decide which name a signature has, and
//! [`Signature::names`] lists the candidates. Length decides nothing: a ClientAddress in IPv6 or a Padding command changes it.
//!
//! Each PDU is a type of its own, in the file of its protocol sequence.

mod client_address;
mod command;
pub mod conn;
mod header;
pub mod in_r1;
pub mod in_r2;
pub mod other;
pub mod out_r1;
pub mod out_r2;
mod pdu;
mod signature;

pub use client_address::ClientAddress;
pub use command::{
    Ance, AssociationGroupId, ChannelLifetime, ClientKeepalive, Command, CommandType, ConnectionTimeout, Cookie,
    Destination, Empty, FlowControlAck, ForwardDestination, NegativeAnce, Padding, PingTrafficSentNotify,
    ReceiveWindowSize, RtsCookie, Version,
};
pub use header::{RtsFlags, RtsHeader};
pub use pdu::{Commands, RtsPdu};
pub use signature::{PduName, Signature};
