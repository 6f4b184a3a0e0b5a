//! Where the contexts of a table stand.

use super::table::Context;
use super::wheel::{Links, NONE, Place, Places};

/// What a table keeps of a slot beside its context.
pub(super) struct Line {
    /// Of the context that is there, or of the next one.
    pub(super) generation: u32,
    /// In the wheel.
    place: Place,
    /// In the list of contexts that keep answers, the one that answered last at its end.
    pub(super) answered: Links,
}

/// The slots, in blocks that stay where they are: past the first of them a table that grows moves none of its contexts, and it never
/// has room to spare for as many again. Contexts and lines stand apart, so that what look-ups read lies close together.
pub(super) struct Slots<T> {
    contexts: Vec<Vec<Option<Context<T>>>>,
    lines: Vec<Vec<Line>>,
}

/// Slots of a block: 2 MiB of contexts, so that look-ups do not scatter over the address space.
const BLOCK: usize = 1 << 14;

const fn place_of(slot: u32) -> (usize, usize) {
    (slot as usize / BLOCK, slot as usize % BLOCK)
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self { contexts: Vec::new(), lines: Vec::new() }
    }

    pub(super) fn context(&self, slot: u32) -> Option<&Context<T>> {
        let (block, at) = place_of(slot);
        self.contexts.get(block)?.get(at)?.as_ref()
    }

    pub(super) fn context_mut(&mut self, slot: u32) -> Option<&mut Context<T>> {
        self.place_for(slot)?.as_mut()
    }

    /// Where a context goes, or is.
    pub(super) fn place_for(&mut self, slot: u32) -> Option<&mut Option<Context<T>>> {
        let (block, at) = place_of(slot);
        self.contexts.get_mut(block)?.get_mut(at)
    }

    pub(super) fn line(&mut self, slot: u32) -> Option<&mut Line> {
        let (block, at) = place_of(slot);
        self.lines.get_mut(block)?.get_mut(at)
    }

    /// Adds an empty slot and gives its number.
    pub(super) fn push(&mut self) -> u32 {
        push(&mut self.contexts, None);
        let at = push(&mut self.lines, Line { generation: 0, place: Place::NOWHERE, answered: Links::NONE });
        u32::try_from(at).unwrap_or(NONE)
    }
}

fn push<E>(blocks: &mut Vec<Vec<E>>, element: E) -> usize {
    let last = blocks.len().saturating_sub(1);
    match blocks.last_mut() {
        Some(block) if block.len() < BLOCK => {
            block.push(element);
            last * BLOCK + block.len() - 1
        }
        full => {
            // The first block grows with what is in it: most tables are small.
            let mut block = Vec::with_capacity(if full.is_some() { BLOCK } else { 4 });
            block.push(element);
            blocks.push(block);
            (blocks.len() - 1) * BLOCK
        }
    }
}

impl<T> Places for Slots<T> {
    fn place(&mut self, slot: u32) -> Option<&mut Place> {
        self.line(slot).map(|line| &mut line.place)
    }
}
