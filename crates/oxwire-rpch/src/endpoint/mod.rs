//! The collapsed form: inbound proxy, outbound proxy and server in one process, for a server that is reached over HTTP itself.
//!
//! An [`Endpoint`] takes channel requests, pairs them by their virtual connection cookie and hands out [`VirtualConnection`]s.
//! Between the roles no PDU is needed: on the wire is what a client sees of them, and nothing else.

mod config;
pub(crate) mod connection;
pub(crate) mod in_channel;
mod machine;
pub(crate) mod out_channel;
mod receive;
pub(crate) mod send;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use oxwire_core::Error;

pub use crate::front::Handled;
pub use config::{EndpointConfig, InChannelResponse, VirtualConnectionConfig};
pub use connection::VirtualConnection;
pub use machine::{Endpoint, EndpointEvent};

pub use crate::front::VirtualConnectionId;
use crate::http::ChannelKind;

/// What a [`VirtualConnection`] tells.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An RPC PDU of the client, whole: a slice of the input where it came in one piece. It holds receive window until
    /// [`VirtualConnection::consume`].
    Pdu(Bytes),
    /// The send queue, which had refused a PDU, is half empty again.
    Writable,
    /// A successor channel has taken over.
    Recycled(ChannelKind),
    /// The virtual connection has ended, and this PDU never went out.
    Undelivered(Bytes),
    /// It has ended: the last event.
    Closed {
        /// Why.
        error: Error,
        /// RPC PDUs that went out, on this OUT channel or on its predecessor, and that are not acknowledged: the client may have them or
        /// not. Behind separate proxies it is the outbound proxy that acknowledges, and its
        /// [`ProxyChannelEvent::Unacknowledged`](crate::front::ProxyChannelEvent::Unacknowledged) tells how much of that the client may lack.
        in_doubt_pdus: usize,
        /// Their bytes.
        in_doubt_bytes: u32,
    },
}

/// PDUs by their length: they are somebody's mail.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pdu(pdu) => write!(f, "Pdu({} bytes)", pdu.len()),
            Self::Writable => f.write_str("Writable"),
            Self::Recycled(kind) => write!(f, "Recycled({kind})"),
            Self::Undelivered(pdu) => write!(f, "Undelivered({} bytes)", pdu.len()),
            Self::Closed { error, in_doubt_pdus, in_doubt_bytes } => {
                write!(f, "Closed({error}; {in_doubt_pdus} PDUs of {in_doubt_bytes} bytes in doubt)")
            }
        }
    }
}
