//! Any value of any type, and any rows.

use bytes::BytesMut;
use oxwire_core::{FileTime, Guid, Reader, Utf16, Writer};
use oxwire_mapi::property::{
    Cell, CountWidth, ErrorCode, FolderId, MessageId, Multiple, MultipleBinary, MultipleString8, PropertyRows,
    PropertyTag, PropertyTags, PropertyType, PropertyValue as V, RowFlag, RowsWriter, ServerId, encode_row,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The types that have a value.
const TYPES: [PropertyType; 28] = [
    PropertyType::NULL,
    PropertyType::INTEGER16,
    PropertyType::INTEGER32,
    PropertyType::FLOATING32,
    PropertyType::FLOATING64,
    PropertyType::CURRENCY,
    PropertyType::FLOATING_TIME,
    PropertyType::ERROR_CODE,
    PropertyType::BOOLEAN,
    PropertyType::INTEGER64,
    PropertyType::STRING8,
    PropertyType::STRING,
    PropertyType::TIME,
    PropertyType::GUID,
    PropertyType::SERVER_ID,
    PropertyType::BINARY,
    PropertyType::MULTIPLE_INTEGER16,
    PropertyType::MULTIPLE_INTEGER32,
    PropertyType::MULTIPLE_FLOATING32,
    PropertyType::MULTIPLE_FLOATING64,
    PropertyType::MULTIPLE_CURRENCY,
    PropertyType::MULTIPLE_FLOATING_TIME,
    PropertyType::MULTIPLE_INTEGER64,
    PropertyType::MULTIPLE_STRING8,
    PropertyType::MULTIPLE_STRING,
    PropertyType::MULTIPLE_TIME,
    PropertyType::MULTIPLE_GUID,
    PropertyType::MULTIPLE_BINARY,
];

// Values are views: what they borrow is leaked, so that they can be made by a strategy.

fn many<T: std::fmt::Debug + Clone + 'static, S: Strategy<Value = T>>(item: S) -> impl Strategy<Value = &'static [T]> {
    vec(item, 0..4).prop_map(|values| &*values.leak())
}

fn bytes() -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..12).prop_map(|bytes| &*bytes.leak())
}

fn string8() -> impl Strategy<Value = &'static [u8]> {
    vec(1_u8.., 0..12).prop_map(|bytes| &*bytes.leak())
}

/// Unpaired surrogates too.
fn utf16() -> impl Strategy<Value = Utf16<'static>> {
    let unit = prop_oneof![1_u16.., 0xD800_u16..0xE000];
    vec(unit, 0..8).prop_map(|units| {
        let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
        Utf16::new(bytes.leak()).expect("whole units")
    })
}

fn text() -> impl Strategy<Value = &'static str> {
    "[^\0]{0,8}".prop_map(|text| &*text.leak())
}

fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_wire)
}

fn time() -> impl Strategy<Value = FileTime> {
    any::<u64>().prop_map(FileTime::from_intervals)
}

pub(super) fn folder_id() -> impl Strategy<Value = FolderId> {
    any::<[u8; 8]>().prop_map(FolderId::from_wire)
}

pub(super) fn message_id() -> impl Strategy<Value = MessageId> {
    any::<[u8; 8]>().prop_map(MessageId::from_wire)
}

fn server_id() -> impl Strategy<Value = ServerId<'static>> {
    let ours = (folder_id(), message_id(), any::<u32>());
    prop_oneof![
        ours.prop_map(|(folder_id, message_id, instance)| ServerId::Ours { folder_id, message_id, instance }),
        (2_u8.., bytes()).prop_map(|(ours, data)| ServerId::Client { ours, data }),
        Just(ServerId::Client { ours: 0, data: &[] }),
        Just(ServerId::Empty),
    ]
}

/// Strings as they are read: from the wire.
fn multiple_string() -> impl Strategy<Value = V<'static>> {
    many(utf16()).prop_map(|texts| {
        let mut wire = u32::try_from(texts.len()).unwrap_or_default().to_le_bytes().to_vec();
        for text in texts {
            wire.extend_from_slice(text.as_bytes());
            wire.extend_from_slice(&[0, 0]);
        }
        let mut r = Reader::new(wire.leak());
        V::decode(&mut r, PropertyType::MULTIPLE_STRING, CountWidth::RopBuffer).expect("strings on the wire")
    })
}

fn of(property_type: PropertyType) -> BoxedStrategy<V<'static>> {
    match property_type {
        PropertyType::INTEGER16 => any::<i16>().prop_map(V::Integer16).boxed(),
        PropertyType::INTEGER32 => any::<i32>().prop_map(V::Integer32).boxed(),
        PropertyType::FLOATING32 => any::<f32>().prop_map(V::Floating32).boxed(),
        PropertyType::FLOATING64 => any::<f64>().prop_map(V::Floating64).boxed(),
        PropertyType::CURRENCY => any::<i64>().prop_map(V::Currency).boxed(),
        PropertyType::FLOATING_TIME => any::<f64>().prop_map(V::FloatingTime).boxed(),
        PropertyType::ERROR_CODE => any::<u32>().prop_map(|code| V::ErrorCode(ErrorCode(code))).boxed(),
        PropertyType::BOOLEAN => any::<bool>().prop_map(V::Boolean).boxed(),
        PropertyType::INTEGER64 => any::<i64>().prop_map(V::Integer64).boxed(),
        PropertyType::STRING8 => string8().prop_map(V::String8).boxed(),
        PropertyType::STRING => utf16().prop_map(V::String).boxed(),
        PropertyType::TIME => time().prop_map(V::Time).boxed(),
        PropertyType::GUID => guid().prop_map(V::Guid).boxed(),
        PropertyType::SERVER_ID => server_id().prop_map(V::ServerId).boxed(),
        PropertyType::BINARY => bytes().prop_map(V::Binary).boxed(),
        PropertyType::MULTIPLE_INTEGER16 => {
            many(any::<i16>()).prop_map(|values| V::MultipleInteger16(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_INTEGER32 => {
            many(any::<i32>()).prop_map(|values| V::MultipleInteger32(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_FLOATING32 => {
            many(any::<f32>()).prop_map(|values| V::MultipleFloating32(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_FLOATING64 => {
            many(any::<f64>()).prop_map(|values| V::MultipleFloating64(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_CURRENCY => {
            many(any::<i64>()).prop_map(|values| V::MultipleCurrency(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_FLOATING_TIME => {
            many(any::<f64>()).prop_map(|values| V::MultipleFloatingTime(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_INTEGER64 => {
            many(any::<i64>()).prop_map(|values| V::MultipleInteger64(Multiple::new(values))).boxed()
        }
        PropertyType::MULTIPLE_STRING8 => {
            many(string8()).prop_map(|values| V::MultipleString8(MultipleString8::new(values))).boxed()
        }
        PropertyType::MULTIPLE_STRING => multiple_string().boxed(),
        PropertyType::MULTIPLE_TIME => many(time()).prop_map(|values| V::MultipleTime(Multiple::new(values))).boxed(),
        PropertyType::MULTIPLE_GUID => many(guid()).prop_map(|values| V::MultipleGuid(Multiple::new(values))).boxed(),
        PropertyType::MULTIPLE_BINARY => {
            many(bytes()).prop_map(|values| V::MultipleBinary(MultipleBinary::new(values))).boxed()
        }
        _ => Just(V::Null).boxed(),
    }
}

fn any_type() -> impl Strategy<Value = PropertyType> {
    (0..TYPES.len()).prop_map(|index| TYPES.get(index).copied().unwrap_or(PropertyType::NULL))
}

fn width() -> impl Strategy<Value = CountWidth> {
    prop_oneof![Just(CountWidth::RopBuffer), Just(CountWidth::Extended), Just(CountWidth::AddressBook)]
}

/// Columns, some of PtypUnspecified, and rows of them; `flagged` lets cells be absent or in error.
pub(super) fn rows(flagged: bool) -> impl Strategy<Value = (Vec<PropertyTag>, Vec<Vec<Cell<'static>>>)> {
    vec((any::<u16>(), any_type(), any::<bool>()), 0..6).prop_flat_map(move |columns| {
        let row: Vec<BoxedStrategy<Cell<'static>>> = columns
            .iter()
            .map(|(_, property_type, _)| {
                let value = of(*property_type).prop_map(Cell::Value);
                if !flagged {
                    return value.boxed();
                }
                let error = any::<u32>().prop_map(|code| Cell::Error(ErrorCode(code)));
                prop_oneof![value, Just(Cell::Absent), error].boxed()
            })
            .collect();
        let tags = columns.iter().map(|(id, property_type, unspecified)| {
            PropertyTag::new(*id, if *unspecified { PropertyType::UNSPECIFIED } else { *property_type })
        });
        (Just(tags.collect()), vec(row, 0..5))
    })
}

pub(super) fn tags() -> impl Strategy<Value = PropertyTags<'static>> {
    many(any::<u32>().prop_map(PropertyTag)).prop_map(PropertyTags::new)
}

fn written(value: &V<'_>, width: CountWidth) -> BytesMut {
    let mut out = BytesMut::new();
    value.encode(&mut Writer::new(&mut out), width).expect("a value that the wire can say");
    out
}

proptest! {
    #[test]
    fn any_value_survives(value in any_type().prop_flat_map(of), width in width(), next in bytes()) {
        let mut out = written(&value, width);
        prop_assert_eq!(out.len(), value.encoded_len(width));
        out.extend_from_slice(next);
        let mut r = Reader::new(&out);
        let read = V::decode(&mut r, value.property_type(), width);
        prop_assert_eq!(read, Ok(value));
        prop_assert_eq!(r.rest(), next);
    }

    #[test]
    fn any_text_survives(text in text(), texts in many(text())) {
        let out = written(&V::Str(text), CountWidth::RopBuffer);
        let read = V::decode(&mut Reader::new(&out), PropertyType::STRING, CountWidth::RopBuffer);
        prop_assert!(matches!(read, Ok(V::String(read)) if read.to_string() == text));
        let out = written(&V::MultipleStr(texts), CountWidth::RopBuffer);
        let read = V::decode(&mut Reader::new(&out), PropertyType::MULTIPLE_STRING, CountWidth::RopBuffer);
        let Ok(V::MultipleString(read)) = read else { panic!("{read:?}") };
        prop_assert_eq!(read.iter().map(|text| text.to_string()).collect::<Vec<_>>(), texts);
    }

    /// Rows without an absent cell are StandardPropertyRows; the others are FlaggedPropertyRows.
    #[test]
    fn any_rows_survive((columns, rows) in any::<bool>().prop_flat_map(rows), width in width()) {
        let mut out = BytesMut::new();
        let tags = PropertyTags::new(&columns);
        let mut writer = RowsWriter::new(&mut out, tags, width, usize::MAX);
        for row in &rows {
            prop_assert_eq!(writer.push(|index, _| row.get(index).copied().unwrap_or(Cell::Absent)), Ok(true));
        }
        drop(writer.finish());
        let mut r = Reader::new(&out);
        let read = PropertyRows::decode(&mut r, rows.len(), tags, width);
        prop_assert!(r.is_empty());
        let Ok(read) = read else { panic!("{read:?}") };
        prop_assert_eq!(read.len(), rows.len());
        for (row, expected) in read.zip(&rows) {
            let Ok(row) = row else { panic!("{row:?}") };
            let whole = expected.iter().all(|cell| matches!(cell, Cell::Value(_)));
            prop_assert_eq!(row.flag(), if whole { RowFlag::Standard } else { RowFlag::Flagged });
            let cells: Result<Vec<_>, _> = row.cells().map(|cell| cell.map(|(_, cell)| cell)).collect();
            prop_assert_eq!(cells.as_ref(), Ok(expected));
        }
    }

    /// Damage anywhere keeps the rows before it.
    #[test]
    fn damaged_rows_keep_those_before(
        (columns, rows) in any::<bool>().prop_flat_map(rows),
        at in any::<prop::sample::Index>(),
        change in proptest::option::of(1_u8..),
    ) {
        let tags = PropertyTags::new(&columns);
        let mut out = BytesMut::new();
        let mut ends = Vec::new();
        for row in &rows {
            let cell = |index: usize, _| row.get(index).copied().unwrap_or(Cell::Absent);
            encode_row(&mut Writer::new(&mut out), tags, CountWidth::RopBuffer, cell).expect("cells of their columns");
            ends.push(out.len());
        }
        prop_assume!(!out.is_empty());
        let at = at.index(out.len());
        match change {
            Some(mask) => out.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= mask),
            None => out.truncate(at),
        }
        let good = ends.iter().filter(|end| **end <= at).count();
        let (read, error) = PropertyRows::scan(&mut Reader::new(&out), rows.len(), tags, CountWidth::RopBuffer);
        prop_assert!(read.len() >= good);
        prop_assert_eq!(read.len() == rows.len(), error.is_none());
        for (row, expected) in read.take(good).zip(&rows) {
            let cells: Result<Vec<_>, _> = row.expect("a good row").cells().map(|cell| cell.map(|(_, cell)| cell)).collect();
            prop_assert_eq!(cells.as_ref(), Ok(expected));
        }
    }

    /// A bad surrogate, or any other unit, in any cell fails neither the row nor the page: only that character is replaced.
    #[test]
    fn a_bad_surrogate_never_fails_a_page(texts in vec(vec(prop_oneof![1_u16..0x80, 0xD800_u16..0xE000], 0..6), 1..20)) {
        let columns = [PropertyTag::SUBJECT, PropertyTag::MESSAGE_SIZE];
        let mut out = BytesMut::new();
        for text in &texts {
            out.extend_from_slice(&[0]);
            text.iter().chain(&[0]).for_each(|unit| out.extend_from_slice(&unit.to_le_bytes()));
            out.extend_from_slice(&[7, 0, 0, 0]);
        }
        let rows = PropertyRows::decode(&mut Reader::new(&out), texts.len(), PropertyTags::new(&columns), CountWidth::RopBuffer);
        let mut count = 0;
        for (row, text) in rows.expect("a page").zip(&texts) {
            let row = row.expect("a row");
            let Some(Ok(Cell::Value(V::String(read)))) = row.cell(PropertyTag::SUBJECT) else { panic!("{row:?}") };
            prop_assert_eq!(read.to_string(), String::from_utf16_lossy(text));
            prop_assert_eq!(row.cell(PropertyTag::MESSAGE_SIZE), Some(Ok(Cell::Value(V::Integer32(7)))));
            count += 1;
        }
        prop_assert_eq!(count, texts.len());
    }
}
