//! Mean, spread and extremes of numbers that can be had twice.

use crate::Error;

/// Mean, spread and extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many numbers.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sum of the squared deviations from the mean.
    pub squares: f64,
    /// Smallest number.
    pub minimum: f64,
    /// Largest number.
    pub maximum: f64,
}

impl Moments {
    /// Those of the numbers that `each` hands to its argument, at least one. Two passes, for
    /// precision.
    pub fn of(each: impl Fn(&mut dyn FnMut(f64)) -> Result<(), Error>) -> Result<Self, Error> {
        let (mut count, mut sum) = (0_u64, 0.0);
        let (mut minimum, mut maximum) = (f64::INFINITY, f64::NEG_INFINITY);
        each(&mut |value| {
            count += 1;
            sum += value;
            minimum = value.min(minimum);
            maximum = value.max(maximum);
        })?;
        let mean = sum / count as f64;
        let mut squares = 0.0;
        each(&mut |value| squares += (value - mean).powi(2))?;
        Ok(Self {
            count,
            mean,
            squares,
            minimum,
            maximum,
        })
    }

    /// Whether all numbers are the same.
    pub fn constant(&self) -> bool {
        self.minimum == self.maximum
    }
}
