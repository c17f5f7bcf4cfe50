//! The searched space as a unit cube: each parameter's values on its scale, from 0 to 1.

use std::collections::BTreeSet;

use artifacts::{ParameterSpec, ScaleType, TrialParameter};
use serde_json::Value;

use super::error::{ParameterProblem, SearchError};

/// The parameters of a study, each one axis of the unit cube.
#[derive(Clone, Debug)]
pub(super) struct Space {
    axes: Vec<Axis>,
}

#[derive(Clone, Debug)]
struct Axis {
    id: String,
    values: Values,
}

/// What an axis stands for.
#[derive(Clone, Debug)]
enum Values {
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
struct Interval {
    min: f64,
    max: f64,
    scale: ScaleType,
}

impl Interval {
    /// The value at `u` in [0, 1].
    fn at(self, u: f64) -> f64 {
        let Self { min, max, scale } = self;
        let value = match scale {
            ScaleType::UnitLinearScale => min + u * (max - min),
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
            ScaleType::UnitLinearScale => (value - min) / (max - min),
            ScaleType::UnitLogScale => (value / min).ln() / (max / min).ln(),
            ScaleType::UnitReverseLogScale => {
                1.0 - ((max + min - value) / min).ln() / (max / min).ln()
            }
        }
    }
}

impl Space {
    pub(super) fn new(parameters: &[ParameterSpec]) -> Result<Self, SearchError> {
        if parameters.is_empty() {
            return Err(SearchError::NoParameters);
        }
        let mut seen = BTreeSet::new();
        let axes = parameters.iter().map(|parameter| {
            let id = parameter.parameter_id.clone();
            if !seen.insert(id.replace('-', "_")) {
                return Err(SearchError::Repeated { parameter: id });
            }
            let values = Values::new(parameter).map_err(|problem| SearchError::Parameter {
                parameter: id.clone(),
                problem,
            })?;
            Ok(Axis { id, values })
        });
        Ok(Self {
            axes: axes.collect::<Result<_, _>>()?,
        })
    }

    /// Number of parameters.
    pub(super) fn width(&self) -> usize {
        self.axes.len()
    }

    /// For each axis, whether its values have no order.
    pub(super) fn categorical(&self) -> Vec<bool> {
        self.axes
            .iter()
            .map(|axis| matches!(axis.values, Values::Categorical(_)))
            .collect()
    }

    /// The first parameter with infinitely many values.
    pub(super) fn first_continuous(&self) -> Option<&str> {
        let axis = self
            .axes
            .iter()
            .find(|axis| axis.values.count().is_none())?;
        Some(&axis.id)
    }

    /// Number of points, where it is finite (and not astronomical).
    pub(super) fn size(&self) -> Option<u64> {
        self.axes
            .iter()
            .try_fold(1_u64, |size, axis| size.checked_mul(axis.values.count()?))
    }

    /// Point `index` of a finite space, counted with the last parameter fastest.
    pub(super) fn grid_point(&self, mut index: u64) -> Vec<f64> {
        let mut point: Vec<f64> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let count = axis.values.count().unwrap_or(1);
                let place = axis.values.place_of(index % count);
                index /= count;
                place
            })
            .collect();
        point.reverse();
        point
    }

    /// The nearest point that stands for actual values.
    pub(super) fn snap(&self, point: &[f64]) -> Vec<f64> {
        self.axes
            .iter()
            .zip(point)
            .map(|(axis, &u)| axis.values.snap(u))
            .collect()
    }

    /// The values at a point.
    pub(super) fn parameters(&self, point: &[f64]) -> Vec<TrialParameter> {
        self.axes
            .iter()
            .zip(point)
            .map(|(axis, &u)| TrialParameter {
                parameter_id: axis.id.clone(),
                value: axis.values.at(u),
            })
            .collect()
    }
}

impl Values {
    fn new(parameter: &ParameterSpec) -> Result<Self, ParameterProblem> {
        if !parameter.conditional_parameter_specs.is_empty() {
            return Err(ParameterProblem::Conditional);
        }
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
        let scale = parameter.scale_type.unwrap_or(ScaleType::UnitLinearScale);
        if let Some(spec) = &parameter.double_value_spec {
            return Ok(Self::Double(interval(
                spec.min_value,
                spec.max_value,
                scale,
            )?));
        }
        if let Some(spec) = &parameter.integer_value_spec {
            let (min, max) = (spec.min_value, spec.max_value);
            let checked = interval(min as f64, max as f64, scale)?;
            let wide = Interval {
                min: checked.min - 0.5,
                max: checked.max + 0.5,
                scale,
            };
            return Ok(Self::Integer { min, max, wide });
        }
        if let Some(spec) = &parameter.discrete_value_spec {
            let finite = spec.values.iter().all(|value| value.is_finite());
            let increasing = spec.values.windows(2).all(|pair| pair[0] < pair[1]);
            if spec.values.is_empty() || !finite || !increasing {
                return Err(ParameterProblem::Discrete);
            }
            return Ok(Self::Discrete(spec.values.clone()));
        }
        let names = parameter
            .categorical_value_spec
            .iter()
            .flat_map(|spec| &spec.values);
        let names: Vec<String> = names.cloned().collect();
        if names.is_empty() || names.iter().collect::<BTreeSet<_>>().len() != names.len() {
            return Err(ParameterProblem::Categorical);
        }
        if parameter.scale_type.is_some() {
            return Err(ParameterProblem::CategoricalScale);
        }
        Ok(Self::Categorical(names))
    }

    /// Number of values, where it is finite.
    fn count(&self) -> Option<u64> {
        match self {
            Self::Double(_) => None,
            Self::Integer { min, max, .. } => Some(max.abs_diff(*min).saturating_add(1)),
            Self::Discrete(values) => Some(values.len() as u64),
            Self::Categorical(names) => Some(names.len() as u64),
        }
    }

    /// The value at `u` in [0, 1].
    fn at(&self, u: f64) -> Value {
        match self {
            Self::Double(interval) => interval.at(u).into(),
            Self::Integer { .. } => self.integer(u).into(),
            Self::Discrete(values) => values[rank(u, values.len())].into(),
            Self::Categorical(names) => names[rank(u, names.len())].clone().into(),
        }
    }

    /// The place that stands for the value at `u`.
    fn snap(&self, u: f64) -> f64 {
        match self {
            Self::Double(_) => u.clamp(0.0, 1.0),
            Self::Integer { wide, .. } => wide.place(self.integer(u) as f64),
            Self::Discrete(values) => middle(rank(u, values.len()), values.len()),
            Self::Categorical(names) => middle(rank(u, names.len()), names.len()),
        }
    }

    /// The place of value number `index` of a finite axis.
    fn place_of(&self, index: u64) -> f64 {
        match self {
            Self::Double(_) => 0.5,
            Self::Integer { min, wide, .. } => wide.place((min + index as i64) as f64),
            Self::Discrete(values) => middle(index as usize, values.len()),
            Self::Categorical(names) => middle(index as usize, names.len()),
        }
    }

    fn integer(&self, u: f64) -> i64 {
        match self {
            Self::Integer { min, max, wide } => (wide.at(u).round() as i64).clamp(*min, *max),
            _ => 0,
        }
    }
}

fn interval(min: f64, max: f64, scale: ScaleType) -> Result<Interval, ParameterProblem> {
    if !(min.is_finite() && max.is_finite() && min <= max) {
        return Err(ParameterProblem::Interval { min, max });
    }
    if scale != ScaleType::UnitLinearScale && min <= 0.0 {
        return Err(ParameterProblem::LogOfNothing(min));
    }
    Ok(Interval { min, max, scale })
}

/// Which of `count` equal parts of [0, 1] holds `u`.
fn rank(u: f64, count: usize) -> usize {
    ((u * count as f64) as usize).min(count - 1)
}

/// The middle of part `rank` of `count` equal parts of [0, 1].
fn middle(rank: usize, count: usize) -> f64 {
    (rank as f64 + 0.5) / count as f64
}
