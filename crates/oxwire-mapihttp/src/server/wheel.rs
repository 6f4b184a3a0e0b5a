//! Idle expiry: contexts filed by the time at which they may be due, looked at again only then.
//!
//! A touch writes one time stamp into its context and leaves the wheel alone; a context whose time has moved on is filed
//! again when its old place comes up. So a touch costs the same for one context and for a million, and each context costs one
//! step of the wheel in a lifetime.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// "No slot".
pub(crate) const NONE: u32 = u32::MAX;

/// A slot's place in a list of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

impl Links {
    pub(crate) const NONE: Self = Self { previous: NONE, next: NONE };
}

/// A slot's place in the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tick: u64,
    pub(crate) links: Links,
}

impl Place {
    /// In no tick.
    pub(crate) const NOWHERE: Self = Self { tick: u64::MAX, links: Links::NONE };
}

/// Where slots keep their places.
pub(crate) trait Places {
    fn place(&mut self, slot: u32) -> Option<&mut Place>;
}

/// The wheel: one list of slots for each tick that has any.
#[derive(Debug)]
pub(crate) struct Wheel {
    epoch: Instant,
    granularity: Duration,
    heads: BTreeMap<u64, u32>,
}

impl Wheel {
    /// Slots come up at most `granularity` after they are due, never before.
    pub(crate) fn new(epoch: Instant, granularity: Duration) -> Self {
        Self { epoch, granularity: granularity.max(Duration::from_millis(1)), heads: BTreeMap::new() }
    }

    /// The first tick whose end is not before `at`.
    fn tick_of(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.epoch).as_nanos();
        let ticks = nanos.div_ceil(self.granularity.as_nanos().max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX).min(u64::MAX - 1)
    }

    fn end_of(&self, tick: u64) -> Option<Instant> {
        let nanos = self.granularity.as_nanos().checked_mul(u128::from(tick))?;
        let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
        let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
        self.epoch.checked_add(Duration::new(seconds, rest))
    }

    /// Files a slot that is nowhere.
    pub(crate) fn file(&mut self, places: &mut impl Places, slot: u32, due: Instant) {
        let tick = self.tick_of(due);
        let next = self.heads.insert(tick, slot).unwrap_or(NONE);
        if let Some(place) = places.place(slot) {
            *place = Place { tick, links: Links { previous: NONE, next } };
        }
        if let Some(behind) = places.place(next) {
            behind.links.previous = slot;
        }
    }

    /// Takes a slot out, if it is filed.
    pub(crate) fn take(&mut self, places: &mut impl Places, slot: u32) {
        let Some(place) = places.place(slot) else { return };
        let Place { tick, links } = std::mem::replace(place, Place::NOWHERE);
        if tick == Place::NOWHERE.tick {
            return;
        }
        if let Some(before) = places.place(links.previous) {
            before.links.next = links.next;
        } else if links.next == NONE {
            self.heads.remove(&tick);
        } else {
            self.heads.insert(tick, links.next);
        }
        if let Some(behind) = places.place(links.next) {
            behind.links.previous = links.previous;
        }
    }

    /// A slot whose tick has ended. It stays filed: take it.
    pub(crate) fn due(&self, now: Instant) -> Option<u32> {
        let (tick, slot) = self.heads.first_key_value()?;
        (self.end_of(*tick)? <= now).then_some(*slot)
    }

    /// When the next slot comes up.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.end_of(*self.heads.first_key_value()?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slots(Vec<Place>);

    impl Places for Slots {
        fn place(&mut self, slot: u32) -> Option<&mut Place> {
            self.0.get_mut(slot as usize)
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn slots_come_up_once_due_and_can_be_taken_from_anywhere() {
        let epoch = Instant::now();
        let at = |ms| epoch + Duration::from_millis(ms);
        let mut slots = Slots(vec![Place::NOWHERE; 6]);
        let mut wheel = Wheel::new(epoch, Duration::from_millis(100));
        for (slot, due) in [(0, 150), (1, 199), (2, 101), (3, 200), (4, 950), (5, 0)] {
            wheel.file(&mut slots, slot, at(due));
        }
        assert_eq!(wheel.poll_timeout(), Some(at(0)));
        assert_eq!(wheel.due(at(0)), Some(5));
        wheel.take(&mut slots, 5);
        assert_eq!((wheel.poll_timeout(), wheel.due(at(199))), (Some(at(200)), None));
        // From the middle, from the front, from the end of the list 3, 2, 1, 0.
        for slot in [2, 3, 0, 1] {
            assert!(wheel.due(at(200)).is_some());
            wheel.take(&mut slots, slot);
        }
        assert_eq!((wheel.poll_timeout(), wheel.due(at(999))), (Some(at(1000)), None));
        wheel.take(&mut slots, 4);
        assert_eq!(wheel.poll_timeout(), None);
    }
}
