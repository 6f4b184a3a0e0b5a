//! What a new mailbox holds.

use std::time::Duration;

use oxwire::core::{FileTime, Guid};

use super::{Counter, Folder, Mailbox, Message, SpecialFolders};

/// Name, class, and whether it stands under the IPM subtree (else under the root).
const FOLDERS: [(&str, &str, bool); 16] = [
    ("Deferred Action", "", false),
    ("Spooler Queue", "", false),
    ("Inbox", "IPF.Note", true),
    ("Outbox", "IPF.Note", true),
    ("Sent Items", "IPF.Note", true),
    ("Deleted Items", "IPF.Note", true),
    ("Common Views", "", false),
    ("Schedule", "", false),
    ("Finder", "", false),
    ("Views", "", false),
    ("Shortcuts", "", false),
    ("Drafts", "IPF.Note", true),
    ("Calendar", "IPF.Appointment", true),
    ("Contacts", "IPF.Contact", true),
    ("Tasks", "IPF.Task", true),
    ("Notes", "IPF.StickyNote", true),
];

/// Folder, sender's name and address, subject, body, hours ago, read.
const MESSAGES: [(&str, &str, &str, &str, &str, u64, bool); 6] = [
    (
        "Inbox",
        "Ada Example",
        "ada@oxwire.test",
        "Welcome",
        "This mailbox lives in memory and ends with the server.",
        72,
        true,
    ),
    ("Inbox", "Bert Example", "bert@oxwire.test", "Grüße aus Köln", "Ein Betreff jenseits von ASCII.", 30, true),
    ("Inbox", "Cleo Example", "cleo@oxwire.test", "Figures for the third quarter", "They are not attached.", 5, false),
    ("Inbox", "Ada Example", "ada@oxwire.test", "Lunch?", "At noon, as always.", 1, false),
    ("Sent Items", "The owner", "owner@oxwire.test", "Re: Welcome", "Thank you.", 71, true),
    ("Drafts", "The owner", "owner@oxwire.test", "Unfinished", "Dear", 2, true),
];

const ROOT: Counter = 1;
const IPM_SUBTREE: Counter = 2;
const FIRST_FREE: Counter = 3;

impl Mailbox {
    /// The default folders and a few messages, delivered in the days before `wall`.
    pub(crate) fn seeded(guid: Guid, replica_guid: Guid, wall: FileTime) -> Self {
        let folder = |counter, parent, name, class| Folder { counter, parent, name, class, messages: Vec::new() };
        let mut folders =
            vec![folder(ROOT, ROOT, "Root", ""), folder(IPM_SUBTREE, ROOT, "Top of Information Store", "")];
        let mut next = FIRST_FREE;
        for (name, class, visible) in FOLDERS {
            folders.push(folder(next, if visible { IPM_SUBTREE } else { ROOT }, name, class));
            next += 1;
        }
        for (place, sender_name, sender_address, subject, body, hours, read) in MESSAGES {
            if let Some(folder) = folders.iter_mut().find(|folder| folder.name == place) {
                folder.messages.push(Message {
                    counter: next,
                    subject: subject.to_owned(),
                    sender_name: sender_name.to_owned(),
                    sender_address: sender_address.to_owned(),
                    body: body.to_owned(),
                    delivered: before(wall, hours),
                    read,
                });
                next += 1;
            }
        }
        // The order of [MS-OXCSTOR] 2.2.1.1.3: root, deferred actions, spooler queue, IPM subtree, then as in FOLDERS.
        let special = [ROOT, 3, 4, IPM_SUBTREE, 5, 6, 7, 8, 9, 10, 11, 12, 13];
        Self { guid, replica_guid, folders, special: SpecialFolders(special), inbox: 5, next }
    }
}

fn before(wall: FileTime, hours: u64) -> FileTime {
    let hour = Duration::from_secs(3600).as_nanos() / 100;
    let ago = u64::try_from(hour).unwrap_or(0).saturating_mul(hours);
    FileTime::from_intervals(wall.intervals().saturating_sub(ago))
}
