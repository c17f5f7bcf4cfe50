//! `transform_params.json`: how raw inputs become network inputs, and the network's output the label.

use serde::{Deserialize, Serialize};

/// The row-wise feature transform. Means and scales are fitted on train rows only.
///
/// For a row `x` with reference value `r = x[reference]`:
/// network input `i` is `(encode(x[feature.input], r) − feature.mean) / feature.scale`;
/// the network's output `z` becomes the label as `decode(z × label.scale + label.mean, r)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformParams {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// Raw numeric columns in the order of the model's input tensor; equals `Schema::inputs`.
    pub inputs: Vec<String>,
    /// Raw input that relative encodings refer to; required when any encoding is relative.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// Network inputs, in order.
    pub features: Vec<FeatureTransform>,
    /// The label.
    pub label: LabelTransform,
}

/// One network input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureTransform {
    /// The raw input it is made from.
    pub input: String,
    /// How it is encoded.
    pub encoding: Encoding,
    /// Mean of the encoded value over the train rows.
    pub mean: f64,
    /// Standard deviation (population) of the encoded value over the train rows; above 0.
    pub scale: f64,
}

/// The label's encoding; [`Encoding::Identity`] or [`Encoding::LogRatio`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelTransform {
    /// How it is encoded.
    pub encoding: Encoding,
    /// Mean of the encoded label over the train rows.
    pub mean: f64,
    /// Standard deviation (population) of the encoded label over the train rows; above 0.
    pub scale: f64,
}

/// A row-wise function of one raw value `x` and the row's reference `r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `x`
    Identity,
    /// `ln(x / r)`; both above 0. Inverse: `r × exp(y)`.
    LogRatio,
    /// `x / r`, for spreads in the reference's unit that may be 0, such as a rolling deviation.
    Ratio,
    /// `ln(1 + x)`; x at least 0, for volumes and counts.
    Log1p,
}

impl Encoding {
    /// Whether the encoding needs the row's reference.
    pub fn is_relative(self) -> bool {
        matches!(self, Self::LogRatio | Self::Ratio)
    }
}
