//! Allocation budgets of ROP buffers and rows.

use bytes::BytesMut;
use oxwire::core::Limits;
use oxwire::core::decode_all;
use oxwire::mapi::mapihttp::{ExecuteRequest, ExecuteRequestBuilder};
use oxwire::mapi::property::{
    Cell, CountWidth, ErrorCode, FolderId, PropertyTag, PropertyTags, PropertyValue, RowsWriter, SortOrder, SortOrders,
};
use oxwire::mapi::rop::{
    AsynchronousFlags, Bookmark, ContentsTableFlags, Execution, GetContentsTableRequest, Handle, LogonRequest,
    OpenFolderRequest, OpenModeFlags, QueryRowsResponse, RequestBuilder, RopBuffer, RopRequest, SetColumnsRequest,
    SortTableRequest,
};
use oxwire_tests::allocations;

const COLUMNS: [PropertyTag; 4] =
    [PropertyTag::SUBJECT, PropertyTag::SENDER_NAME, PropertyTag::MID, PropertyTag::MESSAGE_FLAGS];

fn cell(index: usize) -> Cell<'static> {
    Cell::Value(match index {
        0 => PropertyValue::Str("Quarterly report"),
        1 => PropertyValue::Str("A. Sender"),
        2 => PropertyValue::Integer64(0x0600_0000_0001),
        _ => PropertyValue::Integer32(1),
    })
}

#[test]
fn rows_of_500_by_4_are_read_without_an_allocation() {
    let columns = PropertyTags::new(&COLUMNS);
    let mut bytes = BytesMut::new();
    let mut rows = RowsWriter::new(&mut bytes, columns, CountWidth::RopBuffer, 64 << 10);
    for _ in 0..500 {
        assert_eq!(rows.push(|index, _| cell(index)), Ok(true));
    }
    let response = QueryRowsResponse { input_handle_index: 0, origin: Bookmark::END, rows: rows.finish() };
    let encoded = oxwire::core::encode_to_bytes(&response).unwrap();
    let (made, (count, characters)) = allocations(|| {
        let mut r = oxwire::core::Reader::new(&encoded);
        let response = QueryRowsResponse::decode(&mut r, Some(columns)).unwrap();
        let (mut count, mut characters) = (0, 0);
        for row in response.rows {
            for item in row.unwrap().cells() {
                count += 1;
                if let Some(PropertyValue::String(text)) = item.unwrap().1.value() {
                    characters += text.chars().count();
                }
            }
        }
        (count, characters)
    });
    assert_eq!((count, characters), (2000, 500 * 25));
    assert_eq!(made.count, 0, "{made:?}");
}

/// Log on, open a folder, open its contents, choose columns.
fn four_rops() -> (LogonRequest<'static>, OpenFolderRequest, GetContentsTableRequest, SetColumnsRequest<'static>) {
    let logon_id = 0;
    let open = OpenFolderRequest {
        logon_id,
        input_handle_index: 0,
        output_handle_index: 1,
        folder_id: FolderId::from_counter(1, 5),
        open_mode_flags: OpenModeFlags::default(),
    };
    let table = GetContentsTableRequest {
        logon_id,
        input_handle_index: 1,
        output_handle_index: 2,
        table_flags: ContentsTableFlags::USE_UNICODE,
    };
    let columns = SetColumnsRequest {
        logon_id,
        input_handle_index: 2,
        set_columns_flags: AsynchronousFlags::SYNCHRONOUS,
        property_tags: PropertyTags::new(&COLUMNS),
    };
    (LogonRequest::private(logon_id, 0, "/o=x/ou=y/cn=Recipients/cn=z"), open, table, columns)
}

/// A whole Execute body, of a payload that is written first: its length is not known before.
#[test]
fn an_execute_of_four_rops_is_built_with_at_most_four_allocations() {
    let handles = [Handle::UNUSED; 3];
    let (logon, open, table, columns) = four_rops();
    let (made, body) = allocations(|| {
        let mut payload = BytesMut::with_capacity(256);
        let mut requests = RequestBuilder::new(&mut payload);
        requests.push(&logon).unwrap();
        requests.push(&open).unwrap();
        requests.push(&table).unwrap();
        requests.push(&columns).unwrap();
        requests.finish(&handles).unwrap();
        let body = ExecuteRequestBuilder::default().build(payload.len(), |w| {
            w.bytes(&payload);
            Ok(())
        });
        body.unwrap()
    });
    assert!(made.count <= 4, "{made:?}");

    let request: ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
    let payload = request.rop_payload(&body).unwrap();
    let buffer: RopBuffer<'_> = decode_all(&payload, &Limits::DEFAULT).unwrap();
    let read: Vec<_> = buffer.requests().map(|request| request.unwrap().rop).collect();
    let sent = [
        RopRequest::Logon(logon),
        RopRequest::OpenFolder(open),
        RopRequest::GetContentsTable(table),
        RopRequest::SetColumns(columns),
    ];
    assert_eq!(read, sent);
    assert_eq!(buffer.handles().iter().collect::<Vec<_>>(), handles);
}

/// A server reads that, and answers each request in one buffer that was there.
#[test]
fn an_execution_of_four_rops_takes_no_allocation() {
    let (logon, open, table, columns) = four_rops();
    let mut input = BytesMut::new();
    let mut requests = RequestBuilder::new(&mut input);
    requests.push(&logon).unwrap();
    requests.push(&open).unwrap();
    requests.push(&table).unwrap();
    requests.push(&columns).unwrap();
    requests.finish(&[Handle::UNUSED; 3]).unwrap();
    let mut out = BytesMut::with_capacity(1024);
    let (made, answered) = allocations(|| {
        let buffer: RopBuffer<'_> = decode_all(&input, &Limits::DEFAULT).unwrap();
        let mut execution = Execution::begin(&buffer, &mut out, 1000).unwrap();
        let mut answered = 0;
        while execution.next_request().is_some() {
            execution.fail(ErrorCode::LOGON_FAILED);
            answered += 1;
        }
        assert_eq!(execution.finish().stop, None);
        answered
    });
    assert_eq!((made.count, answered), (0, 4), "{made:?}");
}

#[test]
fn requests_are_read_without_an_allocation() {
    let orders = [SortOrder::descending(PropertyTag::MESSAGE_DELIVERY_TIME)];
    let mut out = BytesMut::new();
    let mut requests = RequestBuilder::new(&mut out);
    requests
        .push(&SortTableRequest {
            logon_id: 0,
            input_handle_index: 0,
            sort_table_flags: AsynchronousFlags::SYNCHRONOUS,
            category_count: 0,
            expanded_count: 0,
            sort_orders: SortOrders::new(&orders),
        })
        .unwrap();
    requests.finish(&[Handle(1)]).unwrap();
    let (made, count) = allocations(|| {
        let buffer: RopBuffer<'_> = decode_all(&out, &Limits::DEFAULT).unwrap();
        buffer.requests().map(Result::unwrap).count()
    });
    assert_eq!((made.count, count), (0, 1));
}
