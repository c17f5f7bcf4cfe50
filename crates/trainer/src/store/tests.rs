//! Held or stored, what is read back is what was written.

use proptest::prelude::*;

use super::*;

fn column(keep: Keep, width: usize, pieces: &[Vec<f64>]) -> Column<f64> {
    let mut writer = ColumnWriter::new(keep, width).unwrap();
    for piece in pieces {
        writer.push(piece).unwrap();
    }
    writer.finish().unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #[test]
    fn rows_are_the_same_wherever_they_are_and_however_they_are_cut(
        pieces in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..40), 0..6),
        width in 1..4_usize,
        (from, to, again, at) in (0..100_usize, 0..100_usize, 0..100_usize, 0..100_usize),
    ) {
        let pieces: Vec<Vec<f64>> = pieces
            .iter()
            .map(|piece| {
                let whole = piece.len() / width * width;
                piece[..whole].iter().map(|bits| f64::from_bits(*bits)).collect()
            })
            .collect();
        let all = pieces.concat();
        let rows = all.len() / width;
        let (to, at) = (to.min(rows), at.min(rows));
        let range = from.min(to)..to;
        let wanted = bits(&all[range.start * width..range.end * width]);
        for keep in [Keep::InMemory, Keep::OnDisk] {
            let column = column(keep, width, &pieces);
            prop_assert_eq!(column.rows(), rows);
            prop_assert_eq!(column.is_held(), keep == Keep::InMemory);
            let mut buffer = Vec::new();
            prop_assert_eq!(bits(column.read(range.clone(), &mut buffer).unwrap()), wanted.clone());
            // Cut in two and put together again, and a slice of a slice.
            let rope = column.slice(0..at).followed_by(&column.slice(at..rows));
            prop_assert_eq!(bits(rope.read(range.clone(), &mut buffer).unwrap()), wanted.clone());
            let inner = rope.slice(range.clone());
            let last = again.min(inner.rows());
            let read = bits(inner.read(last..inner.rows(), &mut buffer).unwrap());
            prop_assert_eq!(read, wanted[last * width..].to_vec());
        }
    }
}

#[test]
fn blocks_are_read_side_by_side() {
    let values: Vec<f64> = (0..10_000).map(f64::from).collect();
    let twice: Vec<f64> = values.iter().map(|value| 2.0 * value).collect();
    let narrow = column(Keep::OnDisk, 1, &[values]);
    let other = column(Keep::InMemory, 1, &[twice]);
    let (mut rows, mut count) = (Vec::new(), 0);
    each_block([&narrow, &other], |[a, b]| {
        rows.extend(a.iter().zip(b).map(|(a, b)| (*a, *b)));
        count += 1;
        Ok::<_, StoreError>(())
    })
    .unwrap();
    assert_eq!(count, 3);
    assert!((0..10_000).map(f64::from).map(|a| (a, 2.0 * a)).eq(rows));
}

#[test]
fn room_is_given_while_there_is_some() {
    let mut room = Room::new(100);
    assert_eq!(room.take(60), Keep::InMemory);
    assert_eq!(room.take(41), Keep::OnDisk);
    assert_eq!(room.take(40), Keep::InMemory);
    assert_eq!(room.take(1), Keep::OnDisk);
    assert_eq!(room.take(0), Keep::InMemory);
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    let column = column(Keep::OnDisk, 1, &[vec![1.0, 2.0]]);
    let Place::Stored(file) = &column.parts[0].place else {
        panic!("it is on disk")
    };
    file.set_len(9).unwrap();
    let error = column.read(0..2, &mut Vec::new()).unwrap_err();
    let folder = std::env::temp_dir();
    let wanted = format!("cannot read a temporary file in {}", folder.display());
    assert_eq!(error.to_string(), wanted);
    assert!(std::error::Error::source(&error).is_some());
}
