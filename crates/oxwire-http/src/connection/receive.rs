//! From bytes to events.

use std::time::Instant;

use bytes::{Buf, Bytes};
use oxwire_core::Error;

use super::{Connection, Exchange, Gate, Receiving, Role, Sending, Timers};
use crate::body::{BodyReader, Piece};
use crate::framing::{Control, Framing, RequestKind};
use crate::output::Item;
use crate::scan::{Section, SectionKind};
use crate::trace::event;
use crate::{Fault, Head, HttpEvent, RequestHead, ResponseHead, parse};

/// `HTTP/1.1 100 Continue`.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Connection {
    /// Goes on with what has arrived, and ends the connection at a fault.
    pub(super) fn run(&mut self, now: Instant) -> Result<(), Error> {
        let state = self.state();
        self.advance(now).map_err(|fault| {
            self.on_fault(now, fault);
            fault.to_peer_fault(state).into()
        })
    }

    fn advance(&mut self, now: Instant) -> Result<(), Fault> {
        while let Some(front) = self.input.front_mut() {
            if front.is_empty() {
                self.input.pop_front();
                continue;
            }
            let before = front.len();
            let event = match &mut self.receiving {
                Receiving::Ended => {
                    front.advance(before);
                    None
                }
                Receiving::Nothing if self.role == Role::Server => {
                    let too_much = self.held > self.limits.held_bytes;
                    return if too_much { Err(Fault::TooMuchPipelined) } else { Ok(()) };
                }
                Receiving::Nothing => return Err(Fault::Unsolicited),
                Receiving::Head(_) if self.role == Role::Client && self.output.taken() <= self.exchange.begin => {
                    // An answer to a question that has not left: it answers another one, or none.
                    return Err(Fault::Unsolicited);
                }
                Receiving::Head(section) => {
                    let head = match self.role {
                        Role::Server => parse::next(section, front, &self.limits)?.map(Head::Request),
                        Role::Client | Role::Raw => parse::next(section, front, &self.limits)?.map(Head::Response),
                    };
                    if head.is_none() {
                        self.timers.idle = None;
                        if self.timers.head.is_none() {
                            self.timers.head = now.checked_add(self.limits.head_timeout);
                        }
                    }
                    head.map(Arrived::Head)
                }
                Receiving::Body(reader) => {
                    self.timers.stall = self.limits.stall_timeout.and_then(|patience| now.checked_add(patience));
                    match reader.next(front, &self.limits)? {
                        Piece::More if reader.in_trailers() && self.timers.head.is_none() => {
                            self.timers.head = now.checked_add(self.limits.head_timeout);
                            None
                        }
                        Piece::More => None,
                        piece => Some(Arrived::Piece(piece)),
                    }
                }
                Receiving::Tunnel => Some(Arrived::Piece(Piece::Data(std::mem::take(front)))),
            };
            let left = self.input.front().map_or(0, Bytes::len);
            self.held = self.held.saturating_sub(before.saturating_sub(left));
            match event {
                None => {}
                Some(Arrived::Head(Head::Request(head))) => self.on_request(now, head)?,
                Some(Arrived::Head(Head::Response(head))) => self.on_response(now, head)?,
                Some(Arrived::Piece(piece)) => self.on_piece(now, piece),
            }
        }
        // The end of a body may lie at the end of the input.
        if let Receiving::Body(reader) = &mut self.receiving
            && let Piece::End = reader.next(&mut Bytes::new(), &self.limits)?
        {
            self.on_piece(now, Piece::End);
        }
        Ok(())
    }

    fn on_piece(&mut self, now: Instant, piece: Piece) {
        match piece {
            Piece::Data(bytes) => self.events.push_back(HttpEvent::Body(bytes)),
            Piece::Trailers(fields) => self.events.push_back(HttpEvent::Trailers(fields)),
            Piece::More => {}
            Piece::End => self.on_message_end(now),
        }
    }

    /// The peer's message is whole.
    pub(super) fn on_message_end(&mut self, now: Instant) {
        event!(trace, conn = self.conn.number(), "message received");
        self.events.push_back(HttpEvent::End);
        self.timers = Timers { linger: self.timers.linger, ..Timers::default() };
        self.receiving = match (self.role, &self.sending) {
            (Role::Server, Sending::Tunnel) => Receiving::Tunnel,
            _ => Receiving::Nothing,
        };
        self.settle(now);
    }

    fn on_request(&mut self, now: Instant, head: RequestHead) -> Result<(), Fault> {
        let control = Control::of_request(&head)?;
        let framing = control.request_framing();
        self.exchange = Exchange {
            kind: RequestKind::of(head.method()),
            version: head.version(),
            persists: control.persists(head.version()),
            switches: control.asks_to_switch(),
            ..Exchange::NONE
        };
        self.sending = Sending::Head;
        event!(trace, conn = self.conn.number(), framing = ?framing, "request head received");
        self.events.push_back(HttpEvent::Head(Head::Request(head)));
        if control.expects_continue && self.limits.auto_continue && framing != Framing::Empty {
            self.output.push(Item::Plain(Bytes::from_static(CONTINUE)));
        }
        self.begin_body(now, framing);
        Ok(())
    }

    fn on_response(&mut self, now: Instant, head: ResponseHead) -> Result<(), Fault> {
        let control = Control::of_response(&head)?;
        let status = head.status();
        event!(trace, conn = self.conn.number(), status, "response head received");
        if (100..200).contains(&status) && status != 101 {
            self.exchange.interim = self.exchange.interim.saturating_add(1);
            if self.exchange.interim > self.limits.interim_responses {
                return Err(Fault::TooManyInterim);
            }
            if status == 100 {
                self.gate = None;
            }
            self.timers = Timers::default();
            self.receiving = Receiving::Head(Section::new(SectionKind::ResponseHead));
            self.events.push_back(HttpEvent::Head(Head::Response(head)));
            return Ok(());
        }
        if status == 101 && !self.exchange.switches {
            return Err(Fault::SwitchNotAsked);
        }
        let framing = control.response_framing(status, self.exchange.kind);
        self.exchange.persists &= control.persists(head.version()) && framing != Framing::UntilClose;
        self.settle_gate(status);
        self.events.push_back(HttpEvent::Head(Head::Response(head)));
        if framing == Framing::Tunnel {
            self.timers = Timers::default();
            self.receiving = Receiving::Tunnel;
            if let Sending::Ended = self.sending {
                self.sending = Sending::Tunnel;
            }
        } else {
            self.begin_body(now, framing);
        }
        Ok(())
    }

    /// A final response to a request whose body still waits for `100 Continue`: a good one lets it go, any other keeps it
    /// back, which costs the connection.
    fn settle_gate(&mut self, status: u16) {
        let Some(Gate { offset, .. }) = self.gate.take() else { return };
        if status >= 300 && self.output.taken() <= offset {
            self.output.truncate(offset);
            self.sending = Sending::Withheld;
            self.exchange.end = None;
            self.exchange.persists = false;
        }
    }

    fn begin_body(&mut self, now: Instant, framing: Framing) {
        self.timers = Timers::default();
        match BodyReader::new(framing) {
            Some(reader) => {
                self.timers.stall = self.limits.stall_timeout.and_then(|patience| now.checked_add(patience));
                self.receiving = Receiving::Body(reader);
            }
            None => self.on_message_end(now),
        }
    }
}

enum Arrived {
    Head(Head),
    Piece(Piece),
}
