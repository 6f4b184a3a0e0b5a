//! A small mailbox in memory: the default folders, a few messages, and delivery.

mod seed;

use oxwire::core::{FileTime, Guid};

/// A folder's or message's number in its mailbox: the global counter of its id.
pub(crate) type Counter = u64;

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Its number.
    pub(crate) counter: Counter,
    /// The subject.
    pub(crate) subject: String,
    /// The sender's name.
    pub(crate) sender_name: String,
    /// The sender's address.
    pub(crate) sender_address: String,
    /// Plain text.
    pub(crate) body: String,
    /// When it was delivered.
    pub(crate) delivered: FileTime,
    /// Whether it was read.
    pub(crate) read: bool,
}

impl Message {
    /// Bytes, as PidTagMessageSize counts them: roughly.
    pub(crate) fn size(&self) -> i32 {
        let text = self.subject.len() + self.sender_name.len() + self.sender_address.len() + self.body.len();
        i32::try_from(text.saturating_mul(2).saturating_add(512)).unwrap_or(i32::MAX)
    }
}

/// A folder and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// Its number.
    pub(crate) counter: Counter,
    /// Number of the folder that it is in; its own for the root.
    pub(crate) parent: Counter,
    /// The display name.
    pub(crate) name: &'static str,
    /// The container class, as in `IPF.Note`; empty for none.
    pub(crate) class: &'static str,
    /// The messages, oldest first.
    pub(crate) messages: Vec<Message>,
}

impl Folder {
    /// How many messages are unread.
    pub(crate) fn unread(&self) -> usize {
        self.messages.iter().filter(|message| !message.read).count()
    }
}

/// The special folders whose ids RopLogon tells, in its order ([MS-OXCSTOR] 2.2.1.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpecialFolders(pub(crate) [Counter; 13]);

/// A mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    /// Of the mailbox.
    pub(crate) guid: Guid,
    /// Of the replica that ids belong to.
    pub(crate) replica_guid: Guid,
    folders: Vec<Folder>,
    special: SpecialFolders,
    inbox: Counter,
    next: Counter,
}

/// A message that was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Where to.
    pub(crate) folder: Counter,
    /// The message.
    pub(crate) message: Counter,
}

impl Mailbox {
    /// The ids that RopLogon tells.
    pub(crate) const fn special(&self) -> SpecialFolders {
        self.special
    }

    /// A folder by its number.
    pub(crate) fn folder(&self, counter: Counter) -> Option<&Folder> {
        self.folders.iter().find(|folder| folder.counter == counter)
    }

    /// The folders in a folder, in the order in which they were made; `deep` for those below as well. With each its depth, 1
    /// for a child.
    pub(crate) fn children(&self, parent: Counter, deep: bool) -> Vec<(&Folder, i32)> {
        let mut found = Vec::new();
        // Folders are made parents first and never moved: this ends.
        let mut open = vec![(parent, 0)];
        while let Some((parent, depth)) = open.pop() {
            let inside = self.folders.iter().filter(|folder| folder.parent == parent && folder.counter != parent);
            let start = found.len();
            found.extend(inside.map(|folder| (folder, depth + 1)));
            if deep {
                open.extend(found.iter().skip(start).rev().map(|(folder, depth)| (folder.counter, *depth)));
            }
        }
        found
    }

    /// Bytes of all messages.
    pub(crate) fn size(&self) -> i64 {
        self.folders.iter().flat_map(|folder| &folder.messages).map(|message| i64::from(message.size())).sum()
    }

    /// Whether a folder has folders inside.
    pub(crate) fn has_children(&self, parent: Counter) -> bool {
        self.folders.iter().any(|folder| folder.parent == parent && folder.counter != parent)
    }

    /// Puts a new message into the inbox.
    pub(crate) fn deliver(
        &mut self,
        from: (&str, &str),
        subject: &str,
        body: &str,
        wall: FileTime,
    ) -> Option<Delivered> {
        let message = self.next;
        let inbox = self.inbox;
        let folder = self.folders.iter_mut().find(|folder| folder.counter == inbox)?;
        folder.messages.push(Message {
            counter: message,
            subject: subject.to_owned(),
            sender_name: from.0.to_owned(),
            sender_address: from.1.to_owned(),
            body: body.to_owned(),
            delivered: wall,
            read: false,
        });
        self.next += 1;
        Some(Delivered { folder: inbox, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox() -> Mailbox {
        Mailbox::seeded(Guid::from_wire([1; 16]), Guid::from_wire([2; 16]), FileTime::from_intervals(1 << 56))
    }

    #[test]
    fn the_default_folders_are_there() {
        let mailbox = mailbox();
        let special = mailbox.special().0;
        for (at, counter) in special.iter().enumerate() {
            assert!(mailbox.folder(*counter).is_some(), "special folder {at}");
        }
        let mut distinct = special.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), special.len());
        let names: Vec<_> = mailbox.children(special[3], false).iter().map(|(folder, _)| folder.name).collect();
        for name in ["Inbox", "Outbox", "Sent Items", "Deleted Items", "Drafts", "Calendar", "Contacts"] {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
    }

    #[test]
    fn a_deep_hierarchy_has_every_folder_once() {
        let mailbox = mailbox();
        let root = mailbox.special().0[0];
        let all = mailbox.children(root, true);
        assert_eq!(all.len(), mailbox.folders.len() - 1);
        assert!(all.iter().any(|(_, depth)| *depth == 2));
        let mut counters: Vec<_> = all.iter().map(|(folder, _)| folder.counter).collect();
        counters.sort_unstable();
        counters.dedup();
        assert_eq!(counters.len(), all.len());
    }

    #[test]
    fn delivery_adds_an_unread_message_to_the_inbox() {
        let mut mailbox = mailbox();
        let inbox = mailbox.special().0[4];
        let before = mailbox.folder(inbox).unwrap().messages.len();
        let wall = FileTime::from_intervals(9);
        let delivered = mailbox.deliver(("A", "a@b"), "S", "B", wall).unwrap();
        assert_eq!(delivered.folder, inbox);
        let folder = mailbox.folder(inbox).unwrap();
        let last = folder.messages.last().unwrap();
        assert_eq!((folder.messages.len(), last.counter, last.read), (before + 1, delivered.message, false));
        assert_ne!(mailbox.deliver(("A", "a@b"), "S", "B", wall).unwrap().message, delivered.message);
    }
}
