//! Where the contexts of a table stand.

use super::table::Context;
use super::wheel::{Links, NONE, Place, Places};

#[repr(C, align(128))]
pub(super) struct Slot<T> {
    pub(super) context: Option<Context<T>>,
    pub(super) generation: u32,
    /// In the wheel.
    place: Place,
    /// In the list of contexts that keep answers, the one that answered last at its end.
    pub(super) answered: Links,
}

/// The slots, in blocks that stay where they are: a table that grows moves none of its contexts, and has no room to spare for as
/// many again.
pub(super) struct Slots<T>(Vec<Vec<Slot<T>>>);

impl<T> Slots<T> {
    /// Slots of a block.
    const BLOCK: usize = 256;

    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    const fn place_of(slot: u32) -> (usize, usize) {
        (slot as usize / Self::BLOCK, slot as usize % Self::BLOCK)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Slot<T>> {
        let (block, at) = Self::place_of(slot);
        self.0.get(block)?.get(at)
    }

    pub(super) fn slot(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        let (block, at) = Self::place_of(slot);
        self.0.get_mut(block)?.get_mut(at)
    }

    /// Adds an empty slot and gives its number.
    pub(super) fn push(&mut self) -> u32 {
        let last = self.0.len().saturating_sub(1);
        let slot = Slot { context: None, generation: 0, place: Place::NOWHERE, answered: Links::NONE };
        let at = match self.0.last_mut() {
            Some(block) if block.len() < Self::BLOCK => {
                block.push(slot);
                last * Self::BLOCK + block.len() - 1
            }
            full => {
                // The first block grows with what is in it: most tables are small.
                let mut block = Vec::with_capacity(if full.is_some() { Self::BLOCK } else { 4 });
                block.push(slot);
                self.0.push(block);
                (self.0.len() - 1) * Self::BLOCK
            }
        };
        u32::try_from(at).unwrap_or(NONE)
    }
}

impl<T> Places for Slots<T> {
    fn place(&mut self, slot: u32) -> Option<&mut Place> {
        self.slot(slot).map(|slot| &mut slot.place)
    }
}
