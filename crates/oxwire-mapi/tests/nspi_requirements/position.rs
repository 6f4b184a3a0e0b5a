//! Positions: [MS-OXNSPI] 3.1.4.5, and what NspiUpdateStat makes of them (3.1.4.1.4).

use oxwire_mapi::nspi::{MinimalEntryId, Position, Stat};
use proptest::prelude::*;

/// A table of `total` rows, whose ids are 0x10 and up in the order of the table.
fn move_in(stat: &Stat, total: u32) -> Option<(Position, Stat)> {
    let index_of = |id: MinimalEntryId| id.0.checked_sub(0x10).filter(|index| *index < total);
    let position = stat.locate(total, index_of)?;
    let answer = position.answer(stat, |index| MinimalEntryId(index + 0x10)).unwrap();
    Some((position, *answer.stat()))
}

#[test]
fn positions() {
    const BEGIN: MinimalEntryId = MinimalEntryId::BEGINNING_OF_TABLE;
    const END: MinimalEntryId = MinimalEntryId::END_OF_TABLE;
    const CURRENT: MinimalEntryId = MinimalEntryId::CURRENT;
    let row = |index: u32| MinimalEntryId(index + 0x10);
    // Rows; CurrentRec, Delta, NumPos, TotalRecs as asked; CurrentRec, NumPos as answered; rows moved. The table has 9 rows.
    for (rows, (current_rec, delta, num_pos, total_recs), (at, index, moved)) in [
        (
            "MS-OXNSPI_R529 MS-OXNSPI_R530 MS-OXNSPI_R538 MS-OXNSPI_R550 MS-OXNSPI_R556 MS-OXNSPI_R558 MS-OXNSPI_R561",
            (row(4), 0, 7, 8),
            (row(4), 4, 0),
        ),
        ("MS-OXNSPI_R528 MS-OXNSPI_R326001 MS-OXNSPI_R331001", (row(4), 0, 0, 0), (row(4), 4, 0)),
        ("MS-OXNSPI_R542 MS-OXNSPI_R328", (BEGIN, 0, 0, 0), (row(0), 0, 0)),
        ("MS-OXNSPI_R1758 MS-OXNSPI_R81", (END, 0, 0, 0), (END, 9, 0)),
        ("MS-OXNSPI_R548", (row(4), -3, 0, 0), (row(1), 1, -3)),
        ("MS-OXNSPI_R549", (row(4), 3, 0, 0), (row(7), 7, 3)),
        ("MS-OXNSPI_R1743 MS-OXNSPI_R1744", (row(4), -22, 0, 0), (row(0), 0, -4)),
        ("MS-OXNSPI_R554 MS-OXNSPI_R1704", (row(4), 22, 0, 0), (END, 9, 5)),
        (
            "MS-OXNSPI_R528 MS-OXNSPI_R565 MS-OXNSPI_R575 MS-OXNSPI_R577 MS-OXNSPI_R584 MS-OXNSPI_R589 MS-OXNSPI_R595 MS-OXNSPI_R598 MS-OXNSPI_R601 MS-OXNSPI_R1742",
            (CURRENT, 0, 1, 3),
            (row(3), 3, 0),
        ),
        ("MS-OXNSPI_R578", (CURRENT, 0, 1, 2), (row(4), 4, 0)),
        ("MS-OXNSPI_R580", (CURRENT, 0, 5, 3), (END, 9, 0)),
        ("MS-OXNSPI_R587", (CURRENT, -2, 1, 3), (row(1), 1, -2)),
        ("MS-OXNSPI_R588", (CURRENT, 2, 1, 3), (row(5), 5, 2)),
        ("MS-OXNSPI_R1745 MS-OXNSPI_R1746", (CURRENT, -22, 1, 3), (row(0), 0, -3)),
        ("MS-OXNSPI_R1747 MS-OXNSPI_R1748", (CURRENT, 22, 1, 3), (END, 9, 6)),
        // Nothing to divide by.
        ("MS-OXNSPI_R565", (CURRENT, 0, 1, 0), (row(0), 0, 0)),
        // quirks: Outlook 2019 pages back by a negative Delta of 22 rows.
        ("MS-OXNSPI_R548", (END, -22, 0, 0), (row(0), 0, -9)),
    ] {
        let asked = Stat { current_rec, delta, num_pos, total_recs, code_page: 1252, ..Stat::default() };
        let (position, answered) = move_in(&asked, 9).expect(rows);
        let expected = Stat { current_rec: at, delta: 0, num_pos: index, total_recs: 9, ..asked };
        assert_eq!((position.moved, answered), (moved, expected), "{rows}");
    }
}

#[test]
fn a_row_that_is_not_there_is_no_position() {
    let asked = Stat { current_rec: MinimalEntryId(0x99), ..Stat::default() };
    assert_eq!(move_in(&asked, 9), None);
    let asked = Stat { current_rec: MinimalEntryId::BEGINNING_OF_TABLE, delta: 3, ..Stat::default() };
    let (position, answered) = move_in(&asked, 0).unwrap();
    assert_eq!((position.moved, answered.current_rec), (0, MinimalEntryId::END_OF_TABLE), "an empty table");
}

proptest! {
    /// Whatever is asked, the answer is inside the table, and says how far it is from where it began.
    #[test]
    fn any_stat_is_answered_inside_the_table(
        current_rec in prop_oneof![0_u32..3, 0x10_u32..0x30, any::<u32>()],
        delta in any::<i32>(),
        num_pos in any::<u32>(),
        total_recs in any::<u32>(),
        total in prop_oneof![0_u32..32, any::<u32>()],
    ) {
        let asked = Stat { current_rec: MinimalEntryId(current_rec), delta, num_pos, total_recs, ..Stat::default() };
        let still = Stat { delta: 0, ..asked };
        if let (Some((moved, answered)), Some((begun, _))) = (move_in(&asked, total.min(u32::MAX - 0x10)), move_in(&still, total.min(u32::MAX - 0x10))) {
            prop_assert!(answered.num_pos <= answered.total_recs);
            prop_assert_eq!(i64::from(moved.index) - i64::from(begun.index), i64::from(moved.moved));
            prop_assert!(moved.moved == 0 || moved.moved.signum() == delta.signum());
        }
    }
}
