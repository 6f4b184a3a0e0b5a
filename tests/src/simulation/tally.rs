//! What occurred, and how often.

use std::collections::BTreeMap;
use std::fmt;

use oxwire::rpch::rts::PduName;

use super::cuts::{How, STATES, State};

/// Counts over any number of seeds.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Seeds that ran.
    pub seeds: u64,
    /// RTS PDUs by name.
    pub pdus: BTreeMap<PduName, u64>,
    /// RPC PDUs, on every hop.
    pub rpc_pdus: u64,
    /// RPC PDUs that an application got from the other.
    pub delivered: u64,
    /// IN_R1, IN_R2, OUT_R1, OUT_R2.
    pub recyclings: [u64; 4],
    /// Connections that were cut, by the state of the role at either end: reset, closed, silent.
    pub cuts: BTreeMap<State, [u64; 3]>,
    /// What was planned for the runs, and whether everything was delivered.
    pub ends: BTreeMap<(&'static str, bool), u64>,
}

const RECYCLINGS: [&str; 4] = ["IN_R1", "IN_R2", "OUT_R1", "OUT_R2"];

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
        for (name, count) in &other.pdus {
            *self.pdus.entry(*name).or_default() += count;
        }
        for (state, counts) in &other.cuts {
            for (mine, theirs) in self.cuts.entry(*state).or_default().iter_mut().zip(counts) {
                *mine += theirs;
            }
        }
        for (end, count) in &other.ends {
            *self.ends.entry(*end).or_default() += count;
        }
    }

    /// What has not occurred once: PDUs, kinds of recycling, states that a connection was cut in.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let pdus = NAMES.into_iter().filter(|name| self.pdus.get(name).is_none_or(|count| *count == 0));
        let recyclings = RECYCLINGS.into_iter().zip(self.recyclings).filter(|(_, count)| *count == 0);
        let cuts = STATES.into_iter().filter(|state| self.cut(state).iter().sum::<u64>() == 0);
        let pdus = pdus.map(|name| name.name().to_owned());
        pdus.chain(recyclings.map(|(kind, _)| kind.to_owned()))
            .chain(cuts.map(|state| format!("cut in {state}")))
            .collect()
    }

    fn cut(&self, state: &State) -> [u64; 3] {
        self.cuts.get(state).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds, {} RPC PDUs delivered ({} on all hops)", self.seeds, self.delivered, self.rpc_pdus)?;
        for name in NAMES {
            writeln!(f, "{:32} {:>12}  {}", name.name(), self.pdus.get(&name).copied().unwrap_or(0), name.spec())?;
        }
        for (what, count) in RECYCLINGS.into_iter().zip(self.recyclings) {
            writeln!(f, "recycling {what:22} {count:>12}")?;
        }
        writeln!(f, "{:56} {:>8} {:>8} {:>8}", "cut in", How::NAMES[0], How::NAMES[1], How::NAMES[2])?;
        for state in STATES {
            let [reset, close, silence] = self.cut(&state);
            writeln!(f, "{:56} {reset:>8} {close:>8} {silence:>8}", state.to_string())?;
        }
        for ((plan, complete), count) in &self.ends {
            let end = if *complete { "everything delivered" } else { "ended before" };
            writeln!(f, "{:56} {count:>8}", format!("plan {plan}: {end}"))?;
        }
        Ok(())
    }
}
