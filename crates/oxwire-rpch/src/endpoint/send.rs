//! What a virtual connection says by itself: RTS PDUs, acknowledgements, responses, and what recycles its channels.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Encode, PeerFault, encode_to_bytes};
use oxwire_http::{Head, HeadError, HttpEvent, HttpTransmit, ResponseHead, name};

use super::InChannelResponse;
use super::connection::{VirtualConnection, out_timeout};
use super::in_channel::{InChannel, VirtualInChannel};
use super::out_channel::{OutChannel, VirtualOutChannel};
use crate::channel::PdusIn;
use crate::fault::wrong_value;
use crate::front::{Channel, FirstPdu};
use crate::http::out_channel_response;
use crate::rts::in_r2::InR2A4;
use crate::rts::other::FlowControlAckWithDestination;
use crate::rts::out_r2::{OutR2A2, OutR2A6};
use crate::rts::{Ance, Destination, ForwardDestination};

/// So much of an OUT channel's lifetime is kept for the PDUs that recycle it: acknowledgements and pings wait for the successor.
pub(super) const LAST_WORDS: u64 = 512;

impl VirtualConnection {
    /// Sends FlowControlAckWithDestination, unless what is left of the OUT channel is needed for its recycling.
    pub(super) fn acknowledge(&mut self) -> Result<(), PeerFault> {
        self.ack_waits =
            self.outs.default().is_some_and(|out| out.plugged.is_none() && out.lifetime.left() < LAST_WORDS);
        let Some(channel) = self.ins.reading_mut().filter(|_| !self.ack_waits) else { return Ok(()) };
        let flow_control_ack = channel.receiver.ack(channel.cookie);
        let destination = Destination(ForwardDestination::CLIENT);
        self.send_rts(&FlowControlAckWithDestination { destination, flow_control_ack })
    }

    /// Puts an RTS PDU on the default OUT channel, or has it wait where that is plugged.
    pub(super) fn send_rts<T: Encode>(&mut self, pdu: &T) -> Result<(), PeerFault> {
        let Ok(bytes) = encode_to_bytes(pdu) else { return Ok(()) };
        let now = self.life.now();
        let state = self.outs.name();
        let Some(channel) = self.outs.default_mut() else { return Ok(()) };
        if let Some(plugged) = &mut channel.plugged {
            plugged.push_back(bytes);
            return Ok(());
        }
        let event = put(channel, bytes, state)?;
        let near = channel.lifetime.approaches_its_end(self.config.recycle_threshold);
        self.transmits.push_back(event);
        self.ping.on_sent(now);
        if near { self.recycle_out(now) } else { Ok(()) }
    }

    /// Ends plugged channel mode of the default OUT channel: the response, then what has waited.
    pub(super) fn unplug_out(&mut self) -> Result<(), PeerFault> {
        let (now, state, lifetime) = (self.life.now(), self.outs.name(), self.config.channel_lifetime);
        let Some(channel) = self.outs.default_mut() else { return Ok(()) };
        let Some(waiting) = channel.plugged.take() else { return Ok(()) };
        if let Ok(head) = out_channel_response(lifetime) {
            let event = HttpEvent::Head(Head::Response(head));
            self.transmits.push_back(HttpTransmit::Event { conn: channel.conn, event });
        }
        for bytes in waiting {
            let event = put(channel, bytes, state)?;
            self.transmits.push_back(event);
        }
        self.ping.on_sent(now);
        if self.ack_waits { self.acknowledge() } else { Ok(()) }
    }

    /// [MS-RPCH] 3.2.5.5.15. Without effect while the OUT channel is being recycled.
    pub(super) fn recycle_out(&mut self, now: Instant) -> Result<(), PeerFault> {
        if !matches!(self.outs, VirtualOutChannel::Opened(_)) {
            return Ok(());
        }
        let deadline = now.checked_add(self.config.setup_timeout);
        if let VirtualOutChannel::Opened(state) = mem::replace(&mut self.outs, VirtualOutChannel::Finished) {
            self.outs = VirtualOutChannel::OpenedA4W(state.start_recycling(deadline));
        }
        self.send_rts(&OutR2A2 {})
    }

    pub(super) fn start_out_recycling(&mut self, now: Instant) {
        let started = self.recycle_out(now);
        let _told = self.fail_on(started);
    }

    /// The client has opened a successor channel.
    pub(super) fn on_successor(&mut self, now: Instant, mut channel: Channel) -> Result<(), PeerFault> {
        let deadline = now.checked_add(self.config.setup_timeout);
        match channel.first {
            FirstPdu::InA1(_) if self.waiting.is_some() => {
                let expected = "no second successor IN channel";
                Err(wrong_value(self.ins.name(), expected, "IN_R2/A1", "[MS-RPCH] 3.2.3.5.5.1"))
            }
            FirstPdu::InA1(pdu) => {
                // IN_R2/A5 is on its way on the predecessor: the client has gone through another channel's lifetime already. Or PDUs of
                // a channel before the predecessor are not consumed: every successor brings a whole window, and no more than two are held.
                let checked = self.ins.check_in_r2_a1(pdu.predecessor_channel_cookie.0);
                let overtaken = self.ins.awaits_a5_for(pdu.predecessor_channel_cookie.0);
                if overtaken || (checked.is_ok() && !self.orphans.are_none()) {
                    self.waiting = Some(Box::new(channel));
                    return Ok(());
                }
                checked?;
                let conn = channel.conn;
                let successor = InChannel::new(channel, pdu.successor_channel_cookie.0, self.config.receiver());
                if let VirtualInChannel::Opened(state) = mem::replace(&mut self.ins, VirtualInChannel::Finished) {
                    self.ins = VirtualInChannel::OpenedA5W(Box::new(state.on_in_r2_a1(successor, deadline)));
                }
                self.answer_in(conn, false);
                self.send_rts(&InR2A4 {})
            }
            FirstPdu::OutA3(pdu) => {
                self.outs.check_out_r2_a3(pdu.predecessor_channel_cookie.0)?;
                // The client has come over to the predecessor, or it could not ask for its successor.
                self.former = None;
                let pdus = mem::replace(&mut channel.pdus, PdusIn::new(self.config.max_pdu));
                let window = pdu.outbound_proxy_receive_window_size.0;
                let (conn, cookie) = (channel.conn, pdu.successor_channel_cookie.0);
                let (lifetime, plugged) = (self.config.channel_lifetime, Some(VecDeque::new()));
                let successor = OutChannel::new(conn, cookie, window, lifetime, pdus, plugged);
                if let VirtualOutChannel::OpenedA4W(state) = mem::replace(&mut self.outs, VirtualOutChannel::Finished) {
                    self.outs = VirtualOutChannel::OpenedR2A8W(Box::new(state.on_out_r2_a3(successor, deadline)));
                }
                self.ping.set_connection_timeout(out_timeout(&self.config, &channel));
                self.send_rts(&OutR2A6 { ance: Ance })?;
                self.read_out()
            }
            FirstPdu::ConnA1(_) => Err(wrong_value("opened", "no second CONN/A1", "CONN/A1", "[MS-RPCH] 3.2.4.5.3")),
            FirstPdu::ConnB1(_) => Err(wrong_value("opened", "no second CONN/B1", "CONN/B1", "[MS-RPCH] 3.2.3.5.3")),
        }
    }

    /// The response to a new IN channel request, by the policy; `in_use` says whether the channel is the default already.
    pub(super) fn answer_in(&mut self, conn: ConnectionId, in_use: bool) {
        let (head, whole) = match self.config.in_channel_response {
            InChannelResponse::Nothing => return,
            InChannelResponse::HeldOpen => (out_channel_response(self.config.channel_lifetime), false),
            InChannelResponse::Success if in_use => (success(), true),
            InChannelResponse::Success => return,
        };
        self.answer_with(conn, head, whole);
    }

    /// The response to a successor IN channel that has come into use, where the policy has waited for that.
    pub(super) fn answer_successful_in(&mut self, conn: ConnectionId) {
        if self.config.in_channel_response == InChannelResponse::Success {
            self.answer_with(conn, success(), true);
        }
    }

    fn answer_with(&mut self, conn: ConnectionId, head: Result<ResponseHead, HeadError>, whole: bool) {
        let Ok(head) = head else { return };
        self.transmits.push_back(HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) });
        if whole {
            self.transmits.push_back(HttpTransmit::Event { conn, event: HttpEvent::End });
        }
    }
}

/// Counts an RTS PDU against the lifetime of its channel.
pub(crate) fn put(channel: &mut OutChannel, bytes: Bytes, state: &'static str) -> Result<HttpTransmit, PeerFault> {
    if !channel.lifetime.has_room_for_rts(bytes.len()) {
        return Err(wrong_value(
            state,
            "a successor OUT channel before the end of the channel lifetime",
            "no room for an RTS PDU on an expired OUT channel",
            "[MS-RPCH] 2.1.2.1.8",
        ));
    }
    channel.lifetime.on_sent(bytes.len());
    Ok(HttpTransmit::Event { conn: channel.conn, event: HttpEvent::Body(bytes) })
}

fn success() -> Result<ResponseHead, HeadError> {
    ResponseHead::builder(200, "Success").field(name::CONTENT_LENGTH, "0").response()
}
