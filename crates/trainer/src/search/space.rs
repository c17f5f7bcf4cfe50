//! The searched space as a unit cube: each parameter's values on its scale, from 0 to 1.
//!
//! A conditional parameter has an axis like any other. At a point where its condition does not
//! hold it stands at one fixed place, so that points which differ in nothing that exists are equal.

mod conditions;
mod values;

use artifacts::{ParameterSpec, TrialParameter};

use super::error::SearchError;
use values::Values;

/// The parameters of a study, each one axis of the unit cube; parents stand before their children.
#[derive(Clone, Debug)]
pub(super) struct Space {
    axes: Vec<Axis>,
}

#[derive(Clone, Debug)]
struct Axis {
    id: String,
    values: Values,
    condition: Option<Condition>,
}

/// When a parameter exists.
#[derive(Clone, Debug, PartialEq)]
struct Condition {
    /// Axis of the parent.
    parent: usize,
    /// Numbers of the parent's values for which it does, in increasing order.
    numbers: Vec<u64>,
}

impl Space {
    pub(super) fn new(parameters: &[ParameterSpec]) -> Result<Self, SearchError> {
        if parameters.is_empty() {
            return Err(SearchError::NoParameters);
        }
        let mut space = Self { axes: Vec::new() };
        for parameter in parameters {
            space.add(parameter, None)?;
        }
        Ok(space)
    }

    fn add(
        &mut self,
        parameter: &ParameterSpec,
        condition: Option<Condition>,
    ) -> Result<(), SearchError> {
        let id = parameter.parameter_id.clone();
        if self
            .axes
            .iter()
            .any(|axis| axis.clashes(&id, condition.as_ref()))
        {
            return Err(SearchError::Repeated { parameter: id });
        }
        let problem = |problem| SearchError::Parameter {
            parameter: id.clone(),
            problem,
        };
        let values = Values::new(parameter).map_err(problem)?;
        let parent = self.axes.len();
        self.axes.push(Axis {
            id: id.clone(),
            values,
            condition,
        });
        for child in &parameter.conditional_parameter_specs {
            let numbers =
                conditions::numbers(child, &id, &self.axes[parent].values).map_err(|problem| {
                    SearchError::Parameter {
                        parameter: child.parameter_spec.parameter_id.clone(),
                        problem,
                    }
                })?;
            self.add(&child.parameter_spec, Some(Condition { parent, numbers }))?;
        }
        Ok(())
    }

    /// Number of axes.
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
        self.product((0..self.axes.len()).filter(|axis| self.axes[*axis].condition.is_none()))
    }

    fn product(&self, axes: impl Iterator<Item = usize>) -> Option<u64> {
        axes.into_iter()
            .try_fold(1_u64, |size, axis| size.checked_mul(self.points(axis)?))
    }

    /// Number of points of one axis with all that depends on it.
    fn points(&self, axis: usize) -> Option<u64> {
        let count = self.axes[axis].values.count()?;
        let special = self.special(axis);
        let plain = count - special.len() as u64;
        special.into_iter().try_fold(plain, |sum, number| {
            sum.checked_add(self.below(axis, number)?)
        })
    }

    /// Points of what depends on an axis, where it has the value of this number.
    fn below(&self, axis: usize, number: u64) -> Option<u64> {
        self.product(self.children(axis, number))
    }

    /// Axes that exist where `parent` has the value of this number.
    fn children(&self, parent: usize, number: u64) -> impl DoubleEndedIterator<Item = usize> {
        let exists = move |axis: &Axis| {
            let condition = axis.condition.as_ref();
            condition.is_some_and(|c| c.parent == parent && c.numbers.contains(&number))
        };
        (0..self.axes.len()).filter(move |axis| exists(&self.axes[*axis]))
    }

    /// Numbers of an axis' values that others depend on.
    fn special(&self, parent: usize) -> std::collections::BTreeSet<u64> {
        let conditions = self.axes.iter().filter_map(|axis| axis.condition.as_ref());
        conditions
            .filter(|condition| condition.parent == parent)
            .flat_map(|condition| condition.numbers.iter().copied())
            .collect()
    }

    /// Point `index` of a finite space, counted with the last parameter fastest.
    pub(super) fn grid_point(&self, index: u64) -> Vec<f64> {
        let mut point: Vec<f64> = self.axes.iter().map(|axis| axis.values.nowhere()).collect();
        let roots = (0..self.axes.len()).filter(|axis| self.axes[*axis].condition.is_none());
        self.place_grid(index, roots, &mut point);
        point
    }

    fn place_grid(
        &self,
        mut index: u64,
        axes: impl DoubleEndedIterator<Item = usize>,
        point: &mut [f64],
    ) {
        for axis in axes.rev() {
            let count = self.points(axis).unwrap_or(1);
            let mut within = index % count;
            index /= count;
            let number = if self.special(axis).is_empty() {
                std::mem::take(&mut within)
            } else {
                let mut number = 0;
                // A value that nothing depends on is one point.
                while let size = self.below(axis, number).unwrap_or(1)
                    && within >= size
                {
                    within -= size;
                    number += 1;
                }
                number
            };
            point[axis] = self.axes[axis].values.place_of(number);
            self.place_grid(within, self.children(axis, number), point);
        }
    }

    /// The nearest point that stands for actual values.
    pub(super) fn snap(&self, point: &[f64]) -> Vec<f64> {
        let mut snapped = Vec::with_capacity(point.len());
        for (axis, &u) in self.axes.iter().zip(point) {
            snapped.push(if self.exists(axis, &snapped) {
                axis.values.snap(u)
            } else {
                axis.values.nowhere()
            });
        }
        snapped
    }

    /// Whether an axis exists at a point, of which the axes before it are known.
    fn exists(&self, axis: &Axis, point: &[f64]) -> bool {
        let Some(Condition { parent, numbers }) = &axis.condition else {
            return true;
        };
        let above = &self.axes[*parent];
        self.exists(above, point) && numbers.contains(&above.values.number_at(point[*parent]))
    }

    /// The values at a point.
    pub(super) fn parameters(&self, point: &[f64]) -> Vec<TrialParameter> {
        self.axes
            .iter()
            .zip(point)
            .filter(|(axis, _)| self.exists(axis, point))
            .map(|(axis, &u)| TrialParameter {
                parameter_id: axis.id.clone(),
                value: axis.values.at(u),
            })
            .collect()
    }

    /// The point of values; `None` where one that exists there is missing or out of its range.
    /// Values of other names are not looked at.
    pub(super) fn place(&self, parameters: &[TrialParameter]) -> Option<Vec<f64>> {
        let mut point = Vec::with_capacity(self.axes.len());
        for axis in &self.axes {
            point.push(if self.exists(axis, &point) {
                let mut named = parameters.iter();
                let found = named.find(|p| same_name(&p.parameter_id, &axis.id))?;
                axis.values.place(&found.value)?
            } else {
                axis.values.nowhere()
            });
        }
        Some(point)
    }
}

impl Axis {
    /// Whether a parameter cannot be beside this one: it has the same name, and both may exist.
    fn clashes(&self, id: &str, condition: Option<&Condition>) -> bool {
        let apart = match (self.condition.as_ref(), condition) {
            (Some(one), Some(other)) => {
                one.parent == other.parent && !one.numbers.iter().any(|n| other.numbers.contains(n))
            }
            _ => false,
        };
        same_name(&self.id, id) && !apart
    }
}

/// Hyphens and underscores are the same.
fn same_name(a: &str, b: &str) -> bool {
    a.replace('-', "_") == b.replace('-', "_")
}
