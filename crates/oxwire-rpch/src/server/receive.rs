//! What comes to the server on the legs of a virtual connection, and what it forwards.

use std::mem;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::{ConnectionId, DecodeError, Error, PeerFault, Reader, Transmit};

use super::Event;
use super::connection::{VirtualConnection, put};
use super::legs::InLeg;
use super::states::{InState, OutState};
use crate::channel::ChannelPdu;
use crate::fault::{broken_stream, pdu_name, wrong_value};
use crate::front::{LegEvent, first_destination, on_leg, signature};
use crate::http::ChannelKind;
use crate::rts::in_r1::{InR1A6, InR1B2};
use crate::rts::in_r2::{InR2A2, InR2A3};
use crate::rts::other::{FlowControlAckPdu, FlowControlAckWithDestination, PingTrafficSentNotifyPdu};
use crate::rts::out_r1::{OutR1A8, OutR1A9};
use crate::rts::out_r2::{OutR2A4, OutR2A5, OutR2A7, OutR2B1, OutR2B2};
use crate::rts::{
    Ance, FlowControlAck, ForwardDestination, NegativeAnce, PduName, ReceiveWindowSize, RtsCookie, Signature,
};

/// Note 17: a proxy that sends more ping traffic than this in four minutes is not obeyed any longer.
const PING_TRAFFIC: u32 = 8_192;
/// So much of an OUT channel's lifetime is kept for the PDUs that recycle it, and for pings that are not told of yet: acknowledgements for
/// the client wait for the successor.
const LAST_WORDS: u64 = 2_048;
const PING_TRAFFIC_WINDOW: Duration = Duration::from_secs(4 * 60);

impl VirtualConnection {
    pub(super) fn dispatch(&mut self, conn: ConnectionId, event: LegEvent) -> Result<(), Error> {
        let ins = self.ins.reading().is_some_and(|leg| leg.conn == conn);
        let in_successor = self.ins.successor().is_some_and(|leg| leg.conn == conn);
        let outs = [self.outs.default(), self.outs.successor()];
        let out = outs.into_iter().flatten().any(|leg| leg.conn == conn);
        let leaving = self.leaving.as_ref().is_some_and(|leg| leg.conn == conn);
        let waiting = self.waiting.as_ref().is_some_and(|leg| leg.conn == conn);
        match event {
            LegEvent::Bytes(bytes) if ins => {
                if let Some(leg) = self.ins.reading_mut() {
                    leg.pdus.push(bytes);
                }
                self.read_in()
            }
            // A successor is plugged at its proxy until IN_R1/B2: it has nothing to say but what its proxy may.
            LegEvent::Bytes(bytes) if in_successor => {
                let state = self.ins.name();
                let Some(leg) = self.ins.successor_mut() else { return Ok(()) };
                leg.pdus.push(bytes);
                if leg.pdus.held() > crate::front::BEFORE_OPEN {
                    let expected = "no more than 4096 bytes on a successor before IN_R1/B2";
                    return Err(wrong_value(state, expected, "more", "[MS-RPCH] 3.2.5.5.5").into());
                }
                Ok(())
            }
            LegEvent::Bytes(bytes) if out => {
                let leg = if self.outs.default().is_some_and(|leg| leg.conn == conn) {
                    self.outs.default_mut()
                } else {
                    self.outs.successor_mut()
                };
                if let Some(leg) = leg {
                    leg.pdus.push(bytes);
                }
                self.read_out()
            }
            LegEvent::Bytes(bytes) if waiting => {
                if let Some(leg) = &mut self.waiting {
                    leg.pdus.push(bytes);
                    if leg.pdus.held() > crate::front::BEFORE_OPEN {
                        let expected = "no more than 4096 bytes on a successor before IN_R1/B2";
                        return Err(wrong_value("A6W", expected, "more", "[MS-RPCH] 3.2.5.5.5").into());
                    }
                }
                Ok(())
            }
            LegEvent::Bytes(bytes) if leaving => {
                self.read_leaving(bytes);
                Ok(())
            }
            LegEvent::Lost(_) if leaving => {
                self.leaving = None;
                Ok(())
            }
            LegEvent::Lost(reason) if ins || in_successor || waiting => {
                Err(Error::Transport(format!("the inbound proxy is gone: {reason}").into()))
            }
            LegEvent::Lost(reason) if out => {
                Err(Error::Transport(format!("the outbound proxy is gone: {reason}").into()))
            }
            // Of a predecessor nothing is wanted.
            _ => Ok(()),
        }
    }

    /// Takes the PDUs that are whole on the leg from the inbound proxy that counts: after IN_R1/B1 that is the successor.
    pub(super) fn read_in(&mut self) -> Result<(), Error> {
        loop {
            let state = self.ins.name();
            let Some(leg) = self.ins.reading_mut() else { return Ok(()) };
            match leg.pdus.next_pdu().map_err(|error| broken_stream(state, error))? {
                Some(ChannelPdu::Rpc(pdu)) => {
                    leg.receiver.on_received(pdu.len()).map_err(|fault| fault.to_peer_fault(state))?;
                    self.events.push_back(Event::Pdu(pdu));
                }
                Some(ChannelPdu::Rts(pdu)) => self.on_in_rts(pdu)?,
                None => return Ok(()),
            }
        }
    }

    fn on_in_rts(&mut self, pdu: Bytes) -> Result<(), PeerFault> {
        let state = self.ins.name();
        let undecodable = undecodable(state);
        let signature = signature(&pdu).map_err(undecodable)?;
        let mut r = Reader::new(&pdu);
        match first_destination(&pdu).map_err(undecodable)? {
            Some(ForwardDestination::SERVER) if is(signature, PduName::OutR1A8) => {
                let a8: OutR1A8 = r.structure().map_err(undecodable)?;
                self.on_a8(a8.successor_channel_cookie.0, &pdu)
            }
            Some(ForwardDestination::SERVER) if is(signature, PduName::OutR2A7) => {
                let a7: OutR2A7 = r.structure().map_err(undecodable)?;
                self.on_a8(a7.successor_channel_cookie.0, &pdu)
            }
            Some(ForwardDestination::CLIENT | ForwardDestination::OUT_PROXY) => self.forward_out(pdu, signature),
            Some(_) => Err(self.ins.unexpected(&pdu)),
            None if is(signature, PduName::InR1A6) => {
                let a6: InR1A6 = r.structure().map_err(undecodable)?;
                self.on_cookie(a6.successor_in_channel_cookie.0, &pdu)
            }
            None if is(signature, PduName::InR1B1) => self.on_in_r1_b1(&pdu),
            None => Err(self.ins.unexpected(&pdu)),
        }
    }

    /// [MS-RPCH] 3.2.1.5.2: client and outbound proxy are reached by the outbound leg. An acknowledgement goes where its channel is: during
    /// recycling the predecessor's proxy waits for its own.
    fn forward_out(&mut self, pdu: Bytes, signature: Option<Signature>) -> Result<(), PeerFault> {
        let state = self.outs.name();
        let undecodable = undecodable(state);
        if is(signature, PduName::FlowControlAckWithDestination) {
            let ack: FlowControlAckWithDestination = Reader::new(&pdu).structure().map_err(undecodable)?;
            let cookie = ack.flow_control_ack.channel_cookie;
            if ack.destination.0 == ForwardDestination::OUT_PROXY {
                // It ends at the proxy, and takes nothing of the channel lifetime.
                let legs = [self.outs.default(), self.outs.successor()].into_iter().flatten();
                let leaving = self.leaving.as_ref().map(|leg| (leg.names, leg.conn));
                let legs = legs.map(|leg| (leg.names, leg.conn)).chain(leaving);
                let (default, named) = (self.outs.default(), legs.clone().find(|(names, _)| names.has(cookie)));
                // The client reads a successor once it has read its predecessor to the end.
                let over = default.is_some_and(|leg| leg.names.has(cookie)) && ack.flow_control_ack.bytes_received > 0;
                let conn = named.map(|(_, conn)| conn).or(default.map(|leg| leg.conn));
                self.former.take_if(|_| over);
                self.transmits.extend(conn.map(|conn| on_leg(conn, pdu)));
                return Ok(());
            }
            if self.outs.default().is_some_and(|leg| leg.lifetime.left() < LAST_WORDS) {
                self.acks_wait.retain(|(other, _)| *other != cookie);
                // Two IN channels at most are in use at a time.
                self.acks_wait.truncate(3);
                self.acks_wait.push((cookie, pdu));
                return Ok(());
            }
        }
        self.put_out(pdu)
    }

    /// IN_R1/A6 in state A6W, IN_R2/A2 in state opened: one PDU. [MS-RPCH] 3.2.5.5.6, 3.2.5.5.8
    fn on_cookie(&mut self, successor: RtsCookie, pdu: &[u8]) -> Result<(), PeerFault> {
        match &mut self.ins {
            InState::Opened(state) => {
                let _: InR2A2 = Reader::new(pdu).structure().map_err(undecodable("opened"))?;
                state.leg.cookie = successor;
                self.events.push_back(Event::Recycled(ChannelKind::In));
                self.send_to_out(&InR2A3 {})
            }
            InState::A6W(state) if state.successor.cookie == successor => {
                let deadline = self.life.now().checked_add(self.config.setup_timeout);
                if let InState::A6W(state) = mem::replace(&mut self.ins, InState::Finished) {
                    self.ins = InState::OpenedB1W(state.on_in_r1_a6(deadline));
                }
                Ok(())
            }
            InState::A6W(_) => {
                let expected = "IN_R1/A6 with the cookie of the successor IN channel";
                Err(wrong_value("A6W", expected, "IN_R1/A6 with another cookie", "[MS-RPCH] 3.2.5.5.6"))
            }
            other => Err(other.unexpected(pdu)),
        }
    }

    /// [MS-RPCH] 3.2.5.5.7
    fn on_in_r1_b1(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        match mem::replace(&mut self.ins, InState::Finished) {
            InState::OpenedB1W(state) => {
                let (opened, predecessor): (_, InLeg) = state.on_in_r1_b1();
                self.ins = InState::Opened(opened);
                self.orphans.adopt(&predecessor.receiver);
                self.send_to_in(&InR1B2 { server_receive_window_size: ReceiveWindowSize(self.config.receive_window) });
                self.transmits.push_back(Transmit::Close { conn: predecessor.conn });
                self.events.push_back(Event::Recycled(ChannelKind::In));
                self.on_waiting()
            }
            other => {
                self.ins = other;
                Err(self.ins.unexpected(pdu))
            }
        }
    }

    /// A successor IN leg that had to wait.
    pub(super) fn on_waiting(&mut self) -> Result<(), PeerFault> {
        let now = self.life.now();
        self.waiting.take().map_or(Ok(()), |waiting| self.on_successor(now, *waiting))
    }

    /// OUT_R1/A8 in state Opened_A8W, OUT_R2/A8 in state Opened_R2A8W: one PDU. [MS-RPCH] 3.2.5.5.10, 3.2.5.5.12. OUT_R2/A7, which
    /// another proxy forwards with its Version, is the same.
    fn on_a8(&mut self, successor: RtsCookie, pdu: &[u8]) -> Result<(), PeerFault> {
        match &self.outs {
            OutState::OpenedA8W(state) if state.successor.names.cookie == successor => {}
            OutState::OpenedR2A8W(state) if state.successor == successor => {}
            OutState::OpenedA8W(_) => {
                let expected = "OUT_R1/A8 with the cookie of the successor OUT channel";
                return Err(wrong_value("Opened_A8W", expected, "another cookie", "[MS-RPCH] 3.2.5.5.10"));
            }
            OutState::OpenedR2A8W(_) => {
                let refused = self.send_to_out(&OutR2B2 { nance: NegativeAnce });
                let expected = "OUT_R2/A8 with the cookie of the successor OUT channel";
                let fault = wrong_value("Opened_R2A8W", expected, "another cookie", "[MS-RPCH] 3.2.5.5.12");
                return refused.and(Err(fault));
            }
            other => {
                let expected = "OUT_R1/A8 in state Opened_A8W, OUT_R2/A8 in state Opened_R2A8W";
                return Err(wrong_value(other.name(), expected, pdu_name(pdu), "[MS-RPCH] 3.2.5.5.10"));
            }
        }
        match mem::replace(&mut self.outs, OutState::Finished) {
            OutState::OpenedA8W(state) => {
                let (opened, mut predecessor) = state.on_out_r1_a8();
                self.outs = OutState::Opened(opened);
                if let Ok(a9) = oxwire_core::encode_to_bytes(&OutR1A9 { ance: Ance }) {
                    let last = put(&mut predecessor, a9, "Opened_A8W");
                    let (leaving, former) = predecessor.leave();
                    (self.leaving, self.former) = (Some(leaving), Some(former));
                    self.transmits.extend(last.clone());
                    last?;
                }
            }
            OutState::OpenedR2A8W(state) => {
                self.outs = OutState::OpenedR2A8W(state);
                self.send_to_out(&OutR2B1 { ance: Ance })?;
                if let OutState::OpenedR2A8W(state) = mem::replace(&mut self.outs, OutState::Finished) {
                    self.outs = OutState::Opened(state.on_out_r2_a8());
                }
            }
            other => self.outs = other,
        }
        self.events.push_back(Event::Recycled(ChannelKind::Out));
        for (_, ack) in mem::take(&mut self.acks_wait) {
            self.put_out(ack)?;
        }
        Ok(())
    }

    /// What the proxy of a former OUT channel still acknowledges. Nothing else of it is wanted, not even its faults.
    fn read_leaving(&mut self, bytes: Bytes) {
        let Some(leg) = &mut self.leaving else { return };
        leg.pdus.push(bytes);
        while let Ok(Some(pdu)) = leg.pdus.next_pdu() {
            let signature = signature(pdu.bytes()).ok().flatten();
            if let (true, Some(former)) = (is(signature, PduName::FlowControlAck), &mut self.former)
                && let Ok(ack) = Reader::new(pdu.bytes()).structure::<FlowControlAckPdu>()
                && leg.names.has(ack.flow_control_ack.channel_cookie)
            {
                let _discarded = former.on_ack(&ack.flow_control_ack);
            }
        }
    }

    /// Takes the PDUs that are whole on the legs from outbound proxies.
    pub(super) fn read_out(&mut self) -> Result<(), Error> {
        loop {
            let state = self.outs.name();
            let default = self.outs.default_mut().map(|leg| leg.pdus.next_pdu());
            let of_default = default.transpose().map_err(|error| broken_stream(state, error))?.flatten();
            let successor = self.outs.successor_mut().map(|leg| leg.pdus.next_pdu());
            let of_successor = successor.transpose().map_err(|error| broken_stream(state, error))?.flatten();
            if of_default.is_none() && of_successor.is_none() {
                return Ok(());
            }
            for (pdu, successor) in [(of_default, false), (of_successor, true)] {
                match pdu {
                    Some(ChannelPdu::Rts(pdu)) => self.on_out_rts(pdu, successor)?,
                    Some(ChannelPdu::Rpc(pdu)) => return Err(self.outs.unexpected(&pdu).into()),
                    None => {}
                }
            }
        }
    }

    fn on_out_rts(&mut self, pdu: Bytes, of_successor: bool) -> Result<(), PeerFault> {
        let state = self.outs.name();
        let undecodable = undecodable(state);
        let signature = signature(&pdu).map_err(undecodable)?;
        let mut r = Reader::new(&pdu);
        match first_destination(&pdu).map_err(undecodable)? {
            // [MS-RPCH] 3.2.1.5.2: the inbound proxy is reached by its leg.
            Some(ForwardDestination::IN_PROXY) => {
                if let Some(leg) = self.ins.reading() {
                    self.transmits.push_back(on_leg(leg.conn, pdu));
                }
                return Ok(());
            }
            Some(ForwardDestination::SERVER) if is(signature, PduName::FlowControlAckWithDestination) => {
                let ack: FlowControlAckWithDestination = r.structure().map_err(undecodable)?;
                return self.on_ack(&ack.flow_control_ack, of_successor);
            }
            Some(_) => return Err(self.outs.unexpected(&pdu)),
            None => {}
        }
        if is(signature, PduName::FlowControlAck) {
            let ack: FlowControlAckPdu = r.structure().map_err(undecodable)?;
            return self.on_ack(&ack.flow_control_ack, of_successor);
        }
        if is(signature, PduName::PingTrafficSentNotify) {
            let notify: PingTrafficSentNotifyPdu = r.structure().map_err(undecodable)?;
            return self.on_ping_traffic(notify.ping_traffic_sent_notify.0, of_successor);
        }
        if is(signature, PduName::OutR2A4) && !of_successor {
            let a4: OutR2A4 = r.structure().map_err(undecodable)?;
            return self.on_out_r2_a4(a4.successor_channel_cookie.0, &pdu);
        }
        Err(self.outs.unexpected(&pdu))
    }

    /// [MS-RPCH] 3.2.5.5.11
    fn on_out_r2_a4(&mut self, successor: RtsCookie, pdu: &[u8]) -> Result<(), PeerFault> {
        match mem::replace(&mut self.outs, OutState::Finished) {
            OutState::OpenedA4W(state) => {
                self.former = None;
                let deadline = self.life.now().checked_add(self.config.setup_timeout);
                self.outs = OutState::OpenedR2A8W(state.on_out_r2_a4(successor, deadline));
                self.send_to_out(&OutR2A5 { ance: Ance })
            }
            other => {
                self.outs = other;
                Err(self.outs.unexpected(pdu))
            }
        }
    }

    /// The proxy's acknowledgement; one of a channel that is no longer ours is discarded.
    fn on_ack(&mut self, ack: &FlowControlAck, of_successor: bool) -> Result<(), PeerFault> {
        let state = self.outs.name();
        let leg = if of_successor { self.outs.successor_mut() } else { self.outs.default_mut() };
        match leg {
            Some(leg) if leg.names.has(ack.channel_cookie) => {
                leg.sent.on_ack(ack).map_err(|fault| fault.to_peer_fault(state))
            }
            _ => Ok(()),
        }
    }

    /// [MS-RPCH] 3.2.5.5.14, within the bounds of note 17.
    fn on_ping_traffic(&mut self, bytes: u32, of_successor: bool) -> Result<(), PeerFault> {
        let (since, so_far) = self.ping_traffic;
        let fresh = self.life.now().saturating_duration_since(since) >= PING_TRAFFIC_WINDOW;
        let total = if fresh { bytes } else { so_far.saturating_add(bytes) };
        self.ping_traffic = if fresh { (self.life.now(), total) } else { (since, total) };
        if total > PING_TRAFFIC {
            let expected = "at most 8192 bytes of ping traffic in 4 minutes";
            let found = format!("Ping Traffic Sent Notify, {total} bytes in all");
            return Err(wrong_value(self.outs.name(), expected, found, "[MS-RPCH] 2.2.3.5.15"));
        }
        let threshold = self.config.recycle_threshold;
        let leg = if of_successor { self.outs.successor_mut() } else { self.outs.default_mut() };
        let near = leg.is_some_and(|leg| {
            leg.lifetime.on_sent(usize::try_from(bytes).unwrap_or(usize::MAX));
            leg.lifetime.approaches_its_end(threshold)
        });
        if near && !of_successor {
            self.start_out_recycling(self.life.now());
        }
        Ok(())
    }
}

fn is(signature: Option<Signature>, name: PduName) -> bool {
    signature.is_some_and(|signature| signature.names().any(|candidate| candidate == name))
}

fn undecodable(state: &'static str) -> impl Fn(DecodeError) -> PeerFault + Copy {
    move |error| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6")
}
