//! What was received on IN channels that are gone.

use crate::flow_control::Receiver;

/// Bytes of RPC PDUs that came on IN channels which are gone, and that are not consumed: they are consumed first, and acknowledged to nobody.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Orphans {
    bytes: usize,
}

impl Orphans {
    pub(crate) const fn are_none(self) -> bool {
        self.bytes == 0
    }

    /// A channel is gone: what is queued of it is left.
    pub(crate) fn adopt(&mut self, receiver: &Receiver) {
        self.bytes = self.bytes.saturating_add(usize::try_from(receiver.queued()).unwrap_or(usize::MAX));
    }

    /// Of `len` bytes that are consumed, those of the channel at hand.
    pub(crate) const fn rest(self, len: usize) -> usize {
        len.saturating_sub(self.bytes)
    }

    /// `len` bytes are consumed. Says whether the last of these were among them.
    pub(crate) fn consume(&mut self, len: usize) -> bool {
        let before = self.bytes;
        self.bytes = before.saturating_sub(len);
        before > 0 && self.bytes == 0
    }
}
