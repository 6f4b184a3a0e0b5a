//! Rows of [MS-OXCROPS], [MS-OXCTABL] and [MS-OXCNOTIF] that bytes can show. The bytes are built by hand from the rows' own numbers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail")]

use bytes::BytesMut;
use oxwire_core::{Limits, Reader, decode_all, encode_to_bytes};
use oxwire_mapi::property::{CountWidth, ErrorCode, PropertyRows, PropertyTag, PropertyTags};
use oxwire_mapi::rop::*;

fn buffer(bytes: &[u8]) -> RopBuffer<'_> {
    decode_all(bytes, &Limits::DEFAULT).unwrap()
}

/// MS-OXCTABL R33 to R39: the statuses of a table, in the response to RopSetColumns and in that to RopSortTable.
#[test]
fn oxctabl_r33_r34_r35_r36_r37_r38_r39_table_statuses_have_their_numbers() {
    for (number, status) in [
        (0x00, TableStatus::COMPLETE),
        (0x09, TableStatus::SORTING),
        (0x0A, TableStatus::SORT_ERROR),
        (0x0B, TableStatus::SETTING_COLS),
        (0x0D, TableStatus::SETCOL_ERROR),
        (0x0E, TableStatus::RESTRICTING),
        (0x0F, TableStatus::RESTRICT_ERROR),
        (0x7F, TableStatus(0x7F)),
    ] {
        let set = SetColumnsResponse { input_handle_index: 3, table_status: status };
        let bytes = [0x12, 3, 0, 0, 0, 0, number];
        assert_eq!(encode_to_bytes(&set).unwrap(), &bytes[..]);
        assert_eq!(decode_all::<SetColumnsResponse>(&bytes, &Limits::DEFAULT), Ok(set));
        let sort = SortTableResponse { input_handle_index: 3, table_status: status };
        let bytes = [0x13, 3, 0, 0, 0, 0, number];
        assert_eq!(encode_to_bytes(&sort).unwrap(), &bytes[..]);
        assert_eq!(decode_all::<SortTableResponse>(&bytes, &Limits::DEFAULT), Ok(sort));
    }
}

/// MS-OXCTABL R97, R98, R99, R105, R106: the flags and the direction of RopQueryRows; bits without a name go through.
#[test]
fn oxctabl_r97_r98_r99_r105_r106_flags_and_direction_of_query_rows() {
    for (flags, query_rows_flags) in [
        (0x00, QueryRowsFlags::ADVANCE),
        (0x01, QueryRowsFlags::NO_ADVANCE),
        (0x02, QueryRowsFlags::ENABLE_PACKED_BUFFERS),
        (0x84, QueryRowsFlags::from_bits(0x84)),
    ] {
        for (direction, forward_read) in [(1, true), (0, false)] {
            let bytes = [0x15, 7, 3, flags, direction, 0x34, 0x12];
            let request = QueryRowsRequest {
                logon_id: 7,
                input_handle_index: 3,
                query_rows_flags,
                forward_read,
                row_count: 0x1234,
            };
            assert_eq!(encode_to_bytes(&request).unwrap(), &bytes[..]);
            assert_eq!(decode_all::<QueryRowsRequest>(&bytes, &Limits::DEFAULT), Ok(request));
        }
    }
}

/// MS-OXCTABL R27, R28, R29, R113: Origin is a bookmark; RowCount is the number of rows.
#[test]
fn oxctabl_r27_r28_r29_r113_a_query_rows_response_counts_its_rows() {
    let columns = [PropertyTag::MESSAGE_SIZE];
    let columns = PropertyTags::new(&columns);
    let rows = [0, 1, 0, 0, 0, 0, 2, 0, 0, 0];
    for (number, origin) in [(0, Bookmark::BEGINNING), (1, Bookmark::CURRENT), (2, Bookmark::END)] {
        let mut bytes = vec![0x15, 3, 0, 0, 0, 0, number, 2, 0];
        bytes.extend_from_slice(&rows);
        let view = PropertyRows::from_wire(&rows, 2, columns, CountWidth::RopBuffer);
        let response = QueryRowsResponse { input_handle_index: 3, origin, rows: view };
        assert_eq!(encode_to_bytes(&response).unwrap(), &bytes);
        let mut r = Reader::new(&bytes);
        assert_eq!(QueryRowsResponse::decode(&mut r, Some(columns)), Ok(response));
        assert!(r.is_empty());
        // One row more than there is.
        bytes[7] = 3;
        assert!(QueryRowsResponse::decode(&mut Reader::new(&bytes), Some(columns)).is_err());
    }
}

/// MS-OXCNOTIF R41 to R47 and R40001: the number of each kind of event; R52, R53: WantWholeStore; R49002, R50: Reserved is there
/// only with Extended (0x0400), and zero.
#[test]
fn oxcnotif_r41_r42_r43_r44_r45_r46_r47_r40001_r49002_r50_r52_r53_what_a_registration_asks_for() {
    for (number, notification_types) in [
        (0x0002_u16, NotificationTypes::NEW_MAIL),
        (0x0004, NotificationTypes::OBJECT_CREATED),
        (0x0008, NotificationTypes::OBJECT_DELETED),
        (0x0010, NotificationTypes::OBJECT_MODIFIED),
        (0x0020, NotificationTypes::OBJECT_MOVED),
        (0x0040, NotificationTypes::OBJECT_COPIED),
        (0x0080, NotificationTypes::SEARCH_COMPLETED),
        (0x0100, NotificationTypes::TABLE_MODIFIED),
        (0x0400, NotificationTypes::EXTENDED),
        (0x0206, NotificationTypes::from_bits(0x0206)),
    ] {
        let object = NotificationScope::Object {
            folder_id: oxwire_mapi::property::FolderId::from_wire([1, 0, 0, 0, 0, 0, 0, 5]),
            message_id: oxwire_mapi::property::MessageId::default(),
        };
        let ids = [1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        for (scope, whole_store, ids) in [(NotificationScope::WholeStore, 1, &[][..]), (object, 0, &ids)] {
            let mut bytes = vec![0x29, 7, 3, 4];
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.extend_from_slice(if number == 0x0400 { &[0][..] } else { &[] });
            bytes.push(whole_store);
            bytes.extend_from_slice(ids);
            let request = RegisterNotificationRequest {
                logon_id: 7,
                input_handle_index: 3,
                output_handle_index: 4,
                notification_types,
                scope,
            };
            assert_eq!(encode_to_bytes(&request).unwrap(), &bytes);
            assert_eq!(decode_all::<RegisterNotificationRequest>(&bytes, &Limits::DEFAULT), Ok(request));
        }
    }
}

/// MS-OXCROPS R4550, R4719: responses in the order of the requests. R4558, R4559: the handle of what was made stands where
/// OutputHandleIndex says, and the next request of the buffer finds it. R4563, R4565: the table keeps its entries in their order.
#[test]
fn oxcrops_r4550_r4719_r4558_r4559_r4563_r4565_handles_of_what_was_made() {
    let (logon_id, table_flags) = (0, HierarchyTableFlags::default());
    let folder = |input_handle_index, output_handle_index| OpenFolderRequest {
        logon_id,
        input_handle_index,
        output_handle_index,
        folder_id: oxwire_mapi::property::FolderId::from_counter(1, 5),
        open_mode_flags: OpenModeFlags::default(),
    };
    let mut input = BytesMut::new();
    let mut requests = RequestBuilder::new(&mut input);
    requests.push(&folder(0, 2)).unwrap();
    requests
        .push(&GetHierarchyTableRequest { logon_id, input_handle_index: 2, output_handle_index: 1, table_flags })
        .unwrap();
    requests.finish(&[Handle(10), Handle::UNUSED, Handle::UNUSED, Handle(13)]).unwrap();

    let mut out = BytesMut::new();
    let mut execution = Execution::begin(&buffer(&input), &mut out, 1000).unwrap();
    let Some(RopRequest::OpenFolder(open)) = execution.next_request() else { panic!() };
    assert_eq!(execution.handle(open.input_handle_index), Some(Handle(10)));
    let response = OpenFolderResponse { output_handle_index: 2, has_rules: false, ghosted: None };
    assert_eq!(execution.respond_made(&response, Handle(21)), Ok(true));
    let Some(RopRequest::GetHierarchyTable(table)) = execution.next_request() else { panic!() };
    assert_eq!(execution.handle(table.input_handle_index), Some(Handle(21)));
    let response = GetHierarchyTableResponse { output_handle_index: 1, row_count: 9 };
    assert_eq!(execution.respond_made(&response, Handle(22)), Ok(true));
    assert_eq!(execution.next_request(), None);
    assert_eq!(execution.finish().stop, None);

    let answer = buffer(&out);
    let ids: Vec<_> = answer
        .responses(buffer(&input).requests(), |_| None)
        .map(|pair| pair.unwrap().request.map(|request| request.rop_id()))
        .collect();
    assert_eq!(ids, [Some(RopId::OPEN_FOLDER), Some(RopId::GET_HIERARCHY_TABLE)]);
    let handles: Vec<_> = answer.handles().iter().collect();
    assert_eq!(handles, [Handle(10), Handle(22), Handle(21), Handle(13)]);
}

/// MS-OXCROPS R4712: an output index behind the table is NullObject, and no handle is stored.
#[test]
fn oxcrops_r4712_an_output_index_behind_the_table_is_refused() {
    // RopOpenFolder with OutputHandleIndex 1, and a table of one handle.
    let mut input = vec![15, 0, 0x02, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 0];
    input.extend_from_slice(&[10, 0, 0, 0]);
    let mut out = BytesMut::new();
    let mut execution = Execution::begin(&buffer(&input), &mut out, 1000).unwrap();
    assert!(matches!(execution.next_request(), Some(RopRequest::OpenFolder(_))));
    let response = OpenFolderResponse { output_handle_index: 1, has_rules: false, ghosted: None };
    assert_eq!(execution.respond_made(&response, Handle(21)), Ok(false));
    assert_eq!(execution.finish().stop, None);
    let code = ErrorCode::NULL_OBJECT.0.to_le_bytes();
    let expected = [&[8, 0, 0x02, 1][..], &code, &[10, 0, 0, 0]].concat();
    assert_eq!(out, &expected[..]);
    assert_eq!(code, [0xB9, 0x04, 0, 0]);
}
