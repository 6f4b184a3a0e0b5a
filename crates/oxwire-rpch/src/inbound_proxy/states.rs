//! The states of [MS-RPCH] 3.2.3, figure 27. Open_Start is the [`InboundProxy`](super::InboundProxy)'s: until the first PDU.

use std::time::Instant;

use oxwire_core::PeerFault;

use crate::endpoint::in_channel::InChannel;
use crate::fault::{unexpected_pdu, wrong_value};
use crate::rts::RtsCookie;

#[derive(Debug)]
pub(super) enum State {
    B3W(Waiting),
    WaitB2(Waiting),
    Opened(Opened),
    OpenedA5W(Box<OpenedA5W>),
    /// IN_R1/A5 has come: what is queued goes out, then IN_R1/B1, and all is finished.
    Finishing(Waiting),
    Finished,
}

/// One channel, and the server that something is awaited from.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) channel: InChannel,
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) channel: InChannel,
}

/// IN_R2: the successor is plugged until IN_R2/A5 comes on the predecessor.
#[derive(Debug)]
pub(super) struct OpenedA5W {
    pub(super) predecessor: InChannel,
    pub(super) successor: InChannel,
    pub(super) deadline: Option<Instant>,
}

impl Waiting {
    /// CONN/B3 and IN_R1/B2: [MS-RPCH] 3.2.3.5.4, 3.2.3.5.7.
    pub(super) fn on_established(self) -> Opened {
        Opened { channel: self.channel }
    }
}

impl Opened {
    /// [MS-RPCH] 3.2.3.5.5.1
    pub(super) fn on_in_r2_a1(self, successor: InChannel, deadline: Option<Instant>) -> OpenedA5W {
        OpenedA5W { predecessor: self.channel, successor, deadline }
    }

    /// [MS-RPCH] 3.2.3.5.6
    pub(super) fn on_in_r1_a5(self, deadline: Option<Instant>) -> Waiting {
        Waiting { channel: self.channel, deadline }
    }
}

impl OpenedA5W {
    /// [MS-RPCH] 3.2.3.5.8. Gives the channel that goes on and the one that is to be closed.
    pub(super) fn on_in_r2_a5(self, switched: bool) -> (Opened, InChannel) {
        let Self { predecessor, successor, .. } = self;
        if switched {
            (Opened { channel: successor }, predecessor)
        } else {
            (Opened { channel: predecessor }, successor)
        }
    }
}

impl State {
    /// In the specification's words.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::B3W(_) => "B3W",
            Self::WaitB2(_) => "Wait_B2",
            Self::Opened(_) => "opened",
            Self::OpenedA5W(_) => "Opened_A5W",
            Self::Finishing(_) => "opened, after IN_R1/A5",
            Self::Finished => "finished",
        }
    }

    /// The channel whose PDUs count now.
    pub(super) fn reading_mut(&mut self) -> Option<&mut InChannel> {
        match self {
            Self::B3W(state) | Self::WaitB2(state) => Some(&mut state.channel),
            Self::Opened(state) => Some(&mut state.channel),
            Self::OpenedA5W(state) => Some(&mut state.predecessor),
            // After IN_R1/A5 nothing more counts.
            Self::Finishing(_) | Self::Finished => None,
        }
    }

    /// The channel that is acknowledged, and closed at the end.
    pub(super) fn channel(&self) -> Option<&InChannel> {
        match self {
            Self::B3W(state) | Self::WaitB2(state) | Self::Finishing(state) => Some(&state.channel),
            Self::Opened(state) => Some(&state.channel),
            Self::OpenedA5W(state) => Some(&state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) fn channel_mut(&mut self) -> Option<&mut InChannel> {
        match self {
            Self::Finishing(state) => Some(&mut state.channel),
            other => other.reading_mut(),
        }
    }

    pub(super) fn successor(&self) -> Option<&InChannel> {
        if let Self::OpenedA5W(state) = self { Some(&state.successor) } else { None }
    }

    pub(super) fn successor_mut(&mut self) -> Option<&mut InChannel> {
        if let Self::OpenedA5W(state) = self { Some(&mut state.successor) } else { None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::B3W(state) | Self::WaitB2(state) | Self::Finishing(state) => state.deadline,
            Self::OpenedA5W(state) => state.deadline,
            Self::Opened(_) | Self::Finished => None,
        }
    }

    /// What the deadline is about.
    pub(super) const fn awaited(&self) -> (&'static str, &'static str) {
        match self {
            Self::B3W(_) => ("CONN/B3 from the server", "[MS-RPCH] 3.2.3.5.4"),
            Self::WaitB2(_) => ("IN_R1/B2 from the server", "[MS-RPCH] 3.2.3.5.7"),
            Self::OpenedA5W(_) => ("IN_R2/A5 on the predecessor IN channel", "[MS-RPCH] 3.2.3.5.8"),
            _ => ("window of the server for what is queued", "[MS-RPCH] 3.2.3.5.6"),
        }
    }

    /// Whether a successor of that channel has to wait: for CONN/B3, for IN_R1/B2, or for IN_R2/A5.
    pub(super) fn opens_for(&self, predecessor: RtsCookie) -> bool {
        match self {
            Self::B3W(state) | Self::WaitB2(state) => state.channel.cookie == predecessor,
            Self::OpenedA5W(state) => state.successor.cookie == predecessor,
            _ => false,
        }
    }

    /// Whether IN_R2/A1 may come.
    pub(super) fn check_in_r2_a1(&self, predecessor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::Opened(state) if state.channel.cookie == predecessor => return Ok(()),
            Self::Opened(_) => (
                "IN_R2/A1 with the cookie of the default IN channel as PredecessorChannelCookie",
                "IN_R2/A1 with another cookie",
            ),
            _ => ("IN_R2/A1 in state opened only", "IN_R2/A1"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.3.5.5.1"))
    }

    /// A PDU from the client that this state does not allow.
    pub(super) fn unexpected_from_client(&self, pdu: &[u8]) -> PeerFault {
        let expected = match self {
            Self::Opened(_) => "an RPC PDU, IN_R1/A5, Ping, Keep-Alive or a PDU to be forwarded",
            Self::OpenedA5W(_) => "an RPC PDU, IN_R2/A5, Ping, Keep-Alive or a PDU to be forwarded",
            _ => "an RPC PDU, Ping, Keep-Alive or a PDU to be forwarded",
        };
        unexpected_pdu(self.name(), expected, pdu, "[MS-RPCH] 3.2.3.5")
    }

    /// A PDU from the server that this state does not allow.
    pub(super) fn unexpected_from_server(&self, pdu: &[u8]) -> PeerFault {
        let (expected, spec) = match self {
            Self::B3W(_) => ("CONN/B3", "[MS-RPCH] 3.2.3.5.4"),
            Self::WaitB2(_) => ("IN_R1/B2", "[MS-RPCH] 3.2.3.5.7"),
            _ => ("FlowControlAck", "[MS-RPCH] 3.2.3.5"),
        };
        unexpected_pdu(self.name(), expected, pdu, spec)
    }
}
