//! The reference model of one direction: what was handed over, what came, what was given back or reported.

use std::collections::VecDeque;

use bytes::Bytes;

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
    /// The sending machine has ended: how many PDUs may be lost between, and not returned.
    pub(super) ended: Option<u64>,
    /// PDUs that a proxy between reported as not forwarded.
    pub(super) between: u64,
}

impl Direction {
    pub(super) fn take(&mut self, pdu: Bytes) {
        self.taken += 1;
        self.open.push_back(pdu);
    }

    /// Once and in order, byte for byte.
    pub(super) fn deliver(&mut self, pdu: &Bytes) -> Result<(), String> {
        match self.open.pop_front() {
            Some(expected) if expected == pdu => {
                self.delivered += 1;
                self.unconsumed.push_back(pdu.len());
                Ok(())
            }
            Some(expected) => Err(format!(
                "PDU {} should have come next, of {} bytes; another came, of {} bytes, call_id {:?}",
                self.delivered,
                expected.len(),
                pdu.len(),
                pdu.get(12..16)
            )),
            None => Err(format!("a PDU came though all {} were delivered", self.taken)),
        }
    }

    pub(super) fn give_back(&mut self, pdu: Bytes) {
        self.returned.push(pdu);
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

    /// Both ends have closed: what was not delivered is given back, or within what the sender and the proxies report as in doubt. What
    /// an outbound proxy has sent last, within `flight` bytes, nobody acknowledges to the server: it may be lost.
    pub(super) fn settle(&self, mut flight: usize) -> Result<(), String> {
        let returned = self.returned.len();
        if returned > self.open.len() {
            return Err(format!("{returned} PDUs were returned, {} are undelivered: some were both", self.open.len()));
        }
        let between = self.open.len() - returned;
        if self.open.iter().skip(between).ne(&self.returned) {
            return Err("what was returned is not what was taken last, in order".into());
        }
        let far = self.open.iter().take(between).skip_while(|pdu| {
            let fits = pdu.len() <= flight;
            flight = flight.saturating_sub(pdu.len());
            fits
        });
        let far = far.count() as u64;
        match self.ended.map(|doubtful| doubtful + self.between) {
            Some(doubtful) if far > doubtful => {
                Err(format!("{between} PDUs are neither delivered nor returned, and only {doubtful} reported in doubt"))
            }
            None if between > 0 => Err(format!("{between} PDUs are lost, and the sender was never told")),
            _ => Ok(()),
        }
    }
}
