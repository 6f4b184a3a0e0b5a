//! The states of [MS-RPCH] 3.2.5, figure 29. Open_Start, A2W and B2W are the [`Server`](super::Server)'s: until both legs are here.

use std::time::Instant;

use oxwire_core::PeerFault;

use super::legs::{InLeg, OutLeg};
use crate::fault::{unexpected_pdu, wrong_value};
use crate::rts::RtsCookie;

/// States of the virtual IN channel.
#[derive(Debug)]
pub(super) enum InState {
    Opened(InOpened),
    A6W(Box<InRecycling>),
    OpenedB1W(Box<InRecycling>),
    Finished,
}

#[derive(Debug)]
pub(super) struct InOpened {
    pub(super) leg: InLeg,
}

/// IN_R1: a successor from another inbound proxy is here.
#[derive(Debug)]
pub(super) struct InRecycling {
    pub(super) predecessor: InLeg,
    pub(super) successor: InLeg,
    pub(super) deadline: Option<Instant>,
}

impl InOpened {
    /// [MS-RPCH] 3.2.5.5.5
    pub(super) fn on_in_r1_a2(self, successor: InLeg, deadline: Option<Instant>) -> InRecycling {
        InRecycling { predecessor: self.leg, successor, deadline }
    }
}

impl InRecycling {
    /// [MS-RPCH] 3.2.5.5.6: the connection setup timer is cancelled, and a new one watches over IN_R1/B1.
    pub(super) fn on_in_r1_a6(self: Box<Self>, deadline: Option<Instant>) -> Box<Self> {
        Box::new(Self { deadline, ..*self })
    }

    /// [MS-RPCH] 3.2.5.5.7. Gives the predecessor, which is to be closed.
    pub(super) fn on_in_r1_b1(self) -> (InOpened, InLeg) {
        (InOpened { leg: self.successor }, self.predecessor)
    }
}

impl InState {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::A6W(_) => "A6W",
            Self::OpenedB1W(_) => "Opened_B1W",
            Self::Finished => "finished",
        }
    }

    /// The leg whose PDUs count now: during recycling the predecessor.
    pub(super) fn reading(&self) -> Option<&InLeg> {
        match self {
            Self::Opened(state) => Some(&state.leg),
            Self::A6W(state) | Self::OpenedB1W(state) => Some(&state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) fn reading_mut(&mut self) -> Option<&mut InLeg> {
        match self {
            Self::Opened(state) => Some(&mut state.leg),
            Self::A6W(state) | Self::OpenedB1W(state) => Some(&mut state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) fn successor(&self) -> Option<&InLeg> {
        match self {
            Self::A6W(state) | Self::OpenedB1W(state) => Some(&state.successor),
            _ => None,
        }
    }

    pub(super) fn successor_mut(&mut self) -> Option<&mut InLeg> {
        match self {
            Self::A6W(state) | Self::OpenedB1W(state) => Some(&mut state.successor),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::A6W(state) | Self::OpenedB1W(state) => state.deadline,
            _ => None,
        }
    }

    /// Whether a successor of that leg has to wait for IN_R1/B1.
    pub(super) fn awaits_b1_for(&self, predecessor: RtsCookie) -> bool {
        matches!(self, Self::A6W(state) | Self::OpenedB1W(state) if state.successor.cookie == predecessor)
    }

    /// Whether IN_R1/A2 may come.
    pub(super) fn check_in_r1_a2(&self, predecessor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::Opened(state) if state.leg.cookie == predecessor => return Ok(()),
            Self::Opened(_) => (
                "IN_R1/A2 with the cookie of the IN channel as PredecessorChannelCookie",
                "IN_R1/A2 with another cookie",
            ),
            _ => ("no second successor IN channel", "IN_R1/A2"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.5.5.5"))
    }

    pub(super) fn unexpected(&self, pdu: &[u8]) -> PeerFault {
        let expected = match self {
            Self::A6W(_) => "an RPC PDU, IN_R1/A6 or a PDU with a destination",
            Self::OpenedB1W(_) => "an RPC PDU, IN_R1/B1 or a PDU with a destination",
            _ => "an RPC PDU, IN_R2/A2 or a PDU with a destination",
        };
        unexpected_pdu(self.name(), expected, pdu, "[MS-RPCH] 3.2.5.5")
    }
}

/// States of the virtual OUT channel.
#[derive(Debug)]
pub(super) enum OutState {
    Opened(OutOpened),
    OpenedA4W(OutWaiting),
    OpenedA8W(Box<OutRecycling>),
    OpenedR2A8W(OutR2A8W),
    Finished,
}

#[derive(Debug)]
pub(super) struct OutOpened {
    pub(super) leg: OutLeg,
}

/// OUT_R1/A1 (OUT_R2/A1) has gone out.
#[derive(Debug)]
pub(super) struct OutWaiting {
    pub(super) leg: OutLeg,
    pub(super) deadline: Option<Instant>,
}

/// OUT_R1: a successor from another outbound proxy is here.
#[derive(Debug)]
pub(super) struct OutRecycling {
    pub(super) predecessor: OutLeg,
    pub(super) successor: OutLeg,
    pub(super) deadline: Option<Instant>,
}

/// OUT_R2: the same leg carries the successor channel.
#[derive(Debug)]
pub(super) struct OutR2A8W {
    pub(super) leg: OutLeg,
    pub(super) successor: RtsCookie,
    pub(super) deadline: Option<Instant>,
}

impl OutOpened {
    /// [MS-RPCH] 3.2.5.5.15
    pub(super) fn start_recycling(self, deadline: Option<Instant>) -> OutWaiting {
        OutWaiting { leg: self.leg, deadline }
    }
}

impl OutWaiting {
    /// [MS-RPCH] 3.2.5.5.9
    pub(super) fn on_out_r1_a4(self, successor: OutLeg, deadline: Option<Instant>) -> OutRecycling {
        OutRecycling { predecessor: self.leg, successor, deadline }
    }

    /// [MS-RPCH] 3.2.5.5.11
    pub(super) fn on_out_r2_a4(self, successor: RtsCookie, deadline: Option<Instant>) -> OutR2A8W {
        OutR2A8W { leg: self.leg, successor, deadline }
    }
}

impl OutRecycling {
    /// [MS-RPCH] 3.2.5.5.10. Gives the predecessor, on which OUT_R1/A9 is due.
    pub(super) fn on_out_r1_a8(self) -> (OutOpened, OutLeg) {
        (OutOpened { leg: self.successor }, self.predecessor)
    }
}

impl OutR2A8W {
    /// [MS-RPCH] 3.2.5.5.12: after OUT_R2/B1 the leg carries the successor.
    pub(super) fn on_out_r2_a8(self) -> OutOpened {
        let Self { mut leg, successor, .. } = self;
        leg.recycle(successor);
        OutOpened { leg }
    }
}

impl OutState {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::OpenedA4W(_) => "Opened_A4W",
            Self::OpenedA8W(_) => "Opened_A8W",
            Self::OpenedR2A8W(_) => "Opened_R2A8W",
            Self::Finished => "finished",
        }
    }

    /// The default leg: where PDUs go.
    pub(super) fn default(&self) -> Option<&OutLeg> {
        match self {
            Self::Opened(state) => Some(&state.leg),
            Self::OpenedA4W(state) => Some(&state.leg),
            Self::OpenedA8W(state) => Some(&state.predecessor),
            Self::OpenedR2A8W(state) => Some(&state.leg),
            Self::Finished => None,
        }
    }

    pub(super) fn default_mut(&mut self) -> Option<&mut OutLeg> {
        match self {
            Self::Opened(state) => Some(&mut state.leg),
            Self::OpenedA4W(state) => Some(&mut state.leg),
            Self::OpenedA8W(state) => Some(&mut state.predecessor),
            Self::OpenedR2A8W(state) => Some(&mut state.leg),
            Self::Finished => None,
        }
    }

    pub(super) fn successor(&self) -> Option<&OutLeg> {
        if let Self::OpenedA8W(state) = self { Some(&state.successor) } else { None }
    }

    pub(super) fn successor_mut(&mut self) -> Option<&mut OutLeg> {
        if let Self::OpenedA8W(state) = self { Some(&mut state.successor) } else { None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::OpenedA4W(state) => state.deadline,
            Self::OpenedA8W(state) => state.deadline,
            Self::OpenedR2A8W(state) => state.deadline,
            Self::Opened(_) | Self::Finished => None,
        }
    }

    /// Whether OUT_R1/A4 may come.
    pub(super) fn check_out_r1_a4(&self, predecessor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::OpenedA4W(state) if state.leg.names.cookie == predecessor => return Ok(()),
            Self::OpenedA4W(_) => (
                "OUT_R1/A4 with the cookie of the OUT channel as PredecessorChannelCookie",
                "OUT_R1/A4 with another cookie",
            ),
            _ => ("OUT_R1/A4 in state Opened_A4W only", "OUT_R1/A4"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.5.5.9"))
    }

    pub(super) fn unexpected(&self, pdu: &[u8]) -> PeerFault {
        let expected = match self {
            Self::OpenedA4W(_) => "OUT_R2/A4, FlowControlAck or Ping Traffic Sent Notify",
            _ => "FlowControlAck or Ping Traffic Sent Notify",
        };
        unexpected_pdu(self.name(), expected, pdu, "[MS-RPCH] 3.2.5.5")
    }
}
