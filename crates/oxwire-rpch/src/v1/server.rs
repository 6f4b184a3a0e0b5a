//! The server of RPC over HTTP v1, [MS-RPCH] 3.1.3: the legacy server response, then RPC PDUs both ways.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionId, Error, Misuse, Transmit};
use oxwire_rpc::association::OutgoingPdu;

use crate::channel::{ChannelPdu, PdusIn, SendQueue};
use crate::fault::{Refused, RefusedReason, broken_stream, unexpected_pdu};
use crate::front::{LEGACY_SERVER_RESPONSE, LegEvent, on_leg};
use crate::settings::settings;

/// Settings of a [`Connection`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The largest PDU that is taken, in bytes. Default 65,535.
    pub max_pdu: u16,
    /// Bytes of PDUs that may wait to be sent. Default 1 MiB.
    pub send_queue: usize,
    /// Bytes of received PDUs that are not consumed, from which on [`Connection::wants_input`] is `false`. Default 256 KiB.
    pub receive_bytes: usize,
}

impl Config {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self { max_pdu: u16::MAX, send_queue: 1 << 20, receive_bytes: 256 << 10 };

    settings!(max_pdu send_queue);

    /// Sets [`Config::receive_bytes`].
    #[must_use]
    pub const fn with_receive_bytes(mut self, bytes: usize) -> Self {
        self.receive_bytes = bytes;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a [`Connection`] tells.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An RPC PDU of the client, whole.
    Pdu(Bytes),
    /// The send queue, which had refused a PDU, is half empty again.
    Writable,
    /// The connection has ended, and this PDU never went out.
    Undelivered(Bytes),
    /// It has ended: the last event. PDUs that went out may have arrived or not; version 1 does not tell.
    Closed(Error),
}

/// PDUs by their length: they are somebody's mail.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pdu(pdu) => write!(f, "Pdu({} bytes)", pdu.len()),
            Self::Writable => f.write_str("Writable"),
            Self::Undelivered(pdu) => write!(f, "Undelivered({} bytes)", pdu.len()),
            Self::Closed(error) => write!(f, "Closed({error})"),
        }
    }
}

/// One connection from a mixed proxy: opened from the start, closed at the first error. There is no flow control and no timer.
pub struct Connection {
    conn: ConnectionId,
    config: Config,
    pdus: PdusIn,
    queue: SendQueue,
    /// Bytes of PDUs that were told and not consumed.
    held: usize,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    ended: Option<Closed>,
}

impl Connection {
    /// A mixed proxy has connected: the legacy server response goes out. [MS-RPCH] 3.1.3.4.1
    #[must_use]
    pub fn accept(conn: ConnectionId, config: Config) -> Self {
        let response = on_leg(conn, Bytes::from_static(LEGACY_SERVER_RESPONSE));
        Self::of(conn, config, PdusIn::new(config.max_pdu), VecDeque::from([response]))
    }

    /// A connection that a server of version 2 has accepted, and on which `first` came. [MS-RPCH] 3
    pub(crate) fn resume(conn: ConnectionId, first: Bytes, pdus: PdusIn, transmits: VecDeque<Transmit>) -> Self {
        let mut this = Self::of(conn, Config::DEFAULT, pdus, transmits);
        this.on_pdu(first);
        let read = this.read();
        let _told = this.fail_on(read);
        this
    }

    fn of(conn: ConnectionId, config: Config, pdus: PdusIn, transmits: VecDeque<Transmit>) -> Self {
        let queue = SendQueue::new(config.send_queue);
        Self { conn, config, pdus, queue, held: 0, transmits, events: VecDeque::new(), ended: None }
    }

    /// Its transport connection.
    #[must_use]
    pub const fn conn(&self) -> ConnectionId {
        self.conn
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether more is to be read from the transport: not while much is told and not consumed.
    #[must_use]
    pub const fn wants_input(&self) -> bool {
        self.ended.is_none() && self.held < self.config.receive_bytes
    }

    /// Takes what happened to the connection.
    ///
    /// # Errors
    /// [`Error::Peer`] for what ends it: an RTS PDU, bytes that are no PDU; [`Error::Closed`] after its end.
    pub fn handle(&mut self, event: LegEvent) -> Result<(), Error> {
        self.alive()?;
        let result = match event {
            LegEvent::Bytes(bytes) => {
                self.pdus.push(bytes);
                self.read()
            }
            LegEvent::Lost(reason) => Err(Error::Transport(reason)),
            LegEvent::Opened => Ok(()),
        };
        self.fail_on(result)
    }

    /// Hands an RPC PDU over, whole: in one piece, or with its head apart, as an association gives it. Its body is not copied.
    ///
    /// # Errors
    /// [`Refused`], with the PDU.
    pub fn send_pdu(&mut self, pdu: impl Into<OutgoingPdu>) -> Result<(), Refused> {
        let pdu = pdu.into();
        if self.ended.is_some() {
            return Err(Refused { pdu, reason: RefusedReason::Closed });
        }
        self.queue.accept(pdu)
    }

    /// The application is done with `len` bytes of received PDUs: more may be read.
    ///
    /// # Errors
    /// [`Misuse`] for more than was received.
    pub fn consume(&mut self, len: usize) -> Result<(), Error> {
        let advice = "consume each RPC PDU once, by its length";
        let misuse = Misuse { call: "consume", state: "fewer bytes received", advice };
        self.held = self.held.checked_sub(len).ok_or(misuse)?;
        Ok(())
    }

    /// Closes it. What was not handed out comes back as [`Event::Undelivered`].
    ///
    /// # Errors
    /// [`Error::Closed`] when it has ended before.
    pub fn close(&mut self) -> Result<(), Error> {
        self.alive()?;
        self.end(Closed { reason: "closed by the application".into() }.into());
        Ok(())
    }

    /// What is to be done with the connection.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(transmit) = self.transmits.pop_front() {
            return Some(transmit);
        }
        let pdu = self.queue.pop()?;
        if self.queue.take_writable() {
            self.events.push_back(Event::Writable);
        }
        Some(on_leg(self.conn, pdu))
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn on_pdu(&mut self, pdu: Bytes) {
        self.held = self.held.saturating_add(pdu.len());
        self.events.push_back(Event::Pdu(pdu));
    }

    fn read(&mut self) -> Result<(), Error> {
        loop {
            match self.pdus.next_pdu().map_err(|error| broken_stream("opened", error))? {
                Some(ChannelPdu::Rpc(pdu)) => self.on_pdu(pdu),
                Some(ChannelPdu::Rts(pdu)) => {
                    return Err(unexpected_pdu("opened", "an RPC PDU", &pdu, "[MS-RPCH] 3.1.3.4.2").into());
                }
                None => return Ok(()),
            }
        }
    }

    fn alive(&self) -> Result<(), Error> {
        self.ended.as_ref().map_or(Ok(()), |closed| Err(closed.clone().into()))
    }

    fn fail_on(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        result.inspect_err(|error| self.end(error.clone()))
    }

    /// [MS-RPCH] 3.1.3.4.3
    fn end(&mut self, error: Error) {
        let close = if matches!(error, Error::Closed(_)) {
            Transmit::Close { conn: self.conn }
        } else {
            Transmit::Abort { conn: self.conn }
        };
        self.transmits.push_back(close);
        self.events.extend(self.queue.drain().map(Event::Undelivered));
        let reason: Arc<str> = error.to_string().into();
        self.ended = Some(Closed { reason });
        self.events.push_back(Event::Closed(error));
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("conn", &self.conn)
            .field("queue", &self.queue)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pdus::{ping, rpc};

    const CONN: ConnectionId = ConnectionId::new(7);

    fn sent(connection: &mut Connection) -> Vec<Bytes> {
        std::iter::from_fn(|| connection.poll_transmit())
            .filter_map(|transmit| if let Transmit::Send { body, .. } = transmit { Some(body) } else { None })
            .collect()
    }

    /// [MS-RPCH] 3.1.3.4.1, 2.1.1.2.1: the ASCII string, without a terminator, at once.
    #[test]
    fn the_legacy_server_response_comes_first_and_pdus_pass() {
        let mut connection = Connection::accept(CONN, Config::DEFAULT);
        assert_eq!(sent(&mut connection), ["ncacn_http/1.0"]);
        let stream = [rpc(100, 1), rpc(16, 2)].concat();
        for piece in stream.chunks(7) {
            connection.handle(LegEvent::Bytes(Bytes::copy_from_slice(piece))).unwrap();
        }
        let pdus: Vec<_> = std::iter::from_fn(|| connection.poll_event()).collect();
        assert_eq!(pdus, [Event::Pdu(rpc(100, 1)), Event::Pdu(rpc(16, 2))]);
        connection.send_pdu(rpc(64, 3)).unwrap();
        assert_eq!(sent(&mut connection), [rpc(64, 3)]);
    }

    #[test]
    fn it_ends_by_an_rts_pdu_a_loss_or_a_close() {
        let mut connection = Connection::accept(CONN, Config::DEFAULT);
        connection.send_pdu(rpc(64, 3)).unwrap();
        let error = connection.handle(LegEvent::Bytes(ping())).unwrap_err().to_string();
        assert!(error.contains("Ping") && error.contains("opened") && error.contains("[MS-RPCH] 3.1.3.4.2"), "{error}");
        assert_eq!(connection.poll_event(), Some(Event::Undelivered(rpc(64, 3))));
        assert!(matches!(connection.poll_event(), Some(Event::Closed(_))));
        assert_eq!(connection.send_pdu(rpc(16, 1)).unwrap_err().reason, RefusedReason::Closed);
        assert!(connection.handle(LegEvent::Bytes(rpc(16, 1))).is_err());

        let mut connection = Connection::accept(CONN, Config::DEFAULT);
        assert!(connection.handle(LegEvent::Lost("cut".into())).is_err());
        let mut connection = Connection::accept(CONN, Config::DEFAULT);
        connection.close().unwrap();
        assert_eq!(connection.transmits.back(), Some(&Transmit::Close { conn: CONN }));
    }

    #[test]
    fn queues_are_bounded() {
        let config = Config::DEFAULT.with_send_queue(150).with_receive_bytes(100);
        let mut connection = Connection::accept(CONN, config);
        connection.send_pdu(rpc(100, 1)).unwrap();
        let refused = connection.send_pdu(rpc(100, 2)).unwrap_err();
        assert_eq!((refused.pdu.into_bytes(), refused.reason), (rpc(100, 2), RefusedReason::QueueFull { limit: 150 }));
        assert_eq!(sent(&mut connection).len(), 2);
        assert_eq!(connection.poll_event(), Some(Event::Writable));
        connection.handle(LegEvent::Bytes(rpc(100, 3))).unwrap();
        assert!(!connection.wants_input());
        connection.consume(100).unwrap();
        assert!(connection.wants_input() && connection.consume(1).is_err());
    }
}
