//! What the client sends on the channels of a virtual connection.

use std::mem;

use bytes::Bytes;
use oxwire_core::{PeerFault, Reader, encode_to_bytes};
use oxwire_http::HttpTransmit;

use super::Event;
use super::connection::{Ending, VirtualConnection};
use super::in_channel::{AfterA5, VirtualInChannel};
use super::out_channel::{AfterA7, Former, VirtualOutChannel};
use super::send::put;
use crate::channel::ChannelPdu;
use crate::fault::{broken_stream, wrong_value};
use crate::front::signature;
use crate::http::ChannelKind;
use crate::rts::in_r2::InR2A5;
use crate::rts::other::{FlowControlAckPdu, FlowControlAckWithDestination, KeepAlive};
use crate::rts::out_r2::{OutR2A7, OutR2A8, OutR2B3};
use crate::rts::{Ance, FlowControlAck, ForwardDestination, PduName, RtsCookie};

impl VirtualConnection {
    /// Takes the PDUs that are whole on the IN channel that counts: after IN_R2/A5 that is the successor.
    pub(super) fn read_in(&mut self) -> Result<(), Ending> {
        loop {
            let state = self.ins.name();
            let Some(channel) = self.ins.reading_mut() else { return Ok(()) };
            match channel.pdus.next_pdu().map_err(|error| broken_stream(state, error))? {
                Some(ChannelPdu::Rpc(pdu)) => {
                    channel.receiver.on_received(pdu.len()).map_err(|fault| fault.to_peer_fault(state))?;
                    self.events.push_back(Event::Pdu(pdu));
                }
                Some(ChannelPdu::Rts(pdu)) => self.on_in_rts(&pdu)?,
                None if channel.ended => {
                    return Err(Ending::Gone("IN channel", "its request has ended without a successor".into()));
                }
                None => return Ok(()),
            }
        }
    }

    /// The successor IN channel is plugged: what it carries waits, as much as its window and its pings need.
    pub(super) fn hold_successor(&mut self, bytes: Bytes) -> Result<(), PeerFault> {
        let state = self.ins.name();
        let window = usize::try_from(self.config.receive_window).unwrap_or(usize::MAX);
        let limit = window.saturating_add(crate::front::BEFORE_OPEN);
        let Some(channel) = self.ins.successor_mut() else { return Ok(()) };
        channel.pdus.push(bytes);
        if channel.pdus.held() > limit {
            return Err(wrong_value(
                state,
                "no more on the successor IN channel than its window, before IN_R2/A5",
                "more",
                "[MS-RPCH] 3.2.3.5.5.1",
            ));
        }
        Ok(())
    }

    /// An RTS PDU on the IN channel.
    fn on_in_rts(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        let undecodable = |error: oxwire_core::DecodeError, state| {
            wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6")
        };
        let state = self.ins.name();
        let signature = signature(pdu).map_err(|error| undecodable(error, state))?;
        let Some(signature) = signature else { return Err(self.ins.unexpected(pdu)) };
        let mut r = Reader::new(pdu);
        for name in signature.names() {
            match name {
                PduName::Ping => return Ok(()),
                PduName::KeepAlive => {
                    let pdu: KeepAlive = r.structure().map_err(|error| undecodable(error, state))?;
                    self.set_keep_alive(pdu.client_keepalive.interval_ms());
                    return Ok(());
                }
                PduName::FlowControlAck => {
                    let pdu: FlowControlAckPdu = r.structure().map_err(|error| undecodable(error, state))?;
                    return self.on_ack(&pdu.flow_control_ack);
                }
                PduName::FlowControlAckWithDestination => {
                    let ack: FlowControlAckWithDestination =
                        r.structure().map_err(|error| undecodable(error, state))?;
                    if ack.destination.0 == ForwardDestination::CLIENT {
                        return Err(self.ins.unexpected(pdu));
                    }
                    return self.on_ack(&ack.flow_control_ack);
                }
                PduName::InR2A5 => {
                    let pdu = r.structure().map_err(|error| undecodable(error, state))?;
                    return self.on_in_r2_a5(&pdu);
                }
                PduName::OutR2A7 => {
                    let pdu: OutR2A7 = r.structure().map_err(|error| undecodable(error, state))?;
                    return self.on_out_r2_a7(pdu.successor_channel_cookie.0);
                }
                // The form without a Version is what the inbound proxy makes of it; a client that sends it means the same.
                PduName::OutR2A8 => {
                    let pdu: OutR2A8 = r.structure().map_err(|error| undecodable(error, state))?;
                    return self.on_out_r2_a7(pdu.successor_channel_cookie.0);
                }
                _ => {}
            }
        }
        Err(self.ins.unexpected(pdu))
    }

    /// [MS-RPCH] 3.2.1.5.1.2: of a channel that is no longer ours it changes no window, and only tells what has arrived.
    fn on_ack(&mut self, ack: &FlowControlAck) -> Result<(), PeerFault> {
        let state = self.outs.name();
        let is = |channel: &super::out_channel::OutChannel| channel.cookie == ack.channel_cookie;
        let channel = if self.outs.default().is_some_and(is) {
            // The client reads a successor once it has read its predecessor to the end.
            self.former.take_if(|_| ack.bytes_received > 0);
            self.outs.default_mut()
        } else if self.outs.successor().is_some_and(is) {
            self.outs.successor_mut()
        } else {
            self.former.iter_mut().for_each(|former| former.on_ack(ack));
            None
        };
        channel.map_or(Ok(()), |channel| channel.sent.on_ack(ack).map_err(|fault| fault.to_peer_fault(state)))
    }

    /// [MS-RPCH] 3.2.3.5.8
    fn on_in_r2_a5(&mut self, pdu: &InR2A5) -> Result<(), PeerFault> {
        let state = match mem::replace(&mut self.ins, VirtualInChannel::Finished) {
            VirtualInChannel::OpenedA5W(state) => state,
            other => {
                self.ins = other;
                let (state, found) = (self.ins.name(), "IN_R1/A5 or IN_R2/A5");
                return Err(wrong_value(state, "IN_R2/A5 in state Opened_A5W only", found, "[MS-RPCH] 3.2.3.5.8"));
            }
        };
        match state.on_in_r2_a5(pdu) {
            AfterA5::Switched { channel, predecessor } => {
                self.orphans.adopt(&predecessor.receiver);
                self.transmits.push_back(HttpTransmit::Close { conn: predecessor.conn });
                let conn = channel.channel.conn;
                self.ins = VirtualInChannel::Opened(channel);
                self.answer_successful_in(conn);
                self.events.push_back(Event::Recycled(ChannelKind::In));
                return self.on_waiting();
            }
            AfterA5::Kept { channel, successor } => {
                let waiting = self.waiting.take().map(|waiting| waiting.conn);
                let gone = [Some(successor.conn), waiting].into_iter().flatten();
                self.transmits.extend(gone.map(|conn| HttpTransmit::Abort { conn }));
                self.ins = VirtualInChannel::Opened(channel);
            }
        }
        Ok(())
    }

    /// A successor IN channel that had to wait.
    pub(super) fn on_waiting(&mut self) -> Result<(), PeerFault> {
        let now = self.life.now();
        self.waiting.take().map_or(Ok(()), |waiting| self.on_successor(now, *waiting))
    }

    /// [MS-RPCH] 3.2.5.5.12, and what OUT_R2/B1 has the outbound proxy do, 3.2.4.5.10. RPC PDUs that still wait go out on the
    /// successor: the one process has no queue between server and proxy that would have to be emptied first.
    fn on_out_r2_a7(&mut self, successor_cookie: RtsCookie) -> Result<(), PeerFault> {
        self.outs.check_out_r2_a7(successor_cookie)?;
        let VirtualOutChannel::OpenedR2A8W(state) = mem::replace(&mut self.outs, VirtualOutChannel::Finished) else {
            return Ok(());
        };
        let (after, mut predecessor) = state.on_out_r2_a7();
        let conn = predecessor.conn;
        self.outs = match after {
            AfterA7::Opened(state) => VirtualOutChannel::Opened(state),
            AfterA7::R2C1W(state) => VirtualOutChannel::R2C1W(state),
        };
        let b3 = encode_to_bytes(&OutR2B3 { ance: Ance }).map(|b3| put(&mut predecessor, b3, "Opened_R2A8W"));
        self.former = Some(Former::new(predecessor));
        if let Ok(last) = b3 {
            self.transmits.extend(last.clone());
            self.transmits.push_back(HttpTransmit::Close { conn });
            last?;
        }
        if matches!(self.outs, VirtualOutChannel::Opened(_)) { self.on_out_recycled() } else { Ok(()) }
    }

    fn on_out_recycled(&mut self) -> Result<(), PeerFault> {
        self.unplug_out()?;
        self.events.push_back(Event::Recycled(ChannelKind::Out));
        Ok(())
    }

    /// Takes the PDUs that are whole on the OUT channels: OUT_R2/C1 on a successor, and nothing else.
    pub(super) fn read_out(&mut self) -> Result<(), PeerFault> {
        loop {
            let state = self.outs.name();
            let pdu = match &mut self.outs {
                VirtualOutChannel::OpenedR2A8W(recycling) => {
                    if let Some(pdu) =
                        recycling.predecessor.pdus.next_pdu().map_err(|error| broken_stream(state, error))?
                    {
                        return Err(self.outs.unexpected(pdu.bytes()));
                    }
                    recycling.successor.pdus.next_pdu()
                }
                VirtualOutChannel::Opened(opened) => opened.channel.pdus.next_pdu(),
                VirtualOutChannel::OpenedA4W(opened) => opened.channel.pdus.next_pdu(),
                VirtualOutChannel::R2C1W(waiting) => waiting.channel.pdus.next_pdu(),
                VirtualOutChannel::Finished => return Ok(()),
            };
            match pdu.map_err(|error| broken_stream(state, error))? {
                None => return Ok(()),
                Some(pdu) => self.on_out_pdu(pdu.bytes())?,
            }
        }
    }

    fn on_out_pdu(&mut self, pdu: &[u8]) -> Result<(), PeerFault> {
        let state = self.outs.name();
        let found =
            signature(pdu).map_err(|error| wrong_value(state, "an RTS PDU", error.to_string(), "[MS-RPCH] 2.2.3.6"))?;
        let is_c1 = found.is_some_and(|signature| signature.names().any(|name| name == PduName::OutR2C1));
        match mem::replace(&mut self.outs, VirtualOutChannel::Finished) {
            VirtualOutChannel::OpenedR2A8W(mut state) if is_c1 && !state.c1 => {
                state.c1 = true;
                self.outs = VirtualOutChannel::OpenedR2A8W(state);
                Ok(())
            }
            VirtualOutChannel::R2C1W(state) if is_c1 => {
                self.outs = VirtualOutChannel::Opened(state.on_out_r2_c1());
                self.on_out_recycled()
            }
            other => {
                self.outs = other;
                Err(self.outs.unexpected(pdu))
            }
        }
    }
}
