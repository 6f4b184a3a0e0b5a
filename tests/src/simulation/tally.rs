//! What occurred, and how often.

use std::collections::BTreeMap;
use std::fmt;

use oxwire::rpch::rts::PduName;

use super::watch::add;

/// Counts over any number of seeds.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Seeds that ran.
    pub seeds: u64,
    /// RTS PDUs by name.
    pub pdus: BTreeMap<PduName, u64>,
    /// RTS PDUs whose hop no section gives.
    pub unnamed: BTreeMap<String, u64>,
    /// RPC PDUs, on every hop.
    pub rpc_pdus: u64,
    /// RPC PDUs that an application got from the other.
    pub delivered: u64,
    /// IN_R1, IN_R2, OUT_R1, OUT_R2.
    pub recyclings: [u64; 4],
    /// Cuts, by what was cut and the state it was cut in.
    pub cuts: BTreeMap<String, u64>,
    /// How runs ended.
    pub ends: BTreeMap<String, u64>,
}

/// The 50 PDUs, in the order of their sections.
pub const NAMES: [PduName; 50] = {
    use PduName as P;
    [
        P::ConnA1,
        P::ConnA2,
        P::ConnA3,
        P::ConnB1,
        P::ConnB2,
        P::ConnB3,
        P::ConnC1,
        P::ConnC2,
        P::InR1A1,
        P::InR1A2,
        P::InR1A3,
        P::InR1A4,
        P::InR1A5,
        P::InR1A6,
        P::InR1B1,
        P::InR1B2,
        P::InR2A1,
        P::InR2A2,
        P::InR2A3,
        P::InR2A4,
        P::InR2A5,
        P::OutR1A1,
        P::OutR1A2,
        P::OutR1A3,
        P::OutR1A4,
        P::OutR1A5,
        P::OutR1A6,
        P::OutR1A7,
        P::OutR1A8,
        P::OutR1A9,
        P::OutR1A10,
        P::OutR1A11,
        P::OutR2A1,
        P::OutR2A2,
        P::OutR2A3,
        P::OutR2A4,
        P::OutR2A5,
        P::OutR2A6,
        P::OutR2A7,
        P::OutR2A8,
        P::OutR2B1,
        P::OutR2B2,
        P::OutR2B3,
        P::OutR2C1,
        P::KeepAlive,
        P::PingTrafficSentNotify,
        P::Echo,
        P::Ping,
        P::FlowControlAck,
        P::FlowControlAckWithDestination,
    ]
};

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.rpc_pdus += other.rpc_pdus;
        self.delivered += other.delivered;
        for (mine, theirs) in self.recyclings.iter_mut().zip(other.recyclings) {
            *mine += theirs;
        }
        add(&mut self.pdus, &other.pdus);
        add(&mut self.unnamed, &other.unnamed);
        add(&mut self.cuts, &other.cuts);
        add(&mut self.ends, &other.ends);
    }

    /// PDUs that did not occur.
    #[must_use]
    pub fn missing(&self) -> Vec<PduName> {
        NAMES.into_iter().filter(|name| !self.pdus.contains_key(name)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds, {} RPC PDUs delivered ({} on all hops)", self.seeds, self.delivered, self.rpc_pdus)?;
        for name in NAMES {
            writeln!(f, "{:32} {:>12}  {}", name.name(), self.pdus.get(&name).copied().unwrap_or(0), name.spec())?;
        }
        for (what, count) in ["IN_R1", "IN_R2", "OUT_R1", "OUT_R2"].into_iter().zip(self.recyclings) {
            writeln!(f, "recycling {what:22} {count:>12}")?;
        }
        for (title, counts) in [("unnamed", &self.unnamed), ("cut", &self.cuts), ("end", &self.ends)] {
            for (what, count) in counts {
                writeln!(f, "{title} {what:60} {count:>9}")?;
            }
        }
        Ok(())
    }
}
