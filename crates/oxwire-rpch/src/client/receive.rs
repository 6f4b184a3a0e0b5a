//! From event to event: what comes on which connection, and what it means in which state. [MS-RPCH] 3.2.2.5

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Decode, Error, Limits, PeerFault, decode_all};
use oxwire_http::{Head, HttpEvent, RequestFate, Reset, ResetCause};

use super::channels::InState;
use super::event::Event;
use super::opening::Opening;
use super::proxy_use::Outcome;
use super::virtual_connection::{Stop, VirtualConnection};
use super::{Client, State};
use crate::channel::ChannelPdu;
use crate::fault;
use crate::http::ChannelKind;
use crate::rts::conn::{ConnA3, ConnC2};
use crate::rts::in_r1::InR1A4;
use crate::rts::in_r2::InR2A4;
use crate::rts::other::{FlowControlAckPdu, FlowControlAckWithDestination, Ping};
use crate::rts::out_r1::{OutR1A2, OutR1A6, OutR1A10};
use crate::rts::out_r2::{OutR2A6, OutR2B3};
use crate::rts::{ForwardDestination, PduName, RtsPdu, Signature};

/// Which channel a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The default channel, or the first.
    Default(ChannelKind),
    /// A successor that is not the default yet.
    Successor(ChannelKind),
    /// A predecessor IN channel that has said IN_R1/A5.
    Predecessor,
    /// Of an earlier time: what comes was on its way.
    Past,
}

impl Place {
    const fn kind(self) -> ChannelKind {
        match self {
            Self::Default(kind) | Self::Successor(kind) => kind,
            Self::Predecessor | Self::Past => ChannelKind::In,
        }
    }
}

/// How the draining of a channel went on.
enum Drained {
    /// All whole PDUs are taken.
    All,
    /// A failure stands in place of a PDU.
    Http(ConnectionId, &'static str, Bytes),
}

impl Client {
    fn place(&self, conn: ConnectionId) -> Place {
        match &self.state {
            State::Opening(o) if conn == o.inward.conn => Place::Default(ChannelKind::In),
            State::Opening(o) if conn == o.outward.conn => Place::Default(ChannelKind::Out),
            State::Opened(c) => c.place(conn),
            _ => Place::Past,
        }
    }

    pub(super) fn on_event(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        if matches!(event, HttpEvent::Reset(_)) {
            self.io.forget(conn);
        }
        match &mut self.state {
            State::ProxyUse(determination) => {
                let outcome = determination.on_event(&self.io, now, conn, &event);
                return self.on_outcome(now, outcome);
            }
            State::Failing(_) => {
                self.on_failing(conn, &event);
                return Ok(());
            }
            _ => {}
        }
        let place = self.place(conn);
        match event {
            _ if place == Place::Past => Ok(()),
            HttpEvent::Head(Head::Response(head)) => match head.status() {
                ..200 => Ok(()),
                200..300 => self.on_success(place),
                _ => {
                    self.fail(now, conn, place.kind(), head);
                    Ok(())
                }
            },
            HttpEvent::Body(piece) if place.kind() == ChannelKind::Out => self.on_body(now, place, piece),
            HttpEvent::End => {
                self.on_end(place);
                Ok(())
            }
            HttpEvent::Reset(reset) => self.on_reset(now, conn, place, reset),
            // The body of an IN channel response, trailers: nothing that the text gives a meaning.
            _ => Ok(()),
        }
    }

    fn on_outcome(&mut self, now: Instant, outcome: Outcome) -> Result<(), Error> {
        let State::ProxyUse(determination) = &self.state else { return Ok(()) };
        match outcome {
            Outcome::Pending => Ok(()),
            Outcome::Determined(route) => {
                for conn in determination.connections() {
                    self.io.close(conn);
                }
                self.io.route = route;
                self.io.events.push_back(Event::ProxyUseDetermined { route });
                self.begin_opening(now, 0)
            }
            Outcome::Failed => {
                let expected = "an echo response, with or without the HTTP proxy";
                Err(self.stop(fault::timed_out(determination.name(), expected, "[MS-RPCH] 3.2.2.4.1.1").into()))
            }
        }
    }

    fn begin_opening(&mut self, now: Instant, reopens: u32) -> Result<(), Error> {
        match Opening::start(&mut self.io, now, reopens) {
            Ok(opening) => {
                self.state = State::Opening(Box::new(opening));
                Ok(())
            }
            Err(error) => Err(self.stop(error.into())),
        }
    }

    /// IN channels answer nothing, hold a 200 open, or say 200 at once, depending on the server: all the same.
    fn on_success(&mut self, place: Place) -> Result<(), Error> {
        let channel = match (&mut self.state, place) {
            (State::Opening(opening), Place::Default(ChannelKind::Out)) => {
                let result = opening.on_out_channel_response();
                return self.settle(result.map_err(Stop::Peer));
            }
            (State::Opened(connection), Place::Default(ChannelKind::Out)) => Some(&mut connection.outward.default),
            (State::Opened(connection), Place::Successor(ChannelKind::Out)) => {
                connection.outward.state.successor_mut().map(|successor| &mut successor.channel)
            }
            _ => None,
        };
        let again = channel.is_some_and(|channel| std::mem::replace(&mut channel.responded, true));
        if again {
            let (expected, found) = ("one OUT channel response", "a second one");
            let state = self.state_name().1;
            return Err(self.stop(fault::wrong_value(state, expected, found, "[MS-RPCH] 3.2.2.5.2").into()));
        }
        Ok(())
    }

    fn on_body(&mut self, now: Instant, place: Place, piece: Bytes) -> Result<(), Error> {
        match &mut self.state {
            State::Opening(opening) => opening.outward.pdus.push(piece),
            State::Opened(connection) => {
                if let Place::Successor(_) = place {
                    let name = connection.outward.state.name();
                    let window = connection.inward.default.sender.peer_receive_window();
                    let held = match connection.outward.state.successor_mut() {
                        Some(successor) => successor.channel.hold(name, piece, window),
                        None => Ok(()),
                    };
                    return self.settle(held.map_err(Stop::Peer));
                }
                connection.last_received = now;
                connection.outward.default.pdus.push(piece);
            }
            _ => return Ok(()),
        }
        self.drain(now)
    }

    /// Takes every whole PDU of the default OUT channel, which may become another one on the way.
    fn drain(&mut self, now: Instant) -> Result<(), Error> {
        match self.drain_all(now) {
            Ok(Drained::All) => Ok(()),
            Ok(Drained::Http(conn, state, bytes)) => {
                self.fail_in_stream(now, conn, state, bytes);
                Ok(())
            }
            Err(stop) => Err(self.stop(stop)),
        }
    }

    fn drain_all(&mut self, now: Instant) -> Result<Drained, Stop> {
        loop {
            let (name, channel) = match &mut self.state {
                State::Opening(opening) => (opening.state.name(), &mut opening.outward),
                State::Opened(connection) => (connection.outward.state.name(), &mut connection.outward.default),
                _ => return Ok(Drained::All),
            };
            if channel.pdus.is_http() {
                return Ok(Drained::Http(channel.conn, name, channel.pdus.take_rest()));
            }
            let pdu = channel.pdus.next_pdu().map_err(|error| fault::broken_stream(name, error))?;
            match pdu {
                None => return Ok(Drained::All),
                Some(ChannelPdu::Rpc(pdu)) => match &mut self.state {
                    State::Opened(connection) => connection.on_rpc(&mut self.io, pdu)?,
                    State::Opening(opening) => return Err(opening.unexpected(&pdu).into()),
                    _ => {}
                },
                Some(ChannelPdu::Rts(pdu)) => self.on_rts(now, &pdu)?,
            }
        }
    }

    fn on_rts(&mut self, now: Instant, pdu: &Bytes) -> Result<(), Stop> {
        let state = self.state_name().1;
        let unknown = |found| fault::wrong_value(state, "an RTS PDU of [MS-RPCH] 2.2.4", found, "[MS-RPCH] 3.2.2.5");
        let decoded: RtsPdu<'_> = decode_all(pdu, &Limits::DEFAULT).map_err(|_| unknown(fault::pdu_name(pdu)))?;
        let signature = Signature::of(&decoded).ok_or_else(|| unknown(fault::pdu_name(pdu)))?;
        // The first of the names that share the signature stands for all: state decides which is meant.
        let name = signature.names().next();
        match &mut self.state {
            State::Opening(opening) => match name {
                Some(PduName::ConnA3) => Ok(opening.on_a3(&self.io, now, typed::<ConnA3>(state, pdu)?, pdu)?),
                Some(PduName::ConnC1) if opening.state == super::opening::OpenState::WaitC2 => {
                    let c2 = typed::<ConnC2>(state, pdu)?;
                    self.on_c2(now, c2);
                    Ok(())
                }
                Some(PduName::Ping) if opening.state != super::opening::OpenState::OutChannelWait => {
                    typed::<Ping>(state, pdu)?;
                    Ok(())
                }
                _ => Err(opening.unexpected(pdu).into()),
            },
            State::Opened(connection) => connection.on_rts(&mut self.io, now, name, pdu),
            _ => Ok(()),
        }
    }

    fn on_c2(&mut self, now: Instant, c2: ConnC2) {
        match std::mem::replace(&mut self.state, State::Start) {
            State::Opening(opening) => {
                self.state = State::Opened(Box::new(opening.on_c2(&mut self.io, now, c2)));
            }
            other => self.state = other,
        }
    }

    /// The end of a response. IN channels may end theirs at once (openchange); the end of the default OUT channel is that of the
    /// virtual connection.
    fn on_end(&mut self, place: Place) {
        if place.kind() == ChannelKind::Out && place != Place::Past {
            let reason = "its response ended before it was recycled";
            self.lost(ChannelKind::Out, ResetCause::Unspecified, reason.into());
        }
    }

    fn on_reset(&mut self, now: Instant, conn: ConnectionId, place: Place, reset: Reset) -> Result<(), Error> {
        if place == Place::Predecessor {
            // "If the connection close comes from a predecessor, the client implementation MUST ignore this event."
            if let State::Opened(connection) = &mut self.state {
                connection.inward.predecessors.retain(|predecessor| predecessor.conn != conn);
                let result = connection.resume_in_recycling(&mut self.io, now);
                return self.settle(result);
            }
            return Ok(());
        }
        if reset.request == RequestFate::NotSent {
            // Held back by authentication, or never connected: it may go out again.
            let max = self.io.config.max_reopens;
            match &mut self.state {
                State::Opening(opening) if opening.reopens < max => {
                    let (reopens, deadline) = (opening.reopens.saturating_add(1), opening.deadline);
                    for other in opening.connections() {
                        if other != conn {
                            self.io.abort(other);
                        }
                    }
                    self.begin_opening(now, reopens)?;
                    if let State::Opening(opening) = &mut self.state {
                        opening.deadline = deadline;
                    }
                    return Ok(());
                }
                State::Opened(connection) => match connection.reopen(&mut self.io, conn) {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(stop) => return Err(self.stop(stop)),
                },
                _ => {}
            }
        }
        self.lost(place.kind(), reset.cause, reset.reason);
        Ok(())
    }

    pub(super) fn on_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        match &mut self.state {
            State::Start | State::Closed(_) => Ok(()),
            State::ProxyUse(determination) => {
                let outcome = determination.on_timeout(now);
                self.on_outcome(now, outcome)
            }
            State::Opening(opening) => {
                if !due(opening.deadline) {
                    opening.on_timeout(&mut self.io, now);
                    return Ok(());
                }
                let (expected, spec) = opening.state.awaits();
                let fault = fault::timed_out(opening.state.name(), expected, spec);
                Err(self.stop(fault.into()))
            }
            State::Opened(connection) => {
                let result = connection.on_timeout(&mut self.io, now);
                self.settle(result)
            }
            State::Failing(failing) => {
                if due(failing.deadline) {
                    self.finish_failing();
                }
                Ok(())
            }
        }
    }
}

impl VirtualConnection {
    fn place(&self, conn: ConnectionId) -> Place {
        if conn == self.inward.default.conn {
            return Place::Default(ChannelKind::In);
        }
        if conn == self.outward.default.conn {
            return Place::Default(ChannelKind::Out);
        }
        if matches!(&self.inward.state, InState::OpenedA4W(s) if s.channel.conn == conn) {
            return Place::Successor(ChannelKind::In);
        }
        if self.outward.state.successor().is_some_and(|s| s.channel.conn == conn) {
            return Place::Successor(ChannelKind::Out);
        }
        if self.inward.predecessors.iter().any(|predecessor| predecessor.conn == conn) {
            return Place::Predecessor;
        }
        Place::Past
    }

    /// An RTS PDU on the default OUT channel, by the first of its names.
    fn on_rts(&mut self, io: &mut super::io::Io, now: Instant, name: Option<PduName>, pdu: &Bytes) -> Result<(), Stop> {
        let state = self.outward.state.name();
        match name {
            // IN_R1/A3 and IN_R1/A4.
            Some(PduName::InR1A3) => {
                let a4 = typed::<InR1A4>(self.inward.state.name(), pdu)?;
                self.on_in_a4(io, now, Some(a4), pdu)
            }
            // IN_R2/A3 and IN_R2/A4.
            Some(PduName::InR2A3) => {
                typed::<InR2A4>(self.inward.state.name(), pdu)?;
                self.on_in_a4(io, now, None, pdu)
            }
            // OUT_R1/A1, OUT_R1/A2, OUT_R2/A1 and OUT_R2/A2.
            Some(PduName::OutR1A1) => {
                typed::<OutR1A2>(state, pdu)?;
                self.on_out_a2(io, now, pdu)
            }
            // OUT_R1/A5 and OUT_R1/A6.
            Some(PduName::OutR1A5) => {
                typed::<OutR1A6>(state, pdu)?;
                self.on_out_a6(io, now, true, pdu)
            }
            // OUT_R2/A5 and OUT_R2/A6.
            Some(PduName::OutR2A5) => {
                typed::<OutR2A6>(state, pdu)?;
                self.on_out_a6(io, now, false, pdu)
            }
            // OUT_R1/A9, OUT_R1/A10, OUT_R1/A11 and OUT_R2/B1.
            Some(PduName::OutR1A9) => {
                typed::<OutR1A10>(state, pdu)?;
                self.on_out_last(io, now, true, pdu)
            }
            Some(PduName::OutR2B3) => {
                typed::<OutR2B3>(state, pdu)?;
                self.on_out_last(io, now, false, pdu)
            }
            Some(PduName::Ping) => {
                typed::<Ping>(state, pdu)?;
                Ok(())
            }
            Some(PduName::FlowControlAck) => {
                let ack = typed::<FlowControlAckPdu>(state, pdu)?;
                self.on_ack(now, &ack.flow_control_ack)
            }
            Some(PduName::FlowControlAckWithDestination) => {
                let ack = typed::<FlowControlAckWithDestination>(state, pdu)?;
                if ack.destination.0 != ForwardDestination::CLIENT {
                    let found = format!("{:?} in a FlowControlAckWithDestination RTS PDU", ack.destination.0);
                    return Err(fault::wrong_value(state, "FDClient", found, "[MS-RPCH] 3.2.1.5.2").into());
                }
                self.on_ack(now, &ack.flow_control_ack)
            }
            _ => {
                let expected = "an RTS PDU that an outbound proxy sends to an opened virtual connection";
                Err(fault::unexpected_pdu(state, expected, pdu, "[MS-RPCH] 3.2.2.5").into())
            }
        }
    }
}

/// Decodes a PDU whose signature is known; what can still be wrong is a value.
fn typed<'de, T: Decode<'de>>(state: &'static str, pdu: &'de [u8]) -> Result<T, PeerFault> {
    decode_all(pdu, &Limits::DEFAULT).map_err(|error| {
        let found = format!("{}: {error}", fault::pdu_name(pdu));
        fault::wrong_value(state, "values that the section of the PDU allows", found, T::SPEC)
    })
}
