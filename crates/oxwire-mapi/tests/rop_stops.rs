//! Where a server stops: at a ROP that it cannot read, with the answer that this ROP's own section lays out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail")]

use bytes::BytesMut;
use oxwire_core::{Limits, decode_all, encode_to_bytes};
use oxwire_mapi::property::{ErrorCode, PropertyTags, SortOrders};
use oxwire_mapi::rop::*;

type Layout = Option<(usize, usize)>;

/// Every RopId of [MS-OXCROPS] 2.2.2: in the request, the byte of the handle index that a failure response repeats; how many bytes stand
/// behind ReturnValue in that response; and the section. Collected from the requirement rows of the fields of each section's
/// request and failure response (or only response). `None` has no response to a request.
const LAYOUTS: [(RopId, Layout, &str); 130] = [
    (RopId::RELEASE, None, "2.2.15.3"),
    (RopId::OPEN_FOLDER, Some((3, 0)), "2.2.4.1"),
    (RopId::OPEN_MESSAGE, Some((3, 0)), "2.2.6.1"),
    (RopId::GET_HIERARCHY_TABLE, Some((3, 0)), "2.2.4.13"),
    (RopId::GET_CONTENTS_TABLE, Some((3, 0)), "2.2.4.14"),
    (RopId::CREATE_MESSAGE, Some((3, 0)), "2.2.6.2"),
    (RopId::GET_PROPERTIES_SPECIFIC, Some((2, 0)), "2.2.8.3"),
    (RopId::GET_PROPERTIES_ALL, Some((2, 0)), "2.2.8.4"),
    (RopId::GET_PROPERTIES_LIST, Some((2, 0)), "2.2.8.5"),
    (RopId::SET_PROPERTIES, Some((2, 0)), "2.2.8.6"),
    (RopId::DELETE_PROPERTIES, Some((2, 0)), "2.2.8.8"),
    (RopId::SAVE_CHANGES_MESSAGE, Some((2, 0)), "2.2.6.3"),
    (RopId::REMOVE_ALL_RECIPIENTS, Some((2, 0)), "2.2.6.4"),
    (RopId::MODIFY_RECIPIENTS, Some((2, 0)), "2.2.6.5"),
    (RopId::READ_RECIPIENTS, Some((2, 0)), "2.2.6.6"),
    (RopId::RELOAD_CACHED_INFORMATION, Some((2, 0)), "2.2.6.7"),
    (RopId::SET_MESSAGE_READ_FLAG, Some((2, 0)), "2.2.6.11"),
    (RopId::SET_COLUMNS, Some((2, 0)), "2.2.5.1"),
    (RopId::SORT_TABLE, Some((2, 0)), "2.2.5.2"),
    (RopId::RESTRICT, Some((2, 0)), "2.2.5.3"),
    (RopId::QUERY_ROWS, Some((2, 0)), "2.2.5.4"),
    (RopId::GET_STATUS, Some((2, 0)), "2.2.5.6"),
    (RopId::QUERY_POSITION, Some((2, 0)), "2.2.5.7"),
    (RopId::SEEK_ROW, Some((2, 0)), "2.2.5.8"),
    (RopId::SEEK_ROW_BOOKMARK, Some((2, 0)), "2.2.5.9"),
    (RopId::SEEK_ROW_FRACTIONAL, Some((2, 0)), "2.2.5.10"),
    (RopId::CREATE_BOOKMARK, Some((2, 0)), "2.2.5.11"),
    (RopId::CREATE_FOLDER, Some((3, 0)), "2.2.4.2"),
    (RopId::DELETE_FOLDER, Some((2, 1)), "2.2.4.3"),
    (RopId::DELETE_MESSAGES, Some((2, 1)), "2.2.4.11"),
    (RopId::GET_MESSAGE_STATUS, Some((2, 0)), "2.2.6.9"),
    (RopId::SET_MESSAGE_STATUS, Some((2, 0)), "2.2.6.8"),
    (RopId::GET_ATTACHMENT_TABLE, Some((3, 0)), "2.2.6.17"),
    (RopId::OPEN_ATTACHMENT, Some((3, 0)), "2.2.6.12"),
    (RopId::CREATE_ATTACHMENT, Some((3, 0)), "2.2.6.13"),
    (RopId::DELETE_ATTACHMENT, Some((2, 0)), "2.2.6.14"),
    (RopId::SAVE_CHANGES_ATTACHMENT, Some((2, 0)), "2.2.6.15"),
    (RopId::SET_RECEIVE_FOLDER, Some((2, 0)), "2.2.3.3"),
    (RopId::GET_RECEIVE_FOLDER, Some((2, 0)), "2.2.3.2"),
    (RopId::REGISTER_NOTIFICATION, Some((3, 0)), "2.2.14.1"),
    (RopId::NOTIFY, None, "2.2.14.2"),
    (RopId::OPEN_STREAM, Some((3, 0)), "2.2.9.1"),
    (RopId::READ_STREAM, Some((2, 2)), "2.2.9.2"),
    (RopId::WRITE_STREAM, Some((2, 2)), "2.2.9.3"),
    (RopId::SEEK_STREAM, Some((2, 0)), "2.2.9.8"),
    (RopId::SET_STREAM_SIZE, Some((2, 0)), "2.2.9.7"),
    (RopId::SET_SEARCH_CRITERIA, Some((2, 0)), "2.2.4.4"),
    (RopId::GET_SEARCH_CRITERIA, Some((2, 0)), "2.2.4.5"),
    (RopId::SUBMIT_MESSAGE, Some((2, 0)), "2.2.7.1"),
    (RopId::MOVE_COPY_MESSAGES, Some((2, 1)), "2.2.4.6"),
    (RopId::ABORT_SUBMIT, Some((2, 0)), "2.2.7.2"),
    (RopId::MOVE_FOLDER, Some((2, 1)), "2.2.4.7"),
    (RopId::COPY_FOLDER, Some((2, 1)), "2.2.4.8"),
    (RopId::QUERY_COLUMNS_ALL, Some((2, 0)), "2.2.5.12"),
    (RopId::ABORT, Some((2, 0)), "2.2.5.5"),
    (RopId::COPY_TO, Some((2, 0)), "2.2.8.12"),
    (RopId::COPY_TO_STREAM, Some((2, 16)), "2.2.9.9"),
    (RopId::CLONE_STREAM, Some((3, 0)), "2.2.9.13"),
    (RopId::GET_PERMISSIONS_TABLE, Some((3, 0)), "2.2.10.2"),
    (RopId::GET_RULES_TABLE, Some((3, 0)), "2.2.11.2"),
    (RopId::MODIFY_PERMISSIONS, Some((2, 0)), "2.2.10.1"),
    (RopId::MODIFY_RULES, Some((2, 0)), "2.2.11.1"),
    (RopId::GET_OWNING_SERVERS, Some((2, 0)), "2.2.3.6"),
    (RopId::LONG_TERM_ID_FROM_ID, Some((2, 0)), "2.2.3.8"),
    (RopId::ID_FROM_LONG_TERM_ID, Some((2, 0)), "2.2.3.9"),
    (RopId::PUBLIC_FOLDER_IS_GHOSTED, Some((2, 0)), "2.2.3.7"),
    (RopId::OPEN_EMBEDDED_MESSAGE, Some((3, 0)), "2.2.6.16"),
    (RopId::SET_SPOOLER, Some((2, 0)), "2.2.7.4"),
    (RopId::SPOOLER_LOCK_MESSAGE, Some((2, 0)), "2.2.7.5"),
    (RopId::GET_ADDRESS_TYPES, Some((2, 0)), "2.2.7.3"),
    (RopId::TRANSPORT_SEND, Some((2, 0)), "2.2.7.6"),
    (RopId::FAST_TRANSFER_SOURCE_COPY_MESSAGES, Some((3, 0)), "2.2.12.6"),
    (RopId::FAST_TRANSFER_SOURCE_COPY_FOLDER, Some((3, 0)), "2.2.12.5"),
    (RopId::FAST_TRANSFER_SOURCE_COPY_TO, Some((3, 0)), "2.2.12.7"),
    (RopId::FAST_TRANSFER_SOURCE_GET_BUFFER, Some((2, 9)), "2.2.12.4"),
    (RopId::FIND_ROW, Some((2, 0)), "2.2.5.13"),
    (RopId::PROGRESS, Some((2, 0)), "2.2.8.13"),
    (RopId::TRANSPORT_NEW_MAIL, Some((2, 0)), "2.2.7.7"),
    (RopId::FAST_TRANSFER_DESTINATION_CONFIGURE, Some((3, 0)), "2.2.12.1"),
    (RopId::FAST_TRANSFER_DESTINATION_PUT_BUFFER, Some((2, 9)), "2.2.12.2"),
    (RopId::GET_NAMES_FROM_PROPERTY_IDS, Some((2, 0)), "2.2.8.2"),
    (RopId::GET_PROPERTY_IDS_FROM_NAMES, Some((2, 0)), "2.2.8.1"),
    (RopId::UPDATE_DEFERRED_ACTION_MESSAGES, Some((2, 0)), "2.2.11.3"),
    (RopId::EMPTY_FOLDER, Some((2, 1)), "2.2.4.9"),
    (RopId::EXPAND_ROW, Some((2, 0)), "2.2.5.16"),
    (RopId::COLLAPSE_ROW, Some((2, 0)), "2.2.5.17"),
    (RopId::LOCK_REGION_STREAM, Some((2, 0)), "2.2.9.10"),
    (RopId::UNLOCK_REGION_STREAM, Some((2, 0)), "2.2.9.11"),
    (RopId::COMMIT_STREAM, Some((2, 0)), "2.2.9.5"),
    (RopId::GET_STREAM_SIZE, Some((2, 0)), "2.2.9.6"),
    (RopId::QUERY_NAMED_PROPERTIES, Some((2, 0)), "2.2.8.10"),
    (RopId::GET_PER_USER_LONG_TERM_IDS, Some((2, 0)), "2.2.3.10"),
    (RopId::GET_PER_USER_GUID, Some((2, 0)), "2.2.3.11"),
    (RopId::READ_PER_USER_INFORMATION, Some((2, 0)), "2.2.3.12"),
    (RopId::WRITE_PER_USER_INFORMATION, Some((2, 0)), "2.2.3.13"),
    (RopId::SET_READ_FLAGS, Some((2, 1)), "2.2.6.10"),
    (RopId::COPY_PROPERTIES, Some((2, 0)), "2.2.8.11"),
    (RopId::GET_RECEIVE_FOLDER_TABLE, Some((2, 0)), "2.2.3.4"),
    (RopId::FAST_TRANSFER_SOURCE_COPY_PROPERTIES, Some((3, 0)), "2.2.12.8"),
    (RopId::GET_COLLAPSE_STATE, Some((2, 0)), "2.2.5.18"),
    (RopId::SET_COLLAPSE_STATE, Some((2, 0)), "2.2.5.19"),
    (RopId::GET_TRANSPORT_FOLDER, Some((2, 0)), "2.2.7.8"),
    (RopId::PENDING, None, "2.2.14.3"),
    (RopId::OPTIONS_DATA, Some((2, 0)), "2.2.7.9"),
    (RopId::SYNCHRONIZATION_CONFIGURE, Some((3, 0)), "2.2.13.1"),
    (RopId::SYNCHRONIZATION_IMPORT_MESSAGE_CHANGE, Some((3, 0)), "2.2.13.2"),
    (RopId::SYNCHRONIZATION_IMPORT_HIERARCHY_CHANGE, Some((2, 0)), "2.2.13.4"),
    (RopId::SYNCHRONIZATION_IMPORT_DELETES, Some((2, 0)), "2.2.13.5"),
    (RopId::SYNCHRONIZATION_UPLOAD_STATE_STREAM_BEGIN, Some((2, 0)), "2.2.13.9"),
    (RopId::SYNCHRONIZATION_UPLOAD_STATE_STREAM_CONTINUE, Some((2, 0)), "2.2.13.10"),
    (RopId::SYNCHRONIZATION_UPLOAD_STATE_STREAM_END, Some((2, 0)), "2.2.13.11"),
    (RopId::SYNCHRONIZATION_IMPORT_MESSAGE_MOVE, Some((2, 0)), "2.2.13.6"),
    (RopId::SET_PROPERTIES_NO_REPLICATE, Some((2, 0)), "2.2.8.7"),
    (RopId::DELETE_PROPERTIES_NO_REPLICATE, Some((2, 0)), "2.2.8.9"),
    (RopId::GET_STORE_STATE, Some((2, 0)), "2.2.3.5"),
    (RopId::SYNCHRONIZATION_OPEN_COLLECTOR, Some((3, 0)), "2.2.13.7"),
    (RopId::GET_LOCAL_REPLICA_IDS, Some((2, 0)), "2.2.13.13"),
    (RopId::SYNCHRONIZATION_IMPORT_READ_STATE_CHANGES, Some((2, 0)), "2.2.13.3"),
    (RopId::RESET_TABLE, Some((2, 0)), "2.2.5.15"),
    (RopId::SYNCHRONIZATION_GET_TRANSFER_STATE, Some((3, 0)), "2.2.13.8"),
    (RopId::TELL_VERSION, Some((2, 0)), "2.2.12.9"),
    (RopId::FREE_BOOKMARK, Some((2, 0)), "2.2.5.14"),
    (RopId::WRITE_AND_COMMIT_STREAM, Some((2, 2)), "2.2.9.12"),
    (RopId::HARD_DELETE_MESSAGES, Some((2, 1)), "2.2.4.12"),
    (RopId::HARD_DELETE_MESSAGES_AND_SUBFOLDERS, Some((2, 1)), "2.2.4.10"),
    (RopId::SET_LOCAL_REPLICA_MIDSET_DELETED, Some((2, 0)), "2.2.13.12"),
    (RopId::WRITE_STREAM_EXTENDED, Some((2, 4)), "2.2.9.4"),
    (RopId::BACKOFF, None, "2.2.15.2"),
    (RopId::LOGON, Some((2, 0)), "2.2.3.1"),
    (RopId::BUFFER_TOO_SMALL, None, "2.2.15.1"),
];

fn layout(id: RopId) -> Layout {
    LAYOUTS.iter().find(|(named, ..)| *named == id).and_then(|(_, layout, _)| *layout)
}

/// The failure response by the table, with handle index 7 at its byte.
fn failure(id: RopId, code: ErrorCode) -> Vec<u8> {
    let Some((_, zeros)) = layout(id) else { return Vec::new() };
    // R20004: RopGetMessageStatus answers as RopSetMessageStatus.
    let id = if id == RopId::GET_MESSAGE_STATUS { RopId::SET_MESSAGE_STATUS } else { id };
    let mut bytes = vec![id.0, 7];
    bytes.extend_from_slice(&code.0.to_le_bytes());
    bytes.resize(6 + zeros, 0);
    bytes
}

/// A buffer of a RopSetColumns and of `last`, and a table of one handle.
fn input(last: &[u8]) -> Vec<u8> {
    let first = SetColumnsRequest {
        logon_id: 0,
        input_handle_index: 0,
        set_columns_flags: AsynchronousFlags::default(),
        property_tags: PropertyTags::EMPTY,
    };
    let mut bytes = vec![0, 0];
    bytes.extend_from_slice(&encode_to_bytes(&first).unwrap());
    bytes.extend_from_slice(last);
    bytes[0] = u8::try_from(bytes.len()).unwrap();
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes
}

fn buffer(bytes: &[u8]) -> RopBuffer<'_> {
    decode_all(bytes, &Limits::DEFAULT).unwrap()
}

/// Answers the RopSetColumns, fails all that follows, and gives what was answered behind the first, and whether it stopped.
fn answer(input: &[u8]) -> (Vec<u8>, bool) {
    let mut out = BytesMut::new();
    let mut execution = Execution::begin(&buffer(input), &mut out, 1000).unwrap();
    assert!(matches!(execution.next_request(), Some(RopRequest::SetColumns(_))));
    let response = SetColumnsResponse { input_handle_index: 0, table_status: TableStatus::COMPLETE };
    assert_eq!(execution.respond(&response), Ok(true));
    while execution.next_request().is_some() {
        execution.fail(ErrorCode::NULL_OBJECT);
    }
    let stopped = matches!(execution.finish().stop, Some(Stop::Request(_)));
    let answer = buffer(&out);
    assert_eq!((answer.handles().len(), answer.handles().at(0)), (1, Some(Handle(1))));
    let mut responses = answer.raw_responses();
    assert!(matches!(responses.next_with(None), Some(Ok(RopResponse::SetColumns(_)))));
    (responses.rest().to_vec(), stopped)
}

/// The ROPs that this crate reads, each with index 7 where its response takes it from, and 9 elsewhere.
fn readable() -> Vec<(RopId, Vec<u8>)> {
    let (logon_id, input_handle_index, output_handle_index) = (0, 9, 7);
    let mut logon = LogonRequest::private(0, 7, "/o=x");
    logon.store_state = 9;
    let open = OpenFolderRequest {
        logon_id,
        input_handle_index,
        output_handle_index,
        folder_id: oxwire_mapi::property::FolderId::from_counter(1, 5),
        open_mode_flags: OpenModeFlags::default(),
    };
    let table_flags = HierarchyTableFlags::default();
    let hierarchy = GetHierarchyTableRequest { logon_id, input_handle_index, output_handle_index, table_flags };
    let table_flags = ContentsTableFlags::default();
    let contents = GetContentsTableRequest { logon_id, input_handle_index, output_handle_index, table_flags };
    let register = RegisterNotificationRequest {
        logon_id,
        input_handle_index,
        output_handle_index,
        notification_types: NotificationTypes::NEW_MAIL,
        scope: NotificationScope::WholeStore,
    };
    let (input_handle_index, property_tags) = (7, PropertyTags::EMPTY);
    let set_columns_flags = AsynchronousFlags::default();
    let columns = SetColumnsRequest { logon_id, input_handle_index, set_columns_flags, property_tags };
    let sort = SortTableRequest {
        logon_id,
        input_handle_index,
        sort_table_flags: AsynchronousFlags::default(),
        category_count: 0,
        expanded_count: 0,
        sort_orders: SortOrders::new(&[]),
    };
    let query_rows_flags = QueryRowsFlags::default();
    let rows = QueryRowsRequest { logon_id, input_handle_index, query_rows_flags, forward_read: true, row_count: 1 };
    let properties = GetPropertiesSpecificRequest {
        logon_id,
        input_handle_index,
        property_size_limit: 0,
        want_unicode: true,
        property_tags,
    };
    let release = ReleaseRequest { logon_id, input_handle_index };
    let list = [
        (RopId::LOGON, encode_to_bytes(&logon)),
        (RopId::OPEN_FOLDER, encode_to_bytes(&open)),
        (RopId::GET_HIERARCHY_TABLE, encode_to_bytes(&hierarchy)),
        (RopId::GET_CONTENTS_TABLE, encode_to_bytes(&contents)),
        (RopId::REGISTER_NOTIFICATION, encode_to_bytes(&register)),
        (RopId::SET_COLUMNS, encode_to_bytes(&columns)),
        (RopId::SORT_TABLE, encode_to_bytes(&sort)),
        (RopId::QUERY_ROWS, encode_to_bytes(&rows)),
        (RopId::GET_PROPERTIES_SPECIFIC, encode_to_bytes(&properties)),
        (RopId::RELEASE, encode_to_bytes(&release)),
    ];
    list.into_iter().map(|(id, bytes)| (id, bytes.unwrap().to_vec())).collect()
}

/// R1413 lists what is reserved; 0xA3 is on that list too, and has a section (2.2.9.4).
#[test]
fn oxcrops_r1413_the_table_has_every_rop_id_with_a_name() {
    for id in (0..=u8::MAX).map(RopId) {
        let rows = LAYOUTS.iter().filter(|(named, ..)| *named == id).count();
        assert_eq!(rows, usize::from(id.name().is_some()), "{id:?}");
    }
}

/// A ROP that this crate has no structure for is refused as its section says, and nothing behind it is done.
#[test]
fn an_unknown_rop_is_refused_in_its_own_layout() {
    let readable = readable();
    for id in (0..=u8::MAX).map(RopId).filter(|id| readable.iter().all(|(known, _)| known != id)) {
        let mut rop = [id.0, 0, 9, 9, 9, 9, 9, 9];
        if let Some((at, _)) = layout(id) {
            rop[at] = 7;
        }
        let (answered, stopped) = answer(&input(&rop));
        assert!(stopped, "{id:?}");
        assert_eq!(answered, failure(id, ErrorCode::NOT_IMPLEMENTED), "{id:?}");
    }
}

/// Every cut of every request that can be read: before the handle index there is no answer, behind it RpcFormat.
#[test]
fn a_damaged_rop_is_refused_in_its_own_layout() {
    for (id, rop) in readable() {
        for cut in 1..rop.len() {
            let (answered, stopped) = answer(&input(&rop[..cut]));
            assert!(stopped, "{id:?} cut at {cut}");
            let has_index = layout(id).is_some_and(|(at, _)| at < cut);
            let expected = if has_index { failure(id, ErrorCode::RPC_FORMAT) } else { Vec::new() };
            assert_eq!(answered, expected, "{id:?} cut at {cut}");
        }
    }
}

/// R4572, R4573: a RopRelease has no response, not even when it fails; every other request fails with the index of its table.
#[test]
fn oxcrops_r4572_r4573_a_whole_request_fails_with_the_index_of_its_response() {
    for (id, rop) in readable() {
        assert_eq!(answer(&input(&rop)), (failure(id, ErrorCode::NULL_OBJECT), false), "{id:?}");
    }
}

/// The client side reads each of these failures beside its request.
#[test]
fn a_client_reads_each_failure() {
    for (id, rop) in readable().into_iter().filter(|(id, _)| *id != RopId::RELEASE) {
        let mut output = vec![8, 0];
        output.extend_from_slice(&failure(id, ErrorCode::NULL_OBJECT));
        let mut requests = vec![u8::try_from(rop.len() + 2).unwrap(), 0];
        requests.extend_from_slice(&rop);
        let mut pairs = buffer(&output).responses(buffer(&requests).requests(), |_| None);
        let pair = pairs.next().unwrap().unwrap();
        assert_eq!(pair.request.map(|request| request.rop_id()), Some(id));
        let expected = FailureResponse { rop_id: id, handle_index: 7, return_value: ErrorCode::NULL_OBJECT };
        assert!(matches!(pair.response, RopResponse::Failure(failure) if failure == expected), "{id:?}");
        assert!(pairs.next().is_none());
    }
}
