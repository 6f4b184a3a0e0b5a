//! Columns and rows of an answer: LargePropertyTagArray, RowCount and AddressBookPropertyRows, [MS-OXCMAPIHTTP] 2.2.1.7.

use bytes::BytesMut;
use oxwire_core::{DecodeError, EncodeError, Reader, Writer};

use super::field::{Field, MAX_ELEMENTS, read_count, write_count};
use crate::property::{Cell, CountWidth, PropertyRows, PropertyTag, PropertyTags, RowsWriter};

/// The most rows or matches that the answer to a request may have: what the request asked for. Outlook crashes at one more.
/// Every request that is answered with rows gives its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowLimit(usize);

impl RowLimit {
    pub(super) fn new(rows: impl TryInto<usize>) -> Self {
        Self(rows.try_into().unwrap_or(usize::MAX).min(MAX_ELEMENTS))
    }

    /// How many rows; at most 100,000.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// The columns and rows of an answer, as a view. Read, or written by a [`ColumnsAndRowsWriter`] within a [`RowLimit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnsAndRows<'a> {
    columns: PropertyTags<'a>,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> ColumnsAndRows<'a> {
    /// The columns.
    #[must_use]
    pub const fn columns(&self) -> PropertyTags<'a> {
        self.columns
    }

    /// The rows. None of them allocates; text stays UTF-16.
    #[must_use]
    pub const fn rows(&self) -> PropertyRows<'a> {
        PropertyRows::from_wire(self.bytes, self.count, self.columns, CountWidth::AddressBook)
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'de> Field<'de> for ColumnsAndRows<'de> {
    fn read(r: &mut Reader<'de>, _: &'static str) -> Result<Self, DecodeError> {
        let columns: PropertyTags<'de> = Field::read(r, "Columns")?;
        let count = read_count(r, "RowCount")?;
        let count = r.count(count, 1, "RowData")?;
        let rows = PropertyRows::decode(r, count, columns, CountWidth::AddressBook)?;
        Ok(Self { columns, count, bytes: rows.as_bytes() })
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        Field::write(&self.columns, w, "Columns")?;
        write_count(w, self.count, "RowCount")?;
        w.bytes(self.bytes);
        Ok(())
    }

    fn size(&self) -> usize {
        self.columns.size().saturating_add(4).saturating_add(self.bytes.len())
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
        ColumnsAndRows { columns: self.columns, count: rows.len(), bytes: rows.as_bytes() }
    }
}
