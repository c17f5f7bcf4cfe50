//! The values of one parameter on the axis from 0 to 1.

use std::collections::BTreeSet;

use artifacts::{ParameterSpec, ScaleType};
use serde_json::Value;

use crate::search::error::ParameterProblem;

/// Most values of a discrete parameter, and how far apart they are at least: Vertex AI's limits.
const MOST_VALUES: usize = 1000;
const APART: f64 = 1e-10;

/// What an axis stands for.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Double(Interval),
    /// The interval is half a step wider at both ends, so that rounding is fair to the ends.
    Integer {
        min: i64,
        max: i64,
        wide: Interval,
    },
    /// Searched by rank, so that any scale gives the same.
    Discrete(Vec<f64>),
    Categorical(Vec<String>),
}

/// An interval on a scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    min: f64,
    max: f64,
    scale: ScaleType,
}

impl Interval {
    fn new(min: f64, max: f64, scale: ScaleType) -> Result<Self, ParameterProblem> {
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return Err(ParameterProblem::Interval { min, max });
        }
        let logarithmic = matches!(
            scale,
            ScaleType::UnitLogScale | ScaleType::UnitReverseLogScale
        );
        if logarithmic && min <= 0.0 {
            return Err(ParameterProblem::LogOfNothing(min));
        }
        Ok(Self { min, max, scale })
    }

    /// The value at `u` in [0, 1].
    fn at(self, u: f64) -> f64 {
        let Self { min, max, scale } = self;
        let value = match scale {
            ScaleType::UnitLinearScale | ScaleType::ScaleTypeUnspecified => min + u * (max - min),
            ScaleType::UnitLogScale => min * (max / min).powf(u),
            ScaleType::UnitReverseLogScale => max + min - min * (max / min).powf(1.0 - u),
        };
        value.clamp(min, max)
    }

    /// The place of `value` in [0, 1]; a single point lies in the middle.
    fn place(self, value: f64) -> f64 {
        let Self { min, max, scale } = self;
        if min == max {
            return 0.5;
        }
        match scale {
            ScaleType::UnitLinearScale | ScaleType::ScaleTypeUnspecified => {
                (value - min) / (max - min)
            }
            ScaleType::UnitLogScale => (value / min).ln() / (max / min).ln(),
            ScaleType::UnitReverseLogScale => {
                1.0 - ((max + min - value) / min).ln() / (max / min).ln()
            }
        }
    }
}

impl Values {
    pub(super) fn new(parameter: &ParameterSpec) -> Result<Self, ParameterProblem> {
        let specified = [
            parameter.double_value_spec.is_some(),
            parameter.integer_value_spec.is_some(),
            parameter.discrete_value_spec.is_some(),
            parameter.categorical_value_spec.is_some(),
        ];
        let count = specified.iter().filter(|is| **is).count();
        if count != 1 {
            return Err(ParameterProblem::ValueSpecs(count));
        }
        let scale = parameter
            .scale_type
            .filter(|scale| *scale != ScaleType::ScaleTypeUnspecified);
        let scale_or_linear = scale.unwrap_or(ScaleType::UnitLinearScale);
        if let Some(spec) = &parameter.double_value_spec {
            let interval = Interval::new(spec.min_value, spec.max_value, scale_or_linear)?;
            return Ok(Self::Double(interval));
        }
        if let Some(spec) = &parameter.integer_value_spec {
            let (min, max) = (spec.min_value, spec.max_value);
            let checked = Interval::new(min as f64, max as f64, scale_or_linear)?;
            let wide = Interval {
                min: checked.min - 0.5,
                max: checked.max + 0.5,
                ..checked
            };
            return Ok(Self::Integer { min, max, wide });
        }
        if let Some(spec) = &parameter.discrete_value_spec {
            return discrete(&spec.values);
        }
        let names = parameter
            .categorical_value_spec
            .iter()
            .flat_map(|spec| &spec.values);
        let names: Vec<String> = names.cloned().collect();
        if names.is_empty() || names.iter().collect::<BTreeSet<_>>().len() != names.len() {
            return Err(ParameterProblem::Categorical);
        }
        if scale.is_some() {
            return Err(ParameterProblem::CategoricalScale);
        }
        Ok(Self::Categorical(names))
    }

    /// Number of values, where it is finite.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Double(interval) => (interval.min == interval.max).then_some(1),
            Self::Integer { min, max, .. } => Some(max.abs_diff(*min).saturating_add(1)),
            Self::Discrete(values) => Some(values.len() as u64),
            Self::Categorical(names) => Some(names.len() as u64),
        }
    }

    /// The value at `u` in [0, 1].
    pub(super) fn at(&self, u: f64) -> Value {
        match self {
            Self::Double(interval) => interval.at(u).into(),
            Self::Integer { .. } => self.integer(u).into(),
            Self::Discrete(values) => values[rank(u, values.len())].into(),
            Self::Categorical(names) => names[rank(u, names.len())].clone().into(),
        }
    }

    /// The place that stands for the value at `u`.
    pub(super) fn snap(&self, u: f64) -> f64 {
        match self {
            Self::Double(_) => u.clamp(0.0, 1.0),
            Self::Integer { wide, .. } => wide.place(self.integer(u) as f64),
            Self::Discrete(values) => middle(rank(u, values.len()), values.len()),
            Self::Categorical(names) => middle(rank(u, names.len()), names.len()),
        }
    }

    /// The place of a parameter that is not there: no value of a categorical one, the middle of the
    /// others.
    pub(super) fn nowhere(&self) -> f64 {
        match self {
            Self::Categorical(_) => 0.0,
            _ => 0.5,
        }
    }

    /// The place of value number `index` of a finite axis.
    pub(super) fn place_of(&self, index: u64) -> f64 {
        match self {
            Self::Double(_) => 0.5,
            Self::Integer { min, wide, .. } => {
                wide.place(min.saturating_add_unsigned(index) as f64)
            }
            Self::Discrete(values) => middle(index as usize, values.len()),
            Self::Categorical(names) => middle(index as usize, names.len()),
        }
    }

    /// Number of the value at `u` on a finite axis.
    pub(super) fn number_at(&self, u: f64) -> u64 {
        match self {
            Self::Double(_) => 0,
            Self::Integer { min, .. } => self.integer(u).abs_diff(*min),
            Self::Discrete(values) => rank(u, values.len()) as u64,
            Self::Categorical(names) => rank(u, names.len()) as u64,
        }
    }

    /// Number of a value of a finite axis; `None` for a value it never has.
    pub(super) fn number_of(&self, value: &Value) -> Option<u64> {
        match self {
            Self::Double(_) => None,
            Self::Integer { min, max, .. } => {
                let value = value.as_f64().filter(|value| value.fract() == 0.0)?;
                let inside = (*min as f64..=*max as f64).contains(&value);
                inside.then(|| (value as i64).abs_diff(*min))
            }
            Self::Discrete(values) => {
                let value = value.as_f64()?;
                let same = |known: &f64| (known - value).abs() <= APART;
                values.iter().position(same).map(|rank| rank as u64)
            }
            Self::Categorical(names) => {
                let value = value.as_str()?;
                let rank = names.iter().position(|name| name == value)?;
                Some(rank as u64)
            }
        }
    }

    /// The place of a value; `None` for a value the parameter never has.
    pub(super) fn place(&self, value: &Value) -> Option<f64> {
        match self {
            Self::Double(interval) => {
                let value = value.as_f64()?;
                let inside = (interval.min..=interval.max).contains(&value);
                inside.then(|| interval.place(value))
            }
            finite => finite.number_of(value).map(|index| finite.place_of(index)),
        }
    }

    fn integer(&self, u: f64) -> i64 {
        match self {
            Self::Integer { min, max, wide } => (wide.at(u).round() as i64).clamp(*min, *max),
            _ => 0,
        }
    }
}

fn discrete(values: &[f64]) -> Result<Values, ParameterProblem> {
    let finite = values.iter().all(|value| value.is_finite());
    let increasing = values.windows(2).all(|pair| pair[1] - pair[0] >= APART);
    if values.is_empty() || !finite || !increasing {
        return Err(ParameterProblem::Discrete);
    }
    if values.len() > MOST_VALUES {
        return Err(ParameterProblem::TooManyValues(values.len()));
    }
    Ok(Values::Discrete(values.to_vec()))
}

/// Which of `count` equal parts of [0, 1] holds `u`.
fn rank(u: f64, count: usize) -> usize {
    ((u * count as f64) as usize).min(count - 1)
}

/// The middle of part `rank` of `count` equal parts of [0, 1].
fn middle(rank: usize, count: usize) -> f64 {
    (rank as f64 + 0.5) / count as f64
}
