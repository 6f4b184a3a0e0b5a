//! The table that hands out Session Contexts, [MS-OXCMAPIHTTP] 3.2.5.1.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use oxwire_core::{Entropy, Principal};

use super::answers::{Answer, Answers};
use super::cookie::{BuildIdHasher, ContextCookie, CookieId, Sequence};
use super::front::Offset;
use super::limits::{TableFull, TableLimits};
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

/// One Session Context, but for what stands in its [`Front`].
pub(crate) struct Context<T> {
    id: CookieId,
    /// The exchange that holds the context's one place in sequence.
    working: Option<u64>,
    /// The exchange of a NotificationWait.
    waiting: Option<u64>,
    pub(crate) principal: Principal,
    pub(crate) sequence: Sequence,
    /// An event is queued that no Execute has fetched.
    pub(crate) notified: bool,
    pub(crate) answers: Answers,
    pub(crate) state: Option<T>,
}

impl<T> Context<T> {
    /// The exchange that holds the context's one place in sequence.
    pub(crate) const fn working(&self) -> Option<u64> {
        self.working
    }

    /// The exchange of a NotificationWait.
    pub(crate) const fn waiting(&self) -> Option<u64> {
        self.waiting
    }

    const fn is_busy(&self) -> bool {
        self.working.is_some() || self.waiting.is_some()
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
    /// What the times of the fronts count from.
    epoch: Instant,
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
            epoch: now,
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
        if self.has(&cookie.id) {
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
        let since = Offset::of(idle_since, self.epoch);
        let generation = self.slots.front_mut(slot).map_or(0, |front| {
            front.occupy(cookie, since, &principal);
            front.generation()
        });
        if let Some(line) = self.slots.line(slot) {
            line.context = Some(Box::new(Context {
                id: cookie.id,
                working: None,
                waiting: None,
                principal,
                sequence,
                notified: false,
                answers: Answers::default(),
                state: None,
            }));
        }
        if let Some(due) = idle_since.checked_add(self.limits.lifetime) {
            self.wheel.file(&mut self.slots, slot, due);
        }
        ContextId { slot, generation }
    }

    /// Whether a context goes by that id.
    fn has(&self, id: &CookieId) -> bool {
        let goes_by = |slot: u32| self.slots.context(slot).is_some_and(|context| context.id == *id);
        self.key.is_some_and(|key| goes_by(id.hint(key))) || self.imported.contains_key(id)
    }

    /// The slot of the context whose secret the cookie proves. A hint that was tampered with leads to a place whose secret the
    /// cookie does not have; one of another table leads anywhere.
    fn find(&self, cookie: &ContextCookie) -> Option<u32> {
        let proved = |slot: &u32| self.slots.front(*slot).is_some_and(|front| front.is_proved_by(cookie));
        let hinted = self.key.map(|key| cookie.id.hint(key)).filter(proved);
        hinted.or_else(|| self.imported.get(&cookie.id).copied().filter(proved))
    }

    /// Finds the context of that cookie and starts its lifetime anew (R1224).
    ///
    /// `None` for a cookie that is unknown, for a context that has expired, and for one of another user (R1225): a
    /// caller, and so a peer, cannot tell them apart.
    pub fn look_up(&mut self, now: Instant, cookie: &ContextCookie, principal: &Principal) -> Option<ContextId> {
        let slot = self.find(cookie)?;
        let now = Offset::of(now, self.epoch);
        let lifetime = self.limits.lifetime;
        let front = self.slots.front(slot)?;
        let expired = front.due(lifetime).is_some_and(|due| due <= now);
        let theirs = front
            .is_of(principal)
            .unwrap_or_else(|| self.slots.context(slot).is_some_and(|context| context.principal == *principal));
        if expired || !theirs {
            return None;
        }
        let front = self.slots.front_mut(slot)?;
        front.touch(now);
        Some(ContextId { slot, generation: front.generation() })
    }

    pub(crate) fn context(&self, id: ContextId) -> Option<&Context<T>> {
        self.slots.front(id.slot).filter(|front| front.is(id.generation))?;
        self.slots.context(id.slot)
    }

    pub(crate) fn context_mut(&mut self, id: ContextId) -> Option<&mut Context<T>> {
        self.slots.front(id.slot).filter(|front| front.is(id.generation))?;
        self.slots.context_mut(id.slot)
    }

    /// The session context cookie of a context.
    pub(crate) fn cookie(&self, id: ContextId) -> Option<ContextCookie> {
        let secret = self.slots.front(id.slot).filter(|front| front.is(id.generation))?.secret();
        Some(ContextCookie { id: self.slots.context(id.slot)?.id, secret })
    }

    /// Since when no request has come for a context.
    pub(crate) fn idle_since(&self, id: ContextId) -> Option<Instant> {
        self.slots.front(id.slot).filter(|front| front.is(id.generation))?.idle_since().at(self.epoch)
    }

    /// An exchange begins to hold a context: the place in sequence, or the one beside it of a NotificationWait.
    pub(crate) fn hold(&mut self, id: ContextId, exchange: u64, waits: bool) {
        let Some(context) = self.context_mut(id) else { return };
        let place = if waits { &mut context.waiting } else { &mut context.working };
        *place = Some(exchange);
        if let Some(front) = self.slots.front_mut(id.slot) {
            front.set_busy(true);
        }
    }

    /// An exchange is over: the lifetime begins anew with the answer (R1260, R1284).
    pub(crate) fn release(&mut self, now: Instant, id: ContextId, exchange: u64) {
        let Some(context) = self.context_mut(id) else { return };
        for place in [&mut context.working, &mut context.waiting] {
            if *place == Some(exchange) {
                *place = None;
            }
        }
        let busy = context.is_busy();
        let now = Offset::of(now, self.epoch);
        if let Some(front) = self.slots.front_mut(id.slot) {
            front.touch(now);
            front.set_busy(busy);
        }
    }

    /// Whether the context is still there.
    #[must_use]
    pub fn contains(&self, id: ContextId) -> bool {
        self.context(id).is_some()
    }

    /// Whose context it is.
    #[must_use]
    pub fn principal(&self, id: ContextId) -> Option<&Principal> {
        self.context(id).map(|context| &context.principal)
    }

    /// The application's state, once a Connect was accepted.
    #[must_use]
    pub fn state(&self, id: ContextId) -> Option<&T> {
        self.context(id).and_then(|context| context.state.as_ref())
    }

    /// The application's state, to change it.
    pub fn state_mut(&mut self, id: ContextId) -> Option<&mut T> {
        self.context_mut(id).and_then(|context| context.state.as_mut())
    }

    /// Sets the application's state.
    ///
    /// # Errors
    /// The state comes back when the context is gone.
    pub fn set_state(&mut self, id: ContextId, state: T) -> Result<(), T> {
        match self.context_mut(id) {
            Some(context) => {
                context.state = Some(state);
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
        self.slots.front_mut(id.slot)?.vacate();
        let context = *self.slots.line(id.slot)?.context.take()?;
        self.free.push(id.slot);
        self.imported.remove(&context.id);
        self.count -= 1;
        if let Some(count) = self.by_user.get_mut(&context.principal) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_user.remove(&context.principal);
            }
        }
        Some(Removed { context: id, principal: context.principal, state: context.state })
    }

    /// Takes out one context whose lifetime has passed without a request (R1285). Call it until it gives `None`.
    pub fn take_expired(&mut self, now: Instant) -> Option<Removed<T>> {
        while let Some(slot) = self.wheel.due(now) {
            let lifetime = self.limits.lifetime;
            let front = self.slots.front(slot)?;
            let due = match front.due(lifetime) {
                Some(due) if due <= Offset::of(now, self.epoch) => {
                    return self.remove(ContextId { slot, generation: front.generation() });
                }
                Some(due) => due.at(self.epoch),
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
        let before = context.answers.weight();
        context.answers.keep(answer, limits.answers_per_context, limits.answer_bytes_per_context);
        let after = context.answers.weight();
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
            self.answer_bytes -= context.answers.weight();
            context.answers = Answers::default();
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
