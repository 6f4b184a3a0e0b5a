//! RopNotify, [MS-OXCROPS] 2.2.14.2, [MS-OXCNOTIF] 2.2.1.4.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Utf16, Writer};

use super::codec::rop_id;
use super::{Handle, Response, RopId};
use crate::flags::flags;
use crate::property::{FolderId, MessageId, PropertyTags};

flags! {
    /// The kinds of events, [MS-OXCNOTIF] 2.2.1.2.1.1: in a registration any of them, in a notification one in the lower twelve bits
    /// and flags above. Unknown bits are kept.
    NotificationTypes: u16 {
        /// A message came in.
        NEW_MAIL = 0x0002;
        /// An object was made.
        OBJECT_CREATED = 0x0004;
        /// An object was deleted.
        OBJECT_DELETED = 0x0008;
        /// An object was changed.
        OBJECT_MODIFIED = 0x0010;
        /// An object was moved.
        OBJECT_MOVED = 0x0020;
        /// An object was copied.
        OBJECT_COPIED = 0x0040;
        /// A search ended.
        SEARCH_COMPLETED = 0x0080;
        /// A table changed.
        TABLE_MODIFIED = 0x0100;
        /// Reserved.
        EXTENDED = 0x0400;
        /// Flag T of a notification: the number of messages is told.
        TOTAL_COUNT = 0x1000;
        /// Flag U of a notification: the number of unread messages is told.
        UNREAD_COUNT = 0x2000;
        /// Flag S of a notification: it is about a search folder.
        SEARCH_FOLDER = 0x4000;
        /// Flag M of a notification: it is about a message.
        MESSAGE = 0x8000;
    }
}

impl NotificationTypes {
    /// NotificationType of a notification: the lower twelve bits, an enumeration there.
    #[must_use]
    pub const fn notification_type(self) -> Self {
        Self(self.0 & 0x0FFF)
    }

    const fn is_one_of(self, kinds: u16) -> bool {
        let kind = self.notification_type().0;
        kind.is_power_of_two() && kind & kinds != 0
    }
}

/// What happened to a table, [MS-OXCNOTIF] 2.2.1.1.1. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableEventType(pub u16);

impl TableEventType {
    /// Read the whole table again.
    pub const TABLE_CHANGED: Self = Self(0x0001);
    /// A row came.
    pub const ROW_ADDED: Self = Self(0x0003);
    /// A row went.
    pub const ROW_DELETED: Self = Self(0x0004);
    /// A row changed.
    pub const ROW_MODIFIED: Self = Self(0x0005);
    /// A restriction was set or removed.
    pub const RESTRICTION_CHANGED: Self = Self(0x0007);
}

/// A row of a table, by its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableRow {
    /// The folder, or the folder of the message.
    pub folder_id: FolderId,
    /// The message and its instance; there exactly when the notification has the flag M.
    pub message: Option<(MessageId, u32)>,
}

impl TableRow {
    fn decode(r: &mut Reader<'_>, is_message: bool) -> Result<Self, DecodeError> {
        let folder_id = r.structure()?;
        let message = if is_message { Some((r.structure()?, r.u32_le("TableRowInstance")?)) } else { None };
        Ok(Self { folder_id, message })
    }

    fn encode(self, w: &mut Writer<'_>, is_message: bool) -> Result<(), EncodeError> {
        w.structure(&self.folder_id)?;
        if is_message {
            let (message_id, instance) = self.message.unwrap_or_default();
            w.structure(&message_id)?;
            w.u32_le(instance);
        }
        Ok(())
    }
}

/// The class of a new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageClass<'a> {
    /// UTF-16.
    Unicode(Utf16<'a>),
    /// ASCII, as clients in cached mode get it.
    Ascii(&'a [u8]),
}

/// What happened, [MS-OXCNOTIF] 2.2.1.4.1.2, its fields in the order of the wire. Which of them are there follows from
/// `flags` (and `table_event_type`); [`NotificationData::new_mail`] and its kin fill them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotificationData<'a> {
    /// The kind, and the flags T, U, S and M.
    pub flags: NotificationTypes,
    /// What happened to the table.
    pub table_event_type: Option<TableEventType>,
    /// The row that it happened to.
    pub table_row: Option<TableRow>,
    /// The row that it stands behind now.
    pub insert_after: Option<TableRow>,
    /// The row's properties: a PropertyRow of the columns that RopSetColumns set.
    pub table_row_data: Option<&'a [u8]>,
    /// The folder, or the folder of the message.
    pub folder_id: Option<FolderId>,
    /// The message.
    pub message_id: Option<MessageId>,
    /// The folder that the folder is in; for a message in a search folder, that search folder.
    pub parent_folder_id: Option<FolderId>,
    /// Where it was.
    pub old_folder_id: Option<FolderId>,
    /// The id that the message had.
    pub old_message_id: Option<MessageId>,
    /// The folder that the folder was in.
    pub old_parent_folder_id: Option<FolderId>,
    /// TagCount as it stands on the wire; 0xFFFF comes without tags.
    pub tag_count: Option<u16>,
    /// The properties that changed.
    pub tags: PropertyTags<'a>,
    /// Messages in the folder.
    pub total_message_count: Option<u32>,
    /// Unread messages in the folder.
    pub unread_message_count: Option<u32>,
    /// PidTagMessageFlags of the new message.
    pub message_flags: Option<u32>,
    /// The class of the new message.
    pub message_class: Option<MessageClass<'a>>,
    /// All that follows flags of a kind that is not known: how long it is cannot be told.
    pub unknown: &'a [u8],
}

impl<'a> NotificationData<'a> {
    /// A new message.
    #[must_use]
    pub fn new_mail(folder_id: FolderId, message_id: MessageId, message_flags: u32, class: MessageClass<'a>) -> Self {
        Self {
            flags: NotificationTypes::NEW_MAIL.with(NotificationTypes::MESSAGE),
            folder_id: Some(folder_id),
            message_id: Some(message_id),
            message_flags: Some(message_flags),
            message_class: Some(class),
            ..Self::default()
        }
    }

    /// A message was made in a folder.
    #[must_use]
    pub fn message_created(folder_id: FolderId, message_id: MessageId, tags: PropertyTags<'a>) -> Self {
        Self {
            flags: NotificationTypes::OBJECT_CREATED.with(NotificationTypes::MESSAGE),
            folder_id: Some(folder_id),
            message_id: Some(message_id),
            tags,
            ..Self::default()
        }
    }

    /// A message was deleted from a folder.
    #[must_use]
    pub fn message_deleted(folder_id: FolderId, message_id: MessageId) -> Self {
        Self {
            flags: NotificationTypes::OBJECT_DELETED.with(NotificationTypes::MESSAGE),
            folder_id: Some(folder_id),
            message_id: Some(message_id),
            ..Self::default()
        }
    }

    /// A folder changed, and how many messages it has now.
    #[must_use]
    pub fn folder_modified(folder_id: FolderId, total: Option<u32>, unread: Option<u32>) -> Self {
        let mut flags = NotificationTypes::OBJECT_MODIFIED;
        if total.is_some() {
            flags = flags.with(NotificationTypes::TOTAL_COUNT);
        }
        if unread.is_some() {
            flags = flags.with(NotificationTypes::UNREAD_COUNT);
        }
        Self {
            flags,
            folder_id: Some(folder_id),
            total_message_count: total,
            unread_message_count: unread,
            ..Self::default()
        }
    }

    /// A table has to be read again as a whole.
    #[must_use]
    pub fn table_changed() -> Self {
        Self {
            flags: NotificationTypes::TABLE_MODIFIED,
            table_event_type: Some(TableEventType::TABLE_CHANGED),
            ..Self::default()
        }
    }

    const fn shape(&self) -> Shape {
        Shape::of(self.flags, self.table_event_type)
    }
}

/// Which fields a notification has.
struct Shape {
    known: bool,
    table: bool,
    row: bool,
    row_data: bool,
    message: bool,
    parent: bool,
    old: bool,
    tags: bool,
    new_mail: bool,
}

impl Shape {
    const fn of(flags: NotificationTypes, event: Option<TableEventType>) -> Self {
        let message = flags.contains(NotificationTypes::MESSAGE);
        let search = flags.contains(NotificationTypes::SEARCH_FOLDER);
        let event = match event {
            Some(event) => event.0,
            None => 0,
        };
        let table = flags.is_one_of(0x0100);
        Self {
            known: flags.is_one_of(0x01FE),
            table,
            row: table && matches!(event, 3..=5),
            row_data: table && matches!(event, 3 | 5),
            message,
            parent: flags.is_one_of(0x006C) && message == search,
            old: flags.is_one_of(0x0060),
            tags: flags.is_one_of(0x0014),
            new_mail: flags.is_one_of(0x0002),
        }
    }
}

impl Structure for NotificationData<'_> {
    const NAME: &'static str = "NotificationData";
    const SPEC: &'static str = "[MS-OXCNOTIF] 2.2.1.4.1.2";
}

impl<'de> Decode<'de> for NotificationData<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let flags = NotificationTypes::from_bits(r.u16_le("NotificationFlags")?);
        let mut data = Self { flags, ..Self::default() };
        let shape = data.shape();
        if !shape.known {
            data.unknown = r.rest();
            return Ok(data);
        }
        if shape.table {
            data.table_event_type = Some(TableEventType(r.u16_le("TableEventType")?));
            let shape = data.shape();
            if shape.row {
                data.table_row = Some(TableRow::decode(r, shape.message)?);
            }
            if shape.row_data {
                data.insert_after = Some(TableRow::decode(r, shape.message)?);
                let size = usize::from(r.u16_le("TableRowDataSize")?);
                data.table_row_data = Some(r.bytes(size, "TableRowData")?);
            }
        } else {
            data.folder_id = Some(r.structure()?);
            if shape.message {
                data.message_id = Some(r.structure()?);
            }
        }
        if shape.parent {
            data.parent_folder_id = Some(r.structure()?);
        }
        if shape.old {
            data.old_folder_id = Some(r.structure()?);
            if shape.message {
                data.old_message_id = Some(r.structure()?);
            } else {
                data.old_parent_folder_id = Some(r.structure()?);
            }
        }
        if shape.tags {
            let count = r.u16_le("TagCount")?;
            data.tag_count = Some(count);
            if count != 0xFFFF {
                data.tags = PropertyTags::decode(r, usize::from(count), "Tags")?;
            }
        }
        if flags.contains(NotificationTypes::TOTAL_COUNT) {
            data.total_message_count = Some(r.u32_le("TotalMessageCount")?);
        }
        if flags.contains(NotificationTypes::UNREAD_COUNT) {
            data.unread_message_count = Some(r.u32_le("UnreadMessageCount")?);
        }
        if shape.new_mail {
            data.message_flags = Some(r.u32_le("MessageFlags")?);
            let unicode = r.u8("UnicodeFlag")? != 0;
            data.message_class = Some(if unicode {
                MessageClass::Unicode(r.c_utf16("MessageClass")?)
            } else {
                MessageClass::Ascii(r.c_string("MessageClass")?)
            });
        }
        Ok(data)
    }
}

/// A field that the flags call for and that is `None` goes out as zero or empty.
impl Encode for NotificationData<'_> {
    fn encoded_len(&self) -> usize {
        let shape = self.shape();
        if !shape.known {
            return self.unknown.len().saturating_add(2);
        }
        let when = |there: bool, len: usize| if there { len } else { 0 };
        let row = if shape.message { 20 } else { 8 };
        let ids = if shape.table {
            2 + when(shape.row, row) + when(shape.row_data, row + 2)
        } else {
            8 + when(shape.message, 8)
        };
        let counts = when(self.flags.contains(NotificationTypes::TOTAL_COUNT), 4)
            + when(self.flags.contains(NotificationTypes::UNREAD_COUNT), 4);
        let class = match self.message_class {
            Some(MessageClass::Unicode(text)) => text.as_bytes().len().saturating_add(2),
            Some(MessageClass::Ascii(text)) => text.len().saturating_add(1),
            None => 1,
        };
        let fixed = 2 + ids + when(shape.parent, 8) + when(shape.old, 16) + when(shape.tags, 2) + counts;
        let tags = when(shape.tags, self.tags.len().saturating_mul(4));
        let row_data = when(shape.row_data, self.table_row_data.map_or(0, <[u8]>::len));
        let class = when(shape.new_mail, class.saturating_add(5));
        fixed.saturating_add(tags).saturating_add(row_data).saturating_add(class)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let shape = self.shape();
        w.u16_le(self.flags.bits());
        if !shape.known {
            w.bytes(self.unknown);
            return Ok(());
        }
        let folder = |w: &mut Writer<'_>, id: Option<FolderId>| w.structure(&id.unwrap_or_default());
        let message = |w: &mut Writer<'_>, id: Option<MessageId>| w.structure(&id.unwrap_or_default());
        let no_row = TableRow { folder_id: FolderId::default(), message: None };
        if shape.table {
            w.u16_le(self.table_event_type.unwrap_or(TableEventType(0)).0);
            if shape.row {
                self.table_row.unwrap_or(no_row).encode(w, shape.message)?;
            }
            if shape.row_data {
                self.insert_after.unwrap_or(no_row).encode(w, shape.message)?;
                let data = self.table_row_data.unwrap_or_default();
                w.len_u16_le(data.len(), "TableRowDataSize")?;
                w.bytes(data);
            }
        } else {
            folder(w, self.folder_id)?;
            if shape.message {
                message(w, self.message_id)?;
            }
        }
        if shape.parent {
            folder(w, self.parent_folder_id)?;
        }
        if shape.old {
            folder(w, self.old_folder_id)?;
            if shape.message { message(w, self.old_message_id)? } else { folder(w, self.old_parent_folder_id)? }
        }
        if shape.tags {
            if self.tag_count == Some(0xFFFF) && self.tags.is_empty() {
                w.u16_le(0xFFFF);
            } else if self.tags.len() >= 0xFFFF {
                let kind = EncodeErrorKind::TooLong { max: 0xFFFE, len: self.tags.len() };
                return Err(w.error("TagCount", kind));
            } else {
                self.tags.encode_counted(w, "TagCount")?;
            }
        }
        if self.flags.contains(NotificationTypes::TOTAL_COUNT) {
            w.u32_le(self.total_message_count.unwrap_or_default());
        }
        if self.flags.contains(NotificationTypes::UNREAD_COUNT) {
            w.u32_le(self.unread_message_count.unwrap_or_default());
        }
        if shape.new_mail {
            w.u32_le(self.message_flags.unwrap_or_default());
            match self.message_class.unwrap_or(MessageClass::Ascii(b"")) {
                MessageClass::Unicode(text) => {
                    w.u8(1);
                    w.bytes(text.as_bytes());
                    w.u16_le(0);
                }
                MessageClass::Ascii(text) => {
                    w.u8(0);
                    w.c_string(text, "MessageClass")?;
                }
            }
        }
        Ok(())
    }
}

/// RopNotify response, [MS-OXCROPS] 2.2.14.2.1. There is no request; it stands behind the responses that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyResponse<'a> {
    /// The subscription, or the table. A client ignores a notification of a handle that it does not know.
    pub notification_handle: Handle,
    /// The logon.
    pub logon_id: u8,
    /// What happened.
    pub notification_data: NotificationData<'a>,
}

impl Structure for NotifyResponse<'_> {
    const NAME: &'static str = "RopNotify response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.14.2.1";
}

impl Encode for NotifyResponse<'_> {
    fn encoded_len(&self) -> usize {
        self.notification_data.encoded_len().saturating_add(6)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(RopId::NOTIFY.0);
        w.u32_le(self.notification_handle.0);
        w.u8(self.logon_id);
        w.structure(&self.notification_data)
    }
}

impl<'de> Decode<'de> for NotifyResponse<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        rop_id(r, RopId::NOTIFY)?;
        Ok(Self {
            notification_handle: Handle(r.u32_le("NotificationHandle")?),
            logon_id: r.u8("LogonId")?,
            notification_data: r.structure()?,
        })
    }
}

impl Response for NotifyResponse<'_> {
    fn rop_id(&self) -> RopId {
        RopId::NOTIFY
    }

    fn handle_index(&self) -> Option<u8> {
        None
    }
}
