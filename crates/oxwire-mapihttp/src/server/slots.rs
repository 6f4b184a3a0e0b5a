//! Where the contexts of a table stand.

use super::front::Front;
use super::table::Context;
use super::wheel::{Links, NONE, Place, Places};

/// What a table keeps of a slot beside its [`Front`].
pub(super) struct Line<T> {
    pub(super) context: Option<Box<Context<T>>>,
    /// In the wheel.
    place: Place,
    /// In the list of contexts that keep answers, the one that answered last at its end.
    pub(super) answered: Links,
}

/// The slots, in blocks that stay where they are: past the first of them a table that grows moves none of its contexts, and it never
/// has room to spare for as many again. Fronts and lines stand apart, so that what look-ups read lies close together.
pub(super) struct Slots<T> {
    fronts: Vec<Vec<Front>>,
    lines: Vec<Vec<Line<T>>>,
}

/// Slots of a block: 4 MiB of fronts, so that look-ups do not scatter over the address space.
const BLOCK: usize = 1 << 16;

const fn place_of(slot: u32) -> (usize, usize) {
    (slot as usize / BLOCK, slot as usize % BLOCK)
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self { fronts: Vec::new(), lines: Vec::new() }
    }

    pub(super) fn front(&self, slot: u32) -> Option<&Front> {
        let (block, at) = place_of(slot);
        self.fronts.get(block)?.get(at)
    }

    pub(super) fn front_mut(&mut self, slot: u32) -> Option<&mut Front> {
        let (block, at) = place_of(slot);
        self.fronts.get_mut(block)?.get_mut(at)
    }

    pub(super) fn context(&self, slot: u32) -> Option<&Context<T>> {
        let (block, at) = place_of(slot);
        self.lines.get(block)?.get(at)?.context.as_deref()
    }

    pub(super) fn context_mut(&mut self, slot: u32) -> Option<&mut Context<T>> {
        self.line(slot)?.context.as_deref_mut()
    }

    pub(super) fn line(&mut self, slot: u32) -> Option<&mut Line<T>> {
        let (block, at) = place_of(slot);
        self.lines.get_mut(block)?.get_mut(at)
    }

    /// Adds an empty slot and gives its number.
    pub(super) fn push(&mut self) -> u32 {
        push(&mut self.fronts, Front::vacant());
        let at = push(&mut self.lines, Line { context: None, place: Place::NOWHERE, answered: Links::NONE });
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
