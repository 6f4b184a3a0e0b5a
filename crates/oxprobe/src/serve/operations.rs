//! What each operation does to the objects of a session. A refusal is the protocol's own code.

use std::cmp::Ordering;

use oxwire::core::FileTime;
use oxwire::mapi::property::{Cell, ErrorCode, FolderId, Order, PropertyTag, SortOrder};
use oxwire::mapi::rop::{
    Bookmark, ContentsTableFlags, FolderIds, GetContentsTableRequest, GetHierarchyTableRequest, Handle,
    HierarchyTableFlags, LogonFlags, LogonRequest, LogonTime, NotificationScope, NotificationTypes, OpenFolderRequest,
    PrivateLogonResponse, QueryRowsFlags, QueryRowsRequest, RegisterNotificationRequest, ResponseFlags,
    SetColumnsRequest, SortTableRequest,
};

use super::objects::{Object, Objects, Subscription, Table, TableKind};
use super::properties::{self, counter_of, folder_id};
use super::rops::Read;
use super::users::User;
use crate::mailbox::{Counter, Folder, Message};

/// The bits of the table flags that are understood here; with others a table would not be what was asked for.
const HIERARCHY_FLAGS: HierarchyTableFlags = HierarchyTableFlags::DEPTH
    .with(HierarchyTableFlags::DEFERRED_ERRORS)
    .with(HierarchyTableFlags::NO_NOTIFICATIONS)
    .with(HierarchyTableFlags::SOFT_DELETES)
    .with(HierarchyTableFlags::USE_UNICODE)
    .with(HierarchyTableFlags::SUPPRESSES_NOTIFICATIONS);
const CONTENTS_FLAGS: ContentsTableFlags = ContentsTableFlags::ASSOCIATED
    .with(ContentsTableFlags::DEFERRED_ERRORS)
    .with(ContentsTableFlags::NO_NOTIFICATIONS)
    .with(ContentsTableFlags::SOFT_DELETES)
    .with(ContentsTableFlags::USE_UNICODE);

/// The objects of a session, and whose mailbox they stand for.
pub(crate) struct Operations<'a> {
    /// The objects.
    pub(crate) objects: &'a mut Objects,
    /// The user.
    pub(crate) user: &'a User,
    /// What the last operation read, if it was a RopQueryRows.
    pub(crate) read: Option<Read>,
}

/// A row of a table: what its cells are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    /// A folder and its depth.
    Folder(&'a Folder, i32),
    /// A message and its folder.
    Message(Counter, &'a Message),
}

/// The rows that a RopQueryRows answers, before they are written.
pub(crate) struct Reading<'a> {
    /// The columns.
    pub(crate) columns: Vec<PropertyTag>,
    /// The rows in the order of the answer.
    pub(crate) rows: Vec<Row<'a>>,
    forward: bool,
    advance: bool,
    total: usize,
    position: usize,
}

impl<'a> Operations<'a> {
    fn add(&mut self, logon_id: u8, object: Object) -> Result<Handle, ErrorCode> {
        self.objects.insert(logon_id, object).ok_or(ErrorCode::OUT_OF_RESOURCES)
    }

    fn object(&self, handle: Handle) -> Result<&Object, ErrorCode> {
        self.objects.object(handle).ok_or(ErrorCode::NULL_OBJECT)
    }

    fn folder(&self, handle: Handle) -> Result<&'a Folder, ErrorCode> {
        match self.object(handle)? {
            Object::Folder(counter) => self.user.mailbox.folder(*counter).ok_or(ErrorCode::OBJECT_DELETED),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    fn table(&mut self, handle: Handle) -> Result<&mut Table, ErrorCode> {
        match self.objects.object_mut(handle) {
            None => Err(ErrorCode::NULL_OBJECT),
            Some(Object::Table(table)) => Ok(table),
            Some(_) => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    /// RopLogon, [MS-OXCSTOR] 3.2.5.1.
    pub(crate) fn logon(
        &mut self,
        request: &LogonRequest<'_>,
        wall: FileTime,
    ) -> Result<(Handle, PrivateLogonResponse), ErrorCode> {
        if !request.logon_flags.contains(LogonFlags::PRIVATE) {
            // There are no public folders here.
            return Err(ErrorCode::LOGON_FAILED);
        }
        if !request.essdn.eq_ignore_ascii_case(self.user.dn.as_bytes()) {
            return Err(ErrorCode::UNKNOWN_USER);
        }
        self.objects.release_logon(request.logon_id);
        let handle = self.add(request.logon_id, Object::Logon)?;
        let mailbox = &self.user.mailbox;
        let response = PrivateLogonResponse {
            output_handle_index: request.output_handle_index,
            logon_flags: request.logon_flags,
            folder_ids: FolderIds(mailbox.special().0.map(folder_id)),
            response_flags: ResponseFlags::RESERVED.with(ResponseFlags::OWNER_RIGHT).with(ResponseFlags::SEND_AS_RIGHT),
            mailbox_guid: mailbox.guid,
            repl_id: properties::REPLICA_ID,
            repl_guid: mailbox.replica_guid,
            logon_time: LogonTime::from_file_time(wall),
            gwart_time: 0,
            store_state: 0,
        };
        Ok((handle, response))
    }

    /// RopOpenFolder.
    pub(crate) fn open_folder(&mut self, input: Handle, request: &OpenFolderRequest) -> Result<Handle, ErrorCode> {
        match self.object(input)? {
            Object::Logon | Object::Folder(_) => {}
            _ => return Err(ErrorCode::NOT_SUPPORTED),
        }
        let folder = self.folder_of_id(request.folder_id)?;
        self.add(request.logon_id, Object::Folder(folder))
    }

    fn folder_of_id(&self, id: FolderId) -> Result<Counter, ErrorCode> {
        let counter = counter_of(id.replica_id(), id.global_counter()).ok_or(ErrorCode::NOT_FOUND)?;
        self.user.mailbox.folder(counter).map(|folder| folder.counter).ok_or(ErrorCode::NOT_FOUND)
    }

    /// RopGetHierarchyTable: the table's handle and its rows.
    pub(crate) fn hierarchy_table(
        &mut self,
        input: Handle,
        request: &GetHierarchyTableRequest,
    ) -> Result<(Handle, usize), ErrorCode> {
        let folder = self.folder(input)?.counter;
        if !HIERARCHY_FLAGS.contains(request.table_flags) {
            return Err(ErrorCode::INVALID_PARAMETER);
        }
        let deep = request.table_flags.contains(HierarchyTableFlags::DEPTH);
        // Nothing was ever deleted here, softly or not.
        let kind = if request.table_flags.contains(HierarchyTableFlags::SOFT_DELETES) {
            TableKind::Empty
        } else {
            TableKind::Hierarchy { deep }
        };
        self.add_table(request.logon_id, Table::new(folder, kind))
    }

    /// RopGetContentsTable: the table's handle and its rows.
    pub(crate) fn contents_table(
        &mut self,
        input: Handle,
        request: &GetContentsTableRequest,
    ) -> Result<(Handle, usize), ErrorCode> {
        let folder = self.folder(input)?.counter;
        if !CONTENTS_FLAGS.contains(request.table_flags) {
            return Err(ErrorCode::NOT_SUPPORTED);
        }
        let nothing = [ContentsTableFlags::ASSOCIATED, ContentsTableFlags::SOFT_DELETES];
        let nothing = nothing.into_iter().any(|flag| request.table_flags.contains(flag));
        let kind = if nothing { TableKind::Empty } else { TableKind::Contents };
        self.add_table(request.logon_id, Table::new(folder, kind))
    }

    fn add_table(&mut self, logon_id: u8, table: Table) -> Result<(Handle, usize), ErrorCode> {
        let rows = self.rows(&table).len();
        Ok((self.add(logon_id, Object::Table(table))?, rows))
    }

    fn rows(&self, table: &Table) -> Vec<Row<'a>> {
        let mailbox = &self.user.mailbox;
        match table.kind {
            TableKind::Empty => Vec::new(),
            TableKind::Hierarchy { deep } => {
                let folders = mailbox.children(table.folder, deep);
                folders.into_iter().map(|(folder, depth)| Row::Folder(folder, depth)).collect()
            }
            TableKind::Contents => {
                let messages =
                    mailbox.folder(table.folder).map(|folder| folder.messages.as_slice()).unwrap_or_default();
                let mut rows: Vec<&Message> = messages.iter().collect();
                rows.sort_by(|a, b| compare(table.folder, a, b, &table.order));
                rows.into_iter().map(|message| Row::Message(table.folder, message)).collect()
            }
        }
    }

    /// RopSetColumns.
    pub(crate) fn set_columns(&mut self, input: Handle, request: &SetColumnsRequest<'_>) -> Result<(), ErrorCode> {
        let table = self.table(input)?;
        if request.property_tags.is_empty() {
            return Err(ErrorCode::INVALID_PARAMETER);
        }
        table.columns = Some(request.property_tags.iter().collect());
        Ok(())
    }

    /// RopSortTable: the cursor is in front of the first row then.
    pub(crate) fn sort_table(&mut self, input: Handle, request: &SortTableRequest<'_>) -> Result<(), ErrorCode> {
        let table = self.table(input)?;
        if matches!(table.kind, TableKind::Hierarchy { .. }) {
            return Err(ErrorCode::NOT_SUPPORTED);
        }
        let orders: Vec<SortOrder> = request.sort_orders.iter().collect();
        let plain = |order: &SortOrder| matches!(order.order, Order::ASCENDING | Order::DESCENDING);
        if request.category_count != 0 || !orders.iter().all(plain) {
            return Err(ErrorCode::TOO_COMPLEX);
        }
        table.order = orders;
        table.position = 0;
        Ok(())
    }

    /// RopQueryRows, first half: the rows from the cursor on.
    pub(crate) fn read_rows(&mut self, input: Handle, request: &QueryRowsRequest) -> Result<Reading<'a>, ErrorCode> {
        let table = self.table(input)?.clone();
        let columns = table.columns.clone().ok_or(ErrorCode::NULL_OBJECT)?;
        let all = self.rows(&table);
        let total = all.len();
        let position = table.position.min(total);
        let wanted = usize::from(request.row_count);
        let rows = if request.forward_read {
            all.into_iter().skip(position).take(wanted).collect()
        } else {
            all.into_iter().take(position).rev().take(wanted).collect()
        };
        let advance = !request.query_rows_flags.contains(QueryRowsFlags::NO_ADVANCE);
        Ok(Reading { columns, rows, forward: request.forward_read, advance, total, position })
    }

    /// RopQueryRows, second half: `written` of the rows went into the answer. Says where the cursor is now.
    pub(crate) fn advance(&mut self, input: Handle, reading: &Reading<'_>, written: usize) -> Bookmark {
        let position = match (reading.advance, reading.forward) {
            (false, _) => reading.position,
            (true, true) => reading.position.saturating_add(written).min(reading.total),
            (true, false) => reading.position.saturating_sub(written),
        };
        if let Ok(table) = self.table(input) {
            table.position = position;
        }
        match position {
            position if position >= reading.total => Bookmark::END,
            0 => Bookmark::BEGINNING,
            _ => Bookmark::CURRENT,
        }
    }

    /// A cell of a row.
    pub(crate) fn cell(&self, row: Row<'a>, tag: PropertyTag) -> Cell<'a> {
        match row {
            Row::Folder(folder, depth) => properties::of_folder(&self.user.mailbox, folder, depth, tag),
            Row::Message(folder, message) => properties::of_message(folder, message, tag),
        }
    }

    /// RopGetPropertiesSpecific: the object that answers for its cells.
    pub(crate) fn described(&self, input: Handle) -> Result<Described<'a>, ErrorCode> {
        match self.object(input)? {
            Object::Logon => Ok(Described::Mailbox),
            Object::Folder(counter) => {
                self.user.mailbox.folder(*counter).map(Described::Folder).ok_or(ErrorCode::OBJECT_DELETED)
            }
            Object::Table(_) | Object::Subscription(_) => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    /// A property of an object.
    pub(crate) fn property(&self, object: &Described<'a>, tag: PropertyTag) -> Cell<'a> {
        match object {
            Described::Mailbox => properties::of_mailbox(&self.user.mailbox, &self.user.address, tag),
            Described::Folder(folder) => properties::of_folder(&self.user.mailbox, folder, 0, tag),
        }
    }

    /// RopRegisterNotification. Only deliveries happen in these mailboxes, so only what they cause can be asked for.
    pub(crate) fn subscribe(
        &mut self,
        input: Handle,
        request: &RegisterNotificationRequest,
    ) -> Result<Handle, ErrorCode> {
        if !matches!(self.object(input)?, Object::Logon) {
            return Err(ErrorCode::NOT_SUPPORTED);
        }
        let wants = |kind| request.notification_types.contains(kind);
        let (new_mail, created) = (wants(NotificationTypes::NEW_MAIL), wants(NotificationTypes::OBJECT_CREATED));
        if !new_mail && !created {
            return Err(ErrorCode::NOT_SUPPORTED);
        }
        let folder = match request.scope {
            NotificationScope::WholeStore => None,
            NotificationScope::Object { folder_id, message_id } if message_id == Default::default() => {
                Some(self.folder_of_id(folder_id)?)
            }
            NotificationScope::Object { .. } => return Err(ErrorCode::NOT_SUPPORTED),
        };
        self.add(request.logon_id, Object::Subscription(Subscription { new_mail, created, folder }))
    }
}

/// An object that has properties.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Described<'a> {
    /// The mailbox, through a logon.
    Mailbox,
    /// A folder.
    Folder(&'a Folder),
}

/// In the table's order; what is equal, and all of an unsorted table, in the order of delivery.
fn compare(folder: Counter, a: &Message, b: &Message, order: &[SortOrder]) -> Ordering {
    for by in order {
        let key = |message| properties::sort_key(folder, message, by.property);
        let found = key(a).cmp(&key(b));
        let found = if by.order == Order::DESCENDING { found.reverse() } else { found };
        if found.is_ne() {
            return found;
        }
    }
    a.counter.cmp(&b.counter)
}
