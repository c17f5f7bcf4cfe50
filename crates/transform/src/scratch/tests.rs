//! Held or stored, what is read back is what was kept.

use proptest::prelude::*;

use super::*;

/// Blocks of 8 words; memory for `blocks` of them, and as much for sorting as one holds.
fn scratch(blocks: usize) -> Scratch {
    Scratch::with_blocks(blocks * 8 * WORD, 8, CancellationToken::new())
}

proptest! {
    #[test]
    fn a_spool_gives_back_its_rows_wherever_they_are(
        rows in prop::collection::vec(any::<[u64; 3]>(), 0..60),
        blocks in 0..20_usize,
        (from, to) in (0..60_usize, 0..60_usize),
    ) {
        let mut spool = Spool::new(&scratch(blocks), 3);
        for row in &rows {
            spool.push(row).unwrap();
        }
        prop_assert_eq!(spool.len(), rows.len());
        let to = to.min(rows.len());
        let range = from.min(to)..to;
        prop_assert_eq!(spool.read(range.clone()).unwrap(), rows[range.clone()].as_flattened());
        let mut cursor = spool.cursor(range.clone()).unwrap();
        for row in &rows[range] {
            prop_assert_eq!(cursor.row().unwrap(), row);
            cursor.advance().unwrap();
        }
        prop_assert!(cursor.row().is_none());
    }

    #[test]
    fn sorting_is_stable_whatever_fits_in_memory(
        keys in prop::collection::vec(-9..9_i64, 0..100),
        blocks in 0..40_usize,
    ) {
        let mut rows: Vec<[u64; 2]> =
            (0..).zip(&keys).map(|(row, key)| [key.cast_unsigned(), row]).collect();
        let mut sorter = Sorter::new(&scratch(blocks), 2);
        for row in &rows {
            sorter.push(row).unwrap();
        }
        let sorted = sorter.finish().unwrap();
        prop_assert_eq!(sorted.len(), rows.len());
        rows.sort_by_key(|row| row[0].cast_signed());
        let mut merge = sorted.merge().unwrap();
        for row in rows {
            prop_assert_eq!(merge.row().unwrap(), &row);
            merge.advance().unwrap();
        }
        prop_assert!(merge.row().is_none());
    }
}

#[test]
fn sorted_input_is_one_run() {
    let mut sorter = Sorter::new(&scratch(0), 1);
    for key in 0..100 {
        sorter.push(&[key / 3]).unwrap();
    }
    let runs = sorter.finish().unwrap().runs;
    assert_eq!((runs.len(), &runs[0]), (1, &(0..100)));
}

#[test]
fn the_room_of_a_dropped_spool_is_used_again() {
    let scratch = scratch(4);
    let fill = || {
        let mut spool = Spool::new(&scratch, 1);
        (0..80).try_for_each(|word| spool.push(&[word])).unwrap();
        spool
    };
    drop(fill());
    assert_eq!((scratch.0.room.get(), scratch.0.stored.get()), (3, 7));
    let again = fill();
    assert_eq!((scratch.0.room.get(), scratch.0.stored.get()), (0, 7));
    assert_eq!(again.read(0..80).unwrap(), (0..80).collect::<Vec<_>>());
}

#[test]
fn a_cancelled_run_reads_and_keeps_nothing_more() {
    let cancel = CancellationToken::new();
    let scratch = Scratch::with_blocks(0, 8, cancel.clone());
    let mut spool = Spool::new(&scratch, 1);
    (0..12).try_for_each(|word| spool.push(&[word])).unwrap();
    cancel.cancel();
    assert!(matches!(spool.read(0..1), Err(Error::Cancelled)));
    let pushed = (0..12).try_for_each(|word| spool.push(&[word]));
    assert!(matches!(pushed, Err(Error::Cancelled)));
}
