//! The mailbox: logon, folders, the newest messages.

use oxwire::mapi::property::{
    ErrorCode, FolderId, PropertyRow, PropertyRows, PropertyTag, PropertyTags, PropertyValue, SortOrder, SortOrders,
};
use oxwire::mapi::rop::{
    AsynchronousFlags, ContentsTableFlags, GetContentsTableRequest, GetHierarchyTableRequest,
    GetPropertiesSpecificRequest, Handle, HierarchyTableFlags, LogonRequest, LogonResponse, OpenFolderRequest,
    OpenModeFlags, QueryRowsFlags, QueryRowsRequest, ReleaseRequest, ResponseFlags, RopId, SetColumnsRequest,
    SortTableRequest,
};
use serde_json::{Value, json};

use super::operations::{Carrier, Operations, answer, no_columns, refused};
use super::session::undecodable;
use crate::report::{Facts, Failure};

/// The number of the one logon.
pub(crate) const LOGON_ID: u8 = 0;

/// Rows asked for at a time, and folders told at most.
const ROWS_AT_A_TIME: u16 = 50;
const FOLDERS_TOLD: usize = 200;

/// Messages told.
const MESSAGES_TOLD: u16 = 5;

const FOLDER_COLUMNS: [PropertyTag; 4] =
    [PropertyTag::DISPLAY_NAME, PropertyTag::CONTENT_COUNT, PropertyTag::CONTENT_UNREAD_COUNT, PropertyTag::DEPTH];

const MESSAGE_COLUMNS: [PropertyTag; 4] =
    [PropertyTag::SUBJECT, PropertyTag::SENDER_NAME, PropertyTag::MESSAGE_DELIVERY_TIME, PropertyTag::MESSAGE_FLAGS];

/// mfRead of PidTagMessageFlags, [MS-OXCMSG] 2.2.1.6.
const MESSAGE_FLAG_READ: i32 = 0x0000_0001;

/// What RopLogon gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mailbox {
    /// The logon's handle.
    pub(crate) logon: Handle,
    /// The root of what a user sees.
    pub(crate) subtree: FolderId,
    /// The inbox.
    pub(crate) inbox: FolderId,
}

/// RopLogon.
///
/// # Errors
/// What came instead.
pub(crate) async fn logon(carrier: &mut impl Carrier, user_dn: &str) -> Result<(Mailbox, Facts), Failure> {
    let logon = LogonRequest::private(LOGON_ID, 0, user_dn);
    let operations = Operations::new(&[Handle::UNUSED], |requests| requests.push(&logon))?;
    let answers = operations.run(carrier).await?;
    match answer!(answers.in_order(no_columns)?, Logon) {
        LogonResponse::Private(private) => {
            let rights = [
                (ResponseFlags::OWNER_RIGHT, "owner"),
                (ResponseFlags::SEND_AS_RIGHT, "send as"),
                (ResponseFlags::OOF, "out of office is on"),
            ];
            let has = |flag| private.response_flags.contains(flag);
            let rights: Vec<&str> = rights.into_iter().filter_map(|(flag, name)| has(flag).then_some(name)).collect();
            let facts = Facts::new()
                .with("mailbox", private.mailbox_guid.to_string())
                .with("replica", private.repl_guid.to_string())
                .with("rights", rights);
            let folders = private.folder_ids;
            let (subtree, inbox) = (folders.interpersonal_messages(), folders.inbox());
            Ok((Mailbox { logon: answers.handle(0)?, subtree, inbox }, facts))
        }
        LogonResponse::Redirect(redirect) => {
            let mut failure = refused(RopId::LOGON, ErrorCode::WRONG_SERVER);
            let server = String::from_utf8_lossy(redirect.server_name);
            failure.came.push_str(&format!("; the mailbox is on {server}"));
            Err(failure)
        }
        LogonResponse::Public(_) => Err(Failure::new(
            "a logon to a private mailbox",
            "one to public folders",
            "is --user-dn that of a mailbox?",
        )),
    }
}

fn open_folder(folder_id: FolderId, output_handle_index: u8) -> OpenFolderRequest {
    let open_mode_flags = OpenModeFlags::default();
    OpenFolderRequest { logon_id: LOGON_ID, input_handle_index: 0, output_handle_index, folder_id, open_mode_flags }
}

fn set_columns(input_handle_index: u8, columns: &[PropertyTag]) -> SetColumnsRequest<'_> {
    SetColumnsRequest {
        logon_id: LOGON_ID,
        input_handle_index,
        set_columns_flags: AsynchronousFlags::SYNCHRONOUS,
        property_tags: PropertyTags::new(columns),
    }
}

fn query_rows(input_handle_index: u8, row_count: u16) -> QueryRowsRequest {
    let query_rows_flags = QueryRowsFlags::ADVANCE;
    QueryRowsRequest { logon_id: LOGON_ID, input_handle_index, query_rows_flags, forward_read: true, row_count }
}

/// All folders below the subtree, with what is in them.
///
/// # Errors
/// What came instead.
pub(crate) async fn folders(carrier: &mut impl Carrier, mailbox: &Mailbox) -> Result<Facts, Failure> {
    let handles = [mailbox.logon, Handle::UNUSED, Handle::UNUSED];
    let operations = Operations::new(&handles, |requests| {
        requests.push(&open_folder(mailbox.subtree, 1))?;
        requests.push(&GetHierarchyTableRequest {
            logon_id: LOGON_ID,
            input_handle_index: 1,
            output_handle_index: 2,
            table_flags: HierarchyTableFlags::DEPTH.with(HierarchyTableFlags::USE_UNICODE),
        })?;
        requests.push(&set_columns(2, &FOLDER_COLUMNS))?;
        requests.push(&query_rows(2, ROWS_AT_A_TIME))
    })?;
    let answers = operations.run(carrier).await?;
    let mut sequence = answers.in_order(no_columns)?;
    answer!(sequence, OpenFolder);
    let total = answer!(sequence, GetHierarchyTable).row_count;
    answer!(sequence, SetColumns);
    let mut told: Vec<Value> = Vec::new();
    let mut new = folders_of(answer!(sequence, QueryRows).rows, &mut told)?;
    let (folder, table) = (answers.handle(1)?, answers.handle(2)?);
    while new > 0 && told.len() < FOLDERS_TOLD && u64::from(total) > u64::try_from(told.len()).unwrap_or(u64::MAX) {
        let operations = Operations::new(&[table], |requests| requests.push(&query_rows(0, ROWS_AT_A_TIME)))?;
        let answers = operations.run(carrier).await?;
        let rows = answer!(answers.in_order(|_| Some(PropertyTags::new(&FOLDER_COLUMNS)))?, QueryRows).rows;
        new = folders_of(rows, &mut told)?;
    }
    release(carrier, &[table, folder]).await?;
    let words = told.iter().map(folder_words).collect::<Vec<_>>().join(", ");
    Ok(Facts::new().with("count", total).with_words("folders", told, words))
}

/// Adds the folders of some rows; says how many there were.
fn folders_of(rows: PropertyRows<'_>, told: &mut Vec<Value>) -> Result<usize, Failure> {
    let before = told.len();
    for row in rows {
        told.push(folder(&row.map_err(|error| undecodable("RopQueryRows", &error))?));
    }
    Ok(told.len() - before)
}

fn folder_words(folder: &Value) -> String {
    let name = folder["name"].as_str().unwrap_or("(no name)");
    match (folder["messages"].as_i64(), folder["unread"].as_i64()) {
        (Some(messages), None | Some(0)) => format!("{name} {messages}"),
        (Some(messages), Some(unread)) => format!("{name} {messages} ({unread} unread)"),
        (None, _) => name.to_owned(),
    }
}

fn folder(row: &PropertyRow<'_>) -> Value {
    json!({
        "name": text(row, PropertyTag::DISPLAY_NAME),
        "messages": number(row, PropertyTag::CONTENT_COUNT),
        "unread": number(row, PropertyTag::CONTENT_UNREAD_COUNT),
        "depth": number(row, PropertyTag::DEPTH),
    })
}

/// The newest messages of the inbox; the product is the folder's handle, which stays open.
///
/// # Errors
/// What came instead.
pub(crate) async fn inbox(carrier: &mut impl Carrier, mailbox: &Mailbox) -> Result<(Handle, Facts), Failure> {
    let handles = [mailbox.logon, Handle::UNUSED];
    let operations = Operations::new(&handles, |requests| requests.push(&open_folder(mailbox.inbox, 1)))?;
    let answers = operations.run(carrier).await?;
    answer!(answers.in_order(no_columns)?, OpenFolder);
    let inbox = answers.handle(1)?;
    let (total, messages) = newest(carrier, inbox).await?;
    let words = messages.iter().map(message_words).collect::<Vec<_>>().join(", ");
    Ok((inbox, Facts::new().with("count", total).with_words("newest", messages, words)))
}

/// A message on a line for people.
pub(crate) fn message_words(message: &Value) -> String {
    let part = |name: &str| message[name].as_str().unwrap_or("?");
    let unread = if message["read"] == false { ", unread" } else { "" };
    format!("\"{}\" from {} at {}{unread}", part("subject"), part("from"), part("delivered"))
}

/// Asks an open folder for its name, and for how many messages are in it, that many times.
///
/// # Errors
/// They cannot be encoded.
pub(crate) fn name_and_count(folder: Handle, times: usize) -> Result<Operations, Failure> {
    let request = GetPropertiesSpecificRequest {
        logon_id: LOGON_ID,
        input_handle_index: 0,
        property_size_limit: 0,
        want_unicode: true,
        property_tags: PropertyTags::new(&[PropertyTag::DISPLAY_NAME, PropertyTag::CONTENT_COUNT]),
    };
    Operations::new(&[folder], |requests| (0..times).try_for_each(|_| requests.push(&request)))
}

/// How many messages an open folder has, and the newest of them.
///
/// # Errors
/// What came instead.
pub(crate) async fn newest(carrier: &mut impl Carrier, folder: Handle) -> Result<(u32, Vec<Value>), Failure> {
    let operations = Operations::new(&[folder, Handle::UNUSED], |requests| {
        requests.push(&GetContentsTableRequest {
            logon_id: LOGON_ID,
            input_handle_index: 0,
            output_handle_index: 1,
            table_flags: ContentsTableFlags::USE_UNICODE,
        })?;
        requests.push(&set_columns(1, &MESSAGE_COLUMNS))?;
        requests.push(&SortTableRequest {
            logon_id: LOGON_ID,
            input_handle_index: 1,
            sort_table_flags: AsynchronousFlags::SYNCHRONOUS,
            category_count: 0,
            expanded_count: 0,
            sort_orders: SortOrders::new(&[SortOrder::descending(PropertyTag::MESSAGE_DELIVERY_TIME)]),
        })?;
        requests.push(&query_rows(1, MESSAGES_TOLD))
    })?;
    let answers = operations.run(carrier).await?;
    let mut sequence = answers.in_order(no_columns)?;
    let total = answer!(sequence, GetContentsTable).row_count;
    answer!(sequence, SetColumns);
    answer!(sequence, SortTable);
    let mut messages = Vec::new();
    for row in answer!(sequence, QueryRows).rows {
        messages.push(message(&row.map_err(|error| undecodable("RopQueryRows", &error))?));
    }
    release(carrier, &[answers.handle(1)?]).await?;
    Ok((total, messages))
}

fn message(row: &PropertyRow<'_>) -> Value {
    let read = number(row, PropertyTag::MESSAGE_FLAGS).map(|flags| flags & MESSAGE_FLAG_READ != 0);
    json!({
        "subject": text(row, PropertyTag::SUBJECT),
        "from": text(row, PropertyTag::SENDER_NAME),
        "delivered": text(row, PropertyTag::MESSAGE_DELIVERY_TIME),
        "read": read,
    })
}

/// Lets handles go; there is no answer to that.
async fn release(carrier: &mut impl Carrier, handles: &[Handle]) -> Result<(), Failure> {
    let operations = Operations::new(handles, |requests| {
        (0..).zip(handles).try_for_each(|(input_handle_index, _)| {
            requests.push(&ReleaseRequest { logon_id: LOGON_ID, input_handle_index })
        })
    })?;
    operations.run(carrier).await.map(|_| ())
}

/// A value as text, where there is one.
pub(crate) fn text(row: &PropertyRow<'_>, tag: PropertyTag) -> Option<String> {
    match row.cell(tag)?.ok()?.value()? {
        PropertyValue::String(text) => Some(text.to_string()),
        PropertyValue::Time(time) => Some(time.to_string()),
        _ => None,
    }
}

/// A value as a number, where it is one.
pub(crate) fn number(row: &PropertyRow<'_>, tag: PropertyTag) -> Option<i32> {
    match row.cell(tag)?.ok()?.value()? {
        PropertyValue::Integer32(number) => Some(number),
        _ => None,
    }
}
