//! The reference model of what arrives: each RTS PDU answers one that has come, and names the channels that there are; and neither
//! channel is silent for too long.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use oxwire::rpch::rts::{PduName, RtsCookie, RtsPdu};

use super::names::cookies;
use super::violation::{Invariant, Violation};
use super::watch::Hop;

/// Sequences of [MS-RPCH] 3.2.1.5.3: whatever stands behind another arrives no more often than that. What the collapsed form has no hop
/// for is passed over there.
const CHAINS: [&[PduName]; 9] = {
    use PduName as P;
    [
        &[P::ConnA1, P::ConnA2, P::ConnC1, P::ConnC2],
        &[P::ConnA1, P::ConnA3],
        &[P::ConnB1, P::ConnB2, P::ConnB3],
        &[P::InR1A1, P::InR1A2, P::InR1A3, P::InR1A4, P::InR1A5, P::InR1A6, P::InR1B1, P::InR1B2],
        &[P::InR2A1, P::InR2A2, P::InR2A3, P::InR2A4, P::InR2A5],
        &[P::OutR1A3, P::OutR1A4, P::OutR1A5, P::OutR1A6, P::OutR1A7, P::OutR1A8, P::OutR1A9, P::OutR1A10, P::OutR1A11],
        &[P::OutR2A3, P::OutR2A4, P::OutR2A5, P::OutR2A6, P::OutR2A7, P::OutR2A8, P::OutR2B1],
        &[P::OutR2A7, P::OutR2B3],
        &[P::OutR2A6, P::OutR2C1],
    ]
};

/// What arrived.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    collapsed: bool,
    arrived: HashMap<PduName, u64>,
    /// The IN and the OUT channel that arrived last, by cookie.
    channels: [Option<RtsCookie>; 2],
    /// When something arrives last, from the client on an IN channel and at it on an OUT channel; how long it may be silent.
    heard: [Option<Instant>; 2],
    patience: [Duration; 2],
}

/// Whether a PDU has a hop in the collapsed form.
fn of_client(name: PduName) -> bool {
    use PduName as P;
    !matches!(
        name,
        P::ConnA2
            | P::ConnB2
            | P::ConnB3
            | P::ConnC1
            | P::InR2A2
            | P::InR2A3
            | P::OutR2A4
            | P::OutR2A5
            | P::OutR2A8
            | P::OutR2B1
    )
}

impl Sequence {
    /// `patience` of the IN channel, and of the OUT channel.
    pub(super) fn new(collapsed: bool, patience: [Duration; 2]) -> Self {
        Self { collapsed, patience, ..Self::default() }
    }

    fn count(&self, name: PduName) -> u64 {
        self.arrived.get(&name).copied().unwrap_or(0)
    }

    /// Something is on its way over a hop, and arrives at `at`.
    pub(super) fn hears(&mut self, hop: Hop, at: Instant) {
        match hop {
            Hop::ClientIn => self.heard[0] = self.heard[0].max(Some(at)),
            Hop::OutClient => self.heard[1] = self.heard[1].max(Some(at)),
            _ => {}
        }
    }

    /// Neither channel has been silent for longer than its ConnectionTimeout.
    pub(super) fn check_silence(&self, now: Instant) -> Result<(), Violation> {
        for (which, patience, heard) in
            [("IN", self.patience[0], self.heard[0]), ("OUT", self.patience[1], self.heard[1])]
        {
            let silent = heard.map_or(Duration::ZERO, |heard| now.saturating_duration_since(heard));
            if silent > patience {
                let text = format!("the {which} channel is silent for {silent:?}, with {patience:?} allowed");
                return Err(Invariant::Silence.broken(text));
            }
        }
        Ok(())
    }

    /// An RTS PDU arrives.
    pub(super) fn arrives(&mut self, name: PduName, rts: &RtsPdu<'_>) -> Result<(), Violation> {
        *self.arrived.entry(name).or_default() += 1;
        for chain in CHAINS {
            let mut before = None;
            for part in chain.iter().filter(|part| !self.collapsed || of_client(**part)) {
                if *part == name
                    && let Some(before) = before
                    && self.count(name) > self.count(before)
                {
                    let counts = (self.count(name), self.count(before));
                    return Err(Invariant::Sequence.broken(format!("{} {name} for {} {before}", counts.0, counts.1)));
                }
                before = Some(*part);
            }
        }
        self.check_channel(name, rts)
    }

    /// The cookies of the client's PDUs: a predecessor is the last channel, a successor the one that was opened last.
    fn check_channel(&mut self, name: PduName, rts: &RtsPdu<'_>) -> Result<(), Violation> {
        use PduName as P;
        let mut cookies = cookies(rts).skip(1);
        let (way, predecessor) = match name {
            P::ConnA1 => (1, None),
            P::ConnB1 => (0, None),
            P::InR1A1 | P::InR2A1 => (0, cookies.next()),
            P::OutR1A3 | P::OutR2A3 => (1, cookies.next()),
            _ => return Ok(()),
        };
        if predecessor != self.channels[way] {
            let text = format!("{name} names another predecessor than the channel that there is");
            return Err(Invariant::Sequence.broken(text));
        }
        self.channels[way] = cookies.next();
        Ok(())
    }
}
