//! The reference model of one direction: what was handed over, what came, what was given back or reported.

use std::collections::VecDeque;

use bytes::Bytes;

use super::violation::{Invariant, Violation};

/// What a sender says at its end of PDUs that it does not give back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reported {
    /// So many may have arrived or not.
    InDoubt(u64),
    /// So many were sent, of which the last may not have arrived.
    Sent(u64),
}

/// PDUs from one application to the other.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// PDUs that the sending machine took.
    pub(super) taken: u64,
    /// PDUs that the other application got.
    pub(super) delivered: u64,
    /// Taken and not delivered, in order.
    open: VecDeque<Bytes>,
    /// Bytes that the receiving application has and has not consumed, by PDU.
    pub(super) unconsumed: VecDeque<usize>,
    /// PDUs that came back or were reported as never sent, in order.
    returned: Vec<Bytes>,
    /// The sending machine has ended: how many PDUs it reports as in doubt, or as sent in all.
    pub(super) ended: Option<Reported>,
    /// PDUs that a proxy between reported as not forwarded.
    pub(super) between: u64,
    /// PDUs that a proxy between reported as forwarded and not acknowledged.
    pub(super) unacknowledged: u64,
    /// A planted fault: what comes back next is forgotten.
    forgetful: bool,
}

impl Direction {
    pub(super) fn new(forgetful: bool) -> Self {
        Self { forgetful, ..Self::default() }
    }

    pub(super) fn take(&mut self, pdu: Bytes) {
        self.taken += 1;
        self.open.push_back(pdu);
    }

    /// Once and in order, byte for byte.
    pub(super) fn deliver(&mut self, pdu: &Bytes) -> Result<(), Violation> {
        match self.open.pop_front() {
            Some(expected) if expected == pdu => {
                self.delivered += 1;
                self.unconsumed.push_back(pdu.len());
                Ok(())
            }
            Some(expected) => Err(Invariant::Order.broken(format!(
                "PDU {} should have come next, of {} bytes; another came, of {} bytes, call_id {:?}",
                self.delivered,
                expected.len(),
                pdu.len(),
                pdu.get(12..16)
            ))),
            None => Err(Invariant::Order.broken(format!("a PDU came though all {} were delivered", self.taken))),
        }
    }

    pub(super) fn give_back(&mut self, pdu: Bytes) {
        if !std::mem::take(&mut self.forgetful) {
            self.returned.push(pdu);
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty() && self.unconsumed.is_empty()
    }

    /// The receiving application has something that it has not consumed.
    pub(super) fn consuming(&self) -> bool {
        !self.unconsumed.is_empty()
    }

    pub(super) fn undelivered(&self) -> usize {
        self.open.len()
    }

    /// Both ends have closed: what was not delivered is given back, or within what the sender and the proxies report as in doubt. What an
    /// outbound proxy had not heard of may since have come, where the client has gone on at another: of the `forwarded` PDUs in all no
    /// more are lost than were not delivered.
    pub(super) fn settle(&self, forwarded: u64) -> Result<(), Violation> {
        let returned = self.returned.len();
        if returned > self.open.len() {
            let open = self.open.len();
            let text = format!("{returned} PDUs were returned, {open} are undelivered: some were both");
            return Err(Invariant::Loss.broken(text));
        }
        let between = self.open.len() - returned;
        if self.open.iter().skip(between).ne(&self.returned) {
            return Err(Invariant::Loss.broken("what was returned is not what was taken last, in order"));
        }
        let unacknowledged = self.unacknowledged.min(forwarded.saturating_sub(self.delivered));
        let reported = self.ended.map(|reported| match reported {
            Reported::InDoubt(count) => count + self.between + unacknowledged,
            Reported::Sent(count) => count.saturating_sub(self.delivered),
        });
        match reported {
            Some(doubtful) if between as u64 > doubtful => {
                let text = format!("{between} PDUs are neither delivered nor returned, and {doubtful} in doubt");
                Err(Invariant::Loss.broken(text))
            }
            None if between > 0 => {
                Err(Invariant::Loss.broken(format!("{between} PDUs are lost, and the sender was never told")))
            }
            _ => Ok(()),
        }
    }
}
