//! What comes to the inbound proxy: from the client on its IN channels, from the server on the leg.

use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, PeerFault, Reader};
use oxwire_http::{HttpEvent, HttpTransmit};

use super::channel::VirtualInChannel;
use super::states::{Opened, State};
use crate::channel::ChannelPdu;
use crate::endpoint::in_channel::InChannel;
use crate::fault::{broken_stream, wrong_value};
use crate::front::{Channel, FirstPdu, ProxyChannelEvent, ProxyTransmit, first_destination, opens, signature};
use crate::rts::conn::ConnB3;
use crate::rts::in_r1::{InR1A6, InR1B2};
use crate::rts::in_r2::{InR2A2, InR2A5};
use crate::rts::other::{FlowControlAckPdu, FlowControlAckWithDestination, KeepAlive};
use crate::rts::out_r2::{OutR2A7, OutR2A8};
use crate::rts::{Cookie, ForwardDestination, PduName};

impl VirtualInChannel {
    pub(super) fn dispatch(&mut self, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let now = self.channel.life.now();
        if let Some(waiting) = self.waiting.as_mut().filter(|waiting| waiting.conn == conn) {
            match event {
                HttpEvent::Body(bytes) => waiting.push(bytes)?,
                HttpEvent::End => waiting.ended = true,
                HttpEvent::Reset(reset) => {
                    return Err(Error::Transport(format!("the client is gone: {}", reset.reason).into()));
                }
                _ => {}
            }
            return Ok(());
        }
        let is = |channel: Option<&InChannel>| channel.is_some_and(|channel| channel.conn == conn);
        let successor = is(self.state.successor());
        // After IN_R1/A5 nothing more counts.
        let finishing = matches!(self.state, State::Finishing(_)) || self.early_a5.is_some();
        if !successor && (!is(self.state.channel()) || finishing) {
            return Ok(());
        }
        let channel = if successor { self.state.successor_mut() } else { self.state.reading_mut() };
        let Some(channel) = channel else { return Ok(()) };
        match event {
            HttpEvent::Body(bytes) => {
                channel.pdus.push(bytes);
                let held = channel.pdus.held();
                self.heard = now;
                if successor { self.check_plugged(held)? } else { self.read_client()? }
            }
            HttpEvent::End => {
                channel.ended = true;
                if !successor {
                    self.read_client()?;
                }
            }
            HttpEvent::Reset(reset) => {
                return Err(Error::Transport(format!("the client is gone: {}", reset.reason).into()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The successor is plugged: what it carries waits, as much as its window and its pings need.
    fn check_plugged(&self, held: usize) -> Result<(), PeerFault> {
        let window = usize::try_from(self.channel.config.receive_window).unwrap_or(usize::MAX);
        if held > window.saturating_add(crate::front::BEFORE_OPEN) {
            let expected = "no more on the successor IN channel than its window, before IN_R2/A5";
            return Err(wrong_value(self.state.name(), expected, "more", "[MS-RPCH] 3.2.3.5.5.1"));
        }
        Ok(())
    }

    pub(super) fn on_successor(&mut self, now: Instant, channel: Channel) -> Result<(), PeerFault> {
        self.heard = now;
        let FirstPdu::InA1(pdu) = channel.first else {
            let (found, opens) = (channel.first.name(), opens(&channel.first));
            let expected = if opens { "no second CONN/B1" } else { "IN_R2/A1" };
            return Err(wrong_value(self.state.name(), expected, found, "[MS-RPCH] 3.2.3.5.3"));
        };
        let predecessor = pdu.predecessor_channel_cookie.0;
        if self.waiting.is_some() {
            let expected = "no second successor IN channel";
            return Err(wrong_value(self.state.name(), expected, "IN_R2/A1", "[MS-RPCH] 3.2.3.5.5.1"));
        }
        // What opens the state is on its way: the client has gone through another channel's lifetime already. Or the queue holds PDUs of a
        // channel before the predecessor: every successor brings a whole window, and no more than two are held.
        let checked = self.state.check_in_r2_a1(predecessor);
        if self.state.opens_for(predecessor) || (checked.is_ok() && !self.orphans.are_none()) {
            self.waiting = Some(Box::new(channel));
            return Ok(());
        }
        checked?;
        let successor = InChannel::new(channel, pdu.successor_channel_cookie.0, self.channel.config.receiver());
        if let State::Opened(state) = mem::replace(&mut self.state, State::Finished) {
            let deadline = now.checked_add(self.channel.config.setup_timeout);
            self.state = State::OpenedA5W(Box::new(state.on_in_r2_a1(successor, deadline)));
        }
        self.send_to_server(&InR2A2 { successor_channel_cookie: pdu.successor_channel_cookie });
        Ok(())
    }

    /// Takes the PDUs that are whole on the client's channel that counts.
    pub(super) fn read_client(&mut self) -> Result<(), Error> {
        loop {
            let state = self.state.name();
            let Some(channel) = self.state.reading_mut() else { return Ok(()) };
            match channel.pdus.next_pdu().map_err(|error| broken_stream(state, error))? {
                Some(ChannelPdu::Rpc(pdu)) => {
                    channel.receiver.on_received(pdu.len()).map_err(|fault| fault.to_peer_fault(state))?;
                    // Its limit is the receive window, which was just held against.
                    let _never_full = self.queue.push(pdu);
                }
                Some(ChannelPdu::Rts(pdu)) => self.on_client_rts(pdu)?,
                None if channel.ended => {
                    let reason = "the client is gone: the IN channel request has ended without a successor";
                    return Err(Error::Transport(reason.into()));
                }
                None => return Ok(()),
            }
        }
    }

    fn on_client_rts(&mut self, pdu: Bytes) -> Result<(), PeerFault> {
        let state = self.state.name();
        let undecodable =
            |error: oxwire_core::DecodeError| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6");
        let signature = signature(&pdu).map_err(undecodable)?;
        match first_destination(&pdu).map_err(undecodable)? {
            // What the inbound proxy sends on of OUT_R2/A7 is OUT_R2/A8, which has no Version: [MS-RPCH] 2.2.4.41.
            Some(ForwardDestination::SERVER) if signature.is_some_and(|signature| signature.is(PduName::OutR2A7)) => {
                let a7: OutR2A7 = Reader::new(&pdu).structure().map_err(undecodable)?;
                self.send_to_server(&OutR2A8 { successor_channel_cookie: a7.successor_channel_cookie });
                return Ok(());
            }
            Some(to) if to != ForwardDestination::IN_PROXY => {
                self.forward(pdu);
                return Ok(());
            }
            Some(_) => return Err(self.state.unexpected_from_client(&pdu)),
            None => {}
        }
        let Some(signature) = signature else { return Err(self.state.unexpected_from_client(&pdu)) };
        let mut r = Reader::new(&pdu);
        for name in signature.names() {
            match name {
                PduName::Ping => return Ok(()),
                PduName::KeepAlive => {
                    let pdu: KeepAlive = r.structure().map_err(undecodable)?;
                    let interval = Duration::from_millis(u64::from(pdu.client_keepalive.interval_ms()));
                    self.channel.events.push_back(ProxyChannelEvent::KeepAlive(interval));
                    return Ok(());
                }
                PduName::InR1A5 | PduName::InR2A5 => {
                    let a5: InR2A5 = r.structure().map_err(undecodable)?;
                    return self.on_a5(a5.successor_channel_cookie, &pdu);
                }
                _ => {}
            }
        }
        Err(self.state.unexpected_from_client(&pdu))
    }

    /// IN_R1/A5 in state opened, IN_R2/A5 in state Opened_A5W: one PDU. [MS-RPCH] 3.2.3.5.6, 3.2.3.5.8
    fn on_a5(&mut self, successor: Cookie, pdu: &[u8]) -> Result<(), PeerFault> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Opened(state) => {
                let deadline = self.channel.life.now().checked_add(self.channel.config.setup_timeout);
                self.state = State::Finishing(state.on_in_r1_a5(deadline));
                let waiting = self.waiting.take().map(|waiting| HttpTransmit::Abort { conn: waiting.conn });
                self.channel.transmits.extend(waiting.map(ProxyTransmit::Http));
                self.send_to_server(&InR1A6 { successor_in_channel_cookie: successor });
                Ok(())
            }
            State::OpenedA5W(state) => {
                let switched = state.successor.cookie == successor.0;
                let (opened, gone) = state.on_in_r2_a5(switched);
                self.state = State::Opened(opened);
                if switched {
                    self.orphans.adopt(&gone.receiver);
                    self.previous = Some(gone.cookie);
                    self.channel.put_http(HttpTransmit::Close { conn: gone.conn });
                    self.channel.events.push_back(ProxyChannelEvent::Recycled);
                    return self.on_waiting();
                }
                let waiting = self.waiting.take().map(|waiting| waiting.conn);
                for conn in [Some(gone.conn), waiting].into_iter().flatten() {
                    self.channel.put_http(HttpTransmit::Abort { conn });
                }
                Ok(())
            }
            // The server has told the client, and not yet this proxy. What is queued waits for its window.
            other @ (State::B3W(_) | State::WaitB2(_)) if self.early_a5.is_none() && self.waiting.is_none() => {
                self.state = other;
                self.early_a5 = Some(successor);
                Ok(())
            }
            other => {
                self.state = other;
                Err(self.state.unexpected_from_client(pdu))
            }
        }
    }

    /// Takes the PDUs that are whole on the leg.
    pub(super) fn read_server(&mut self) -> Result<(), PeerFault> {
        while let Some(pdu) = self.channel.from_server.next_pdu(self.state.name())? {
            match pdu {
                ChannelPdu::Rpc(pdu) => {
                    let expected = "no RPC PDU from the server on an IN channel";
                    let found = crate::fault::pdu_name(&pdu);
                    return Err(wrong_value(self.state.name(), expected, found, "[MS-RPCH] 3.2.3.5.2"));
                }
                ChannelPdu::Rts(pdu) => self.on_server_rts(&pdu)?,
            }
        }
        Ok(())
    }

    fn on_server_rts(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        let state = self.state.name();
        let undecodable =
            |error: oxwire_core::DecodeError| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6");
        let Some(signature) = signature(pdu).map_err(undecodable)? else {
            return Err(self.state.unexpected_from_server(pdu));
        };
        let mut r = Reader::new(pdu);
        for name in signature.names() {
            match (name, &self.state) {
                (PduName::ConnB3, State::B3W(_)) => {
                    let b3: ConnB3 = r.structure().map_err(undecodable)?;
                    return self.established(b3.receive_window_size.0);
                }
                (PduName::InR1B2, State::WaitB2(_)) => {
                    let b2: InR1B2 = r.structure().map_err(undecodable)?;
                    return self.established(b2.server_receive_window_size.0);
                }
                (PduName::FlowControlAck, _) => {
                    let ack: FlowControlAckPdu = r.structure().map_err(undecodable)?;
                    return self.on_ack(&ack.flow_control_ack);
                }
                (PduName::FlowControlAckWithDestination, _) => {
                    let ack: FlowControlAckWithDestination = r.structure().map_err(undecodable)?;
                    if ack.destination.0 == ForwardDestination::IN_PROXY {
                        return self.on_ack(&ack.flow_control_ack);
                    }
                }
                _ => {}
            }
        }
        Err(self.state.unexpected_from_server(pdu))
    }

    /// A successor that had to wait for state opened, or for the queue.
    pub(super) fn on_waiting(&mut self) -> Result<(), PeerFault> {
        let now = self.channel.life.now();
        self.waiting.take().map_or(Ok(()), |waiting| self.on_successor(now, *waiting))
    }

    fn established(&mut self, window: u32) -> Result<(), PeerFault> {
        self.state = match mem::replace(&mut self.state, State::Finished) {
            State::B3W(state) | State::WaitB2(state) => {
                let opened: Opened = state.on_established();
                State::Opened(opened)
            }
            other => other,
        };
        self.unplug(window);
        match self.early_a5.take() {
            Some(successor) => self.on_a5(successor, &[]),
            None => self.on_waiting(),
        }
    }

    /// The leg outlives the IN channels that use it: its counters go on, and the server names it by one of their cookies.
    fn on_ack(&mut self, ack: &crate::rts::FlowControlAck) -> Result<(), PeerFault> {
        let state = self.state.name();
        let of = |channel: Option<&InChannel>| channel.is_some_and(|channel| channel.cookie == ack.channel_cookie);
        let known = of(self.state.channel()) || of(self.state.successor()) || self.previous == Some(ack.channel_cookie);
        match &mut self.sent {
            Some(sent) if known => sent.on_ack(ack).map_err(|fault| fault.to_peer_fault(state)),
            _ => Ok(()),
        }
    }
}
