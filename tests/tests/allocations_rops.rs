//! Allocation budgets of ROP buffers and rows.

use bytes::BytesMut;
use oxwire::core::Limits;
use oxwire::core::decode_all;
use oxwire::mapi::mapihttp::ExecuteRequestBuilder;
use oxwire::mapi::property::{
    Cell, CountWidth, FolderId, PropertyTag, PropertyTags, PropertyValue, RowsWriter, SortOrder, SortOrders,
};
use oxwire::mapi::rop::{
    AsynchronousFlags, Bookmark, ContentsTableFlags, GetContentsTableRequest, Handle, OpenFolderRequest, OpenModeFlags,
    QueryRowsFlags, QueryRowsRequest, QueryRowsResponse, RequestBuilder, RopBuffer, SetColumnsRequest,
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

#[test]
fn an_execute_of_four_rops_is_built_with_at_most_four_allocations() {
    let handles = [Handle(1), Handle::UNUSED, Handle::UNUSED];
    let (made, body) = allocations(|| {
        let mut payload = BytesMut::with_capacity(256);
        let mut requests = RequestBuilder::new(&mut payload);
        requests
            .push(&OpenFolderRequest {
                logon_id: 0,
                input_handle_index: 0,
                output_handle_index: 1,
                folder_id: FolderId::from_counter(1, 5),
                open_mode_flags: OpenModeFlags::default(),
            })
            .unwrap();
        let (logon_id, input_handle_index, output_handle_index) = (0, 1, 2);
        let table_flags = ContentsTableFlags::USE_UNICODE;
        requests
            .push(&GetContentsTableRequest { logon_id, input_handle_index, output_handle_index, table_flags })
            .unwrap();
        let input_handle_index = 2;
        let set_columns_flags = AsynchronousFlags::SYNCHRONOUS;
        let property_tags = PropertyTags::new(&COLUMNS);
        requests.push(&SetColumnsRequest { logon_id, input_handle_index, set_columns_flags, property_tags }).unwrap();
        requests
            .push(&QueryRowsRequest {
                logon_id,
                input_handle_index,
                query_rows_flags: QueryRowsFlags::ADVANCE,
                forward_read: true,
                row_count: 50,
            })
            .unwrap();
        requests.finish(&handles).unwrap();
        let payload_len = payload.len();
        ExecuteRequestBuilder::default()
            .build(payload_len, |w| {
                w.bytes(&payload);
                Ok(())
            })
            .unwrap()
    });
    assert!(made.count <= 4, "{made:?}");
    assert!(body.len() > 60);
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
