//! Proxy use determination, [MS-RPCH] 3.2.2.4.1.1, 3.2.2.5.1: an echo request each way, and the first answer decides.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire_core::{ConnectionId, Limits, decode_all};
use oxwire_http::{Head, HeadError, HttpEvent, RequestHead};

use super::config::Route;
use super::io::{Io, after};
use crate::http::ECHO_RESPONSE_LENGTH;
use crate::ping::earliest;
use crate::rts::other::Echo;

/// The proxy use determination state machine, [MS-RPCH] 3.2.2 figure 23.
#[derive(Debug)]
pub(super) struct ProxyUseDetermination {
    direct: EchoExchange,
    indirect: EchoExchange,
    state: State,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum State {
    /// Wait.
    Wait,
    /// Wait_Direct: the HTTP proxy has answered, and the proxy use determination timer runs.
    WaitDirect { until: Option<Instant> },
}

/// One echo request and its response.
#[derive(Debug)]
struct EchoExchange {
    conn: ConnectionId,
    status: Option<u16>,
    body: BytesMut,
    /// It has failed, or is over.
    over: bool,
}

/// What a step of the determination has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Pending,
    Determined(Route),
    /// Neither way leads to an RPC over HTTP proxy.
    Failed,
}

impl ProxyUseDetermination {
    pub(super) fn start(io: &mut Io, now: Instant) -> Result<Self, HeadError> {
        let (head, body) = io.echo_head()?;
        let deadline = after(now, io.config.echo_timeout);
        let indirect = EchoExchange::start(io, head.clone(), body);
        let direct = EchoExchange::start(io, head, body);
        Ok(Self { direct, indirect, state: State::Wait, deadline })
    }

    /// How a connection is to be opened.
    pub(super) fn route(&self, conn: ConnectionId) -> Route {
        if conn == self.indirect.conn { Route::HttpProxy } else { Route::Direct }
    }

    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        vec![self.direct.conn, self.indirect.conn]
    }

    pub(super) fn on_event(&mut self, io: &Io, now: Instant, conn: ConnectionId, event: &HttpEvent) -> Outcome {
        if conn == self.direct.conn {
            if self.direct.on_event(event) {
                return Outcome::Determined(Route::Direct);
            }
        } else if conn == self.indirect.conn && self.indirect.on_event(event) && matches!(self.state, State::Wait) {
            self.state = State::WaitDirect { until: after(now, io.config.proxy_use_timeout) };
        }
        match self.state {
            State::WaitDirect { .. } if self.direct.over => Outcome::Determined(Route::HttpProxy),
            State::Wait if self.direct.over && self.indirect.over => Outcome::Failed,
            _ => Outcome::Pending,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::WaitDirect { until } => earliest([until, self.deadline]),
            State::Wait => self.deadline,
        }
    }

    pub(super) fn on_timeout(&self, now: Instant) -> Outcome {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.state {
            // [MS-RPCH] 3.2.2.6.3
            State::WaitDirect { until } if due(until) || due(self.deadline) => Outcome::Determined(Route::HttpProxy),
            // "If no Echo Response PDUs are received and the timer expires": a connection error.
            State::Wait if due(self.deadline) => Outcome::Failed,
            _ => Outcome::Pending,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self.state {
            State::Wait => "Wait",
            State::WaitDirect { .. } => "Wait_Direct",
        }
    }
}

impl EchoExchange {
    fn start(io: &mut Io, head: RequestHead, body: &'static [u8]) -> Self {
        let conn = io.open(head);
        io.send(conn, HttpEvent::Body(Bytes::from_static(body)));
        io.send(conn, HttpEvent::End);
        Self { conn, status: None, body: BytesMut::new(), over: false }
    }

    /// Whether this was the end of an echo response: 200, and an Echo RTS PDU. A page that some middlebox answers with is none.
    fn on_event(&mut self, event: &HttpEvent) -> bool {
        match event {
            HttpEvent::Head(Head::Response(head)) if head.status() >= 200 => self.status = Some(head.status()),
            HttpEvent::Body(bytes) => {
                let room = usize::try_from(ECHO_RESPONSE_LENGTH).unwrap_or(0).saturating_sub(self.body.len());
                self.body.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
            }
            HttpEvent::End | HttpEvent::Reset(_) => {
                self.over = true;
                return self.status == Some(200) && decode_all::<Echo>(&self.body, &Limits::DEFAULT).is_ok();
            }
            _ => {}
        }
        false
    }
}
