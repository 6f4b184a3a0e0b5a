//! The table that hands out Session Contexts, [MS-OXCMAPIHTTP] 3.2.5.1.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use oxwire_core::{Entropy, Principal};
use zeroize::Zeroizing;

use super::answers::{Answer, Answers};
use super::cookie::{BuildIdHasher, ContextCookie, CookieId, Sequence};
use super::slots::Slots;
use super::wheel::{Links, NONE, Wheel};

/// Names a context inside one table. It is no credential, and one that has ended is not used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId {
    slot: u32,
    generation: u32,
}

impl ContextId {
    /// As one number, for logs and for a caller's own maps.
    #[must_use]
    pub const fn number(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }
}

impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context {}.{}", self.slot, self.generation)
    }
}

/// What a [`ContextTable`] holds at most, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableLimits {
    /// How long a context lives without a request: X-ExpirationInfo. Default 15 minutes, as Exchange has it;
    /// at least 1 ms.
    pub lifetime: Duration,
    /// Contexts in all. Default 100,000.
    pub contexts: usize,
    /// Contexts of one user. Default 256.
    pub contexts_per_user: usize,
    /// Answers kept for each context, for a client that repeats a request. Default 64.
    pub answers_per_context: usize,
    /// Bytes of answers kept for each context. Default 256 KiB.
    pub answer_bytes_per_context: usize,
    /// Bytes of answers kept in all; past it the contexts that answered longest ago lose theirs. Default 64 MiB.
    pub answer_bytes: usize,
}

impl TableLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        lifetime: Duration::from_secs(15 * 60),
        contexts: 100_000,
        contexts_per_user: 256,
        answers_per_context: 64,
        answer_bytes_per_context: 256 << 10,
        answer_bytes: 64 << 20,
    };

    /// Sets [`TableLimits::lifetime`].
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets [`TableLimits::contexts`].
    #[must_use]
    pub const fn with_contexts(mut self, contexts: usize) -> Self {
        self.contexts = contexts;
        self
    }

    /// Sets [`TableLimits::contexts_per_user`].
    #[must_use]
    pub const fn with_contexts_per_user(mut self, contexts: usize) -> Self {
        self.contexts_per_user = contexts;
        self
    }

    /// Sets [`TableLimits::answers_per_context`]; 0 keeps none.
    #[must_use]
    pub const fn with_answers_per_context(mut self, answers: usize) -> Self {
        self.answers_per_context = answers;
        self
    }

    /// Sets [`TableLimits::answer_bytes_per_context`].
    #[must_use]
    pub const fn with_answer_bytes_per_context(mut self, bytes: usize) -> Self {
        self.answer_bytes_per_context = bytes;
        self
    }

    /// Sets [`TableLimits::answer_bytes`].
    #[must_use]
    pub const fn with_answer_bytes(mut self, bytes: usize) -> Self {
        self.answer_bytes = bytes;
        self
    }
}

impl Default for TableLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a table takes no further context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableFull {
    /// [`TableLimits::contexts`].
    #[error("the table holds {0} contexts, its limit; raise `contexts`, or wait until some have expired")]
    Total(usize),
    /// [`TableLimits::contexts_per_user`].
    #[error("the user holds {0} contexts, the limit; raise `contexts_per_user`, or wait until some have expired")]
    User(usize),
    /// A context with that cookie is in the table already: the cookie was imported twice, or the entropy repeats itself.
    #[error("a context with that cookie is in the table already")]
    Duplicate,
}

/// A context that has left the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Removed<T> {
    /// What it was called.
    pub context: ContextId,
    /// Whose it was.
    pub principal: Principal,
    /// The application's state; `None` where the Connect was never accepted.
    pub state: Option<T>,
}

/// A user's name beside its context: a look-up that finds it here does not follow the pointer to it.
#[derive(Clone, Copy)]
struct ShortName {
    /// [`ShortName::LONG`] for a name that does not fit.
    len: u8,
    bytes: [u8; Self::CAPACITY],
}

impl ShortName {
    const CAPACITY: usize = 35;
    const LONG: u8 = u8::MAX;

    fn of(name: &str) -> Self {
        let mut this = Self { len: Self::LONG, bytes: [0; Self::CAPACITY] };
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

/// One Session Context: what a look-up reads, in two lines of the cache, and the rest elsewhere.
#[repr(C, align(128))]
pub(crate) struct Context<T> {
    pub(crate) id: CookieId,
    pub(crate) secret: Zeroizing<[u8; 16]>,
    pub(crate) idle_since: Instant,
    /// The exchange that holds the context's one place in sequence.
    pub(crate) working: Option<u64>,
    /// The exchange of a NotificationWait.
    pub(crate) waiting: Option<u64>,
    generation: u32,
    name: ShortName,
    pub(crate) rest: Box<Rest<T>>,
}

/// What is read once a context has been found.
pub(crate) struct Rest<T> {
    pub(crate) principal: Principal,
    pub(crate) sequence: Sequence,
    /// An event is queued that no Execute has fetched.
    pub(crate) notified: bool,
    pub(crate) answers: Answers,
    pub(crate) state: Option<T>,
}

impl<T> Context<T> {
    pub(crate) const fn is_busy(&self) -> bool {
        self.working.is_some() || self.waiting.is_some()
    }

    pub(crate) fn cookie(&self) -> ContextCookie {
        ContextCookie { id: self.id, secret: self.secret.clone() }
    }

    fn is_of(&self, principal: &Principal) -> bool {
        match self.name.get() {
            Some(name) => name == principal.name().as_bytes(),
            None => self.rest.principal == *principal,
        }
    }

    /// `None` while a request holds it.
    fn due(&self, lifetime: Duration) -> Option<Instant> {
        if self.is_busy() { None } else { self.idle_since.checked_add(lifetime) }
    }
}

/// Session Contexts under their cookies, each with the application's own state `T`.
///
/// The state lives here rather than in a map of the application's, keyed by [`ContextId`], because it then ends exactly when
/// its context does, whatever ended it, and a look-up costs one search instead of two. An application that wants its own map
/// uses `T = ()`; one that works in several threads uses an `Arc` of its session.
///
/// A cookie that was made here says, in a form that only this table reads, where its context stands; only cookies that were
/// imported are searched for. So a look-up with its touch costs the same whatever the number of contexts: it reads one place and
/// writes one time stamp.
pub struct ContextTable<T> {
    limits: TableLimits,
    slots: Slots<T>,
    free: Vec<u32>,
    count: usize,
    /// What a cookie's hint is hidden with; drawn with the first cookie.
    key: Option<[u64; 2]>,
    imported: HashMap<CookieId, u32, BuildIdHasher>,
    by_user: HashMap<Principal, usize>,
    wheel: Wheel,
    answered: Links,
    answer_bytes: usize,
}

impl<T> ContextTable<T> {
    /// An empty table. `now` is any instant at or before the first one it will be given.
    #[must_use]
    pub fn new(now: Instant, mut limits: TableLimits) -> Self {
        limits.lifetime = limits.lifetime.max(Duration::from_millis(1));
        Self {
            limits,
            slots: Slots::new(),
            free: Vec::new(),
            count: 0,
            key: None,
            imported: HashMap::default(),
            by_user: HashMap::new(),
            wheel: Wheel::new(now, limits.lifetime / 64),
            answered: Links::NONE,
            answer_bytes: 0,
        }
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &TableLimits {
        &self.limits
    }

    /// How many contexts there are, those counted that have expired and were not yet taken out.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many contexts that user has.
    #[must_use]
    pub fn len_of(&self, principal: &Principal) -> usize {
        self.by_user.get(principal).copied().unwrap_or(0)
    }

    /// Bytes of answers that are kept.
    #[must_use]
    pub const fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }

    /// Makes a context and draws its cookies (R1219, R1223).
    ///
    /// # Errors
    /// [`TableFull`]. Take out what has expired first: [`ContextTable::take_expired`].
    pub fn create(
        &mut self,
        now: Instant,
        principal: &Principal,
        entropy: &mut (impl Entropy + ?Sized),
    ) -> Result<(ContextId, ContextCookie), TableFull> {
        let key = *self.key.get_or_insert_with(|| draw_key(entropy));
        let mut cookie = ContextCookie::draw(entropy);
        let sequence = Sequence::draw(entropy);
        self.check_room(principal)?;
        let slot = self.next_slot();
        cookie.id.hide(slot, key);
        let context = self.put(slot, now, principal, &cookie, sequence);
        Ok((context, cookie))
    }

    /// Takes in a cookie that another table has made.
    pub(crate) fn insert(
        &mut self,
        idle_since: Instant,
        principal: &Principal,
        cookie: &ContextCookie,
        sequence: Sequence,
    ) -> Result<ContextId, TableFull> {
        self.check_room(principal)?;
        if self.find(&cookie.id).is_some() {
            return Err(TableFull::Duplicate);
        }
        let slot = self.next_slot();
        self.imported.insert(cookie.id, slot);
        Ok(self.put(slot, idle_since, principal, cookie, sequence))
    }

    fn check_room(&self, principal: &Principal) -> Result<(), TableFull> {
        if self.count >= self.limits.contexts.min(u32::MAX as usize - 1) {
            return Err(TableFull::Total(self.count));
        }
        let of_user = self.len_of(principal);
        if of_user >= self.limits.contexts_per_user { Err(TableFull::User(of_user)) } else { Ok(()) }
    }

    fn next_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.slots.push())
    }

    fn put(
        &mut self,
        slot: u32,
        idle_since: Instant,
        principal: &Principal,
        cookie: &ContextCookie,
        sequence: Sequence,
    ) -> ContextId {
        // One allocation of the name for all contexts of a user.
        let known = self.by_user.get_key_value(principal).map(|(known, count)| (known.clone(), *count));
        let (principal, of_user) = known.unwrap_or_else(|| (principal.clone(), 0));
        self.by_user.insert(principal.clone(), of_user + 1);
        self.count += 1;
        let generation = self.slots.line(slot).map_or(0, |line| line.generation);
        let name = ShortName::of(principal.name());
        let rest = Rest { principal, sequence, notified: false, answers: Answers::default(), state: None };
        if let Some(place) = self.slots.place_for(slot) {
            *place = Some(Context {
                id: cookie.id,
                secret: cookie.secret.clone(),
                idle_since,
                working: None,
                waiting: None,
                generation,
                name,
                rest: Box::new(rest),
            });
        }
        if let Some(due) = idle_since.checked_add(self.limits.lifetime) {
            self.wheel.file(&mut self.slots, slot, due);
        }
        ContextId { slot, generation }
    }

    /// The slot of the context that goes by that id.
    fn find(&self, id: &CookieId) -> Option<u32> {
        let goes_by = |slot: u32| self.slots.context(slot).filter(|context| context.id == *id).map(|_| slot);
        self.key.and_then(|key| goes_by(id.hint(key))).or_else(|| self.imported.get(id).copied())
    }

    /// Finds the context of that cookie and starts its lifetime anew (R1224).
    ///
    /// `None` for a cookie that is unknown, for a context that has expired, and for one of another user (R1225): a
    /// caller, and so a peer, cannot tell them apart.
    pub fn look_up(&mut self, now: Instant, cookie: &ContextCookie, principal: &Principal) -> Option<ContextId> {
        let slot = self.find(&cookie.id)?;
        let lifetime = self.limits.lifetime;
        let context = self.slots.context_mut(slot)?;
        let proved = cookie.proves(&context.secret);
        let expired = context.due(lifetime).is_some_and(|due| due <= now);
        if !proved || expired || !context.is_of(principal) {
            return None;
        }
        context.idle_since = context.idle_since.max(now);
        Some(ContextId { slot, generation: context.generation })
    }

    pub(crate) fn context(&self, id: ContextId) -> Option<&Context<T>> {
        self.slots.context(id.slot).filter(|context| context.generation == id.generation)
    }

    pub(crate) fn context_mut(&mut self, id: ContextId) -> Option<&mut Context<T>> {
        self.slots.context_mut(id.slot).filter(|context| context.generation == id.generation)
    }

    /// Whether the context is still there.
    #[must_use]
    pub fn contains(&self, id: ContextId) -> bool {
        self.context(id).is_some()
    }

    /// Whose context it is.
    #[must_use]
    pub fn principal(&self, id: ContextId) -> Option<&Principal> {
        self.context(id).map(|context| &context.rest.principal)
    }

    /// The application's state, once a Connect was accepted.
    #[must_use]
    pub fn state(&self, id: ContextId) -> Option<&T> {
        self.context(id).and_then(|context| context.rest.state.as_ref())
    }

    /// The application's state, to change it.
    pub fn state_mut(&mut self, id: ContextId) -> Option<&mut T> {
        self.context_mut(id).and_then(|context| context.rest.state.as_mut())
    }

    /// Sets the application's state.
    ///
    /// # Errors
    /// The state comes back when the context is gone.
    pub fn set_state(&mut self, id: ContextId, state: T) -> Result<(), T> {
        match self.context_mut(id) {
            Some(context) => {
                context.rest.state = Some(state);
                Ok(())
            }
            None => Err(state),
        }
    }

    /// Ends a context: its cookie is worth nothing from here on (R2233).
    pub fn remove(&mut self, id: ContextId) -> Option<Removed<T>> {
        self.context(id)?;
        self.forget_answers(id.slot);
        self.wheel.take(&mut self.slots, id.slot);
        let line = self.slots.line(id.slot)?;
        line.generation = line.generation.wrapping_add(1);
        let context = self.slots.place_for(id.slot)?.take()?;
        let rest = *context.rest;
        self.free.push(id.slot);
        self.imported.remove(&context.id);
        self.count -= 1;
        if let Some(count) = self.by_user.get_mut(&rest.principal) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_user.remove(&rest.principal);
            }
        }
        Some(Removed { context: id, principal: rest.principal, state: rest.state })
    }

    /// Takes out one context whose lifetime has passed without a request (R1285). Call it until it gives `None`.
    pub fn take_expired(&mut self, now: Instant) -> Option<Removed<T>> {
        while let Some(slot) = self.wheel.due(now) {
            let lifetime = self.limits.lifetime;
            let context = self.slots.context(slot)?;
            let due = match context.due(lifetime) {
                Some(due) if due <= now => {
                    return self.remove(ContextId { slot, generation: context.generation });
                }
                Some(due) => Some(due),
                None => now.checked_add(lifetime),
            };
            self.wheel.take(&mut self.slots, slot);
            if let Some(due) = due {
                self.wheel.file(&mut self.slots, slot, due);
            }
        }
        None
    }

    /// When to call [`ContextTable::take_expired`] next. It may then have nothing to give: contexts are looked at lazily.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wheel.poll_timeout()
    }

    /// Keeps an answer of that context, within the limits of the context and of the table.
    pub(crate) fn keep_answer(&mut self, id: ContextId, answer: Answer) {
        let limits = self.limits;
        let Some(context) = self.context_mut(id) else { return };
        let before = context.rest.answers.weight();
        context.rest.answers.keep(answer, limits.answers_per_context, limits.answer_bytes_per_context);
        let after = context.rest.answers.weight();
        self.answer_bytes = (self.answer_bytes - before).saturating_add(after);
        self.unlink_answered(id.slot);
        if after > 0 {
            self.link_answered(id.slot);
        }
        while self.answer_bytes > limits.answer_bytes && self.answered.next != NONE {
            self.forget_answers(self.answered.next);
        }
    }

    fn forget_answers(&mut self, slot: u32) {
        self.unlink_answered(slot);
        if let Some(context) = self.slots.context_mut(slot) {
            self.answer_bytes -= context.rest.answers.weight();
            context.rest.answers = Answers::default();
        }
    }

    /// Puts a slot that is in no list at the end of the list of those that keep answers. The table's own links are the two
    /// ends: `next` the first, `previous` the last.
    fn link_answered(&mut self, slot: u32) {
        let previous = std::mem::replace(&mut self.answered.previous, slot);
        match self.slots.line(previous) {
            Some(before) => before.answered.next = slot,
            None => self.answered.next = slot,
        }
        if let Some(entry) = self.slots.line(slot) {
            entry.answered = Links { previous, next: NONE };
        }
    }

    fn unlink_answered(&mut self, slot: u32) {
        let Some(entry) = self.slots.line(slot) else { return };
        let links = std::mem::replace(&mut entry.answered, Links::NONE);
        if links == Links::NONE && self.answered.next != slot {
            return;
        }
        match self.slots.line(links.previous) {
            Some(before) => before.answered.next = links.next,
            None => self.answered.next = links.next,
        }
        match self.slots.line(links.next) {
            Some(behind) => behind.answered.previous = links.previous,
            None => self.answered.previous = links.previous,
        }
    }
}

impl<T> fmt::Debug for ContextTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextTable")
            .field("limits", &self.limits)
            .field("contexts", &self.len())
            .field("answer_bytes", &self.answer_bytes)
            .finish_non_exhaustive()
    }
}

fn draw_key(entropy: &mut (impl Entropy + ?Sized)) -> [u64; 2] {
    [(); 2].map(|()| {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two lines of the cache: what `repr(C)` and the order of the fields are for.
    #[test]
    fn what_a_look_up_reads_takes_128_bytes() {
        assert_eq!(size_of::<Option<Context<u64>>>(), 128);
    }
}
