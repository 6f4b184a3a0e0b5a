//! One Execute: the operations of a ROP input buffer, answered in order ([MS-OXCROPS] 3.2.5.1).

use bytes::{Bytes, BytesMut};
use oxwire::core::{DecodeError, EncodeError, FileTime, Limits, Utf16, decode_all, encode_to_bytes, utf16_le_bytes};
use oxwire::mapi::mapihttp::{ExecuteFlags, ExecuteSuccess};
use oxwire::mapi::property::{CountWidth, ErrorCode, PropertyTags, RowsWriter};
use oxwire::mapi::rop::{
    Execution, GetContentsTableResponse, GetHierarchyTableResponse, Handle, LogonResponse, MessageClass,
    NotificationData, NotifyResponse, OpenFolderResponse, PendingResponse, PropertiesResponse, QueryRowsFlags,
    QueryRowsRequest, QueryRowsResponse, RegisterNotificationResponse, Request, RequestBuilder, Response, RopBuffer,
    RopId, RopRequest, SetColumnsResponse, SortTableResponse, Stop, TableStatus,
};
use oxwire::mapi::rpc_header_ext::{ChainWriter, Packer, PayloadForm};

use super::objects::{Notice, Objects};
use super::operations::Operations;
use super::properties::{folder_id, message_id};
use super::users::User;

/// RopId, InputHandleIndex, ReturnValue, Origin and RowCount of a RopQueryRows response.
const QUERY_ROWS_HEAD: usize = 9;

/// What a RopQueryRows gave, where it was the last operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    /// The same for the rows that it was asked for, that are there, and that it did not give.
    more: Option<QueryRowsRequest>,
}

impl Read {
    /// Of a request for which `there` rows are there, and of which `given` were given.
    fn new(request: &QueryRowsRequest, given: usize, there: usize) -> Self {
        let rest = there.checked_sub(given).filter(|rest| *rest > 0).and_then(|rest| u16::try_from(rest).ok());
        let advances = !request.query_rows_flags.contains(QueryRowsFlags::NO_ADVANCE);
        Self { more: rest.filter(|_| advances).map(|row_count| QueryRowsRequest { row_count, ..*request }) }
    }
}

/// What RopPending names, [MS-OXCROPS] 2.2.14.3: sessions whose notifications did not go into an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pending<'a> {
    /// The index of the session that is asked. Over HTTP there is but one, and it is 0.
    pub(crate) session_index: u16,
    /// The indexes of those linked with it that have something to tell.
    pub(crate) beside: &'a [u16],
}

/// An Execute without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecuteError {
    /// The payload is no ROP input buffer.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An answer cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// How answers are stored behind their RPC_HEADER_EXT.
#[derive(Debug)]
pub(crate) struct Packing {
    form: PayloadForm,
    packer: Packer,
}

impl Packing {
    /// Plain, or compressed and obfuscated where the request allows it.
    pub(crate) fn new(compress: bool) -> Self {
        let form = if compress { PayloadForm::CompressedXorMagic } else { PayloadForm::Plain };
        Self { form, packer: Packer::new() }
    }

    /// What this server would like.
    pub(crate) const fn form(&self) -> PayloadForm {
        self.form
    }

    /// Writes the RopBuffer of an answer, or rgbOut, by the flags and MaxRopOut of the request.
    pub(crate) fn chain<'a>(
        &'a mut self,
        out: &'a mut BytesMut,
        (flags, max_rop_out): (ExecuteFlags, u32),
    ) -> ChainWriter<'a> {
        let max_len = usize::try_from(max_rop_out).unwrap_or(usize::MAX);
        ChainWriter::new(&mut self.packer, out, self.form, flags, max_len)
    }
}

/// Answers a ROP requests payload: the Execute success response body, and what was done, for the log.
///
/// # Errors
/// [`ExecuteError`].
pub(crate) fn execute(
    objects: &mut Objects,
    user: &User,
    payload: &Bytes,
    packing: &mut Packing,
    asked: (ExecuteFlags, u32),
    wall: FileTime,
) -> Result<(Bytes, String), ExecuteError> {
    let (answer, done) = answer(objects, user, payload, packing, asked, wall, Pending::default())?;
    let success = match &answer {
        Ok(rop_out) => ExecuteSuccess { error_code: 0, rop_buffer: rop_out, auxiliary_buffer: &[] },
        // [MS-OXCROPS] 3.2.4.3: the Execute fails as a whole.
        Err(code) => ExecuteSuccess { error_code: code.0, rop_buffer: &[], auxiliary_buffer: &[] },
    };
    Ok((encode_to_bytes(&success)?, done))
}

/// What was done, on a line of bounded use: the same thing many times over is told once, with how often.
fn summary(done: &[String]) -> String {
    let told = done.chunk_by(|a, b| a == b).filter_map(|same| {
        let first = same.first()?;
        Some(if same.len() == 1 { first.clone() } else { format!("{first} \u{d7} {}", same.len()) })
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Answers a ROP requests payload: the RopBuffer of an Execute, or rgbOut, as the request's flags and MaxRopOut have it, or the
/// code by which all of it fails; and what was done, for the log.
///
/// Where the request ends in a RopQueryRows that did not give all the rows it was asked for, and the client takes a chain, the next
/// rows follow in payloads of their own, each as if it had been asked for by itself: [MS-OXCRPC] 3.1.4.2.1.2.2.
///
/// # Errors
/// [`ExecuteError`].
pub(crate) fn answer(
    objects: &mut Objects,
    user: &User,
    payload: &Bytes,
    packing: &mut Packing,
    asked: (ExecuteFlags, u32),
    wall: FileTime,
    pending: Pending<'_>,
) -> Result<(Result<BytesMut, ErrorCode>, String), ExecuteError> {
    let mut operations = Operations { objects, user, read: None };
    let mut out = BytesMut::new();
    let mut chain = packing.chain(&mut out, asked);
    let (mut answer, done) = one_payload(&mut operations, payload, chain.room(), wall, Some(pending))?;
    let mut done = vec![done];
    loop {
        let rops = match answer {
            Ok(rops) => rops,
            Err(code) => return Ok((Err(code), done.concat())),
        };
        chain.push(|w| {
            w.bytes(&rops);
            Ok(())
        })?;
        let Some(more) = operations.read.take().and_then(|read| read.more) else { break };
        if !chain.can_pack(RopId::QUERY_ROWS) {
            break;
        }
        let next = going_on(&rops, &more)?;
        let (further, _) = one_payload(&mut operations, &next, chain.room(), wall, None)?;
        if operations.read.is_none() {
            break;
        }
        answer = further;
    }
    if chain.len() > 1 {
        done.push(format!(" in {} payloads", chain.len()));
    }
    Ok((Ok(out), done.concat()))
}

/// A RopQueryRows alone, on the handles that the answer before it ended with.
fn going_on(answered: &[u8], more: &QueryRowsRequest) -> Result<Bytes, ExecuteError> {
    let answered: RopBuffer<'_> = decode_all(answered, &Limits::DEFAULT)?;
    let handles: Vec<Handle> = answered.handles().iter().collect();
    let mut out = BytesMut::new();
    let mut requests = RequestBuilder::new(&mut out);
    requests.push(more)?;
    requests.finish(&handles)?;
    Ok(out.freeze())
}

/// Answers a ROP requests payload by a ROP responses payload of at most `room` bytes.
fn one_payload(
    operations: &mut Operations<'_>,
    payload: &[u8],
    room: usize,
    wall: FileTime,
    pending: Option<Pending<'_>>,
) -> Result<(Result<BytesMut, ErrorCode>, String), ExecuteError> {
    let input: RopBuffer<'_> = decode_all(payload, &Limits::DEFAULT)?;
    let mut out = BytesMut::new();
    let mut execution = match Execution::begin(&input, &mut out, room) {
        Ok(execution) => execution,
        Err(code) => return Ok((Err(code), format!("failed: {code}"))),
    };
    let mut done: Vec<String> = Vec::new();
    while let Some(request) = execution.next_request() {
        done.push(request.rop_id().to_string());
        operations.read = None;
        one(&mut execution, operations, request, wall)?;
    }
    if let Some(pending) = pending {
        tell(&mut execution, operations.objects, pending)?;
    }
    let stop = execution.finish().stop;
    if stop.is_some() {
        operations.read = None;
    }
    match stop {
        None => {}
        Some(Stop::BufferTooSmall) => done.push("(the rest does not fit)".to_owned()),
        Some(Stop::Request(error)) => done.push(format!("(stopped: {error})")),
    }
    Ok((Ok(out), if done.is_empty() { "(no operation)".to_owned() } else { summary(&done) }))
}

/// One operation.
fn one(
    execution: &mut Execution<'_, '_>,
    operations: &mut Operations<'_>,
    request: RopRequest<'_>,
    wall: FileTime,
) -> Result<(), EncodeError> {
    let indexes = request.handle_indexes();
    // RopLogon has no input; every other operation works on an object.
    let input = indexes.input.and_then(|index| execution.handle(index)).unwrap_or(Handle::UNUSED);
    let verdict = match &request {
        RopRequest::Release(_) => {
            operations.objects.release(input);
            Ok(())
        }
        RopRequest::Logon(request) => match operations.logon(request, wall) {
            Ok((handle, logon)) => {
                return made(execution, operations.objects, &LogonResponse::Private(logon), handle);
            }
            Err(code) => Err(code),
        },
        RopRequest::OpenFolder(request) => match operations.open_folder(input, request) {
            Ok(handle) => {
                let output_handle_index = request.output_handle_index;
                let response = OpenFolderResponse { output_handle_index, has_rules: false, ghosted: None };
                return made(execution, operations.objects, &response, handle);
            }
            Err(code) => Err(code),
        },
        RopRequest::GetHierarchyTable(request) => match operations.hierarchy_table(input, request) {
            Ok((handle, rows)) => {
                let output_handle_index = request.output_handle_index;
                let response = GetHierarchyTableResponse { output_handle_index, row_count: count(rows) };
                return made(execution, operations.objects, &response, handle);
            }
            Err(code) => Err(code),
        },
        RopRequest::GetContentsTable(request) => match operations.contents_table(input, request) {
            Ok((handle, rows)) => {
                let output_handle_index = request.output_handle_index;
                let response = GetContentsTableResponse { output_handle_index, row_count: count(rows) };
                return made(execution, operations.objects, &response, handle);
            }
            Err(code) => Err(code),
        },
        RopRequest::SetColumns(request) => match operations.set_columns(input, request) {
            Ok(()) => {
                let input_handle_index = request.input_handle_index;
                let table_status = TableStatus::COMPLETE;
                execution.respond(&SetColumnsResponse { input_handle_index, table_status })?;
                Ok(())
            }
            Err(code) => Err(code),
        },
        RopRequest::SortTable(request) => match operations.sort_table(input, request) {
            Ok(()) => {
                let input_handle_index = request.input_handle_index;
                let table_status = TableStatus::COMPLETE;
                execution.respond(&SortTableResponse { input_handle_index, table_status })?;
                Ok(())
            }
            Err(code) => Err(code),
        },
        RopRequest::QueryRows(request) => query_rows(execution, operations, input, request)?,
        RopRequest::GetPropertiesSpecific(request) => match operations.described(input) {
            Ok(object) => {
                execution.respond(&PropertiesResponse {
                    input_handle_index: request.input_handle_index,
                    property_tags: request.property_tags,
                    cell: |_, tag| operations.property(&object, tag),
                })?;
                Ok(())
            }
            Err(code) => Err(code),
        },
        RopRequest::RegisterNotification(request) => match operations.subscribe(input, request) {
            Ok(handle) => {
                let response = RegisterNotificationResponse { output_handle_index: request.output_handle_index };
                return made(execution, operations.objects, &response, handle);
            }
            Err(code) => Err(code),
        },
        _ => Err(ErrorCode::NOT_IMPLEMENTED),
    };
    if let Err(code) = verdict {
        execution.fail(code);
    }
    Ok(())
}

/// Answers an operation that made an object. An answer that does not fit unmakes it: the operation comes again.
fn made(
    execution: &mut Execution<'_, '_>,
    objects: &mut Objects,
    response: &impl Response,
    handle: Handle,
) -> Result<(), EncodeError> {
    let answered = execution.respond_made(response, handle);
    if !matches!(answered, Ok(true)) {
        objects.release(handle);
    }
    answered.map(drop)
}

/// Rows until the answer is full. One that has no room for a single row gives the request back.
fn query_rows(
    execution: &mut Execution<'_, '_>,
    operations: &mut Operations<'_>,
    input: Handle,
    request: &QueryRowsRequest,
) -> Result<Result<(), ErrorCode>, EncodeError> {
    let reading = match operations.read_rows(input, request) {
        Ok(reading) => reading,
        Err(code) => return Ok(Err(code)),
    };
    let columns = PropertyTags::new(&reading.columns);
    let room = execution.room().saturating_sub(QUERY_ROWS_HEAD);
    let mut buffer = BytesMut::new();
    let mut rows = RowsWriter::new(&mut buffer, columns, CountWidth::RopBuffer, room);
    for row in &reading.rows {
        if !rows.push(|_, tag| operations.cell(*row, tag))? {
            break;
        }
    }
    if rows.is_empty() && !reading.rows.is_empty() {
        // Not even one row fits.
        return Ok(Err(ErrorCode::BUFFER_TOO_SMALL));
    }
    let rows = rows.finish();
    let origin = operations.advance(input, &reading, rows.len());
    operations.read = Some(Read::new(request, rows.len(), reading.rows.len()));
    execution.respond(&QueryRowsResponse { input_handle_index: request.input_handle_index, origin, rows })?;
    Ok(Ok(()))
}

/// What the subscriptions have to tell, as far as it fits, and who else has something to tell.
fn tell(execution: &mut Execution<'_, '_>, objects: &mut Objects, pending: Pending<'_>) -> Result<(), EncodeError> {
    let class = utf16_le_bytes("IPM.Note");
    let class = MessageClass::Unicode(Utf16::from_truncated(&class));
    while let Some(notice) = objects.next_notice() {
        if !execution.notify(&notification(&notice, class))? {
            execution.pending(PendingResponse { session_index: pending.session_index });
            break;
        }
        objects.told();
    }
    for session_index in pending.beside {
        execution.pending(PendingResponse { session_index: *session_index });
    }
    Ok(())
}

fn notification<'a>(notice: &Notice, class: MessageClass<'a>) -> NotifyResponse<'a> {
    let (folder, message) = (folder_id(notice.delivered.folder), message_id(notice.delivered.message));
    let notification_data = if notice.new_mail {
        // Unread.
        NotificationData::new_mail(folder, message, 0, class)
    } else {
        NotificationData::message_created(folder, message, PropertyTags::EMPTY)
    };
    NotifyResponse { notification_handle: notice.handle, logon_id: notice.logon_id, notification_data }
}

fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}
