//! What the mailbox's objects say when asked for properties.

use oxwire::core::FileTime;
use oxwire::mapi::property::{Cell, ErrorCode, FolderId, MessageId, PropertyTag, PropertyValue};

use crate::mailbox::{Counter, Folder, Mailbox, Message};

/// The replica that all ids of this server belong to.
pub(crate) const REPLICA_ID: u16 = 1;

/// mfRead of PidTagMessageFlags, [MS-OXCMSG] 2.2.1.6.
const MESSAGE_FLAG_READ: i32 = 0x0000_0001;
/// Code page of UTF-8.
const CODE_PAGE_UTF8: i32 = 65001;
/// PidTagObjectType of a folder and of a message.
const OBJECT_TYPE_FOLDER: i32 = 3;
const OBJECT_TYPE_MESSAGE: i32 = 5;

/// A folder's id.
pub(crate) const fn folder_id(counter: Counter) -> FolderId {
    FolderId::from_counter(REPLICA_ID, counter)
}

/// A message's id.
pub(crate) const fn message_id(counter: Counter) -> MessageId {
    MessageId::from_counter(REPLICA_ID, counter)
}

/// The number behind an id, when it is one of this server's.
pub(crate) fn counter_of(replica_id: u16, global_counter: [u8; 6]) -> Option<Counter> {
    let [a, b, c, d, e, f] = global_counter;
    (replica_id == REPLICA_ID).then(|| Counter::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

fn count(n: usize) -> PropertyValue<'static> {
    PropertyValue::Integer32(i32::try_from(n).unwrap_or(i32::MAX))
}

const NOT_FOUND: Cell<'static> = Cell::Error(ErrorCode::NOT_FOUND);

/// A property of a folder; `depth` is that of its row in a hierarchy table.
pub(crate) fn of_folder<'a>(mailbox: &Mailbox, folder: &'a Folder, depth: i32, tag: PropertyTag) -> Cell<'a> {
    const GENERIC: i32 = 1;
    let value = match tag {
        PropertyTag::FOLDER_ID => PropertyValue::Integer64(folder_id(folder.counter).to_i64()),
        PropertyTag::PARENT_FOLDER_ID => PropertyValue::Integer64(folder_id(folder.parent).to_i64()),
        PropertyTag::DISPLAY_NAME => PropertyValue::Str(folder.name),
        PropertyTag::CONTAINER_CLASS if folder.class.is_empty() => return NOT_FOUND,
        PropertyTag::CONTAINER_CLASS => PropertyValue::Str(folder.class),
        PropertyTag::FOLDER_TYPE => PropertyValue::Integer32(if folder.counter == folder.parent { 0 } else { GENERIC }),
        PropertyTag::CONTENT_COUNT => count(folder.messages.len()),
        PropertyTag::CONTENT_UNREAD_COUNT => count(folder.unread()),
        PropertyTag::ASSOCIATED_CONTENT_COUNT => count(0),
        PropertyTag::SUBFOLDERS => PropertyValue::Boolean(mailbox.has_children(folder.counter)),
        PropertyTag::DEPTH => PropertyValue::Integer32(depth),
        PropertyTag::OBJECT_TYPE => PropertyValue::Integer32(OBJECT_TYPE_FOLDER),
        _ => return NOT_FOUND,
    };
    Cell::Value(value)
}

/// A property of a message.
pub(crate) fn of_message(folder: Counter, message: &Message, tag: PropertyTag) -> Cell<'_> {
    let value = match tag {
        PropertyTag::MID | PropertyTag::INST_ID => PropertyValue::Integer64(message_id(message.counter).to_i64()),
        PropertyTag::INSTANCE_NUM => PropertyValue::Integer32(0),
        PropertyTag::FOLDER_ID | PropertyTag::PARENT_FOLDER_ID => PropertyValue::Integer64(folder_id(folder).to_i64()),
        PropertyTag::SUBJECT | PropertyTag::NORMALIZED_SUBJECT | PropertyTag::CONVERSATION_TOPIC => {
            PropertyValue::Str(&message.subject)
        }
        PropertyTag::SENDER_NAME | PropertyTag::SENT_REPRESENTING_NAME => PropertyValue::Str(&message.sender_name),
        PropertyTag::SENDER_EMAIL_ADDRESS => PropertyValue::Str(&message.sender_address),
        PropertyTag::BODY => PropertyValue::Str(&message.body),
        PropertyTag::MESSAGE_CLASS => PropertyValue::Str("IPM.Note"),
        PropertyTag::MESSAGE_DELIVERY_TIME
        | PropertyTag::CLIENT_SUBMIT_TIME
        | PropertyTag::CREATION_TIME
        | PropertyTag::LAST_MODIFICATION_TIME => PropertyValue::Time(message.delivered),
        PropertyTag::MESSAGE_FLAGS => PropertyValue::Integer32(if message.read { MESSAGE_FLAG_READ } else { 0 }),
        PropertyTag::MESSAGE_SIZE => PropertyValue::Integer32(message.size()),
        PropertyTag::HAS_ATTACHMENTS => PropertyValue::Boolean(false),
        PropertyTag::IMPORTANCE => PropertyValue::Integer32(1),
        PropertyTag::MESSAGE_CODEPAGE => PropertyValue::Integer32(CODE_PAGE_UTF8),
        PropertyTag::OBJECT_TYPE => PropertyValue::Integer32(OBJECT_TYPE_MESSAGE),
        _ => return NOT_FOUND,
    };
    Cell::Value(value)
}

/// A property of the mailbox itself, as a logon is asked for it.
pub(crate) fn of_mailbox<'a>(mailbox: &Mailbox, owner: &'a str, tag: PropertyTag) -> Cell<'a> {
    match tag {
        PropertyTag::DISPLAY_NAME => Cell::Value(PropertyValue::Str(owner)),
        PropertyTag::MESSAGE_SIZE_EXTENDED => Cell::Value(PropertyValue::Integer64(mailbox.size())),
        _ => NOT_FOUND,
    }
}

/// What a message is sorted by in a column; numbers and times by value, text without regard to letter case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortKey {
    /// The message does not have the property: in front of all that do.
    Absent,
    /// A number or a boolean.
    Number(i64),
    /// A time.
    Time(FileTime),
    /// Text.
    Text(String),
}

/// The key of a message in a column.
pub(crate) fn sort_key(folder: Counter, message: &Message, tag: PropertyTag) -> SortKey {
    match of_message(folder, message, tag).value() {
        Some(PropertyValue::Integer32(number)) => SortKey::Number(number.into()),
        Some(PropertyValue::Integer64(number)) => SortKey::Number(number),
        Some(PropertyValue::Boolean(set)) => SortKey::Number(set.into()),
        Some(PropertyValue::Time(time)) => SortKey::Time(time),
        Some(PropertyValue::Str(text)) => SortKey::Text(text.to_lowercase()),
        _ => SortKey::Absent,
    }
}
