//! What the table ROPs share, [MS-OXCTABL] 2.2.2.1.

use crate::flags::flags;

flags! {
    /// Whether an operation on a table may go on after its response, [MS-OXCTABL] 2.2.2.1.4. Unknown bits are kept.
    AsynchronousFlags: u8 {
        /// TBL_ASYNC: the response may come before it is done.
        TBL_ASYNC = 0x01;
    }
}

impl AsynchronousFlags {
    /// The response comes when it is done.
    pub const SYNCHRONOUS: Self = Self::NONE;
}

/// What a table is doing, [MS-OXCTABL] 2.2.2.1.3. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableStatus(pub u8);

impl TableStatus {
    /// TBLSTAT_COMPLETE: nothing is going on.
    pub const COMPLETE: Self = Self(0x00);
    /// TBLSTAT_SORTING: RopSortTable is going on.
    pub const SORTING: Self = Self(0x09);
    /// TBLSTAT_SORT_ERROR: RopSortTable failed.
    pub const SORT_ERROR: Self = Self(0x0A);
    /// TBLSTAT_SETTING_COLS: RopSetColumns is going on.
    pub const SETTING_COLS: Self = Self(0x0B);
    /// TBLSTAT_SETCOL_ERROR: RopSetColumns failed.
    pub const SETCOL_ERROR: Self = Self(0x0D);
    /// TBLSTAT_RESTRICTING: RopRestrict is going on.
    pub const RESTRICTING: Self = Self(0x0E);
    /// TBLSTAT_RESTRICT_ERROR: RopRestrict failed.
    pub const RESTRICT_ERROR: Self = Self(0x0F);
}

/// A place in a table, [MS-OXCTABL] 2.2.2.1.1. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bookmark(pub u8);

impl Bookmark {
    /// Before the first row.
    pub const BEGINNING: Self = Self(0x00);
    /// At the current row.
    pub const CURRENT: Self = Self(0x01);
    /// Behind the last row.
    pub const END: Self = Self(0x02);
}
