//! How an input is distributed: what later rows are compared with.

use serde::{Deserialize, Serialize};

/// Bins that rows are counted in.
const BINS: usize = 10;

/// How an input is distributed over the train rows, in about ten bins of equal shares. Bin `i`
/// holds the values above `edges[i - 1]`, if there is such an edge, and up to `edges[i]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputDistribution {
    /// The input.
    pub input: String,
    /// Upper edges of all bins but the last, ascending, in the input's unit.
    pub edges: Vec<f32>,
    /// The part of the train rows in each bin; one more than edges, together 1.
    pub shares: Vec<f64>,
}

impl InputDistribution {
    /// The distribution of these values; nothing where there are none.
    pub fn of(input: &str, mut values: Vec<f32>) -> Option<Self> {
        values.sort_by(f32::total_cmp);
        let (count, lowest) = (values.len(), *values.first()?);
        let quantile = |bin: usize| values[(bin * count).div_ceil(BINS) - 1];
        let mut edges: Vec<f32> = (1..BINS).map(quantile).collect();
        // Where many values are equal, bins fall together.
        edges.dedup();
        // What is lower than everything seen must be told from what is often the lowest.
        if edges[0] == lowest {
            edges.insert(0, lowest.next_down());
        }
        let up_to = |edge: &f32| values.partition_point(|value| value <= edge);
        let mut below = 0;
        let ends = edges.iter().map(up_to).chain([count]);
        let shares = ends.map(|end| {
            let inside = end - below;
            below = end;
            inside as f64 / count as f64
        });
        let shares = shares.collect();
        Some(Self {
            input: input.to_owned(),
            edges,
            shares,
        })
    }

    /// The bin of a value.
    pub fn bin(&self, value: f32) -> usize {
        self.edges.partition_point(|edge| *edge < value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_have_equal_shares() {
        let values = (1..=100).rev().map(|value| value as f32).collect();
        let distribution = InputDistribution::of("open", values).unwrap();
        let edges: Vec<f32> = (1..10).map(|tenth| 10.0 * tenth as f32).collect();
        assert_eq!(distribution.edges, edges);
        assert_eq!(distribution.shares, [0.1; 10]);
        assert_eq!(distribution.bin(-1.0), 0);
        assert_eq!(distribution.bin(10.0), 0);
        assert_eq!(distribution.bin(10.5), 1);
        assert_eq!(distribution.bin(1000.0), 9);
    }

    #[test]
    fn equal_values_share_a_bin_and_lower_ones_have_their_own() {
        let distribution = InputDistribution::of("day", vec![1.0, 1.0, 1.0, 2.0]).unwrap();
        assert_eq!(distribution.edges, [1.0_f32.next_down(), 1.0, 2.0]);
        assert_eq!(distribution.shares, [0.0, 0.75, 0.25, 0.0]);
        assert_eq!(distribution.bin(0.5), 0);
        assert_eq!(distribution.bin(3.0), 3);
    }

    #[test]
    fn nothing_has_no_distribution() {
        assert_eq!(InputDistribution::of("open", vec![]), None);
    }
}
