//! The Session Contexts of EMSMDB, by their context handles.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use oxwire::core::{FileTime, Guid, Principal};
use oxwire::rpc::association::CallId;
use oxwire::rpc::ndr::ContextHandle;
use oxwire::rpch::endpoint::VirtualConnectionId;

use super::super::guid;
use super::super::objects::Objects;
use crate::mailbox::Delivered;

/// Sessions of one user at a time.
const PER_USER: usize = 64;

/// How long EcDoAsyncWaitEx waits: five minutes, [MS-OXCRPC] 3.3.4.1.
const WAIT: Duration = Duration::from_secs(5 * 60);

/// One Session Context.
pub(super) struct Session {
    pub(super) principal: Principal,
    pub(super) objects: Objects,
    /// The asynchronous context handle, once asked for.
    asynchronous: Option<Guid>,
    waiting: Option<Waiting>,
    /// The association group that its handle is valid in.
    group: u32,
    /// piCxr.
    pub(super) index: u16,
    /// pulTimeStamp.
    pub(super) created: u32,
    /// The sessions that are linked with each other have the same.
    linked: u64,
}

/// By which a client names one of its sessions, to link another with it: ulIcxrLink and pulTimeStamp, [MS-OXCRPC] 3.1.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u16,
    pub(super) created: u32,
}

impl Link {
    /// Of a request, where only the lower half of the index counts.
    pub(super) fn of_request(icxr_link: u32, time_stamp: u32) -> Self {
        let index = u16::try_from(icxr_link & 0xFFFF).unwrap_or_default();
        Self { index, created: time_stamp }
    }
}

/// What a wait came to at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Begun,
    /// An event is there, or the handle is none.
    Over,
    /// Somebody is waiting already.
    Another,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    connection: VirtualConnectionId,
    call: CallId,
    until: Option<Instant>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Sessions {
    by_handle: HashMap<Guid, Session>,
    last_index: u16,
    last_linked: u64,
    /// Whose waits have begun and are not told to the application yet.
    began: VecDeque<Principal>,
    /// Waits whose session was closed.
    ended: Vec<(VirtualConnectionId, CallId)>,
}

impl Sessions {
    /// Opens one, linked with the user's session of that name if there is such a one; `None` where the user has enough.
    pub(super) fn open(
        &mut self,
        principal: &Principal,
        group: u32,
        wall: FileTime,
        link: Option<Link>,
    ) -> Option<(ContextHandle, Link)> {
        if self.by_handle.values().filter(|session| session.principal == *principal).count() >= PER_USER {
            return None;
        }
        let after = self.last_index;
        let taken = |index| self.by_handle.values().any(|session| session.index == index);
        let index = (1..=u16::MAX).map(|step| after.wrapping_add(step)).find(|index| !taken(*index))?;
        self.last_index = index;
        // Seconds of 32 bits.
        let created = u32::try_from((wall.intervals() / 10_000_000) & 0xFFFF_FFFF).unwrap_or_default();
        let named = |session: &&Session| {
            session.principal == *principal
                && link.is_some_and(|link| (session.index, session.created) == (link.index, link.created))
        };
        let linked = match self.by_handle.values().find(named) {
            Some(other) => other.linked,
            None => {
                self.last_linked = self.last_linked.wrapping_add(1);
                self.last_linked
            }
        };
        let handle = guid();
        let session = Session {
            principal: principal.clone(),
            objects: Objects::default(),
            asynchronous: None,
            waiting: None,
            group,
            index,
            created,
            linked,
        };
        self.by_handle.insert(handle, session);
        Some((ContextHandle::new(handle), Link { index, created }))
    }

    /// The sessions linked with one, itself left out, that have something to tell.
    pub(super) fn pending_beside(&self, handle: &ContextHandle) -> Vec<u16> {
        let Some(linked) = self.by_handle.get(&handle.uuid).map(|session| session.linked) else { return Vec::new() };
        let others = self.by_handle.iter().filter(|(uuid, session)| **uuid != handle.uuid && session.linked == linked);
        others
            .filter(|(_, session)| session.objects.next_notice().is_some())
            .map(|(_, session)| session.index)
            .collect()
    }

    /// The session of a handle, if it is that user's and of that group.
    pub(super) fn of(&mut self, handle: &ContextHandle, principal: &Principal, group: u32) -> Option<&mut Session> {
        self.by_handle.get_mut(&handle.uuid).filter(|session| session.principal == *principal && session.group == group)
    }

    /// Ends a session, and with it a wait of its.
    pub(super) fn close(&mut self, handle: &ContextHandle) {
        let waiting = self.by_handle.remove(&handle.uuid).and_then(|session| session.waiting);
        self.ended.extend(waiting.map(|waiting| (waiting.connection, waiting.call)));
    }

    /// The waits that ended with their session since.
    pub(super) fn take_ended(&mut self) -> Vec<(VirtualConnectionId, CallId)> {
        std::mem::take(&mut self.ended)
    }

    /// The asynchronous context handle of a session.
    pub(super) fn asynchronous(
        &mut self,
        handle: &ContextHandle,
        principal: &Principal,
        group: u32,
    ) -> Option<ContextHandle> {
        let session = self.of(handle, principal, group)?;
        Some(ContextHandle::new(*session.asynchronous.get_or_insert_with(guid)))
    }

    /// Begins a wait, unless it is over at once, or one too many.
    pub(super) fn wait(
        &mut self,
        now: Instant,
        asynchronous: &ContextHandle,
        principal: &Principal,
        connection: VirtualConnectionId,
        call: CallId,
    ) -> Wait {
        let found = self
            .by_handle
            .values_mut()
            .find(|session| session.asynchronous == Some(asynchronous.uuid) && session.principal == *principal);
        match found {
            Some(session) if session.waiting.is_some() => Wait::Another,
            Some(session) if session.objects.next_notice().is_none() => {
                session.waiting = Some(Waiting { connection, call, until: now.checked_add(WAIT) });
                self.began.push_back(principal.clone());
                Wait::Begun
            }
            _ => Wait::Over,
        }
    }

    /// Nobody waits for that call any more; whether somebody did.
    pub(super) fn end_wait(&mut self, connection: VirtualConnectionId, call: CallId) -> bool {
        self.end(|waiting| waiting.connection == connection && waiting.call == call)
    }

    /// A virtual connection has ended.
    pub(super) fn end_waits_of(&mut self, connection: VirtualConnectionId) {
        self.end(|waiting| waiting.connection == connection);
    }

    fn end(&mut self, which: impl Fn(&Waiting) -> bool) -> bool {
        let mut found = false;
        for session in self.by_handle.values_mut() {
            found |= session.waiting.take_if(|waiting| which(waiting)).is_some();
        }
        found
    }

    /// An association group is gone, and its sessions with it ([MS-RPCE] 3.3.3.7.1).
    pub(super) fn run_down(&mut self, group: u32) -> Vec<u16> {
        let gone = self.by_handle.extract_if(|_, session| session.group == group);
        gone.map(|(_, session)| session.index).collect()
    }

    /// Whose session waits for an event that is not there: once for each wait.
    pub(super) fn take_waiting(&mut self) -> Option<Principal> {
        self.began.pop_front()
    }

    /// Queues what the subscriptions of a user want to hear; gives the waits that are over.
    pub(super) fn on_delivered(&mut self, to: &Principal, delivered: Delivered) -> Vec<(VirtualConnectionId, CallId)> {
        let theirs = self.by_handle.values_mut().filter(|session| session.principal == *to);
        let told = theirs.filter_map(|session| session.objects.on_delivered(delivered).then(|| session.waiting.take()));
        told.flatten().map(|waiting| (waiting.connection, waiting.call)).collect()
    }

    /// Waits that have lasted long enough.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<(CallId, VirtualConnectionId)> {
        let overdue = |waiting: &mut Waiting| waiting.until.is_some_and(|until| until <= now);
        let sessions = self.by_handle.values_mut();
        let taken = sessions.filter_map(|session| session.waiting.take_if(overdue));
        taken.map(|waiting| (waiting.call, waiting.connection)).collect()
    }

    /// When the first of them is over.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_handle.values().filter_map(|session| session.waiting?.until).min()
    }
}
