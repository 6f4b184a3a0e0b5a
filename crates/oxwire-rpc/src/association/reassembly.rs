//! Fragments put together again, \[C706\] 12.6.2.

use bytes::{Bytes, BytesMut};

/// The stub data of one call as it comes. What comes in one fragment stays a slice of its PDU.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    first: Bytes,
    all: BytesMut,
}

impl Reassembly {
    pub(super) fn len(&self) -> usize {
        if self.all.is_empty() { self.first.len() } else { self.all.len() }
    }

    pub(super) fn push(&mut self, fragment: Bytes) {
        if self.first.is_empty() && self.all.is_empty() {
            self.first = fragment;
            return;
        }
        if self.all.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.all.reserve(first.len().saturating_add(fragment.len()));
            self.all.extend_from_slice(&first);
        }
        self.all.extend_from_slice(&fragment);
    }

    pub(super) fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
