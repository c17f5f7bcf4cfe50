//! Exact quantiles of a column that may be larger than memory.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;
use crate::scratch::Column;

/// Bits settled by a pass over the column.
const DIGIT: u32 = 11;

/// The quantiles of the values in `rows`, linearly interpolated: that of share `s` lies at position
/// `s × (n − 1)` of the sorted values (definition 7 of Hyndman and Fan). `rows` is not empty.
pub fn quantiles<const N: usize>(
    column: &Column<f64>,
    rows: Range<usize>,
    shares: [f64; N],
) -> Result<[f64; N], Error> {
    let last = rows.len() - 1;
    let positions = shares.map(|share| share * last as f64);
    let below = |position: f64| position.floor() as u64;
    let above = |position: f64| position.ceil() as u64;
    let ranks = positions.iter().flat_map(|p| [below(*p), above(*p)]);
    let values = ranked(column, rows, ranks)?;
    Ok(positions.map(|position| {
        let (low, high) = (values[&below(position)], values[&above(position)]);
        low + (high - low) * position.fract()
    }))
}

/// The values of these ranks, counted from 0, in the sorted order of `rows`.
///
/// A radix selection: each pass counts the next digit of the values that share the digits found so
/// far, which settles that digit.
fn ranked(
    column: &Column<f64>,
    rows: Range<usize>,
    ranks: impl Iterator<Item = u64>,
) -> Result<BTreeMap<u64, f64>, Error> {
    // By rank: the digits found, and the rank among the values that share them.
    let mut found: BTreeMap<u64, (u64, u64)> = ranks.map(|rank| (rank, (0, rank))).collect();
    let mut known = 0;
    while known < u64::BITS {
        let digit = DIGIT.min(u64::BITS - known);
        let rest = u64::BITS - known - digit;
        let prefixes = found.values().map(|(prefix, _)| *prefix);
        let mut counts: BTreeMap<u64, Vec<u64>> = prefixes
            .map(|prefix| (prefix, vec![0; 1 << digit]))
            .collect();
        let mut tables: Vec<_> = counts.iter_mut().collect();
        column.each(rows.clone(), |value| {
            let digits = key(value) >> rest;
            let prefix = digits >> digit;
            if let Some((_, counts)) = tables.iter_mut().find(|(table, _)| **table == prefix) {
                counts[(digits & ((1 << digit) - 1)) as usize] += 1;
            }
        })?;
        for (prefix, rank) in found.values_mut() {
            let mut digits = 0;
            for count in &counts[prefix] {
                if *rank < *count {
                    break;
                }
                *rank -= count;
                digits += 1;
            }
            *prefix = (*prefix << digit) | digits;
        }
        known += digit;
    }
    let values = found.into_iter().map(|(rank, (key, _))| (rank, value(key)));
    Ok(values.collect())
}

const SIGN: u64 = 1 << 63;

/// Bits that sort like the numbers do.
fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number of a [`key`].
fn value(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::scratch::Scratch;

    fn column(values: &[f64]) -> Column<f64> {
        let mut column = Column::new(&Scratch::new(0, 1, CancellationToken::new()));
        for value in values {
            column.push(*value).unwrap();
        }
        column
    }

    #[test]
    fn positions_between_two_values_are_interpolated() {
        let column = column(&[9.0, 4.0, 1.0, 2.0, -9.0]);
        let shares = [0.0, 0.25, 0.5, 0.75, 1.0];
        assert_eq!(
            quantiles(&column, 1..4, shares).unwrap(),
            [1.0, 1.5, 2.0, 3.0, 4.0]
        );
    }

    proptest! {
        #[test]
        fn ranks_are_those_of_the_sorted_values(
            values in prop::collection::vec(prop_oneof![-3.0..3.0_f64, Just(0.5), any::<i32>().prop_map(f64::from)], 1..200),
        ) {
            let found = ranked(&column(&values), 0..values.len(), 0..values.len() as u64).unwrap();
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(found.into_values().collect::<Vec<_>>(), sorted);
        }
    }
}
