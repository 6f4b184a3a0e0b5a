//! The states of [MS-RPCH] 3.2.4, figure 28. Open_Start is the [`OutboundProxy`](super::OutboundProxy)'s: until the first PDU.

use std::time::Instant;

use oxwire_core::PeerFault;

use crate::channel::SendQueue;
use crate::endpoint::out_channel::OutChannel;
use crate::fault::{unexpected_pdu, wrong_value};
use crate::rts::RtsCookie;

/// One OUT channel instance to the client, and the RPC PDUs that wait for it.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) channel: OutChannel,
    pub(super) queue: SendQueue,
}

#[derive(Debug)]
pub(super) enum State {
    C1W(Waiting),
    A11W(Waiting),
    Opened(Opened),
    /// B1OrC1W, and B1W once OUT_R2/C1 has come.
    B1OrC1W(Box<B1OrC1W>),
    R2C1W(Waiting),
    /// OUT_R1/A9 has come: what is queued goes out, then OUT_R1/A10, and all is finished.
    Finishing(Waiting),
    Finished,
}

/// One channel, and something that is awaited.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) instance: Instance,
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) instance: Instance,
}

/// OUT_R2: the successor is plugged.
#[derive(Debug)]
pub(super) struct B1OrC1W {
    pub(super) predecessor: Instance,
    pub(super) successor: Instance,
    /// OUT_R2/C1 has come: B1W.
    pub(super) c1: bool,
    pub(super) deadline: Option<Instant>,
}

impl Waiting {
    /// CONN/C1, OUT_R1/A11 and, in R2C1W, OUT_R2/C1: [MS-RPCH] 3.2.4.5.4, 3.2.4.5.9, 3.2.4.5.11.
    pub(super) fn on_established(self) -> Opened {
        Opened { instance: self.instance }
    }
}

impl Opened {
    /// [MS-RPCH] 3.2.4.5.6.1
    pub(super) fn on_out_r2_a3(self, successor: Instance, deadline: Option<Instant>) -> B1OrC1W {
        B1OrC1W { predecessor: self.instance, successor, c1: false, deadline }
    }

    /// [MS-RPCH] 3.2.4.5.8
    pub(super) fn on_out_r1_a9(self, deadline: Option<Instant>) -> Waiting {
        Waiting { instance: self.instance, deadline }
    }
}

impl B1OrC1W {
    /// [MS-RPCH] 3.2.4.5.10. Gives the predecessor, on which what is queued and OUT_R2/B3 are due.
    pub(super) fn on_out_r2_b1(self) -> (State, Instance) {
        let Self { predecessor, successor, c1, deadline } = self;
        let state = if c1 {
            State::Opened(Opened { instance: successor })
        } else {
            State::R2C1W(Waiting { instance: successor, deadline })
        };
        (state, predecessor)
    }

    /// [MS-RPCH] 3.2.4.5.12. Gives the successor, which is to be closed.
    pub(super) fn on_out_r2_b2(self) -> (Opened, Instance) {
        (Opened { instance: self.predecessor }, self.successor)
    }
}

impl State {
    /// In the specification's words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::C1W(_) => "C1W",
            Self::A11W(_) => "A11W",
            Self::Opened(_) => "opened",
            Self::B1OrC1W(state) if state.c1 => "B1W",
            Self::B1OrC1W(_) => "B1OrC1W",
            Self::R2C1W(_) => "R2C1W",
            Self::Finishing(_) => "opened, after OUT_R1/A9",
            Self::Finished => "finished",
        }
    }

    /// The default OUT channel.
    pub(super) fn default(&self) -> Option<&Instance> {
        match self {
            Self::C1W(state) | Self::A11W(state) | Self::R2C1W(state) | Self::Finishing(state) => Some(&state.instance),
            Self::Opened(state) => Some(&state.instance),
            Self::B1OrC1W(state) => Some(&state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) fn default_mut(&mut self) -> Option<&mut Instance> {
        match self {
            Self::C1W(state) | Self::A11W(state) | Self::R2C1W(state) | Self::Finishing(state) => {
                Some(&mut state.instance)
            }
            Self::Opened(state) => Some(&mut state.instance),
            Self::B1OrC1W(state) => Some(&mut state.predecessor),
            Self::Finished => None,
        }
    }

    pub(super) fn successor(&self) -> Option<&Instance> {
        if let Self::B1OrC1W(state) = self { Some(&state.successor) } else { None }
    }

    pub(super) fn successor_mut(&mut self) -> Option<&mut Instance> {
        if let Self::B1OrC1W(state) = self { Some(&mut state.successor) } else { None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::C1W(state) | Self::A11W(state) | Self::R2C1W(state) | Self::Finishing(state) => state.deadline,
            Self::B1OrC1W(state) => state.deadline,
            Self::Opened(_) | Self::Finished => None,
        }
    }

    /// What the deadline is about.
    pub(super) fn awaited(&self) -> (&'static str, &'static str) {
        match self {
            Self::C1W(_) => ("CONN/C1 from the server", "[MS-RPCH] 3.2.4.5.4"),
            Self::A11W(_) => ("OUT_R1/A11 from the client", "[MS-RPCH] 3.2.4.5.9"),
            Self::B1OrC1W(state) if state.c1 => ("OUT_R2/B1 from the server", "[MS-RPCH] 3.2.4.5.10"),
            Self::B1OrC1W(_) => ("OUT_R2/B1 from the server, OUT_R2/C1 from the client", "[MS-RPCH] 3.2.4.5.10"),
            Self::R2C1W(_) => ("OUT_R2/C1 from the client", "[MS-RPCH] 3.2.4.5.11"),
            _ => ("window of the client for what is queued", "[MS-RPCH] 3.2.4.5.8"),
        }
    }

    /// Whether OUT_R2/A3 may come.
    pub(super) fn check_out_r2_a3(&self, predecessor: RtsCookie) -> Result<(), PeerFault> {
        let (expected, found) = match self {
            Self::Opened(state) if state.instance.channel.cookie == predecessor => return Ok(()),
            Self::Opened(_) => (
                "OUT_R2/A3 with the cookie of the default OUT channel as PredecessorChannelCookie",
                "OUT_R2/A3 with another cookie",
            ),
            _ => ("OUT_R2/A3 in state opened only", "OUT_R2/A3"),
        };
        Err(wrong_value(self.name(), expected, found, "[MS-RPCH] 3.2.4.5.6.1"))
    }

    /// A PDU from the client that this state does not allow.
    pub(super) fn unexpected_from_client(&self, pdu: &[u8]) -> PeerFault {
        let (expected, spec) = match self {
            Self::A11W(_) => ("OUT_R1/A11", "[MS-RPCH] 3.2.4.5.9"),
            Self::B1OrC1W(state) if !state.c1 => ("OUT_R2/C1", "[MS-RPCH] 3.2.4.5.11"),
            Self::R2C1W(_) => ("OUT_R2/C1", "[MS-RPCH] 3.2.4.5.11"),
            _ => ("no PDU from the client on the OUT channel", "[MS-RPCH] 3.2.4.5"),
        };
        unexpected_pdu(self.name(), expected, pdu, spec)
    }

    /// A PDU from the server that this state does not allow.
    pub(super) fn unexpected_from_server(&self, pdu: &[u8]) -> PeerFault {
        let (expected, spec) = match self {
            Self::C1W(_) => ("CONN/C1", "[MS-RPCH] 3.2.4.5.4"),
            Self::Opened(_) => {
                ("an RPC PDU, OUT_R1/A1, OUT_R1/A5, OUT_R1/A9 or a PDU to be forwarded", "[MS-RPCH] 3.2.4.5")
            }
            Self::B1OrC1W(state) if state.c1 => {
                ("an RPC PDU, OUT_R2/B1, OUT_R2/B2 or a PDU to be forwarded", "[MS-RPCH] 3.2.4.5.10")
            }
            Self::B1OrC1W(_) => ("an RPC PDU, OUT_R2/B1 or a PDU to be forwarded", "[MS-RPCH] 3.2.4.5.10"),
            _ => ("an RPC PDU or a PDU to be forwarded", "[MS-RPCH] 3.2.4.5"),
        };
        unexpected_pdu(self.name(), expected, pdu, spec)
    }
}
