//! Ends: a failure told by a proxy, a lost connection, a broken protocol. [MS-RPCH] 3.2.2.5.11

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Closed, ConnectionId, Error, Misuse};
use oxwire_http::{HttpEvent, ResetCause, ResponseHead};

use super::event::{CloseReason, Event};
use super::io::after;
use super::virtual_connection::Stop;
use super::{Client, State};
use crate::fault;
use crate::http::{ChannelKind, RpcError};

/// The most of a failure's body that is kept, in bytes.
const MAX_BODY: usize = 64 << 10;

/// A failure whose body is still coming.
#[derive(Debug)]
pub(super) struct Failing {
    conn: ConnectionId,
    channel: ChannelKind,
    what: Failure,
    body: BytesMut,
    pub(super) deadline: Option<Instant>,
    unsent: Vec<Bytes>,
    sent: u64,
}

#[derive(Debug)]
enum Failure {
    /// A head with a status other than 200.
    Head(ResponseHead),
    /// A status line in place of a PDU; `state` is where that was.
    MidStream { state: &'static str },
}

impl Client {
    /// Ends the virtual connection by what a step ran into, and gives it as an error.
    pub(super) fn stop(&mut self, stop: Stop) -> Error {
        match stop {
            Stop::Peer(fault) => {
                self.end(CloseReason::Peer(fault.clone()));
                fault.into()
            }
            Stop::Head => {
                let misuse = Misuse {
                    call: "connect",
                    state: self.state_name().0,
                    advice: "take control characters out of the configured path and host",
                };
                self.end(CloseReason::Misuse(misuse));
                misuse.into()
            }
        }
    }

    /// Ends the virtual connection: every channel is closed, every PDU that never went out is given back.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        let closed = State::Closed(Closed { reason: reason.to_string().into() });
        let (connections, unsent, sent) = take_apart(std::mem::replace(&mut self.state, closed));
        for conn in connections {
            if reason == CloseReason::ByCaller { self.io.close(conn) } else { self.io.abort(conn) }
        }
        self.io.events.push_back(Event::Closed { reason, unsent, sent });
    }

    /// A response other than 200. Where it names an RPC error, its body may tell more: the other channels end now, this one
    /// once the body is there.
    pub(super) fn fail(&mut self, now: Instant, conn: ConnectionId, channel: ChannelKind, head: ResponseHead) {
        self.begin_failing(now, conn, channel, Failure::Head(head), Bytes::new());
    }

    /// A status line in place of a PDU.
    pub(super) fn fail_in_stream(&mut self, now: Instant, conn: ConnectionId, state: &'static str, bytes: Bytes) {
        self.begin_failing(now, conn, ChannelKind::Out, Failure::MidStream { state }, bytes);
    }

    fn begin_failing(&mut self, now: Instant, conn: ConnectionId, channel: ChannelKind, what: Failure, bytes: Bytes) {
        let (connections, unsent, sent) = take_apart(std::mem::replace(&mut self.state, State::Start));
        for other in connections {
            if other != conn {
                self.io.abort(other);
            }
        }
        let deadline = after(now, self.io.config.failure_timeout);
        let mut failing = Failing { conn, channel, what, body: BytesMut::new(), deadline, unsent, sent };
        failing.keep(&bytes);
        self.state = State::Failing(Box::new(failing));
    }

    pub(super) fn on_failing(&mut self, conn: ConnectionId, event: &HttpEvent) {
        let State::Failing(failing) = &mut self.state else { return };
        if conn != failing.conn {
            return;
        }
        let over = match event {
            HttpEvent::Body(bytes) => failing.keep(bytes),
            HttpEvent::End | HttpEvent::Reset(_) => true,
            _ => false,
        };
        if over {
            self.finish_failing();
        }
    }

    /// The body is whole, or no longer awaited.
    pub(super) fn finish_failing(&mut self) {
        let State::Failing(failing) = &self.state else { return };
        let channel = failing.channel;
        let reason = match &failing.what {
            Failure::Head(head) => match RpcError::of(head) {
                Some(error) => CloseReason::RpcError { channel, error: error.with_body(&failing.body) },
                None => CloseReason::Status { channel, status: head.status(), reason: text(head.reason()) },
            },
            Failure::MidStream { state } => match RpcError::in_stream(&failing.body) {
                Some(error) => CloseReason::RpcError { channel, error },
                None => {
                    let line: Vec<u8> = failing.body.iter().take(64).copied().collect();
                    let found = format!("bytes that are neither: {}", line.escape_ascii());
                    let expected = "a PDU, or HTTP/1.0 503 RPC Error in its place";
                    CloseReason::Peer(fault::wrong_value(state, expected, found, "[MS-RPCH] 2.1.2.1.8"))
                }
            },
        };
        self.end(reason);
    }

    /// A connection is gone.
    pub(super) fn lost(&mut self, channel: ChannelKind, cause: ResetCause, reason: Arc<str>) {
        self.end(CloseReason::Transport { channel, cause, reason });
    }
}

impl Failing {
    /// Keeps a piece of the body, and says whether there is no room for more.
    fn keep(&mut self, bytes: &[u8]) -> bool {
        let room = MAX_BODY.saturating_sub(self.body.len());
        self.body.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        self.body.len() >= MAX_BODY
    }
}

/// A reason phrase as text for people: printable, and not long.
fn text(reason: &[u8]) -> Arc<str> {
    reason.iter().take(256).copied().collect::<Vec<_>>().escape_ascii().to_string().into()
}

/// The connections that are open in a state, the PDUs that never went out, and how many did.
fn take_apart(state: State) -> (Vec<ConnectionId>, Vec<Bytes>, u64) {
    match state {
        State::Start | State::Closed(_) => (Vec::new(), Vec::new(), 0),
        State::ProxyUse(determination) => (determination.connections(), Vec::new(), 0),
        State::Opening(opening) => (opening.connections(), Vec::new(), 0),
        State::Opened(mut connection) => {
            (connection.connections(), connection.queue.drain().collect(), connection.sent)
        }
        State::Failing(failing) => (vec![failing.conn], failing.unsent, failing.sent),
    }
}
