//! Where a STAT points in a table, [MS-OXNSPI] 3.1.4.5: what a server computes from it, given the table's order.

use oxwire_core::EncodeError;

use super::{MinimalEntryId, Place, Stat, StatAnswer};

/// A position in a table of a known number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The index of the row; the number of rows behind the last one.
    pub index: u32,
    /// The number of rows.
    pub total_recs: u32,
    /// How far Delta moved it, after both ends of the table had their say: plDelta of NspiUpdateStat.
    pub moved: i32,
}

impl Stat {
    /// The position that a client asks for, in a table of `total_recs` rows: by CurrentRec ([MS-OXNSPI] 3.1.4.5.1), or by NumPos and
    /// TotalRecs where that is MID_CURRENT (3.1.4.5.2), and moved by Delta. `index_of` gives the index of a row by its id.
    ///
    /// `None` when `index_of` does not know the row: a server then answers NotFound.
    #[must_use]
    pub fn locate(&self, total_recs: u32, index_of: impl FnOnce(MinimalEntryId) -> Option<u32>) -> Option<Position> {
        let start = match self.current_rec {
            MinimalEntryId::BEGINNING_OF_TABLE => 0,
            MinimalEntryId::END_OF_TABLE => total_recs,
            MinimalEntryId::CURRENT => self.fraction_of(total_recs),
            row => index_of(row)?.min(total_recs),
        };
        let end = i64::from(start).saturating_add(i64::from(self.delta)).clamp(0, i64::from(total_recs));
        let moved = i32::try_from(end.saturating_sub(i64::from(start))).unwrap_or(self.delta);
        Some(Position { index: u32::try_from(end).unwrap_or(total_recs), total_recs, moved })
    }

    /// NumPos of TotalRecs, in rows of this table; the beginning where the client gives no denominator.
    fn fraction_of(&self, total_recs: u32) -> u32 {
        let product = u64::from(total_recs).saturating_mul(u64::from(self.num_pos));
        let index = product.checked_div(u64::from(self.total_recs)).unwrap_or(0);
        u32::try_from(index).unwrap_or(u32::MAX).min(total_recs)
    }
}

impl Position {
    /// The STAT that answers: CurrentRec, NumPos and TotalRecs of this position, Delta 0, the rest as it came. `id_at` gives the id
    /// of the row at an index; it is not asked behind the last row, whose place is MID_END_OF_TABLE.
    ///
    /// # Errors
    /// None for a position of [`Stat::locate`].
    pub fn answer(&self, stat: &Stat, id_at: impl FnOnce(u32) -> MinimalEntryId) -> Result<StatAnswer, EncodeError> {
        let at_end = self.index >= self.total_recs;
        let current_rec = if at_end { MinimalEntryId::END_OF_TABLE } else { id_at(self.index) };
        stat.answer(Place { current_rec, num_pos: self.index, total_recs: self.total_recs })
    }
}
