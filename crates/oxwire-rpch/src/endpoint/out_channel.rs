//! The virtual OUT channel: the outbound proxy's states of [MS-RPCH] 3.2.4 and the server's of 3.2.5, in one process.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, PeerFault};

use crate::channel::{Lifetime, PdusIn};
use crate::fault::{unexpected_pdu, wrong_value};
use crate::rts::{FlowControlAck, RtsCookie};
use crate::unacknowledged::Unacknowledged;

/// One OUT channel instance.
#[derive(Debug)]
pub(crate) struct OutChannel {
    pub(crate) conn: ConnectionId,
    pub(crate) cookie: RtsCookie,
    pub(crate) sent: Unacknowledged,
    pub(crate) lifetime: Lifetime,
    /// What the client sends on it: nothing, or OUT_R2/C1 on a successor.
    pub(crate) pdus: PdusIn,
    /// RTS PDUs that wait for the end of plugged channel mode; `None` when it is unplugged.
    pub(crate) plugged: Option<VecDeque<Bytes>>,
}

impl OutChannel {
    pub(crate) const fn new(
        conn: ConnectionId,
        cookie: RtsCookie,
        peer_window: u32,
        lifetime: u32,
        pdus: PdusIn,
        plugged: Option<VecDeque<Bytes>>,
    ) -> Self {
        Self { conn, cookie, sent: Unacknowledged::new(peer_window), lifetime: Lifetime::new(lifetime), pdus, plugged }
    }

    /// Counts an RPC PDU that goes out, where the client's window lets it.
    #[must_use]
    pub(crate) fn send(&mut self, len: usize) -> bool {
        let goes = self.sent.send(len);
        if goes {
            self.lifetime.on_sent(len);
        }
        goes
    }
}

/// What went out on an OUT channel that a successor has taken over from. The client may not have read it to its end: it is in doubt until
/// the client acknowledges something on the successor, or asks for the successor's own.
#[derive(Debug)]
pub(crate) struct Former {
    cookie: RtsCookie,
    pub(crate) sent: Unacknowledged,
}

impl Former {
    pub(crate) fn new(channel: OutChannel) -> Self {
        Self { cookie: channel.cookie, sent: channel.sent }
    }

    /// Takes an acknowledgement that was on its way when the successor took over. One of another channel is not for it, and one that
    /// cannot be is discarded with the channel.
    pub(crate) fn on_ack(&mut self, ack: &FlowControlAck) {
        if ack.channel_cookie == self.cookie {
            let _discarded = self.sent.on_ack(ack);
        }
    }
}

/// States of the virtual OUT channel.
#[derive(Debug)]
pub(super) enum VirtualOutChannel {
    Opened(Opened),
    OpenedA4W(OpenedA4W),
    OpenedR2A8W(Box<OpenedR2A8W>),
    R2C1W(R2C1W),
    Finished,
}

/// One OUT channel.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) channel: OutChannel,
}

/// OUT_R2/A2 has gone out; the client's successor is awaited. The server's Opened_A4W, the proxy's opened.
#[derive(Debug)]
pub(super) struct OpenedA4W {
    pub(super) channel: OutChannel,
    pub(super) deadline: Option<Instant>,
}

/// The successor is here, in plugged channel mode. The server's Opened_R2A8W; the proxy's B1OrC1W, or B1W once OUT_R2/C1 has come.
#[derive(Debug)]
pub(super) struct OpenedR2A8W {
    pub(super) predecessor: OutChannel,
    pub(super) successor: OutChannel,
    /// OUT_R2/C1 has come: B1W.
    pub(super) c1: bool,
    pub(super) deadline: Option<Instant>,
}

/// The predecessor is done; the response on the successor waits for OUT_R2/C1.
#[derive(Debug)]
pub(super) struct R2C1W {
    pub(super) channel: OutChannel,
    pub(super) deadline: Option<Instant>,
}

impl Opened {
    /// [MS-RPCH] 3.2.5.5.15
    pub(super) fn start_recycling(self, deadline: Option<Instant>) -> OpenedA4W {
        OpenedA4W { channel: self.channel, deadline }
    }
}

impl OpenedA4W {
    /// [MS-RPCH] 3.2.4.5.6.1, and the server's 3.2.5.5.11.
    pub(super) fn on_out_r2_a3(self, successor: OutChannel, deadline: Option<Instant>) -> OpenedR2A8W {
        OpenedR2A8W { predecessor: self.channel, successor, c1: false, deadline }
    }
}

/// What OUT_R2/A7 does.
pub(super) enum AfterA7 {
    /// OUT_R2/C1 has come before it.
    Opened(Opened),
    R2C1W(R2C1W),
}

impl OpenedR2A8W {
    /// [MS-RPCH] 3.2.5.5.12 and, with OUT_R2/B1, 3.2.4.5.10. Gives the predecessor, on which OUT_R2/B3 is due.
    pub(super) fn on_out_r2_a7(self) -> (AfterA7, OutChannel) {
        let Self { predecessor, successor, c1, deadline } = self;
        let after = if c1 {
            AfterA7::Opened(Opened { channel: successor })
        } else {
            AfterA7::R2C1W(R2C1W { channel: successor, deadline })
        };
        (after, predecessor)
    }
}

impl R2C1W {
    /// [MS-RPCH] 3.2.4.5.11
    pub(super) fn on_out_r2_c1(self) -> Opened {
        Opened { channel: self.channel }
    }
}

impl VirtualOutChannel {
    /// The state, in the specification's words.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::OpenedA4W(_) => "Opened_A4W",
            Self::OpenedR2A8W(state) if state.c1 => "B1W",
            Self::OpenedR2A8W(_) => "B1OrC1W",
            Self::R2C1W(_) => "R2C1W",
            Self::Finished => "finished",
        }
    }

    /// The default OUT channel: where PDUs go.
    pub(super) const fn default_mut(&mut self) -> Option<&mut OutChannel> {
        match self {
            Self::Opened(state) => Some(&mut state.channel),
            Self::OpenedA4W(state) => Some(&mut state.channel),
            Self::OpenedR2A8W(state) => Some(&mut state.predecessor),
            Self::R2C1W(state) => Some(&mut state.channel),
            Self::Finished => None,
        }
    }

    pub(super) const fn default(&self) -> Option<&OutChannel> {
        match self {
            Self::Opened(state) => Some(&state.channel),
            Self::OpenedA4W(state) => Some(&state.channel),
            Self::OpenedR2A8W(state) => Some(&state.predecessor),
            Self::R2C1W(state) => Some(&state.channel),
            Self::Finished => None,
        }
    }

    pub(super) const fn successor_mut(&mut self) -> Option<&mut OutChannel> {
        match self {
            Self::OpenedR2A8W(state) => Some(&mut state.successor),
            _ => None,
        }
    }

    pub(super) const fn successor(&self) -> Option<&OutChannel> {
        match self {
            Self::OpenedR2A8W(state) => Some(&state.successor),
            _ => None,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::OpenedA4W(state) => state.deadline,
            Self::OpenedR2A8W(state) => state.deadline,
            Self::R2C1W(state) => state.deadline,
            Self::Opened(_) | Self::Finished => None,
        }
    }

    /// Whether OUT_R2/A3 may come: in state Opened_A4W, and with the cookie of the default OUT channel.
    pub(super) fn check_out_r2_a3(&self, predecessor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::OpenedA4W(state) if state.channel.cookie == predecessor => return Ok(()),
            Self::OpenedA4W(_) => (
                "OUT_R2/A3 with the cookie of the default OUT channel as PredecessorChannelCookie",
                "OUT_R2/A3 with another cookie",
            ),
            _ => ("a successor OUT channel in state Opened_A4W only", "OUT_R2/A3"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.4.5.6.1"))
    }

    /// Whether OUT_R2/A7 may come: in state Opened_R2A8W, and with the cookie of the successor OUT channel.
    pub(super) fn check_out_r2_a7(&self, successor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::OpenedR2A8W(state) if state.successor.cookie == successor => return Ok(()),
            Self::OpenedR2A8W(_) => {
                ("OUT_R2/A7 with the cookie of the successor OUT channel", "OUT_R2/A7 with another cookie")
            }
            _ => ("OUT_R2/A7 in state Opened_R2A8W only", "OUT_R1/A7, OUT_R2/A7 or their kin"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.5.5.12"))
    }

    /// A PDU from the client on an OUT channel that this state does not allow.
    pub(super) fn unexpected(&self, pdu: &[u8]) -> PeerFault {
        let expected = match self {
            Self::OpenedR2A8W(state) if !state.c1 => "OUT_R2/C1",
            Self::R2C1W(_) => "OUT_R2/C1",
            _ => "no PDU from the client on the OUT channel",
        };
        unexpected_pdu(self.name(), expected, pdu, "[MS-RPCH] 3.2.4.5")
    }
}
