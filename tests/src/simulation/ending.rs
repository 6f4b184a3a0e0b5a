//! What is held at every step and at the end, and what is told of a run that fails.

use super::configs::QUEUE;
use super::roles::Node;
use super::tally::Tally;
use super::world::World;

impl World {
    /// What is queued keeps within its limit.
    pub(super) fn memory(&mut self) {
        let queued = [self.client.queued_bytes(), self.far.queued()];
        if queued.iter().any(|queued| *queued > QUEUE) {
            self.check(Err(format!("{queued:?} bytes are queued, of {QUEUE}")));
        }
        for n in 0..self.ins.len() {
            let window = |which| usize::try_from(self.network.windows[&which]).unwrap_or(0) * 2;
            let (ins, outs) = (window(Node::In(n)), window(Node::Out(n)));
            let inward = self.ins[n].states().any(|(_, queued)| queued > ins);
            let outward = self.outs[n].states().any(|(_, queued)| queued > outs);
            if inward || outward {
                self.check(Err("a proxy queues more than two windows".into()));
            }
        }
    }

    /// Where everybody stands.
    pub(super) fn describe(&self) -> String {
        format!(
            "after {:?}: {:?}; client {:?} {:?}, server {:?} {:?} {:?}, in {:?}, out {:?}; delivered {:?} of {:?}",
            self.now - self.start,
            self.settings,
            self.client.state_name(),
            self.ends[0],
            self.far.states(),
            self.far.queued(),
            self.ends[1],
            self.ins.iter().flat_map(|proxy| proxy.states()).collect::<Vec<_>>(),
            self.outs.iter().flat_map(|proxy| proxy.states()).collect::<Vec<_>>(),
            self.directions.each_ref().map(|direction| direction.delivered),
            self.directions.each_ref().map(|direction| direction.taken),
        )
    }

    /// All is over: nobody holds anything, and what did not arrive was told.
    pub(super) fn finish(mut self, complete: bool) -> Result<Tally, String> {
        let mut result = Ok(());
        for n in 0..2 {
            let delivered_all = complete && self.directions[n].undelivered() > 0;
            if delivered_all {
                result = Err(format!("{} PDUs are lost", self.directions[n].undelivered()));
            }
            let window = if n == 1 && !self.settings.collapsed { self.network.windows[&Node::Client] } else { 0 };
            result = result.and_then(|()| self.directions[n].settle(usize::try_from(window).unwrap_or(0) * 2));
        }
        if let Err(error) = result {
            return Err(format!("{error}; {}", self.describe()));
        }
        let delivered = self.directions.iter().map(|direction| direction.delivered).sum::<u64>();
        let end = if complete { "everything delivered".to_owned() } else { format!("{:?}", self.settings.plan) };
        let tally = self.network.tally();
        tally.delivered += delivered;
        tally.seeds += 1;
        let end = end.split('(').next().unwrap_or_default().to_owned();
        *tally.ends.entry(end).or_default() += 1;
        Ok(std::mem::take(tally))
    }
}
