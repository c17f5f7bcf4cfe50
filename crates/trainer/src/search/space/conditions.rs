//! For which values of its parent a parameter exists.

use artifacts::ConditionalParameterSpec;
use serde_json::Value;

use super::values::Values;
use crate::search::error::ParameterProblem;

/// Numbers of the values of `parent` for which the conditional parameter exists, in order.
pub(super) fn numbers(
    child: &ConditionalParameterSpec,
    parent: &str,
    values: &Values,
) -> Result<Vec<u64>, ParameterProblem> {
    let lists = [
        (
            "parentDiscreteValues",
            child.parent_discrete_values.is_some(),
        ),
        ("parentIntValues", child.parent_int_values.is_some()),
        (
            "parentCategoricalValues",
            child.parent_categorical_values.is_some(),
        ),
    ];
    let mut given = lists.iter().filter(|(_, is)| *is).map(|(name, _)| *name);
    let (Some(found), None) = (given.next(), given.next()) else {
        return Err(ParameterProblem::ConditionLists(
            lists.iter().filter(|(_, is)| *is).count(),
        ));
    };
    let wanted = match values {
        Values::Double(_) => {
            return Err(ParameterProblem::DoubleParent {
                parent: parent.to_owned(),
            });
        }
        Values::Integer { .. } => "parentIntValues",
        Values::Discrete(_) => "parentDiscreteValues",
        Values::Categorical(_) => "parentCategoricalValues",
    };
    if found != wanted {
        return Err(ParameterProblem::ConditionKind {
            found,
            parent: parent.to_owned(),
            wanted,
        });
    }
    let never = |value: String| ParameterProblem::ParentValue {
        parent: parent.to_owned(),
        value,
    };
    let numeric = child
        .parent_discrete_values
        .iter()
        .chain(&child.parent_int_values);
    let mut listed: Vec<Value> = Vec::new();
    for list in numeric {
        listed.extend(list.numbers().map_err(never)?.into_iter().map(Value::from));
    }
    let names = child.parent_categorical_values.iter();
    listed.extend(names.flat_map(|list| list.values.iter().cloned().map(Value::from)));
    if listed.is_empty() {
        return Err(ParameterProblem::NoParentValue(found));
    }
    let number = |value: &Value| {
        values
            .number_of(value)
            .ok_or_else(|| never(value.to_string()))
    };
    let mut numbers = listed.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}
