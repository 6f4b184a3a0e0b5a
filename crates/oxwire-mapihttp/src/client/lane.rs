//! What a client's two connections are doing.

use std::time::Instant;

use oxwire_core::ConnectionId;
use oxwire_http::{Head, HttpEvent, Origin};

use super::exchange::{Exchange, Request};
use super::{RedirectHandle, Response};

/// The connection of requests in their order, or the one beside it for a NotificationWait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Main,
    Wait,
}

/// One of the two.
#[derive(Debug)]
pub(super) enum Lane {
    /// No connection, nothing to send.
    Closed,
    /// A connection that can carry a request.
    Idle { conn: ConnectionId },
    /// A request in flight.
    Busy(Box<Exchange>),
    /// A request that goes out again, on a new connection, once `until` has come.
    Again { request: Box<Request>, until: Instant },
    /// A request that was redirected: the caller decides.
    Redirected(Box<Redirected>),
}

/// A request that was redirected.
#[derive(Debug)]
pub(super) struct Redirected {
    pub(super) request: Request,
    pub(super) handle: RedirectHandle,
    pub(super) location: String,
    pub(super) status: u16,
    pub(super) response: Response,
    pub(super) until: Instant,
}

impl Lane {
    pub(super) const fn conn(&self) -> Option<ConnectionId> {
        match self {
            Self::Idle { conn } => Some(*conn),
            Self::Busy(exchange) => Some(exchange.conn),
            Self::Closed | Self::Again { .. } | Self::Redirected(_) => None,
        }
    }

    /// Where the request in flight on that connection goes.
    pub(super) fn origin_of(&self, conn: ConnectionId) -> Option<&Origin> {
        match self {
            Self::Busy(exchange) if exchange.conn == conn => Some(&exchange.origin),
            _ => None,
        }
    }

    /// Whether it holds no request.
    pub(super) const fn is_free(&self) -> bool {
        matches!(self, Self::Closed | Self::Idle { .. })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Closed | Self::Idle { .. } => None,
            Self::Busy(exchange) => Some(exchange.deadline()),
            Self::Again { until, .. } => Some(*until),
            Self::Redirected(redirected) => Some(redirected.until),
        }
    }

    /// Takes out a request that is to go out again.
    pub(super) fn take_again(&mut self) -> Option<Request> {
        match std::mem::replace(self, Self::Closed) {
            Self::Again { request, .. } => Some(*request),
            lane => {
                *self = lane;
                None
            }
        }
    }

    /// The driver has taken an event: with the last one that carries bytes the request counts as sent.
    pub(super) fn on_taken(&mut self, on: ConnectionId, event: &HttpEvent) {
        if let Self::Busy(exchange) = self {
            let last = match event {
                HttpEvent::Head(Head::Request(_)) => exchange.request.body.is_empty(),
                HttpEvent::Body(_) | HttpEvent::End => true,
                _ => false,
            };
            exchange.sent |= exchange.conn == on && last;
        }
    }
}
