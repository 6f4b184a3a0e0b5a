//! oxwire-mapi: ROP buffers, rows, property values.

use bytes::BytesMut;
use oxwire::core::{Encode as _, Limits, Reader, Writer, decode_all, encode_to_bytes};
use oxwire::mapi::property::{
    Cell, CountWidth, EntryId, NewRestriction, PropertyName, PropertyRows, PropertyTag, PropertyTags, RecipientRow,
    Restriction, RestrictionKind, TypedString, encode_row,
};
use oxwire::mapi::rop::{Execution, Handle, NotifyResponse, RequestBuilder, RopBuffer, RopRequest, RopResponse};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("rop_request", rop_request),
    ("rop_response", rop_response),
    ("rop_rows", rop_rows),
    ("rop_notify", rop_notify),
    ("entry_ids", entry_ids),
    ("restriction", restriction),
];

/// A ROP input buffer: what is read is written again to the same requests, and a server's answer to it parses.
pub fn rop_request(data: &[u8]) {
    let Ok(buffer) = decode_all::<RopBuffer<'_>>(data, &Limits::DEFAULT) else { return };
    let read: Vec<RopRequest<'_>> = buffer.requests().map_while(Result::ok).map(|request| request.rop).collect();
    let mut out = BytesMut::new();
    let mut builder = RequestBuilder::new(&mut out);
    // What is sent is stricter than what is received, so one may be refused.
    let written: Vec<_> = read.iter().filter(|request| builder.push(*request).is_ok()).copied().collect();
    builder.finish(&[Handle::UNUSED; 256]).expect("a table of all indexes");
    let again: RopBuffer<'_> = decode_all(&out, &Limits::DEFAULT).expect("what was written");
    let again: Vec<_> = again.requests().map(|request| request.expect("what was written").rop).collect();
    assert_eq!(again, written);

    let max_len = data.len().saturating_add(usize::from(data.first().copied().unwrap_or_default()));
    let mut answer = BytesMut::new();
    let Ok(mut execution) = Execution::begin(&buffer, &mut answer, max_len) else { return };
    while execution.next_request().is_some() {
        execution.fail(oxwire::mapi::property::ErrorCode::NULL_OBJECT);
    }
    let finished = execution.finish();
    assert_eq!(finished.len, answer.len());
    assert!(answer.len() <= max_len, "{} of {max_len}", answer.len());
    let answer: RopBuffer<'_> = decode_all(&answer, &Limits::DEFAULT).expect("an answer that parses");
    // The last may be the failure of a ROP that the client side has no structure for.
    let bad = answer.responses(buffer.requests(), |_| None).filter(Result::is_err).count();
    assert!(bad <= 1);
}

/// A ROP output buffer behind the input buffer that it answers, whose length the first two bytes give.
pub fn rop_response(data: &[u8]) {
    let mut r = Reader::new(data);
    let Ok(len) = r.u16_le("len") else { return };
    let Ok(request) = r.bytes(usize::from(len), "request") else { return };
    let Ok(request) = decode_all::<RopBuffer<'_>>(request, &Limits::DEFAULT) else { return };
    let Ok(response) = decode_all::<RopBuffer<'_>>(r.rest(), &Limits::DEFAULT) else { return };
    let columns = [PropertyTag::DISPLAY_NAME, PropertyTag::CONTENT_COUNT];
    for pair in response.responses(request.requests(), |_| Some(PropertyTags::new(&columns))) {
        let Ok(pair) = pair else { break };
        assert_eq!(pair.request.is_some(), pair.response.has_request());
        if let RopResponse::QueryRows(rows) = pair.response {
            let whole = |cells: oxwire::mapi::property::Cells<'_>| cells.into_iter().all(|cell| cell.is_ok());
            assert!(rows.rows.into_iter().all(|row| row.is_ok_and(|row| whole(row.cells()))));
        }
    }
}

/// Rows of columns that the input brings: a count of up to 15, the tags, then the rows.
pub fn rop_rows(data: &[u8]) {
    let mut r = Reader::new(data);
    let Ok(head) = r.u8("count") else { return };
    let mut columns = Vec::new();
    for _ in 0..head & 0x0F {
        let Ok(tag) = r.u32_le("tag") else { return };
        columns.push(PropertyTag(tag));
    }
    let width = if head & 0x80 == 0 { CountWidth::RopBuffer } else { CountWidth::Extended };
    let (rows, _) = PropertyRows::scan(&mut r, 1000, PropertyTags::new(&columns), width);
    for row in rows {
        let row = row.expect("rows were read before");
        let cells: Vec<Cell<'_>> = row.cells().map(|cell| cell.expect("cells were read before").1).collect();
        assert_eq!(cells.len(), columns.len());
        let mut out = BytesMut::new();
        if encode_row(&mut Writer::new(&mut out), row.columns(), width, |index, _| cells[index]).is_ok() {
            let mut again = Reader::new(&out);
            let (again_rows, error) = PropertyRows::scan(&mut again, 1, row.columns(), width);
            assert_eq!((error, again.is_empty(), again_rows.len()), (None, true, 1));
        }
    }
}

/// One RopNotify.
pub fn rop_notify(data: &[u8]) {
    let mut r = Reader::new(data);
    let Ok(event) = r.structure::<NotifyResponse<'_>>() else { return };
    if let Ok(again) = encode_to_bytes(&event) {
        assert_eq!(again.len(), event.encoded_len());
        assert_eq!(decode_all::<NotifyResponse<'_>>(&again, &Limits::DEFAULT), Ok(event));
    }
}

/// Entry ids, named properties, typed strings and recipient rows; the first byte says which. What is read is written again to the same.
pub fn entry_ids(data: &[u8]) {
    macro_rules! comes_back {
        ($type:ty) => {
            if let Ok(value) = decode_all::<$type>(data, &Limits::DEFAULT)
                && let Ok(again) = encode_to_bytes(&value)
            {
                assert_eq!(again.len(), value.encoded_len());
                assert_eq!(decode_all::<$type>(&again, &Limits::DEFAULT), Ok(value));
            }
        };
    }
    let Some((which, data)) = data.split_first() else { return };
    match which % 4 {
        0 => comes_back!(EntryId<'_>),
        1 => comes_back!(PropertyName<'_>),
        2 => comes_back!(TypedString<'_>),
        _ => {
            let columns = [PropertyTag::OBJECT_TYPE, PropertyTag::DISPLAY_NAME, PropertyTag::ENTRY_ID];
            let mut r = Reader::new(data);
            if let Ok(row) = RecipientRow::decode(&mut r, PropertyTags::new(&columns)) {
                assert!(row.properties.cells().all(|cell| cell.is_ok()));
                let mut out = BytesMut::new();
                // Refused where the flags say what no reader looks for.
                if row.encode(&mut Writer::new(&mut out)).is_ok() {
                    assert_eq!((&out[..], row.encoded_len()), (&data[..data.len() - r.left()], out.len()));
                }
            }
        }
    }
}

/// A restriction with counts of the width that the first byte says: each inside it is taken apart and put together again.
pub fn restriction(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let width = [CountWidth::RopBuffer, CountWidth::Extended, CountWidth::AddressBook][usize::from(which % 3)];
    let Ok(read) = Restriction::decode(&mut Reader::new(data), width) else { return };
    assert!(data.starts_with(read.as_bytes()));
    assert_eq!(NewRestriction::Read(read).to_bytes(width).as_deref(), Ok(read.as_bytes()));
    put_together(&read, width);
}

/// What is put together from the parts of a restriction is the same, and so are those parts. Values are written as the text has them, and
/// the bytes may differ then from those that were read; text with a NUL inside, which is read, is not written.
fn put_together(read: &Restriction<'_>, width: CountWidth) {
    use NewRestriction as N;
    use RestrictionKind as K;
    let kind = read.kind().expect("it was read before");
    let same = |new: N<'_>| assert_eq!(new.to_bytes(width).as_deref(), Ok(read.as_bytes()));
    match kind {
        K::Comment { .. } => {}
        K::Content { .. } | K::Property { .. } => {
            let Ok(bytes) = N::Kind(kind).to_bytes(width) else { return };
            let again = Restriction::decode(&mut Reader::new(&bytes), width).expect("what was written");
            assert_eq!(again.as_bytes(), bytes);
        }
        _ => same(N::Kind(kind)),
    }
    match kind {
        K::And(all) => {
            same(N::And(&all.iter().map(N::Read).collect::<Vec<_>>()));
            all.iter().for_each(|inner| put_together(&inner, width));
        }
        K::Or(any) => {
            same(N::Or(&any.iter().map(N::Read).collect::<Vec<_>>()));
            any.iter().for_each(|inner| put_together(&inner, width));
        }
        K::Not(inner) | K::SubObject { restriction: inner, .. } | K::Count { restriction: inner, .. } => {
            put_together(&inner, width);
        }
        K::Comment { restriction: Some(inner), .. } => put_together(&inner, width),
        _ => {}
    }
}
