//! From events to bytes.

use bytes::{BufMut, Bytes, BytesMut};
use oxwire_core::{Closed, Error, Misuse};

use super::{Closing, Connection, Exchange, Gate, Receiving, Role, Sending};
use crate::framing::{Control, Framing, RequestKind};
use crate::names::name;
use crate::output::Item;
use crate::scan::{Section, SectionKind};
use crate::trace::event;
use crate::{Fault, Fields, Head, HttpEvent, RequestHead, ResponseHead, Version};

/// An event that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    /// The event, as it was given.
    pub event: Box<HttpEvent>,
    /// Why it was not taken.
    pub reason: SendRefusal,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendRefusal {
    /// The queue has reached [`HttpLimits::queued_bytes`](crate::HttpLimits::queued_bytes): take from `poll_transmit`, write,
    /// and send it again.
    #[error("{queued} bytes are queued, which reaches the limit `queued_bytes`; write first, then send again")]
    Full {
        /// Bytes queued.
        queued: usize,
    },
    /// The state does not allow it.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// A head whose fields the peer would have to refuse.
    #[error("the head to be sent: {0}")]
    Head(Fault),
    /// The connection has ended.
    #[error(transparent)]
    Closed(#[from] Closed),
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error.reason {
            SendRefusal::Misuse(misuse) => misuse.into(),
            SendRefusal::Closed(closed) => closed.into(),
            SendRefusal::Full { .. } => {
                Misuse { call: "send", state: "queue full", advice: "write first, then send again" }.into()
            }
            SendRefusal::Head(_) => Misuse {
                call: "send",
                state: "head",
                advice: "mend the head's Host, Content-Length and Transfer-Encoding fields",
            }
            .into(),
        }
    }
}

impl Connection {
    pub(super) fn on_send(&mut self, event: HttpEvent) -> Result<(), SendError> {
        let result = match &event {
            HttpEvent::Head(Head::Request(head)) => self.send_request(head),
            HttpEvent::Head(Head::Response(head)) => self.send_response(head),
            HttpEvent::Body(bytes) => self.send_body(bytes),
            HttpEvent::Trailers(fields) => self.send_trailers(fields),
            HttpEvent::End => self.send_end(),
            HttpEvent::Reset(_) => Err(self.misuse("close or abort the connection instead of sending Reset")),
        };
        result.map_err(|reason| SendError { event: Box::new(event), reason })
    }

    const fn misuse(&self, advice: &'static str) -> SendRefusal {
        SendRefusal::Misuse(Misuse { call: "send", state: self.state(), advice })
    }

    fn alive(&self) -> Result<(), SendRefusal> {
        match &self.ended {
            Some(reason) => Err(Closed { reason: reason.clone() }.into()),
            None => Ok(()),
        }
    }

    /// Whether there is room. An end always has: it is what lets the queue run dry for good.
    fn admit(&self) -> Result<(), SendRefusal> {
        self.alive()?;
        match self.output.queued() {
            queued if queued >= self.limits.queued_bytes => {
                event!(debug, conn = self.conn.number(), limit = "queued_bytes", queued, "send queue full");
                Err(SendRefusal::Full { queued })
            }
            _ => Ok(()),
        }
    }

    fn send_request(&mut self, head: &RequestHead) -> Result<(), SendRefusal> {
        self.admit()?;
        if self.role != Role::Client {
            return Err(self.misuse("requests are sent by the client's end"));
        }
        let (Sending::Nothing, Receiving::Nothing) = (&self.sending, &self.receiving) else {
            return Err(self.misuse("wait for the end of the exchange in front, or open another connection"));
        };
        let control = Control::of_request(head).map_err(SendRefusal::Head)?;
        let framing = control.request_framing();
        event!(trace, conn = self.conn.number(), framing = ?framing, "request head queued");
        self.exchange = Exchange {
            kind: RequestKind::of(head.method()),
            version: head.version(),
            persists: control.persists(head.version()),
            switches: control.asks_to_switch(),
            begin: self.output.end(),
            ..Exchange::NONE
        };
        self.output.push(Item::Plain(head.as_bytes().clone()));
        if framing == Framing::Empty {
            self.exchange.end = Some(self.output.end());
        } else if control.expects_continue && self.limits.continue_timeout.is_some() {
            self.gate = Some(Gate { offset: self.output.end(), until: None });
        }
        self.begin_sending(framing);
        self.receiving = Receiving::Head(Section::new(SectionKind::ResponseHead));
        Ok(())
    }

    fn send_response(&mut self, head: &ResponseHead) -> Result<(), SendRefusal> {
        self.admit()?;
        if self.role != Role::Server {
            return Err(self.misuse("responses are sent by the server's end"));
        }
        let Sending::Head = self.sending else {
            return Err(self.misuse("one final response to each request, once its head has arrived"));
        };
        let control = Control::of_response(head).map_err(SendRefusal::Head)?;
        event!(trace, conn = self.conn.number(), status = head.status(), "response head queued");
        if head.status() < 200 && head.status() != 101 {
            if self.exchange.version == Version::Http11 {
                self.output.push(Item::Plain(head.as_bytes().clone()));
            }
            return Ok(());
        }
        if head.status() == 101 && !self.exchange.switches {
            return Err(self.misuse("101 answers only a request with Upgrade"));
        }
        let mut framing = control.response_framing(head.status(), self.exchange.kind);
        let unchunk = framing == Framing::Chunked && self.exchange.version == Version::Http10;
        if unchunk {
            framing = Framing::UntilClose;
        }
        let persists = self.exchange.persists && control.persists(head.version()) && framing != Framing::UntilClose;
        let persists = persists || framing == Framing::Tunnel;
        let say_close = !persists && control.persists(head.version());
        let say_keep_alive = persists && self.exchange.version == Version::Http10 && !control.says_keep_alive();
        let bytes = if unchunk || say_close || say_keep_alive {
            let mut builder = head.to_builder();
            if unchunk {
                builder = builder.without(name::TRANSFER_ENCODING);
            }
            if say_close && control.says_keep_alive() {
                builder = builder.set(name::CONNECTION, "close");
            } else if say_close {
                builder = builder.field(name::CONNECTION, "close");
            } else if say_keep_alive {
                builder = builder.field(name::CONNECTION, "keep-alive");
            }
            match builder.response() {
                Ok(head) => head.as_bytes().clone(),
                Err(_) => return Err(self.misuse("build response heads with ResponseHead::builder")),
            }
        } else {
            head.as_bytes().clone()
        };
        self.exchange.persists = persists;
        self.output.push(Item::Plain(bytes));
        self.begin_sending(framing);
        if framing == Framing::Tunnel
            && let Receiving::Nothing = self.receiving
        {
            self.receiving = Receiving::Tunnel;
        }
        Ok(())
    }

    fn begin_sending(&mut self, framing: Framing) {
        self.sending = match framing {
            Framing::Empty => Sending::Empty,
            Framing::Length(left) => Sending::Length { left },
            Framing::Chunked => Sending::Chunked { trailers: None },
            Framing::UntilClose => Sending::UntilClose,
            Framing::Tunnel => Sending::Tunnel,
        };
    }

    fn send_body(&mut self, bytes: &Bytes) -> Result<(), SendRefusal> {
        self.admit()?;
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.sending {
            Sending::Length { left } => match left.checked_sub(bytes.len() as u64) {
                Some(rest) => {
                    *left = rest;
                    self.output.push(Item::Plain(bytes.clone()));
                    if rest == 0 && self.role == Role::Client {
                        self.exchange.end = Some(self.output.end());
                    }
                    Ok(())
                }
                None => Err(self.misuse("send no more of the body than Content-Length announced")),
            },
            Sending::Chunked { trailers: None } => {
                self.output.push(Item::Chunk(bytes.clone()));
                Ok(())
            }
            Sending::UntilClose | Sending::Tunnel => {
                self.output.push(Item::Plain(bytes.clone()));
                Ok(())
            }
            Sending::Withheld => Ok(()),
            Sending::Empty => Err(self.misuse("announce a body with Content-Length or Transfer-Encoding: chunked")),
            Sending::Chunked { trailers: Some(_) } => Err(self.misuse("after the trailers only End")),
            Sending::Nothing | Sending::Head | Sending::Ended => Err(self.misuse("send a head first")),
        }
    }

    fn send_trailers(&mut self, fields: &Fields) -> Result<(), SendRefusal> {
        self.alive()?;
        match &mut self.sending {
            Sending::Chunked { trailers: trailers @ None } => {
                // A trailer section has no line of its own in front, as the text of received fields may have.
                let mut section = BytesMut::new();
                for (name, value) in fields.iter() {
                    section.put_slice(name.as_bytes());
                    section.put_slice(b": ");
                    section.put_slice(value);
                    section.put_slice(b"\r\n");
                }
                section.put_slice(b"\r\n");
                *trailers = Some(section.freeze());
                Ok(())
            }
            Sending::Withheld => Ok(()),
            _ => Err(self.misuse("trailers go behind a chunked body, once")),
        }
    }

    fn send_end(&mut self) -> Result<(), SendRefusal> {
        self.alive()?;
        match &mut self.sending {
            Sending::Length { left: 0 } | Sending::Empty | Sending::UntilClose => {}
            Sending::Length { .. } => {
                return Err(self.misuse("send as much of the body as Content-Length announced, or abort"));
            }
            Sending::Chunked { trailers } => {
                let section = trailers.take().unwrap_or(Bytes::from_static(b"\r\n"));
                self.output.push(Item::LastChunk(section));
                self.exchange.end = Some(self.output.end());
            }
            Sending::Tunnel => {
                self.on_tunnel_end_sent();
                return Ok(());
            }
            Sending::Withheld => return Ok(()),
            Sending::Nothing | Sending::Head | Sending::Ended => return Err(self.misuse("send a head first")),
        }
        self.sending = match (self.role, &self.receiving) {
            (Role::Client, Receiving::Tunnel) => Sending::Tunnel,
            _ => Sending::Ended,
        };
        if let Some(now) = self.clock {
            self.settle(now);
        }
        Ok(())
    }

    fn on_tunnel_end_sent(&mut self) {
        self.output.push(Item::Finish);
        self.sending = Sending::Ended;
        if let Receiving::Ended = self.receiving {
            let fate = self.fate(0);
            self.end(fate, "both ends of the tunnel have ended".into(), Closing::Draining);
        }
    }
}
