//! Property rows, [MS-OXCDATA] 2.8.1, as views.

use oxwire_core::{DecodeError, EncodeError, Reader, Writer};

use super::{Cell, CountWidth, PropertyTag, PropertyTags};

const NAME: &str = "PropertyRow";
const SPEC: &str = "[MS-OXCDATA] 2.8.1";

/// The Flag of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowFlag {
    /// StandardPropertyRow, [MS-OXCDATA] 2.8.1.1: every cell has its value.
    Standard = 0,
    /// FlaggedPropertyRow, [MS-OXCDATA] 2.8.1.2: every cell says whether it has.
    Flagged = 1,
}

impl RowFlag {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.offset();
        match r.u8("Flag")? {
            0 => Ok(Self::Standard),
            1 => Ok(Self::Flagged),
            found => Err(r.invalid(at, "Flag", "0x00 (StandardPropertyRow) or 0x01 (FlaggedPropertyRow)", found)),
        }
    }

    fn cell<'a>(self, r: &mut Reader<'a>, tag: PropertyTag, width: CountWidth) -> Result<Cell<'a>, DecodeError> {
        match self {
            Self::Standard => Cell::decode_standard(r, tag, width),
            Self::Flagged => Cell::decode_flagged(r, tag, width),
        }
    }

    fn skip(self, r: &mut Reader<'_>, tag: PropertyTag, width: CountWidth) -> Result<(), DecodeError> {
        match self {
            Self::Standard => Cell::skip_standard(r, tag, width),
            Self::Flagged => Cell::decode_flagged(r, tag, width).map(drop),
        }
    }
}

/// Reads the Flag of a row and passes over its cells.
fn skip_row(r: &mut Reader<'_>, columns: PropertyTags<'_>, width: CountWidth) -> Result<RowFlag, DecodeError> {
    let flag = RowFlag::decode(r)?;
    columns.iter().try_for_each(|tag| flag.skip(r, tag, width))?;
    Ok(flag)
}

/// One row: a StandardPropertyRow or a FlaggedPropertyRow, [MS-OXCDATA] 2.8.1, over its bytes and its columns. The wire carries
/// no tags: the columns are those of the RopSetColumns or of the request that the row answers.
#[derive(Debug, Clone)]
pub struct PropertyRow<'a> {
    flag: RowFlag,
    columns: PropertyTags<'a>,
    width: CountWidth,
    cells: Reader<'a>,
}

impl<'a> PropertyRow<'a> {
    /// Reads a row of these columns, and leaves the reader behind it. The cells are passed over once, to find the end; their
    /// values are made when they are asked for.
    ///
    /// # Errors
    /// [`DecodeError`] of the first cell that does not hold what its column says.
    pub fn decode(r: &mut Reader<'a>, columns: PropertyTags<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        let mut scan = r.clone().named(NAME, SPEC);
        let flag = skip_row(&mut scan, columns, width)?;
        let mut cells = r.sub(r.left().saturating_sub(scan.left()), "PropertyRow")?.named(NAME, SPEC);
        cells.u8("Flag")?;
        Ok(Self { flag, columns, width, cells })
    }

    /// The row of no columns: its Flag.
    #[must_use]
    pub fn empty() -> Self {
        let (flag, columns, width) = (RowFlag::Standard, PropertyTags::EMPTY, CountWidth::RopBuffer);
        Self { flag, columns, width, cells: Reader::new(&[]) }
    }

    /// How wide its counts are.
    pub(crate) const fn width(&self) -> CountWidth {
        self.width
    }

    pub(crate) fn encoded_len(&self) -> usize {
        self.cells.left().saturating_add(1)
    }

    /// Writes the row as it was read.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.flag as u8);
        w.bytes(self.cells.peek_rest());
    }

    /// Whether cells carry flags.
    #[must_use]
    pub const fn flag(&self) -> RowFlag {
        self.flag
    }

    /// The columns.
    #[must_use]
    pub const fn columns(&self) -> PropertyTags<'a> {
        self.columns
    }

    /// The cells in the order of the columns, each with its column.
    #[must_use]
    pub fn cells(&self) -> Cells<'a> {
        Cells { flag: self.flag, columns: self.columns, width: self.width, next: 0, r: self.cells.clone() }
    }

    /// The cell of the first column with this property id, whatever its type; `None` without such a column.
    ///
    /// # Errors
    /// [`DecodeError`] of the first cell up to it that cannot be read.
    pub fn cell(&self, tag: PropertyTag) -> Option<Result<Cell<'a>, DecodeError>> {
        for item in self.cells() {
            match item {
                Ok((column, cell)) if column.id() == tag.id() => return Some(Ok(cell)),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

/// The cells of a row. Ends after the first error: the next cell's place is not known then.
#[derive(Debug, Clone)]
pub struct Cells<'a> {
    flag: RowFlag,
    columns: PropertyTags<'a>,
    width: CountWidth,
    next: usize,
    r: Reader<'a>,
}

impl<'a> Iterator for Cells<'a> {
    type Item = Result<(PropertyTag, Cell<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.columns.at(self.next)?;
        self.next = self.next.saturating_add(1);
        let cell = self.flag.cell(&mut self.r, tag, self.width);
        if cell.is_err() {
            self.next = usize::MAX;
        }
        Some(cell.map(|cell| (tag, cell)))
    }
}

/// A number of rows of the same columns, as RopQueryRows answers them.
#[derive(Debug, Clone)]
pub struct PropertyRows<'a> {
    count: usize,
    columns: PropertyTags<'a>,
    width: CountWidth,
    rows: Reader<'a>,
}

impl<'a> PropertyRows<'a> {
    /// No rows.
    #[must_use]
    pub fn empty(columns: PropertyTags<'a>) -> Self {
        Self { count: 0, columns, width: CountWidth::RopBuffer, rows: Reader::new(&[]) }
    }

    /// A view over `count` rows that fill `bytes`, as [`RowsWriter`] writes them. They are not looked at yet.
    #[must_use]
    pub const fn from_wire(bytes: &'a [u8], count: usize, columns: PropertyTags<'a>, width: CountWidth) -> Self {
        Self { count, columns, width, rows: Reader::new(bytes) }
    }

    /// Reads `count` rows, and leaves the reader behind them. The cells are passed over once, to find the end.
    ///
    /// # Errors
    /// [`DecodeError`] of the first cell that does not hold what its column says. A reader that wants the rows before it uses
    /// [`PropertyRows::scan`].
    pub fn decode(
        r: &mut Reader<'a>,
        count: usize,
        columns: PropertyTags<'a>,
        width: CountWidth,
    ) -> Result<Self, DecodeError> {
        let (rows, error) = Self::scan(r, count, columns, width);
        error.map_or(Ok(rows), Err)
    }

    /// Reads up to `count` rows: those before the first that is damaged, and its error. The reader stands behind the good ones.
    pub fn scan(
        r: &mut Reader<'a>,
        count: usize,
        columns: PropertyTags<'a>,
        width: CountWidth,
    ) -> (Self, Option<DecodeError>) {
        let mut scan = r.clone().named(NAME, SPEC);
        let (mut good, mut used) = (0_usize, 0_usize);
        let error = loop {
            if good == count {
                break None;
            }
            // A row is one byte at the least: a count from the wire runs out of input before it runs out of time.
            match skip_row(&mut scan, columns, width) {
                Ok(_) => {
                    good = good.saturating_add(1);
                    used = r.left().saturating_sub(scan.left());
                }
                Err(error) => break Some(error),
            }
        };
        // Never fails: that many bytes were passed over.
        let rows = r.sub(used, "RowData").unwrap_or_else(|_| Reader::new(&[]));
        (Self { count: good, columns, width, rows }, error)
    }

    /// Rows left to iterate.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The columns.
    #[must_use]
    pub const fn columns(&self) -> PropertyTags<'a> {
        self.columns
    }

    /// The bytes of the rows that are left.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.rows.peek_rest()
    }
}

/// Ends after the first error: the next row's place is not known then.
impl<'a> Iterator for PropertyRows<'a> {
    type Item = Result<PropertyRow<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let row = PropertyRow::decode(&mut self.rows, self.columns, self.width);
        if row.is_err() {
            self.count = 0;
        }
        Some(row)
    }
}

impl PartialEq for PropertyRows<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count
            && self.columns == other.columns
            && self.width == other.width
            && self.as_bytes() == other.as_bytes()
    }
}

/// Writes one row: a StandardPropertyRow when every cell has a value of its column's type, a FlaggedPropertyRow otherwise.
///
/// `cells` is asked once for each column to choose the kind and once to write; it gives the cell of a column by its index.
///
/// # Errors
/// Those of [`PropertyValue::encode`](super::PropertyValue::encode); of kind `Value` for a value of another type than its column's.
pub fn encode_row<'c>(
    w: &mut Writer<'_>,
    columns: PropertyTags<'_>,
    width: CountWidth,
    cells: impl Fn(usize, PropertyTag) -> Cell<'c>,
) -> Result<(), EncodeError> {
    let standard = columns.iter().enumerate().all(|(index, tag)| cells(index, tag).is_standard(tag));
    w.u8(u8::from(!standard));
    for (index, tag) in columns.iter().enumerate() {
        let cell = cells(index, tag);
        if standard { cell.encode_standard(w, tag, width)? } else { cell.encode_flagged(w, tag, width)? }
    }
    Ok(())
}

/// Appends rows to a buffer of the caller's and counts them, for [`PropertyRows::from_wire`].
#[derive(Debug)]
pub struct RowsWriter<'b, 'c> {
    out: &'b mut bytes::BytesMut,
    start: usize,
    max_len: usize,
    max_rows: usize,
    columns: PropertyTags<'c>,
    width: CountWidth,
    count: usize,
}

impl<'b, 'c> RowsWriter<'b, 'c> {
    /// Appends behind what `out` holds, at most `max_len` bytes.
    #[must_use]
    pub fn new(out: &'b mut bytes::BytesMut, columns: PropertyTags<'c>, width: CountWidth, max_len: usize) -> Self {
        let start = out.len();
        Self { out, start, max_len, max_rows: usize::from(u16::MAX), columns, width, count: 0 }
    }

    /// The most rows; 65,535 unless set, which is what the count of a ROP can say.
    #[must_use]
    pub const fn with_max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    /// Appends a row as [`encode_row`] does, and says whether it fitted; one that does not leaves no trace.
    ///
    /// # Errors
    /// Those of [`encode_row`]; the row leaves no trace then.
    pub fn push<'v>(&mut self, cells: impl Fn(usize, PropertyTag) -> Cell<'v>) -> Result<bool, EncodeError> {
        if self.count >= self.max_rows {
            return Ok(false);
        }
        let before = self.out.len();
        let result = encode_row(&mut Writer::new(self.out), self.columns, self.width, cells);
        let fits = self.out.len().saturating_sub(self.start) <= self.max_len;
        if result.is_err() || !fits {
            self.out.truncate(before);
        } else {
            self.count = self.count.saturating_add(1);
        }
        result.map(|()| fits)
    }

    /// Rows appended.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether none was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends, and gives a view over the rows.
    #[must_use]
    pub fn finish(self) -> PropertyRows<'b>
    where
        'c: 'b,
    {
        let out: &'b bytes::BytesMut = self.out;
        let bytes = out.get(self.start..).unwrap_or_default();
        PropertyRows::from_wire(bytes, self.count, self.columns, self.width)
    }
}
