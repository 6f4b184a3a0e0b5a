//! Server object handles and their table, [MS-OXCROPS] 2.2.1.

use std::fmt;

/// A handle of a Server object: a number that the server chose, valid in one Session Context.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u32);

impl Handle {
    /// An entry of the table that is not in use yet: 0xFFFFFFFF. No object has it ([MS-OXCROPS] 3.2.5.1).
    pub const UNUSED: Self = Self(0xFFFF_FFFF);

    /// Whether an object can have it.
    #[must_use]
    pub const fn is_used(self) -> bool {
        self.0 != Self::UNUSED.0
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_used() { write!(f, "{:#010x}", self.0) } else { f.write_str("unused") }
    }
}

/// A view over a Server object handle table.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct HandleTable<'a>(&'a [[u8; 4]]);

impl<'a> HandleTable<'a> {
    pub(crate) const fn new(entries: &'a [[u8; 4]]) -> Self {
        Self(entries)
    }

    /// Entries. A handle index reaches the first 256 at most.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The entry that a handle index of a ROP names; `None` when the table ends before it.
    #[must_use]
    pub fn at(self, index: u8) -> Option<Handle> {
        self.0.get(usize::from(index)).map(|entry| Handle(u32::from_le_bytes(*entry)))
    }

    /// The entries in order.
    pub fn iter(self) -> impl Iterator<Item = Handle> + 'a {
        self.0.iter().map(|entry| Handle(u32::from_le_bytes(*entry)))
    }
}

impl fmt::Debug for HandleTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Hands out handles as clients in the field need them: from 1 up to 2^31 - 1, none of them twice.
#[derive(Debug, Clone)]
pub struct HandleAllocator {
    next: u32,
}

impl HandleAllocator {
    /// The highest handle: larger ones fail in clients that keep them in a signed integer.
    pub const MAX: Handle = Handle(0x7FFF_FFFF);

    /// Begins at 1.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 1 }
    }

    /// The next handle, or `None` once all are used up: the Session Context has to end then.
    pub const fn allocate(&mut self) -> Option<Handle> {
        if self.next > Self::MAX.0 {
            return None;
        }
        let handle = Handle(self.next);
        self.next += 1;
        Some(handle)
    }
}

impl Default for HandleAllocator {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quirk of Outlook: handles are at most INT32_MAX and are never reused in a session.
    #[test]
    fn outlook_handles_stay_positive_and_are_never_reused() {
        let mut handles = HandleAllocator { next: HandleAllocator::MAX.0 - 1 };
        assert_eq!(handles.allocate(), Some(Handle(0x7FFF_FFFE)));
        assert_eq!(handles.allocate(), Some(Handle(0x7FFF_FFFF)));
        assert_eq!(handles.allocate(), None);
        assert_eq!(handles.allocate(), None);
        assert_eq!(HandleAllocator::new().allocate(), Some(Handle(1)));
    }
}
