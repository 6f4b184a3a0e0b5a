//! The virtual IN channel: the inbound proxy's states of [MS-RPCH] 3.2.3 and the server's of 3.2.5, in one process.

use std::time::Instant;

use oxwire_core::{ConnectionId, PeerFault};

use crate::channel::PdusIn;
use crate::fault::{unexpected_pdu, wrong_value};
use crate::flow_control::Receiver;
use crate::front::Channel;
use crate::rts::RtsCookie;
use crate::rts::in_r2::InR2A5;

/// One IN channel instance.
#[derive(Debug)]
pub(crate) struct InChannel {
    pub(crate) conn: ConnectionId,
    pub(crate) cookie: RtsCookie,
    pub(crate) pdus: PdusIn,
    pub(crate) receiver: Receiver,
    /// The request is whole: nothing more can come.
    pub(crate) ended: bool,
}

impl InChannel {
    pub(crate) fn new(channel: Channel, cookie: RtsCookie, receiver: Receiver) -> Self {
        Self { conn: channel.conn, cookie, pdus: channel.pdus, receiver, ended: channel.ended }
    }
}

/// States of the virtual IN channel.
#[derive(Debug)]
pub(super) enum VirtualInChannel {
    Opened(Opened),
    OpenedA5W(Box<OpenedA5W>),
    Finished,
}

/// One IN channel.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) channel: InChannel,
}

/// A successor is here, in plugged channel mode: what it carries waits for IN_R2/A5 on the predecessor.
#[derive(Debug)]
pub(super) struct OpenedA5W {
    pub(super) predecessor: InChannel,
    pub(super) successor: InChannel,
    pub(super) deadline: Option<Instant>,
}

/// What IN_R2/A5 does. [MS-RPCH] 3.2.3.5.8
pub(super) enum AfterA5 {
    /// The successor is the default channel; the predecessor is to be closed.
    Switched { channel: Opened, predecessor: InChannel },
    /// The cookie is not the successor's: the successor is closed, and the predecessor goes on.
    Kept { channel: Opened, successor: InChannel },
}

impl Opened {
    /// [MS-RPCH] 3.2.3.5.5.1, and the server's 3.2.5.5.8: the successor becomes a part of the virtual IN channel.
    pub(super) fn on_in_r2_a1(self, successor: InChannel, deadline: Option<Instant>) -> OpenedA5W {
        OpenedA5W { predecessor: self.channel, successor, deadline }
    }
}

impl OpenedA5W {
    /// [MS-RPCH] 3.2.3.5.8
    pub(super) fn on_in_r2_a5(self, pdu: &InR2A5) -> AfterA5 {
        let Self { predecessor, successor, .. } = self;
        if pdu.successor_channel_cookie.0 == successor.cookie {
            AfterA5::Switched { channel: Opened { channel: successor }, predecessor }
        } else {
            AfterA5::Kept { channel: Opened { channel: predecessor }, successor }
        }
    }
}

impl VirtualInChannel {
    /// The state, in the specification's words.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::OpenedA5W(_) => "Opened_A5W",
            Self::Finished => "finished",
        }
    }

    /// The channel whose PDUs count now: during recycling the predecessor, until IN_R2/A5 has come.
    pub(super) const fn reading_mut(&mut self) -> Option<&mut InChannel> {
        match self {
            Self::Opened(state) => Some(&mut state.channel),
            Self::OpenedA5W(state) => Some(&mut state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) const fn reading(&self) -> Option<&InChannel> {
        match self {
            Self::Opened(state) => Some(&state.channel),
            Self::OpenedA5W(state) => Some(&state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) const fn successor_mut(&mut self) -> Option<&mut InChannel> {
        match self {
            Self::OpenedA5W(state) => Some(&mut state.successor),
            _ => None,
        }
    }

    pub(super) const fn successor(&self) -> Option<&InChannel> {
        match self {
            Self::OpenedA5W(state) => Some(&state.successor),
            _ => None,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::OpenedA5W(state) => state.deadline,
            _ => None,
        }
    }

    /// Whether a successor of that channel has to wait for IN_R2/A5.
    pub(super) fn awaits_a5_for(&self, predecessor: RtsCookie) -> bool {
        matches!(self, Self::OpenedA5W(state) if state.successor.cookie == predecessor)
    }

    /// Whether IN_R2/A1 may come: in state opened, and with the cookie of the default IN channel.
    pub(super) fn check_in_r2_a1(&self, predecessor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::Opened(state) if state.channel.cookie == predecessor => return Ok(()),
            Self::Opened(_) => (
                "IN_R2/A1 with the cookie of the default IN channel as PredecessorChannelCookie",
                "IN_R2/A1 with another cookie",
            ),
            _ => ("no second successor IN channel", "IN_R2/A1"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.3.5.5.1"))
    }

    /// A PDU that this state does not allow.
    pub(super) fn unexpected(&self, pdu: &[u8]) -> PeerFault {
        let expected = match self {
            Self::OpenedA5W(_) => "an RPC PDU, IN_R2/A5, a PDU for the server, Ping, Keep-Alive or FlowControlAck",
            _ => "an RPC PDU, a PDU for the server, Ping, Keep-Alive or FlowControlAck",
        };
        unexpected_pdu(self.name(), expected, pdu, "[MS-RPCH] 3.2.3.5")
    }
}
