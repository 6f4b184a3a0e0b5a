//! Columns and rows of an answer: LargePropertyTagArray, RowCount and AddressBookPropertyRows, [MS-OXCMAPIHTTP] 2.2.1.7.

use std::fmt;

use bytes::BytesMut;
use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Reader, Writer};

use super::field::{Field, MAX_ELEMENTS, read_count, write_count};
use super::value_list::{TaggedValue, ValueList, ValueLists};
use crate::property::{
    Cell, CountWidth, PropertyRow, PropertyRows, PropertyTag, PropertyTags, PropertyType, PropertyValue, RowsWriter,
};

/// The most rows or matches that the answer to a request may have: what the request asked for. Outlook crashes at one more.
/// Every request that is answered with rows gives its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowLimit(usize);

impl RowLimit {
    pub(super) fn new(rows: impl TryInto<usize>) -> Self {
        Self(rows.try_into().unwrap_or(usize::MAX).min(MAX_ELEMENTS))
    }

    /// Of a request that names its rows one by one, in an encoding that has a structure of its own for it: NspiResolveNames.
    #[must_use]
    pub fn for_names(names: usize) -> Self {
        Self::new(names)
    }

    /// How many rows; at most 100,000.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// The columns and rows of an answer, as a view. Read, or written by a [`ColumnsAndRowsWriter`] within a [`RowLimit`].
#[derive(Clone, Copy)]
pub struct ColumnsAndRows<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Wire { columns: PropertyTags<'a>, count: usize, bytes: &'a [u8] },
    Ndr(ValueLists<'a>),
}

impl<'a> ColumnsAndRows<'a> {
    /// Rows that carry their tags, as RPC has them: [`ValueLists::decode_ndr`].
    #[must_use]
    pub const fn tagged(rows: ValueLists<'a>) -> Self {
        Self(Source::Ndr(rows))
    }

    /// The columns. None over RPC, where each row has its tags.
    #[must_use]
    pub const fn columns(&self) -> PropertyTags<'a> {
        match self.0 {
            Source::Wire { columns, .. } => columns,
            Source::Ndr(_) => PropertyTags::EMPTY,
        }
    }

    /// The rows. None of them allocates; text stays UTF-16.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row<'a>, DecodeError>> + 'a {
        let (wire, ndr) = match self.0 {
            Source::Wire { columns, count, bytes } => {
                (PropertyRows::from_wire(bytes, count, columns, CountWidth::AddressBook), ValueLists::new(&[]))
            }
            Source::Ndr(rows) => (PropertyRows::empty(PropertyTags::EMPTY), rows),
        };
        let ndr = ndr.iter().map(|row| Ok(Row(RowSource::Ndr(row))));
        wire.map(|row| row.map(|row| Row(RowSource::Wire(row)))).chain(ndr)
    }

    /// How many cells each row has, in order.
    pub fn cell_counts(&self) -> impl Iterator<Item = usize> + 'a {
        let (columns, count, ndr) = match self.0 {
            Source::Wire { columns, count, .. } => (columns.len(), count, ValueLists::new(&[])),
            Source::Ndr(rows) => (0, 0, rows),
        };
        std::iter::repeat_n(columns, count).chain(ndr.iter().map(ValueList::len))
    }

    /// About how many bytes the rows take, where that is known: for whoever makes room for another encoding of them.
    #[must_use]
    pub const fn size_hint(&self) -> usize {
        match self.0 {
            Source::Wire { bytes, .. } => bytes.len(),
            Source::Ndr(_) => 0,
        }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.0 {
            Source::Wire { count, .. } => count,
            Source::Ndr(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Two are the same when their columns and their cells are.
impl PartialEq for ColumnsAndRows<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.columns() == other.columns()
            && self
                .rows()
                .map(|row| row.map(|row| row.cells().collect::<Vec<_>>()))
                .eq(other.rows().map(|row| row.map(|row| row.cells().collect::<Vec<_>>())))
    }
}

/// Tags and counts are shown, not values: an address book is personal data.
impl fmt::Debug for ColumnsAndRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnsAndRows").field("columns", &self.columns()).field("rows", &self.len()).finish()
    }
}

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row<'a>(RowSource<'a>);

#[derive(Debug, Clone)]
enum RowSource<'a> {
    Wire(PropertyRow<'a>),
    Ndr(ValueList<'a>),
}

impl<'a> Row<'a> {
    /// The cells in order, each with its tag. One that RPC has an error code for is a [`Cell::Error`], under a tag whose type is
    /// PtypErrorCode.
    pub fn cells(&self) -> impl Iterator<Item = Result<(PropertyTag, Cell<'a>), DecodeError>> + 'a {
        let (wire, ndr) = match &self.0 {
            RowSource::Wire(row) => (Some(row.cells()), ValueList::new(&[])),
            RowSource::Ndr(row) => (None, *row),
        };
        let ndr = ndr.iter().map(|TaggedValue { tag, value }| {
            let cell = match value {
                PropertyValue::ErrorCode(code) => Cell::Error(code),
                PropertyValue::Null if tag.property_type() != PropertyType::NULL => Cell::Absent,
                value => Cell::Value(value),
            };
            Ok((tag, cell))
        });
        wire.into_iter().flatten().chain(ndr)
    }

    /// The cell of the property with this id, whatever its type; `None` without one.
    ///
    /// # Errors
    /// [`DecodeError`] of the first cell up to it that cannot be read.
    pub fn cell(&self, tag: PropertyTag) -> Option<Result<Cell<'a>, DecodeError>> {
        self.cells().find_map(|item| match item {
            Ok((found, cell)) => (found.id() == tag.id()).then_some(Ok(cell)),
            Err(error) => Some(Err(error)),
        })
    }
}

impl<'de> Field<'de> for ColumnsAndRows<'de> {
    fn read(r: &mut Reader<'de>, _: &'static str) -> Result<Self, DecodeError> {
        let columns: PropertyTags<'de> = Field::read(r, "Columns")?;
        let count = read_count(r, "RowCount")?;
        let count = r.count(count, 1, "RowData")?;
        let rows = PropertyRows::decode(r, count, columns, CountWidth::AddressBook)?;
        Ok(Self(Source::Wire { columns, count, bytes: rows.as_bytes() }))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        let Source::Wire { columns, count, bytes } = self.0 else {
            let expected = "rows of columns: those of RPC have tags of their own";
            let found = u64::try_from(self.len()).unwrap_or(u64::MAX);
            return Err(w.error(field, EncodeErrorKind::Value { expected, found }));
        };
        Field::write(&columns, w, "Columns")?;
        write_count(w, count, "RowCount")?;
        w.bytes(bytes);
        Ok(())
    }

    fn size(&self) -> usize {
        match self.0 {
            Source::Wire { columns, bytes, .. } => columns.size().saturating_add(4).saturating_add(bytes.len()),
            Source::Ndr(_) => 0,
        }
    }
}

/// Appends rows to a buffer of the caller's, no more than the request asked for.
#[derive(Debug)]
pub struct ColumnsAndRowsWriter<'b, 'c> {
    columns: PropertyTags<'c>,
    rows: RowsWriter<'b, 'c>,
}

impl<'b, 'c> ColumnsAndRowsWriter<'b, 'c> {
    /// Appends behind what `out` holds: at most `limit` rows, and at most `max_len` bytes.
    #[must_use]
    pub fn new(out: &'b mut BytesMut, columns: PropertyTags<'c>, limit: RowLimit, max_len: usize) -> Self {
        let rows = RowsWriter::new(out, columns, CountWidth::AddressBook, max_len).with_max_rows(limit.get());
        Self { columns, rows }
    }

    /// Appends a row as [`encode_row`](crate::property::encode_row) does, and says whether there was room for it; one for
    /// which there was none leaves no trace. `cells` gives the cell of a column by its index.
    ///
    /// # Errors
    /// Those of [`encode_row`](crate::property::encode_row); the row leaves no trace then.
    pub fn push<'v>(&mut self, cells: impl Fn(usize, PropertyTag) -> Cell<'v>) -> Result<bool, EncodeError> {
        self.rows.push(cells)
    }

    /// Rows appended.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Ends, and gives the columns and rows.
    #[must_use]
    pub fn finish(self) -> ColumnsAndRows<'b>
    where
        'c: 'b,
    {
        let rows = self.rows.finish();
        ColumnsAndRows(Source::Wire { columns: self.columns, count: rows.len(), bytes: rows.as_bytes() })
    }
}
