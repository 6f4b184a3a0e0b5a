//! Structures that are arguments of several calls: STAT, PropertyTagArray_r, PropertyRow_r, PropertyRowSet_r.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Guid};
use oxwire_mapi::nspi::{
    ColumnsAndRows, MAX_ELEMENTS, MinimalEntryIds, Stat, StatAnswer, TaggedValue, ValueList, ValueLists,
};
use oxwire_mapi::property::{Cell, ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};
use oxwire_rpc::ndr::{NdrReader, NdrWriter};

use super::value::{write_fixed, write_referent};

pub(super) fn read_stat(r: &mut NdrReader<'_>) -> Result<Stat, DecodeError> {
    r.view(|r| r.structure())
}

pub(super) fn write_stat(w: &mut NdrWriter<'_>, stat: &Stat) {
    w.u32(stat.sort_type.0);
    w.u32(stat.container_id.0);
    w.u32(stat.current_rec.0);
    w.i32(stat.delta);
    for field in [stat.num_pos, stat.total_recs, stat.code_page, stat.template_locale, stat.sort_locale] {
        w.u32(field);
    }
}

/// A STAT that a request has to have: over RPC it is never absent.
pub(super) fn write_needed_stat(w: &mut NdrWriter<'_>, stat: Option<&Stat>) -> Result<(), EncodeError> {
    let kind = EncodeErrorKind::Value { expected: "a STAT: over RPC it is never absent", found: 0 };
    write_stat(w, stat.ok_or_else(|| w.error("pStat", kind))?);
    Ok(())
}

/// The STAT of an answer. Zeros where the server has none to give.
pub(super) fn write_answered_stat(w: &mut NdrWriter<'_>, stat: Option<&StatAnswer>) {
    write_stat(w, stat.map_or(&Stat::default(), StatAnswer::stat));
}

/// Over RPC there are no auxiliary buffers.
pub(super) fn no_auxiliary_buffer(w: &NdrWriter<'_>, buffer: &[u8]) -> Result<(), EncodeError> {
    if buffer.is_empty() {
        return Ok(());
    }
    let found = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
    Err(w.error("AuxiliaryBuffer", EncodeErrorKind::Value { expected: "none: RPC carries none", found }))
}

/// A PropertyTagArray_r: the maximum count, cValues, and as many values. [MS-OXNSPI] 2.3.1.2
fn read_array<'de>(r: &mut NdrReader<'de>, field: &'static str) -> Result<&'de [u8], DecodeError> {
    let maximum = r.u32(field)?;
    // impacket's NspiGetProps says one more here than there are.
    let stated = r.u32("cValues")?;
    if usize::try_from(stated).map_or(true, |stated| stated > MAX_ELEMENTS.saturating_add(1)) {
        return Err(r.invalid("cValues", "at most 100,001", stated));
    }
    let (offset, count) = (r.u32(field)?, r.u32(field)?);
    if offset != 0 || count > maximum || count > stated {
        return Err(r.invalid(field, "elements from the first on, no more than cValues and the maximum count", count));
    }
    r.view(|r| {
        let count = r.count(usize::try_from(count).unwrap_or(usize::MAX), 4, field)?;
        r.bytes(count.saturating_mul(4), field)
    })
}

/// The maximum count is one above, as the IDL has it.
fn write_array(
    w: &mut NdrWriter<'_>,
    values: impl Iterator<Item = u32>,
    count: usize,
    field: &'static str,
) -> Result<(), EncodeError> {
    if count > MAX_ELEMENTS {
        return Err(w.error(field, EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: count }));
    }
    w.conformance(count.saturating_add(1), field)?;
    w.len_u32(count, "cValues")?;
    w.variance(count, field)?;
    values.for_each(|value| w.u32(value));
    Ok(())
}

pub(super) fn read_tags<'de>(r: &mut NdrReader<'de>, field: &'static str) -> Result<PropertyTags<'de>, DecodeError> {
    read_array(r, field).map(PropertyTags::from_wire)
}

pub(super) fn write_tags(
    w: &mut NdrWriter<'_>,
    tags: PropertyTags<'_>,
    field: &'static str,
) -> Result<(), EncodeError> {
    write_array(w, tags.iter().map(|tag| tag.0), tags.len(), field)
}

/// pPropTags of a request: any type but PtypNull, [MS-OXNSPI] 2.2.1.1.
pub(super) fn write_asked_tags(w: &mut NdrWriter<'_>, tags: Option<PropertyTags<'_>>) -> Result<(), EncodeError> {
    const FIELD: &str = "pPropTags";
    w.unique(tags, |w, tags| {
        if let Some(null) = tags.iter().find(|tag| tag.property_type() == PropertyType::NULL) {
            let kind =
                EncodeErrorKind::Value { expected: "a type that a client may ask for", found: u64::from(null.0) };
            return Err(w.error(FIELD, kind));
        }
        write_tags(w, tags, FIELD)
    })
}

pub(super) fn read_ids<'de>(r: &mut NdrReader<'de>, field: &'static str) -> Result<MinimalEntryIds<'de>, DecodeError> {
    read_array(r, field).map(MinimalEntryIds::from_wire)
}

pub(super) fn write_ids(
    w: &mut NdrWriter<'_>,
    ids: MinimalEntryIds<'_>,
    field: &'static str,
) -> Result<(), EncodeError> {
    write_array(w, ids.iter().map(|id| id.0), ids.len(), field)
}

/// A FlatUID_r: 16 bytes, aligned to nothing. [MS-OXNSPI] 2.3.1.1
pub(super) fn read_uid(r: &mut NdrReader<'_>, field: &'static str) -> Result<Guid, DecodeError> {
    r.array(field).map(Guid::from_wire)
}

/// The values of a PropertyRow_r, behind its pointer.
fn write_values(w: &mut NdrWriter<'_>, values: ValueList<'_>) -> Result<(), EncodeError> {
    w.conformance(values.len(), "lpProps")?;
    values.iter().try_for_each(|value| write_fixed(w, &value))?;
    values.iter().try_for_each(|value| write_referent(w, &value))
}

/// A PropertyRow_r and its values. [MS-OXNSPI] 2.3.2
pub(super) fn write_row(w: &mut NdrWriter<'_>, values: ValueList<'_>) -> Result<(), EncodeError> {
    write_row_head(w, values.len())?;
    write_values(w, values)
}

fn write_row_head(w: &mut NdrWriter<'_>, count: usize) -> Result<(), EncodeError> {
    if count > MAX_ELEMENTS {
        return Err(w.error("cValues", EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: count }));
    }
    w.u32(0);
    w.len_u32(count, "cValues")?;
    w.pointer(true);
    Ok(())
}

fn write_set_head(w: &mut NdrWriter<'_>, count: usize) -> Result<(), EncodeError> {
    if count > MAX_ELEMENTS {
        return Err(w.error("cRows", EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: count }));
    }
    w.conformance(count, "aRow")?;
    w.len_u32(count, "cRows")
}

/// A PropertyRowSet_r of lists. [MS-OXNSPI] 2.3.3
pub(super) fn write_lists(w: &mut NdrWriter<'_>, rows: ValueLists<'_>) -> Result<(), EncodeError> {
    write_set_head(w, rows.len())?;
    rows.iter().try_for_each(|row| write_row_head(w, row.len()))?;
    rows.iter().try_for_each(|row| write_values(w, row))
}

/// A PropertyRowSet_r of rows. [MS-OXNSPI] 2.3.3
pub(super) fn write_rows(w: &mut NdrWriter<'_>, rows: &ColumnsAndRows<'_>) -> Result<(), EncodeError> {
    let kind = EncodeErrorKind::Value { expected: "rows that decode", found: 0 };
    let damaged = w.error("aRow", kind);
    write_set_head(w, rows.len())?;
    w.reserve(rows.size_hint().saturating_mul(2));
    for count in rows.cell_counts() {
        write_row_head(w, count)?;
    }
    // Each cell is read once: what stands in the array, and what that refers to, come from here.
    let mut values = Vec::new();
    for row in rows.rows() {
        values.clear();
        for cell in row.map_err(|_| damaged)?.cells() {
            let (tag, cell) = cell.map_err(|_| damaged)?;
            values.push(tagged(tag, cell));
        }
        w.conformance(values.len(), "lpProps")?;
        values.iter().try_for_each(|value| write_fixed(w, value))?;
        values.iter().try_for_each(|value| write_referent(w, value))?;
    }
    Ok(())
}

/// What RPC has for a cell: an error code under a tag of its own, and PtypNull for a value that it has no type for.
fn tagged(tag: PropertyTag, cell: Cell<'_>) -> TaggedValue<'_> {
    match cell {
        Cell::Value(value) => TaggedValue::new(tag, value),
        Cell::Absent => TaggedValue::new(tag, PropertyValue::ErrorCode(ErrorCode::NOT_FOUND)),
        Cell::Error(code) => TaggedValue::new(tag, PropertyValue::ErrorCode(code)),
    }
}
