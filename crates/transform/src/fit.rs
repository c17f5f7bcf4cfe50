//! Fits the feature transform on the train rows, and on nothing else.

use artifacts::{Encoding, FORMAT_VERSION, FeatureTransform, LabelTransform, TransformParams};

use crate::Error;
use crate::date::to_iso;
use crate::examples::Examples;
use crate::findings::Findings;
use crate::plan::Plan;
use crate::policy::{Finding, Policy};

/// Fits means and scales over the first `train_rows` rows.
///
/// Everything is computed in `f64`: encoding, mean and population standard deviation. A model
/// encodes in `f32`; the difference, about 1e-7 relative, is far below any scale.
/// Every row of every split is checked to have an encoding.
pub fn fit(
    plan: &Plan,
    examples: &Examples,
    train_rows: usize,
    findings: &mut Findings,
) -> Result<TransformParams, Error> {
    let reference_name = plan.reference.map(|index| plan.inputs[index].name.as_str());
    let reference = reference_name.map(|name| examples.values(name));
    let encoded = |column: &str, encoding: Encoding| {
        let encoded = examples.encoded(column, encoding, reference.as_deref());
        match encoded.iter().position(|value| !value.is_finite()) {
            None => Ok(encoded),
            Some(row) => Err(Error::Encoding {
                column: column.to_owned(),
                value: examples.values(column)[row],
                date: to_iso(examples.dates[row], examples.days),
                encoding: describe(encoding, reference_name),
            }),
        }
    };

    let mut features = Vec::new();
    for (index, input) in plan.inputs.iter().enumerate() {
        let column = encoded(&input.name, input.encoding)?;
        // The reference relative to itself is 0 by definition: an input, but no feature.
        if plan.reference == Some(index) {
            continue;
        }
        let moments = Moments::of(&column[..train_rows]);
        if moments.constant {
            let detail = format!(
                "one value, {}, in all {train_rows} train rows",
                moments.mean
            );
            let place = format!("feature `{}`", input.name);
            if findings.note(Finding::ConstantColumn, &place, &detail)? == Policy::Drop {
                continue;
            }
        }
        features.push(FeatureTransform {
            input: input.name.clone(),
            encoding: input.encoding,
            mean: moments.mean,
            scale: moments.scale(),
        });
    }
    if features.is_empty() {
        return Err(Error::NoFeatures { rows: train_rows });
    }
    let label = Moments::of(&encoded(&plan.label_column, plan.label_encoding)?[..train_rows]);
    if label.constant {
        return Err(Error::ConstantLabel {
            label: plan.label_column.clone(),
            value: examples.values(&plan.label_column)[0],
            rows: train_rows,
        });
    }
    Ok(TransformParams {
        version: FORMAT_VERSION,
        inputs: plan.inputs.iter().map(|input| input.name.clone()).collect(),
        reference: reference_name.map(str::to_owned),
        features,
        label: LabelTransform {
            encoding: plan.label_encoding,
            mean: label.mean,
            scale: label.scale(),
        },
    })
}

fn describe(encoding: Encoding, reference: Option<&str>) -> String {
    let to = reference.map_or(String::new(), |reference| format!(" to `{reference}`"));
    match encoding {
        Encoding::Identity => "finite value".to_owned(),
        Encoding::LogRatio => format!("log ratio{to}"),
        Encoding::Ratio => format!("ratio{to}"),
        Encoding::Log1p => "logarithm".to_owned(),
    }
}

/// Mean and spread of a column.
struct Moments {
    mean: f64,
    deviation: f64,
    constant: bool,
}

impl Moments {
    /// Two passes, for precision. `values` is not empty.
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let constant = values.iter().all(|value| *value == values[0]);
        Self {
            mean,
            deviation: (squares / count).sqrt(),
            constant,
        }
    }

    /// The deviation; 1 for a constant that a policy keeps.
    fn scale(&self) -> f64 {
        if self.constant { 1.0 } else { self.deviation }
    }
}
