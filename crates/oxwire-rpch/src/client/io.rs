//! What every state of the client writes to.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Encode, Entropy, encode_to_bytes};
use oxwire_http::{Head, HeadError, HttpEvent, HttpTransmit, RequestHead};

use super::config::{Config, Route};
use super::event::Event;
use crate::http::{self, ChannelKind};
use crate::rts::RtsCookie;

/// What is to be done, what is to be told, and where names come from.
pub(super) struct Io {
    pub(super) config: Config,
    pub(super) route: Route,
    pub(super) transmits: VecDeque<HttpTransmit>,
    pub(super) events: VecDeque<Event>,
    entropy: Box<dyn Entropy + Send>,
    ids: ConnectionIds,
    /// The first and the last connection that was asked for.
    opened: Option<(u64, u64)>,
}

impl Io {
    pub(super) fn new(config: Config, entropy: Box<dyn Entropy + Send>, ids: ConnectionIds) -> Self {
        Self {
            config,
            route: Route::Direct,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            entropy,
            ids,
            opened: None,
        }
    }

    pub(super) fn cookie(&mut self) -> RtsCookie {
        RtsCookie::generate(&mut *self.entropy)
    }

    /// Whether this machine has ever asked for the connection.
    pub(super) fn knows(&self, conn: ConnectionId) -> bool {
        self.opened.is_some_and(|(first, last)| (first..=last).contains(&conn.number()))
    }

    /// Opens a connection and begins a request on it.
    pub(super) fn open(&mut self, head: RequestHead) -> ConnectionId {
        let conn = self.ids.allocate();
        let first = self.opened.map_or(conn.number(), |(first, _)| first);
        self.opened = Some((first, conn.number()));
        self.transmits.push_back(HttpTransmit::Open { conn, origin: self.config.origin.clone() });
        self.send(conn, HttpEvent::Head(Head::Request(head)));
        conn
    }

    pub(super) fn send(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.transmits.push_back(HttpTransmit::Event { conn, event });
    }

    /// Closes a connection once what was sent is out.
    pub(super) fn close(&mut self, conn: ConnectionId) {
        self.transmits.push_back(HttpTransmit::Close { conn });
    }

    /// Drops a connection, and what was still to be sent on it.
    pub(super) fn abort(&mut self, conn: ConnectionId) {
        self.transmits.retain(|t| t.conn() != conn || matches!(t, HttpTransmit::Open { .. }));
        self.transmits.push_back(HttpTransmit::Abort { conn });
    }

    /// A connection is gone: what was still to be done with it need not be.
    pub(super) fn forget(&mut self, conn: ConnectionId) {
        self.transmits.retain(|t| t.conn() != conn);
    }

    /// The head of a channel's request.
    pub(super) fn channel_head(&self, kind: ChannelKind, replacement: bool) -> Result<RequestHead, HeadError> {
        let Config { path, rpc, origin, pragmas, in_channel_length, version, .. } = &self.config;
        let host = origin.authority();
        if replacement {
            http::replacement_out_channel_request(path, rpc, &host, *pragmas, *version)
        } else {
            http::channel_request(kind, path, rpc, &host, *pragmas, *in_channel_length, *version)
        }
    }

    /// The head of an echo request, and its body.
    pub(super) fn echo_head(&self) -> Result<(RequestHead, &'static [u8]), HeadError> {
        let Config { path, rpc, origin, version, .. } = &self.config;
        http::echo_request(ChannelKind::In, path, rpc, &origin.authority(), *version)
    }

    /// The peer's ConnectionTimeout, or the configured one where that is shorter.
    pub(super) fn connection_timeout(&self, peer_ms: u32) -> Duration {
        let peer = Duration::from_millis(u64::from(peer_ms));
        self.config.connection_timeout.map_or(peer, |own| own.min(peer))
    }
}

/// A deadline; a clock that cannot hold it has none.
pub(super) fn after(now: Instant, timeout: Duration) -> Option<Instant> {
    now.checked_add(timeout)
}

/// An RTS PDU of ours as bytes: their values always fit.
pub(super) fn rts(pdu: &impl Encode) -> Bytes {
    encode_to_bytes(pdu).unwrap_or_default()
}
