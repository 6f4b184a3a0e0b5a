//! ROP buffers: what comes before a damaged ROP is kept, what does not fit is given back, what the products do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail")]

use bytes::BytesMut;
use oxwire_core::{DecodeErrorKind, Limits, Reader, Utf16, Writer, decode_all, encode_to_bytes};
use oxwire_mapi::property::{
    Cell, CountWidth, ErrorCode, FolderId, PropertyRows, PropertyTag, PropertyTags, PropertyType, PropertyValue,
    RowFlag, RowsWriter, encode_row,
};
use oxwire_mapi::rop::*;

const COLUMNS: [PropertyTag; 2] = [PropertyTag::DISPLAY_NAME, PropertyTag::CONTENT_COUNT];

fn requests(write: impl FnOnce(&mut RequestBuilder<'_>), handles: &[Handle]) -> BytesMut {
    let mut out = BytesMut::new();
    let mut builder = RequestBuilder::new(&mut out);
    write(&mut builder);
    builder.finish(handles).unwrap();
    out
}

fn buffer(bytes: &[u8]) -> RopBuffer<'_> {
    decode_all(bytes, &Limits::DEFAULT).unwrap()
}

fn set_columns() -> SetColumnsRequest<'static> {
    SetColumnsRequest {
        logon_id: 0,
        input_handle_index: 0,
        set_columns_flags: AsynchronousFlags::SYNCHRONOUS,
        property_tags: PropertyTags::new(&COLUMNS),
    }
}

fn query_rows() -> QueryRowsRequest {
    QueryRowsRequest {
        logon_id: 0,
        input_handle_index: 0,
        query_rows_flags: QueryRowsFlags::ADVANCE,
        forward_read: true,
        row_count: 10,
    }
}

fn release(input_handle_index: u8) -> ReleaseRequest {
    ReleaseRequest { logon_id: 0, input_handle_index }
}

/// Two rows: one whose name has an unpaired surrogate, one whose name is absent. The bytes of a server, by hand.
fn rows(bytes: &mut BytesMut) -> PropertyRows<'_> {
    let name = Utf16::new(&[0x00, 0xD8, b'x', 0]).unwrap();
    let mut rows = RowsWriter::new(bytes, PropertyTags::new(&COLUMNS), CountWidth::RopBuffer, 1000);
    let bad = [Cell::Value(PropertyValue::String(name)), Cell::Value(PropertyValue::Integer32(3))];
    let absent = [Cell::Error(ErrorCode::NOT_FOUND), Cell::Value(PropertyValue::Integer32(4))];
    assert_eq!(rows.push(|index, _| bad[index]), Ok(true));
    assert_eq!(rows.push(|index, _| absent[index]), Ok(true));
    rows.finish()
}

/// Answers SetColumns and QueryRows as a server does, and appends two RopNotify and a RopPending.
fn answer(input: &BytesMut, max_len: usize) -> (BytesMut, bool) {
    let mut out = BytesMut::new();
    let mut row_bytes = BytesMut::new();
    let rows = rows(&mut row_bytes);
    let mut execution = Execution::begin(&buffer(input), &mut out, max_len).unwrap();
    while let Some(request) = execution.next_request() {
        match request {
            RopRequest::SetColumns(set) => {
                let (input_handle_index, table_status) = (set.input_handle_index, TableStatus::COMPLETE);
                execution.respond(&SetColumnsResponse { input_handle_index, table_status }).unwrap();
            }
            RopRequest::QueryRows(query) => {
                let input_handle_index = query.input_handle_index;
                let response = QueryRowsResponse { input_handle_index, origin: Bookmark::END, rows: rows.clone() };
                execution.respond(&response).unwrap();
            }
            RopRequest::Release(_) => {}
            _ => execution.fail(ErrorCode::NULL_OBJECT),
        }
    }
    let event = NotificationData::folder_modified(FolderId::from_counter(1, 5), Some(2), None);
    let event = NotifyResponse { notification_handle: Handle(7), logon_id: 0, notification_data: event };
    let both = execution.notify(&event).unwrap() && execution.notify(&event).unwrap();
    let fitted = both && execution.pending(PendingResponse { session_index: 0 });
    let finished = execution.finish();
    assert_eq!(finished.len, out.len());
    assert!(out.len() <= max_len);
    (out, fitted)
}

fn list() -> BytesMut {
    let write = |builder: &mut RequestBuilder<'_>| {
        builder.push(&set_columns()).unwrap();
        builder.push(&release(1)).unwrap();
        builder.push(&query_rows()).unwrap();
    };
    requests(write, &[Handle(1), Handle(2)])
}

/// Several RopNotify and a RopPending behind the responses (R452201); a RopRelease without one (R4572); the columns of
/// the RopSetColumns before it read the rows.
#[test]
fn responses_are_paired_with_their_requests() {
    let input = list();
    let (output, fitted) = answer(&input, 1000);
    assert!(fitted);
    let mut kinds = Vec::new();
    for pair in buffer(&output).responses(buffer(&input).requests(), |_| None) {
        let pair = pair.unwrap();
        assert_eq!(pair.request.is_some(), pair.response.has_request());
        if let RopResponse::QueryRows(query) = &pair.response {
            let rows: Vec<_> = query.rows.clone().map(Result::unwrap).collect();
            assert_eq!((rows[0].flag(), rows[1].flag()), (RowFlag::Standard, RowFlag::Flagged));
            let cell = |row: usize, tag| rows[row].cell(tag).unwrap().unwrap();
            // One bad surrogate costs one character.
            let Some(PropertyValue::String(name)) = cell(0, COLUMNS[0]).value() else { panic!() };
            assert_eq!(name.to_string(), "\u{FFFD}x");
            assert_eq!(cell(1, COLUMNS[0]), Cell::Error(ErrorCode::NOT_FOUND));
            assert_eq!(cell(1, COLUMNS[1]), Cell::Value(PropertyValue::Integer32(4)));
        }
        kinds.push(std::mem::discriminant(&pair.response));
    }
    assert_eq!(kinds.len(), 5);
    assert_eq!(kinds[2], kinds[3]);
}

/// R4545, R454502, R4517, R4519: what does not fit is not processed, and comes back whole, last.
#[test]
fn oxcrops_r4519_what_does_not_fit_is_given_back() {
    let input = list();
    let whole = answer(&input, 1000).0.len();
    let least = buffer(&input).rops_list().len() + 3 + 2 + 8;
    let mut given_back = 0;
    for max_len in least..whole {
        let (output, _) = answer(&input, max_len);
        let last = buffer(&output).responses(buffer(&input).requests(), |_| None).last().unwrap().unwrap();
        if let RopResponse::BufferTooSmall(small) = last.response {
            assert!(buffer(&input).rops_list().ends_with(small.request_buffers));
            assert!(!small.request_buffers.is_empty());
            given_back += 1;
        }
    }
    assert!(given_back > 0);
    let mut out = BytesMut::new();
    let refused = Execution::begin(&buffer(&input), &mut out, least - 1).map(drop);
    assert_eq!(refused, Err(ErrorCode::BUFFER_TOO_SMALL));
}

/// An unknown ROP ends the list: what is before it is answered, and the answer parses.
#[test]
fn an_unknown_rop_keeps_what_is_before_it() {
    for (unknown, expected) in [
        (&[0x03, 0, 1, 2, 9][..], Some((2, ErrorCode::NOT_IMPLEMENTED))),
        (&[0x15, 0, 1][..], Some((1, ErrorCode::RPC_FORMAT))),
        (&[0x28, 0, 1][..], None),
    ] {
        let mut bytes = vec![0, 0];
        bytes.extend_from_slice(&encode_to_bytes(&set_columns()).unwrap());
        let at = bytes.len();
        bytes.extend_from_slice(unknown);
        bytes[0] = u8::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(&[1, 0, 0, 0]);
        let input = BytesMut::from(&bytes[..]);
        let items: Vec<_> = buffer(&input).requests().collect();
        assert!(items[0].is_ok());
        let error = items[1].unwrap_err();
        assert_eq!((items.len(), error.offset, error.raw, error.rop_id.0), (2, at, unknown, unknown[0]));
        let (output, _) = answer(&input, 1000);
        let mut responses = buffer(&output).raw_responses();
        assert!(matches!(responses.next_with(None), Some(Ok(RopResponse::SetColumns(_)))));
        if let Some((index, code)) = expected {
            let mut r = Reader::new(responses.rest());
            let failure: FailureResponse = r.structure().unwrap();
            assert_eq!((failure.rop_id.0, failure.handle_index, failure.return_value), (unknown[0], index, code));
        }
    }
}

/// R4493: the table has an entry for the highest index; R4712: a server fails a ROP whose index is behind its end.
#[test]
fn oxcrops_r4493_handle_indexes_are_within_the_table() {
    let mut out = BytesMut::new();
    let mut builder = RequestBuilder::new(&mut out);
    builder.push(&release(2)).unwrap();
    assert!(builder.finish(&[Handle(1), Handle(2)]).is_err());
    assert!(out.is_empty());
    let input = requests(|builder| builder.push(&release(0)).unwrap(), &[Handle(1)]);
    let execution = Execution::begin(&buffer(&input), &mut out, 100).unwrap();
    assert_eq!((execution.handle(0), execution.handle(1)), (Some(Handle(1)), None));
}

/// R7 and R4675: RopSize counts itself, the table is what follows.
#[test]
fn oxcrops_r7_framing_that_does_not_hold_is_an_error() {
    for bytes in [&[][..], &[2], &[1, 0], &[3, 0], &[2, 0, 1], &[2, 0, 1, 2, 3, 4, 5]] {
        assert!(decode_all::<RopBuffer<'_>>(bytes, &Limits::DEFAULT).is_err(), "{bytes:?}");
    }
    assert_eq!(buffer(&[2, 0, 1, 0, 0, 0]).handles().at(0), Some(Handle(1)));
}

/// No prefix and no changed byte of input or output panics or goes on for ever.
#[test]
fn truncations_and_flips_end() {
    let input = list();
    let output = answer(&input, 1000).0;
    let run = |bytes: &[u8]| {
        if let Ok(buffer) = decode_all::<RopBuffer<'_>>(bytes, &Limits::DEFAULT) {
            assert!(buffer.requests().count() <= bytes.len());
            let context = decode_all::<RopBuffer<'_>>(&input, &Limits::DEFAULT).unwrap();
            assert!(buffer.responses(context.requests(), |_| None).count() <= bytes.len());
        }
    };
    for bytes in [&input, &output] {
        for at in 0..bytes.len() {
            run(&bytes[..at]);
            for mask in [1, 0x80, 0xFF] {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= mask;
                run(&flipped);
            }
        }
    }
}

/// A type without a value in a buffer is named, [MS-OXCDATA] 2.11.1.
#[test]
fn what_is_not_supported_is_named() {
    let error =
        PropertyValue::decode(&mut Reader::new(&[0; 8]), PropertyType::OBJECT, CountWidth::RopBuffer).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Unsupported { what: "PtypObject" });
    let mut out = BytesMut::new();
    let wrong = encode_row(&mut Writer::new(&mut out), PropertyTags::new(&COLUMNS), CountWidth::RopBuffer, |_, _| {
        Cell::Value(PropertyValue::Boolean(true))
    });
    assert!(wrong.is_err());
}

/// [MS-OXCDATA] 2.11.1.1: COUNT is 16 bits in a ROP buffer and 32 bits elsewhere.
#[test]
fn counts_are_as_wide_as_their_place() {
    let value = PropertyValue::Binary(&[7]);
    for (width, bytes) in [(CountWidth::RopBuffer, &[1, 0, 7][..]), (CountWidth::Extended, &[1, 0, 0, 0, 7])] {
        let mut out = BytesMut::new();
        value.encode(&mut Writer::new(&mut out), width).unwrap();
        assert_eq!((&out[..], value.encoded_len(width)), (bytes, bytes.len()));
        assert_eq!(PropertyValue::decode(&mut Reader::new(bytes), PropertyType::BINARY, width), Ok(value));
    }
}

/// RopBackoff, by hand from [MS-OXCROPS] 2.2.15.2.1: LogonId 1, 500 ms, RopQueryRows (0x15) for 1000 ms, no additional data; in place of
/// the response to the operation.
#[test]
fn oxcrpc_r1130_a_server_that_is_busy() {
    let wire = [0xF9, 1, 0xF4, 1, 0, 0, 1, 0x15, 0xE8, 3, 0, 0, 0, 0];
    let expected = BackoffResponse {
        logon_id: 1,
        duration_ms: 500,
        rops: BackoffRops::from_wire(&[[0x15, 0xE8, 3, 0, 0]]),
        additional_data: &[],
    };
    assert_eq!(decode_all(&wire, &Limits::DEFAULT), Ok(expected));
    assert_eq!(encode_to_bytes(&expected).as_deref(), Ok(&wire[..]));
    let sent = requests(|r| r.push(&query_rows()).unwrap(), &[Handle(5)]);
    let received = [&[16, 0][..], &wire, &[5, 0, 0, 0]].concat();
    let responses = buffer(&received).responses(buffer(&sent).requests(), |_| None).map(|pair| pair.unwrap().response);
    assert!(matches!(responses.collect::<Vec<_>>()[..], [RopResponse::Backoff(found)] if found == expected));
}
