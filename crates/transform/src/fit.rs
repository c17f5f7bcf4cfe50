//! Fits the feature transform on the train rows, and on nothing else.

use artifacts::{Encoding, FORMAT_VERSION, FeatureTransform, LabelTransform, TransformParams};

use crate::Error;
use crate::date::to_iso;
use crate::examples::Examples;
use crate::findings::Findings;
use crate::moments::Moments;
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
    let reference = plan.reference.map(|index| plan.inputs[index].name.as_str());
    let moments = |name: &str, encoding: Encoding| -> Result<Moments, Error> {
        let encoded = examples.encoded(name, encoding, reference);
        let (mut row, mut bad) = (0, None);
        encoded.each(0..examples.dates.len(), |value| {
            if !value.is_finite() {
                bad.get_or_insert(row);
            }
            row += 1;
        })?;
        if let Some(row) = bad {
            return Err(Error::Encoding {
                column: name.to_owned(),
                value: examples.column(name).get(row)?,
                date: to_iso(examples.dates.get(row)?, examples.days),
                encoding: describe(encoding, reference),
            });
        }
        Moments::of(|value| encoded.each(0..train_rows, value))
    };

    let mut features = Vec::new();
    for (index, input) in plan.inputs.iter().enumerate() {
        let moments = moments(&input.name, input.encoding)?;
        // The reference relative to itself is 0 by definition: an input, but no feature.
        if plan.reference == Some(index) {
            continue;
        }
        if moments.constant() {
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
            scale: scale(&moments),
        });
    }
    if features.is_empty() {
        return Err(Error::NoFeatures { rows: train_rows });
    }
    let label = moments(&plan.label_column, plan.label_encoding)?;
    if label.constant() {
        return Err(Error::ConstantLabel {
            label: plan.label_column.clone(),
            value: examples.column(&plan.label_column).get(0)?,
            rows: train_rows,
        });
    }
    Ok(TransformParams {
        version: FORMAT_VERSION,
        inputs: plan.inputs.iter().map(|input| input.name.clone()).collect(),
        reference: reference.map(str::to_owned),
        features,
        label: LabelTransform {
            encoding: plan.label_encoding,
            mean: label.mean,
            scale: scale(&label),
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

/// The population standard deviation; 1 for a constant that a policy keeps.
fn scale(moments: &Moments) -> f64 {
    if moments.constant() {
        return 1.0;
    }
    (moments.squares / moments.count as f64).sqrt()
}
