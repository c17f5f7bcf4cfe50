//! Why a study is refused.

/// Why a study specification is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// One metric is optimised, no less and no more.
    #[error("the study has {found} metrics; this tuner optimises exactly one")]
    Metrics {
        /// Metrics in the specification.
        found: usize,
    },
    /// A part of the specification that would change the search but is not supported.
    #[error("the study sets `{field}`, which this tuner does not support")]
    Unsupported {
        /// Its name.
        field: &'static str,
    },
    /// An algorithm of another tuner.
    #[error(
        "the study's algorithm is `{found}`; this tuner knows ALGORITHM_UNSPECIFIED (Gaussian \
         process), RANDOM_SEARCH and GRID_SEARCH"
    )]
    Algorithm {
        /// The algorithm asked for.
        found: String,
    },
    /// An unknown rule for the measurement that counts.
    #[error(
        "the study's measurementSelectionType is `{found}`; this tuner knows LAST_MEASUREMENT \
         and BEST_MEASUREMENT"
    )]
    MeasurementSelection {
        /// The rule asked for.
        found: String,
    },
    /// A grid needs a finite number of points.
    #[error(
        "GRID_SEARCH needs a finite space, but parameter `{parameter}` is a double; list its \
         values in a discreteValueSpec"
    )]
    ContinuousGrid {
        /// The parameter.
        parameter: String,
    },
    /// There is nothing to search.
    #[error("the study has no parameters")]
    NoParameters,
    /// A parameter is specified twice.
    #[error("parameter `{parameter}` is specified twice (hyphens and underscores are the same)")]
    Repeated {
        /// The parameter.
        parameter: String,
    },
    /// A parameter's specification can't be used.
    #[error("parameter `{parameter}`: {problem}")]
    Parameter {
        /// The parameter.
        parameter: String,
        /// What is wrong with it.
        problem: ParameterProblem,
    },
}

/// What is wrong with a parameter's specification.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterProblem {
    /// Not exactly one kind of values.
    #[error(
        "{0} value specifications; give exactly one of doubleValueSpec, integerValueSpec, \
         discreteValueSpec and categoricalValueSpec"
    )]
    ValueSpecs(usize),
    /// The interval is empty or not finite.
    #[error("minValue {min} and maxValue {max} are not a finite, increasing interval")]
    Interval {
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
    },
    /// Logarithms need positive numbers.
    #[error("a logarithmic scale needs values above 0, minValue is {0}")]
    LogOfNothing(f64),
    /// No values, or not in increasing order.
    #[error("the values of a discreteValueSpec must be finite numbers in increasing order")]
    Discrete,
    /// No values, or one twice.
    #[error("the values of a categoricalValueSpec must be different names, at least one")]
    Categorical,
    /// Names have no scale.
    #[error("a categorical parameter has no scaleType")]
    CategoricalScale,
    /// Conditional parameters.
    #[error("`conditionalParameterSpecs` is set, which this tuner does not support")]
    Conditional,
}
