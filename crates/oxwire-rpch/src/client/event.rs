//! What a caller is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::{Misuse, PeerFault};
use oxwire_http::ResetCause;

use super::config::Route;
use crate::http::{ChannelKind, RpcError};

/// The protocol sequence by which a channel was recycled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recycling {
    /// IN_R1: to another inbound proxy.
    InR1,
    /// IN_R2: to the same inbound proxy.
    InR2,
    /// OUT_R1: to another outbound proxy.
    OutR1,
    /// OUT_R2: to the same outbound proxy.
    OutR2,
}

/// What a [`Client`](super::Client) tells.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Proxy use is determined; connections go this way from here.
    ProxyUseDetermined {
        /// Which way.
        route: Route,
    },
    /// The virtual connection is opened: PDUs may be sent.
    Opened {
        /// PeerReceiveWindow: no PDU may be larger, in bytes.
        peer_receive_window: u32,
        /// ConnectionTimeout of the inbound proxy.
        connection_timeout: Duration,
    },
    /// A whole RPC PDU, in order. It holds its length of the receive window until [`consume`](super::Client::consume).
    Pdu(Bytes),
    /// The queue, which had refused a PDU, is half empty again.
    Writable,
    /// A channel was recycled: nothing to do, and nothing lost.
    Recycled(Recycling),
    /// The virtual connection has ended. The last event.
    Closed {
        /// Why.
        reason: CloseReason,
        /// The PDUs that were taken and never went out, in order.
        unsent: Vec<Bytes>,
        /// How many PDUs went out before them. The last of those may not have arrived: no acknowledgement reaches the client
        /// from the server itself.
        sent: u64,
    },
}

/// PDUs by their length: they carry somebody's mail.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProxyUseDetermined { route } => write!(f, "ProxyUseDetermined({route:?})"),
            Self::Opened { peer_receive_window, connection_timeout } => {
                write!(f, "Opened(window {peer_receive_window}, timeout {connection_timeout:?})")
            }
            Self::Pdu(pdu) => write!(f, "Pdu({} bytes)", pdu.len()),
            Self::Writable => f.write_str("Writable"),
            Self::Recycled(which) => write!(f, "Recycled({which:?})"),
            Self::Closed { reason, unsent, sent } => {
                write!(f, "Closed({reason}; {sent} PDUs sent, {} unsent)", unsent.len())
            }
        }
    }
}

/// Why a virtual connection has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The caller closed it.
    #[error("closed by the caller")]
    ByCaller,
    /// The peer broke the protocol, or did not answer in time.
    #[error(transparent)]
    Peer(PeerFault),
    /// A proxy told an error, [MS-RPCH] 3.2.2.5.11; [`RpcError::extended_error`] says more where it has.
    #[error("the proxy refused the {channel}: {error}{}", meaning(error.code))]
    RpcError {
        /// Of which channel.
        channel: ChannelKind,
        /// The error code, and extended error information.
        error: RpcError,
    },
    /// Another HTTP status than 200: a 401 that authentication has no answer to, a 404, a middlebox's page.
    #[error("the {channel} request was answered with status {status} {reason}; expected 200 ([MS-RPCH] 3.2.2.5.2)")]
    Status {
        /// Of which channel.
        channel: ChannelKind,
        /// The status.
        status: u16,
        /// The reason phrase, for people.
        reason: Arc<str>,
    },
    /// A connection was lost, or closed by the other side.
    #[error("the {channel} was lost: {reason}")]
    Transport {
        /// Of which channel.
        channel: ChannelKind,
        /// Why, as far as whoever opened the connection knows.
        cause: ResetCause,
        /// Why, for people.
        reason: Arc<str>,
    },
    /// A setting that cannot be sent.
    #[error(transparent)]
    Misuse(Misuse),
}

const fn meaning(code: u32) -> &'static str {
    match code {
        RpcError::ACCESS_DENIED => " (access to the RPC server is denied; check its name and port)",
        RpcError::SERVER_UNAVAILABLE => " (the RPC server is unavailable; check its name and port)",
        RpcError::PROTOCOL_ERROR => " (the proxy saw a protocol error)",
        _ => "",
    }
}
