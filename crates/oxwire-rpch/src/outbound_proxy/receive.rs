//! What comes to the outbound proxy: from the server on the leg, from the client on a successor OUT channel.

use std::mem;

use bytes::Bytes;
use oxwire_core::{DecodeError, PeerFault, Reader};
use oxwire_http::HttpTransmit;

use super::channel::VirtualOutChannel;
use super::states::{State, Waiting};
use crate::channel::ChannelPdu;
use crate::fault::{broken_stream, wrong_value};
use crate::front::{ProxyChannelEvent, first_destination, signature};
use crate::rts::conn::{ConnC1, ConnC2};
use crate::rts::other::FlowControlAckWithDestination;
use crate::rts::{FlowControlAck, ForwardDestination, PduName, RtsCookie};

impl VirtualOutChannel {
    /// Takes the PDUs that are whole on the leg.
    pub(super) fn read_server(&mut self) -> Result<(), PeerFault> {
        loop {
            let state = self.state.name();
            let Some(pdu) = self.channel.from_server.next_pdu(state)? else { return Ok(()) };
            match pdu {
                ChannelPdu::Rpc(pdu) => {
                    self.receiver.on_received(pdu.len()).map_err(|fault| fault.to_peer_fault(state))?;
                    let default = match &mut self.state {
                        // The server has switched to the successor's proxy.
                        State::Finishing(_) => return Err(self.state.unexpected_from_server(&pdu)),
                        other => other.default_mut(),
                    };
                    // Its limit is the receive window, which was just held against.
                    let _never_full = default.map(|instance| instance.queue.push(pdu));
                }
                ChannelPdu::Rts(pdu) => self.on_server_rts(pdu)?,
            }
        }
    }

    fn on_server_rts(&mut self, pdu: Bytes) -> Result<(), PeerFault> {
        let state = self.state.name();
        let undecodable = |error: DecodeError| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6");
        let signature = signature(&pdu).map_err(undecodable)?;
        let names = |name| signature.is_some_and(|signature| signature.names().any(|candidate| candidate == name));
        let mut r = Reader::new(&pdu);
        match first_destination(&pdu).map_err(undecodable)? {
            Some(ForwardDestination::CLIENT) => {
                // [MS-RPCH] 3.2.4.5.5 and 3.2.4.5.7 name the state; whatever else is for the client passes in any. A server may have gone
                // through another lifetime before OUT_R1/A11 or OUT_R2/C1 is here: then it waits with the rest of the channel.
                let opened_only = names(PduName::OutR1A1) || names(PduName::OutR1A5);
                if opened_only && !matches!(self.state, State::Opened(_) | State::A11W(_) | State::R2C1W(_)) {
                    return Err(self.state.unexpected_from_server(&pdu));
                }
                return self.forward(pdu);
            }
            Some(ForwardDestination::OUT_PROXY) if names(PduName::FlowControlAckWithDestination) => {
                let ack: FlowControlAckWithDestination = r.structure().map_err(undecodable)?;
                return self.on_ack(&ack.flow_control_ack);
            }
            Some(_) => return Err(self.state.unexpected_from_server(&pdu)),
            None => {}
        }
        if names(PduName::ConnC1) && matches!(self.state, State::C1W(_)) {
            let ConnC1 { version, receive_window_size, connection_timeout } = r.structure().map_err(undecodable)?;
            if let State::C1W(state) = mem::replace(&mut self.state, State::Finished) {
                self.state = State::Opened(state.on_established());
            }
            return self.send_to_client(&ConnC2 { version, receive_window_size, connection_timeout });
        }
        if names(PduName::OutR1A9) {
            return self.on_ance(&pdu);
        }
        if names(PduName::OutR2B2) {
            return self.on_out_r2_b2(&pdu);
        }
        Err(self.state.unexpected_from_server(&pdu))
    }

    /// OUT_R1/A9 in state opened, OUT_R2/B1 in B1OrC1W and B1W: one PDU. [MS-RPCH] 3.2.4.5.8, 3.2.4.5.10
    fn on_ance(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        let deadline = self.channel.life.now().checked_add(self.channel.config.setup_timeout);
        match mem::replace(&mut self.state, State::Finished) {
            State::Opened(state) if self.leaving.is_none() => {
                self.state = State::Finishing(state.on_out_r1_a9(deadline));
                Ok(())
            }
            State::B1OrC1W(state) => {
                let (state, instance) = state.on_out_r2_b1();
                self.state = state;
                self.leaving = Some(Waiting { instance, deadline });
                self.leg_cookie = self.state.default().map_or(self.leg_cookie, |instance| instance.channel.cookie);
                Ok(())
            }
            other => {
                self.state = other;
                Err(self.state.unexpected_from_server(pdu))
            }
        }
    }

    /// [MS-RPCH] 3.2.4.5.12
    fn on_out_r2_b2(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        match mem::replace(&mut self.state, State::Finished) {
            State::B1OrC1W(state) if state.c1 => {
                let (opened, successor) = state.on_out_r2_b2();
                self.state = State::Opened(opened);
                let abort = HttpTransmit::Abort { conn: successor.channel.conn };
                self.channel.put_http(abort);
                Ok(())
            }
            other => {
                self.state = other;
                Err(self.state.unexpected_from_server(pdu))
            }
        }
    }

    /// The client's acknowledgement, forwarded. Of a channel that is no longer ours it is discarded: [MS-RPCH] 3.2.1.5.1.2.
    fn on_ack(&mut self, ack: &FlowControlAck) -> Result<(), PeerFault> {
        let state = self.state.name();
        let leaving = self.leaving.as_mut().map(|waiting| &mut waiting.instance);
        let of = |cookie: RtsCookie| cookie == ack.channel_cookie;
        self.former.iter_mut().for_each(|former| former.on_ack(ack));
        let instance = if self.state.default().is_some_and(|instance| of(instance.channel.cookie)) {
            // The client reads a successor once it has read its predecessor to the end.
            self.former.take_if(|_| ack.bytes_received > 0);
            self.state.default_mut()
        } else if self.state.successor().is_some_and(|instance| of(instance.channel.cookie)) {
            self.state.successor_mut()
        } else {
            leaving.filter(|instance| of(instance.channel.cookie))
        };
        instance
            .map_or(Ok(()), |instance| instance.channel.sent.on_ack(ack).map_err(|fault| fault.to_peer_fault(state)))
    }

    /// Takes the PDUs that are whole on the client's OUT channels.
    pub(super) fn read_client(&mut self) -> Result<(), PeerFault> {
        loop {
            let state = self.state.name();
            let default = self.state.default_mut().map(|instance| instance.channel.pdus.next_pdu());
            let from_default = default.transpose().map_err(|error| broken_stream(state, error))?.flatten();
            let successor = self.state.successor_mut().map(|instance| instance.channel.pdus.next_pdu());
            let from_successor = successor.transpose().map_err(|error| broken_stream(state, error))?.flatten();
            if from_default.is_none() && from_successor.is_none() {
                return Ok(());
            }
            if let Some(pdu) = from_default {
                self.on_default_pdu(pdu.bytes())?;
            }
            if let Some(pdu) = from_successor {
                self.on_successor_pdu(pdu.bytes())?;
            }
        }
    }

    fn on_default_pdu(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        let state = self.state.name();
        let undecodable = |error: DecodeError| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6");
        let signature = signature(pdu).map_err(undecodable)?;
        let is = |name| signature.is_some_and(|signature| signature.names().any(|candidate| candidate == name));
        match mem::replace(&mut self.state, State::Finished) {
            // [MS-RPCH] 3.2.4.5.9
            State::A11W(state) if is(PduName::OutR1A11) => {
                self.state = State::Opened(state.on_established());
                self.unplug()
            }
            // [MS-RPCH] 3.2.4.5.11
            State::R2C1W(state) if is(PduName::OutR2C1) => {
                self.state = State::Opened(state.on_established());
                if self.leaving.is_none() {
                    self.unplug()?;
                    self.channel.events.push_back(ProxyChannelEvent::Recycled);
                }
                Ok(())
            }
            other => {
                self.state = other;
                Err(self.state.unexpected_from_client(pdu))
            }
        }
    }

    fn on_successor_pdu(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        let state = self.state.name();
        let undecodable = |error: DecodeError| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6");
        let signature = signature(pdu).map_err(undecodable)?;
        let c1 = signature.is_some_and(|signature| signature.names().any(|name| name == PduName::OutR2C1));
        match &mut self.state {
            State::B1OrC1W(state) if c1 && !state.c1 => {
                state.c1 = true;
                Ok(())
            }
            other => Err(other.unexpected_from_client(pdu)),
        }
    }
}
