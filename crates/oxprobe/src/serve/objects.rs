//! The server objects of one Session Context, and the handles that name them.

use std::collections::{BTreeMap, VecDeque};

use oxwire::mapi::property::{PropertyTag, SortOrder};
use oxwire::mapi::rop::{Handle, HandleAllocator};

use crate::mailbox::{Counter, Delivered};

/// Handles that a Session Context may hold at a time.
const OBJECT_LIMIT: usize = 4096;

/// Notifications that may wait for a client; the oldest give way, as a table's content is asked for again anyway.
const NOTIFICATION_LIMIT: usize = 1024;

/// One server object.
#[derive(Debug, Clone)]
pub(crate) enum Object {
    /// A logon to the mailbox.
    Logon,
    /// An open folder.
    Folder(Counter),
    /// A table of folders or of messages.
    Table(Table),
    /// A subscription to notifications.
    Subscription(Subscription),
}

/// A table that was opened on a folder.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The folder.
    pub(crate) folder: Counter,
    /// What its rows are.
    pub(crate) kind: TableKind,
    /// The columns of RopSetColumns; `None` before it.
    pub(crate) columns: Option<Vec<PropertyTag>>,
    /// The sort order of RopSortTable.
    pub(crate) order: Vec<SortOrder>,
    /// The row that RopQueryRows reads next.
    pub(crate) position: usize,
}

impl Table {
    /// A table at its first row.
    pub(crate) const fn new(folder: Counter, kind: TableKind) -> Self {
        Self { folder, kind, columns: None, order: Vec::new(), position: 0 }
    }
}

/// What a table's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    /// Folders, `deep` with those below the first level.
    Hierarchy {
        /// Below the first level too.
        deep: bool,
    },
    /// Messages.
    Contents,
    /// What there is none of here: folder associated messages, soft-deleted folders and messages.
    Empty,
}

/// What a client wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// New messages that were delivered.
    pub(crate) new_mail: bool,
    /// New objects.
    pub(crate) created: bool,
    /// In this folder; `None` is the whole mailbox.
    pub(crate) folder: Option<Counter>,
}

/// What a client is to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The subscription's handle.
    pub(crate) handle: Handle,
    /// The logon that the subscription was made with.
    pub(crate) logon_id: u8,
    /// Whether it is told as new mail, else as a created object.
    pub(crate) new_mail: bool,
    /// What was delivered.
    pub(crate) delivered: Delivered,
}

/// All objects of one Session Context.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    held: BTreeMap<Handle, (u8, Object)>,
    handles: HandleAllocator,
    notices: VecDeque<Notice>,
}

impl Objects {
    /// Takes an object in and names it; `None` when the session holds as many as it may.
    pub(crate) fn insert(&mut self, logon_id: u8, object: Object) -> Option<Handle> {
        if self.held.len() >= OBJECT_LIMIT {
            return None;
        }
        let handle = self.handles.allocate()?;
        self.held.insert(handle, (logon_id, object));
        Some(handle)
    }

    /// The object of that handle.
    pub(crate) fn object(&self, handle: Handle) -> Option<&Object> {
        self.held.get(&handle).map(|(_, object)| object)
    }

    /// The same, to change it.
    pub(crate) fn object_mut(&mut self, handle: Handle) -> Option<&mut Object> {
        self.held.get_mut(&handle).map(|(_, object)| object)
    }

    /// Lets a logon go that has this number, and all that was opened with it.
    pub(crate) fn release_logon(&mut self, logon_id: u8) {
        let is_logon = |(of, object): &(u8, Object)| *of == logon_id && matches!(object, Object::Logon);
        let handles: Vec<Handle> =
            self.held.iter().filter(|(_, held)| is_logon(held)).map(|(handle, _)| *handle).collect();
        for handle in handles {
            self.release(handle);
        }
    }

    /// Lets an object go. With a logon go all objects that were opened with it ([MS-OXCROPS] 3.2.5.3).
    pub(crate) fn release(&mut self, handle: Handle) {
        if let Some((logon_id, Object::Logon)) = self.held.remove(&handle) {
            self.held.retain(|_, (of, _)| *of != logon_id);
        }
        let held = &self.held;
        self.notices.retain(|notice| held.contains_key(&notice.handle));
    }

    /// Queues what the subscriptions want to hear of a delivery; says whether anything was queued.
    pub(crate) fn on_delivered(&mut self, delivered: Delivered) -> bool {
        let before = self.notices.len();
        for (handle, (logon_id, object)) in &self.held {
            let Object::Subscription(wanted) = object else { continue };
            if wanted.folder.is_some_and(|folder| folder != delivered.folder) {
                continue;
            }
            for new_mail in [true, false] {
                if if new_mail { wanted.new_mail } else { wanted.created } {
                    self.notices.push_back(Notice { handle: *handle, logon_id: *logon_id, new_mail, delivered });
                }
            }
        }
        let queued = self.notices.len() > before;
        while self.notices.len() > NOTIFICATION_LIMIT {
            self.notices.pop_front();
        }
        queued
    }

    /// What is to be told next.
    pub(crate) fn next_notice(&self) -> Option<Notice> {
        self.notices.front().copied()
    }

    /// The notice of `next_notice` has been told.
    pub(crate) fn told(&mut self) {
        self.notices.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERED: Delivered = Delivered { folder: 5, message: 40 };

    #[test]
    fn handles_are_never_given_twice() {
        let mut objects = Objects::default();
        let first = objects.insert(0, Object::Folder(5)).unwrap();
        objects.release(first);
        let second = objects.insert(0, Object::Folder(5)).unwrap();
        assert!(second > first && objects.object(first).is_none() && objects.object(second).is_some());
    }

    #[test]
    fn a_session_holds_so_many_objects_and_no_more() {
        let mut objects = Objects::default();
        for _ in 0..OBJECT_LIMIT {
            assert!(objects.insert(0, Object::Logon).is_some());
        }
        assert!(objects.insert(0, Object::Logon).is_none());
    }

    #[test]
    fn a_logon_takes_its_objects_with_it() {
        let mut objects = Objects::default();
        let logon = objects.insert(0, Object::Logon).unwrap();
        let folder = objects.insert(0, Object::Folder(5)).unwrap();
        let other = objects.insert(1, Object::Folder(5)).unwrap();
        objects.release(logon);
        assert!(objects.object(folder).is_none() && objects.object(other).is_some());
    }

    #[test]
    fn a_subscription_hears_what_it_asked_for() {
        for (wanted, expected) in [
            (Subscription { new_mail: true, created: false, folder: None }, vec![true]),
            (Subscription { new_mail: true, created: true, folder: Some(5) }, vec![true, false]),
            (Subscription { new_mail: true, created: true, folder: Some(6) }, vec![]),
            (Subscription { new_mail: false, created: false, folder: None }, vec![]),
        ] {
            let mut objects = Objects::default();
            let handle = objects.insert(3, Object::Subscription(wanted)).unwrap();
            assert_eq!(objects.on_delivered(DELIVERED), !expected.is_empty());
            for new_mail in expected {
                let notice = objects.next_notice().unwrap();
                assert_eq!(notice, Notice { handle, logon_id: 3, new_mail, delivered: DELIVERED });
                objects.told();
            }
            assert_eq!(objects.next_notice(), None);
        }
    }

    #[test]
    fn what_waits_is_bounded_and_goes_with_its_subscription() {
        let mut objects = Objects::default();
        let wanted = Subscription { new_mail: true, created: false, folder: None };
        let handle = objects.insert(0, Object::Subscription(wanted)).unwrap();
        for message in 0..2000 {
            objects.on_delivered(Delivered { folder: 5, message });
        }
        assert_eq!(objects.notices.len(), NOTIFICATION_LIMIT);
        objects.release(handle);
        assert_eq!(objects.next_notice(), None);
    }
}
