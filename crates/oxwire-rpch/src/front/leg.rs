//! A leg between proxy and server, [MS-RPCH] 2.1.2.2: a TCP connection that carries PDUs both ways.

use std::sync::Arc;

use bytes::Bytes;
use oxwire_core::{ConnectionId, PeerFault, Transmit};
use oxwire_http::HttpTransmit;
use oxwire_rpc::association::OutgoingPdu;

use crate::channel::{ChannelPdu, PdusIn};
use crate::fault::{broken_stream, wrong_value};
use crate::http::RpcTarget;

/// The legacy server response, [MS-RPCH] 2.1.1.2.1 and 2.1.2.2.1.
pub(crate) const LEGACY_SERVER_RESPONSE: &[u8] = b"ncacn_http/1.0";

/// What a driver tells of a leg.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LegEvent {
    /// The connection that was asked for is open.
    Opened,
    /// Bytes have come.
    Bytes(Bytes),
    /// It is gone, could not be opened, or the peer has closed it.
    Lost(Arc<str>),
}

/// Bytes by their length: they are somebody's mail.
impl std::fmt::Debug for LegEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opened => f.write_str("Opened"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Lost(reason) => write!(f, "Lost({reason})"),
        }
    }
}

/// What a proxy wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyTransmit {
    /// With the connection of a channel, over HTTP.
    Http(HttpTransmit),
    /// Open a TCP connection to the server and tell [`LegEvent::Opened`]; what is sent on it before waits for that. One that cannot
    /// be opened is told as [`LegEvent::Lost`].
    OpenLeg {
        /// The name that the proxy gives it.
        conn: ConnectionId,
        /// Where it goes: server-name and server-port of the request.
        rpc: RpcTarget,
    },
    /// With a leg.
    Leg(Transmit),
}

/// One write on a leg.
pub(crate) fn on_leg(conn: ConnectionId, pdu: impl Into<OutgoingPdu>) -> Transmit {
    let OutgoingPdu { head, body } = pdu.into();
    Transmit::Send { conn, head, body }
}

/// What comes from the server on a leg: the legacy server response, if there is one, and PDUs. Proxies ignore the response and miss it
/// as little: [MS-RPCH] 3.2.3.5.12, 3.2.4.5.15.
#[derive(Debug)]
pub(crate) struct FromServer {
    /// Bytes of the legacy server response that are to come; `None` before the first byte.
    legacy: Option<&'static [u8]>,
    pdus: PdusIn,
}

impl FromServer {
    pub(crate) const fn new(max_pdu: u16) -> Self {
        Self { legacy: None, pdus: PdusIn::new(max_pdu) }
    }

    pub(crate) fn push(&mut self, mut bytes: Bytes, state: &'static str) -> Result<(), PeerFault> {
        let Some(first) = bytes.first() else { return Ok(()) };
        // A PDU begins with rpc_vers 5, the response with an `n`.
        let expected = self.legacy.unwrap_or(if *first == b'n' { LEGACY_SERVER_RESPONSE } else { &[] });
        let (now, later) = expected.split_at_checked(bytes.len()).unwrap_or((expected, &[]));
        if !bytes.starts_with(now) {
            let expected = "the legacy server response ncacn_http/1.0, or a PDU";
            return Err(wrong_value(state, expected, "something else", "[MS-RPCH] 2.1.2.2.1"));
        }
        self.legacy = Some(later);
        let _legacy = bytes.split_to(now.len());
        self.pdus.push(bytes);
        Ok(())
    }

    pub(crate) fn next_pdu(&mut self, state: &'static str) -> Result<Option<ChannelPdu>, PeerFault> {
        self.pdus.next_pdu().map_err(|error| broken_stream(state, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pdus::ping;

    #[test]
    fn the_legacy_server_response_is_ignored_and_not_missed() {
        for stream in [[&b"ncacn_http/1.0"[..], &ping()].concat(), ping().to_vec()] {
            for size in 1..=stream.len() {
                let mut leg = FromServer::new(1_000);
                let mut pdus = Vec::new();
                for piece in stream.chunks(size) {
                    leg.push(Bytes::copy_from_slice(piece), "B3W").unwrap();
                    while let Some(pdu) = leg.next_pdu("B3W").unwrap() {
                        pdus.push(pdu);
                    }
                }
                assert_eq!(pdus, [ChannelPdu::Rts(ping())], "pieces of {size}");
            }
        }
        let mut leg = FromServer::new(1_000);
        leg.push(Bytes::from_static(b"ncacn_"), "B3W").unwrap();
        assert!(leg.push(Bytes::from_static(b"smtp"), "B3W").is_err());
    }
}
