//! One column of a table as an axis: numbers on a scale, or names side by side.

use std::collections::BTreeSet;

use crate::Scale;
use crate::axis::Axis;

/// Part of an axis that is kept for rows without a value.
const NOWHERE: f64 = 0.12;

/// A column under a name; a row may lack a value.
#[derive(Clone, Debug)]
pub struct Dimension {
    pub(crate) name: String,
    scale: Scale,
    /// Labels of the values 0, 1, …, where they are names.
    names: Vec<String>,
    values: Vec<Option<f64>>,
}

impl Dimension {
    /// A column of numbers.
    pub fn numbers(name: &str, scale: Scale, values: Vec<Option<f64>>) -> Self {
        Self {
            name: name.to_owned(),
            scale,
            names: Vec::new(),
            values,
        }
    }

    /// A column of names, which stand in alphabetical order.
    pub fn names(name: &str, values: &[Option<String>]) -> Self {
        let names: BTreeSet<&String> = values.iter().flatten().collect();
        let place = |value: &String| names.iter().position(|name| *name == value);
        Self {
            name: name.to_owned(),
            scale: Scale::Linear,
            values: values
                .iter()
                .map(|value| Some(place(value.as_ref()?)? as f64))
                .collect(),
            names: names.into_iter().cloned().collect(),
        }
    }

    /// The column laid out between two pixels, low values first.
    pub(crate) fn lay_out(&self, from: f64, to: f64, ticks: usize) -> Layout {
        let missing = self.values.iter().any(Option::is_none);
        let begin = if missing {
            from + NOWHERE * (to - from)
        } else {
            from
        };
        let ends = [-0.5, self.names.len() as f64 - 0.5];
        let names = ends.iter().copied().filter(|_| !self.names.is_empty());
        let covered = self.values.iter().flatten().copied().chain(names);
        let axis = Axis::covering(covered, (begin, to), self.scale, self.names.is_empty());
        let labels = if self.names.is_empty() {
            axis.ticks(ticks)
        } else {
            (0..)
                .map(f64::from)
                .zip(self.names.iter().cloned())
                .collect()
        };
        let mut marks: Vec<(f64, String)> = labels
            .into_iter()
            .filter_map(|(value, text)| Some((axis.pixel(value)?, text)))
            .collect();
        let nowhere = missing.then_some(from);
        marks.extend(nowhere.map(|at| (at, "none".to_owned())));
        Layout {
            places: self
                .values
                .iter()
                .map(|value| match value {
                    Some(value) => axis.pixel(*value),
                    None => nowhere,
                })
                .collect(),
            marks,
        }
    }
}

/// Where things are on an axis, in pixels.
pub(crate) struct Layout {
    /// Each row's value; `None` for one that cannot be drawn.
    pub(crate) places: Vec<Option<f64>>,
    pub(crate) marks: Vec<(f64, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_apart_and_what_is_missing_beside_them() {
        let value = |text: &str| Some(text.to_owned());
        let names = Dimension::names("kind", &[value("b"), None, value("a"), value("b")]);
        let layout = names.lay_out(0.0, 100.0, 5);
        assert_eq!(
            layout.places,
            [Some(78.0), Some(0.0), Some(34.0), Some(78.0)]
        );
        let marks: Vec<&str> = layout.marks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(marks, ["a", "b", "none"]);
    }

    #[test]
    fn numbers_fill_the_axis() {
        let numbers = Dimension::numbers("rate", Scale::Log, vec![Some(0.001), Some(0.1)]);
        let layout = numbers.lay_out(100.0, 0.0, 5);
        let places: Vec<f64> = layout.places.into_iter().flatten().collect();
        assert!(places[0] > 95.0 && places[1] < 5.0, "{places:?}");
    }
}
