//! One transport connection of a server: a request on its way in, a response on its way out.

use core::net::IpAddr;
use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Principal};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead};
use oxwire_mapi::mapihttp::RequestType;

use super::Refusal;
use super::request::{Body, Detail, Echo};

/// A request whose body is not yet whole.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) principal: Option<Principal>,
    pub(crate) head: RequestHead,
    pub(crate) echo: Echo,
    pub(crate) declared: Option<u64>,
    /// When it must be whole.
    pub(crate) deadline: Instant,
    pub(crate) fate: Fate,
}

/// What becomes of it then.
#[derive(Debug)]
pub(crate) enum Fate {
    Taken {
        kind: RequestType,
        body: Body,
    },
    /// The body is read and thrown away, so that the connection can go on.
    Refused {
        refusal: Refusal,
        detail: Detail,
        seen: usize,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) address: Option<IpAddr>,
    pub(crate) receiving: Option<Receiving>,
    /// The exchange that is being answered on it.
    pub(crate) answering: Option<u64>,
    /// What came while a request was being answered.
    pub(crate) held: VecDeque<(Option<Principal>, HttpEvent)>,
    pub(crate) held_bytes: usize,
    pub(crate) output: VecDeque<HttpTransmit>,
    pub(crate) output_bytes: usize,
    /// When output must have been taken; set while there is any.
    pub(crate) send_deadline: Option<Instant>,
    /// Nothing more comes in or is answered; the last output ends it.
    pub(crate) ended: bool,
    /// Of the plain form: its output is asked for by name.
    pub(crate) plain: bool,
    /// Whether it stands in the queue of those with output.
    pub(crate) ready: bool,
}

impl Connection {
    /// Takes what stands first in the output; the second value is its bytes of payload.
    pub(crate) fn take_output(&mut self) -> Option<(HttpTransmit, usize)> {
        let transmit = self.output.pop_front()?;
        let bytes = payload_len(&transmit);
        self.output_bytes = self.output_bytes.saturating_sub(bytes);
        Some((transmit, bytes))
    }

    /// Puts an event into the output; gives its bytes of payload.
    pub(crate) fn put(&mut self, conn: ConnectionId, event: HttpEvent) -> usize {
        let transmit = HttpTransmit::Event { conn, event };
        let bytes = payload_len(&transmit);
        self.output_bytes = self.output_bytes.saturating_add(bytes);
        self.output.push_back(transmit);
        bytes
    }

    /// Puts a piece of body into the output, unless it is empty.
    pub(crate) fn put_body(&mut self, conn: ConnectionId, piece: Bytes) -> usize {
        if piece.is_empty() { 0 } else { self.put(conn, HttpEvent::Body(piece)) }
    }
}

const fn payload_len(transmit: &HttpTransmit) -> usize {
    match transmit {
        HttpTransmit::Event { event: HttpEvent::Body(body), .. } => body.len(),
        _ => 0,
    }
}

/// Bytes that an event is counted as while it is held back.
pub(crate) fn held_len(event: &HttpEvent) -> usize {
    const OVERHEAD: usize = 64;
    OVERHEAD
        + match event {
            HttpEvent::Head(Head::Request(head)) => head.as_bytes().len(),
            HttpEvent::Body(body) => body.len(),
            _ => 0,
        }
}
