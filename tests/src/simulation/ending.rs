//! What is held at every step and at the end, and what is told of a run.

use super::configs::QUEUE;
use super::roles::Node;
use super::tally::Tally;
use super::violation::{Invariant, Violation};
use super::world::World;

impl World {
    /// What is queued keeps within its limit.
    pub(super) fn check_memory(&self) -> Result<(), Violation> {
        let queued = [self.machines.client.queued_bytes(), self.machines.far.queued()];
        if queued.iter().any(|queued| *queued > QUEUE) {
            return Err(Invariant::Memory.broken(format!("{queued:?} bytes are queued, of {QUEUE}")));
        }
        for n in 0..self.machines.ins.len() {
            let windows = [self.network.window(Node::In(n)) * 2, self.network.window(Node::Out(n)) * 2];
            let inward = self.machines.ins[n].states().find(|(_, queued)| *queued > windows[0]);
            let outward = self.machines.outs[n].states().find(|(_, queued)| *queued > windows[1]);
            if let Some((state, queued)) = inward.or(outward) {
                let text = format!("a proxy in {state} queues {queued} bytes, more than two windows");
                return Err(Invariant::Memory.broken(text));
            }
        }
        Ok(())
    }

    /// Where everybody stands.
    pub(super) fn describe(&self) -> String {
        format!(
            "after {:?}: {:?}; client {:?} {:?}, server {:?} {:?} {:?}, in {:?}, out {:?}, {:?}; delivered {:?} of {:?}",
            self.now - self.start,
            self.settings,
            self.machines.client.state_name(),
            self.ends[0],
            self.machines.far.states(),
            self.machines.far.queued(),
            self.ends[1],
            self.machines.ins.iter().flat_map(|proxy| proxy.states()).collect::<Vec<_>>(),
            self.machines.outs.iter().flat_map(|proxy| proxy.states()).collect::<Vec<_>>(),
            self.closed,
            self.directions.each_ref().map(|direction| direction.delivered),
            self.directions.each_ref().map(|direction| direction.taken),
        )
    }

    /// Both ends are over: what did not arrive came back, or was reported.
    pub(super) fn finish(&self) -> Result<(), Violation> {
        for (n, direction) in self.directions.iter().enumerate() {
            if self.finishing && direction.undelivered() > 0 {
                return Err(Invariant::Loss.broken(format!("{} PDUs are lost", direction.undelivered())));
            }
            let forwarded = if n == 1 && !self.settings.collapsed { self.network.forwarded } else { 0 };
            direction.settle(forwarded)?;
        }
        Ok(())
    }

    /// What occurred, and what was sent if that was asked for.
    pub(super) fn told(mut self) -> (Tally, String) {
        let dump = self.network.watch.dump.take().map(|dump| dump.0).unwrap_or_default();
        let delivered = self.directions.iter().map(|direction| direction.delivered).sum::<u64>();
        let (plan, complete) = (self.settings.plan.name(), self.finishing);
        let tally = self.network.tally();
        tally.delivered += delivered;
        tally.seeds += 1;
        *tally.ends.entry((plan, complete)).or_default() += 1;
        (std::mem::take(tally), dump)
    }
}
