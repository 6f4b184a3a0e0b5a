//! What a look-up reads of a context, and nothing else.

use std::time::{Duration, Instant};

use oxwire_core::Principal;
use zeroize::{Zeroize, Zeroizing};

use super::cookie::ContextCookie;

/// Time before and after the table's first instant, in nanoseconds: 292 years either way, in 8 bytes where an `Instant` takes 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offset(i64);

impl Offset {
    /// Saturates.
    pub(super) fn of(at: Instant, epoch: Instant) -> Self {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        match at.checked_duration_since(epoch) {
            Some(after) => Self(nanos(after)),
            None => Self(-nanos(epoch.saturating_duration_since(at))),
        }
    }

    /// `None` past the range.
    pub(super) fn plus(self, span: Duration) -> Option<Self> {
        i64::try_from(span.as_nanos()).ok().and_then(|nanos| self.0.checked_add(nanos)).map(Self)
    }

    /// `None` where no `Instant` says it.
    pub(super) fn at(self, epoch: Instant) -> Option<Instant> {
        let span = Duration::from_nanos(self.0.unsigned_abs());
        if self.0 < 0 { epoch.checked_sub(span) } else { epoch.checked_add(span) }
    }
}

/// Whether a slot has a context, and whether a request holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Vacant,
    Idle,
    Busy,
}

/// What a look-up reads of a context: one line of the cache, whose every byte is used.
#[repr(C, align(64))]
pub(super) struct Front {
    secret: Zeroizing<[u8; 16]>,
    idle_since: Offset,
    /// Of the context that is there, or of the next one.
    generation: u32,
    held: Held,
    name: ShortName,
}

impl Front {
    /// No context.
    pub(super) fn vacant() -> Self {
        Self {
            secret: Zeroizing::new([0; 16]),
            idle_since: Offset(0),
            generation: 0,
            held: Held::Vacant,
            name: ShortName::EMPTY,
        }
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the context of that generation is there.
    pub(super) fn is(&self, generation: u32) -> bool {
        self.generation == generation && self.held != Held::Vacant
    }

    pub(super) fn secret(&self) -> Zeroizing<[u8; 16]> {
        self.secret.clone()
    }

    pub(super) const fn idle_since(&self) -> Offset {
        self.idle_since
    }

    /// A context comes to stand here.
    pub(super) fn occupy(&mut self, cookie: &ContextCookie, idle_since: Offset, principal: &Principal) {
        self.secret = cookie.secret.clone();
        self.idle_since = idle_since;
        self.held = Held::Idle;
        self.name = ShortName::of(principal.name());
    }

    /// The context is gone, its secret with it.
    pub(super) fn vacate(&mut self) {
        self.secret.zeroize();
        self.held = Held::Vacant;
        self.name = ShortName::EMPTY;
        self.generation = self.generation.wrapping_add(1);
    }

    /// A context that a request holds does not expire.
    pub(super) const fn set_busy(&mut self, busy: bool) {
        self.held = if busy { Held::Busy } else { Held::Idle };
    }

    /// Begins its lifetime anew; time does not go back.
    pub(super) fn touch(&mut self, now: Offset) {
        self.idle_since = self.idle_since.max(now);
    }

    /// When it expires; `None` while a request holds it, and for a lifetime without end.
    pub(super) fn due(&self, lifetime: Duration) -> Option<Offset> {
        if self.held == Held::Busy { None } else { self.idle_since.plus(lifetime) }
    }

    /// Whether the cookie is that of the context here; its secret is compared in constant time.
    pub(super) fn is_proved_by(&self, cookie: &ContextCookie) -> bool {
        self.held != Held::Vacant && cookie.proves(&self.secret)
    }

    /// Whether it is that user's; `None` where the name is too long to stand here.
    pub(super) fn is_of(&self, principal: &Principal) -> Option<bool> {
        self.name.get().map(|name| name == principal.name().as_bytes())
    }
}

/// A user's name beside its context: a look-up that finds it here does not follow the pointer to it.
struct ShortName {
    /// [`ShortName::LONG`] for a name that does not fit.
    len: u8,
    bytes: [u8; Self::CAPACITY],
}

impl ShortName {
    const CAPACITY: usize = 34;
    const LONG: u8 = u8::MAX;
    const EMPTY: Self = Self { len: 0, bytes: [0; Self::CAPACITY] };

    fn of(name: &str) -> Self {
        let mut this = Self { len: Self::LONG, ..Self::EMPTY };
        if let (Some(to), Ok(len)) = (this.bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            to.copy_from_slice(name.as_bytes());
            this.len = len;
        }
        this
    }

    /// `None` for a name that does not fit.
    fn get(&self) -> Option<&[u8]> {
        if self.len == Self::LONG { None } else { self.bytes.get(..usize::from(self.len)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line of the cache: what `repr(C)` and the order of the fields are for.
    #[test]
    fn what_a_look_up_reads_takes_64_bytes() {
        assert_eq!((size_of::<Front>(), align_of::<Front>()), (64, 64));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn offsets_go_both_ways_and_saturate() {
        let epoch = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(Offset::of(epoch + second, epoch), Offset(1_000_000_000));
        assert_eq!(Offset::of(epoch + second, epoch).at(epoch), Some(epoch + second));
        if let Some(before) = epoch.checked_sub(second) {
            assert_eq!(Offset::of(before, epoch), Offset(-1_000_000_000));
            assert_eq!(Offset::of(before, epoch).at(epoch), Some(before));
        }
        assert_eq!(Offset(i64::MAX).plus(second), None);
        assert_eq!(Offset(0).plus(Duration::MAX), None);
    }

    #[test]
    fn a_name_that_does_not_fit_is_looked_up_elsewhere() {
        for (len, fits) in [(0, true), (34, true), (35, false), (300, false)] {
            let name = "n".repeat(len);
            assert_eq!(ShortName::of(&name).get(), fits.then_some(name.as_bytes()), "{len}");
        }
    }
}
