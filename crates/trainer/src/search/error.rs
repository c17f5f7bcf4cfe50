//! Why a study is refused.

/// Why a study specification is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to optimise.
    #[error("the study has no metrics")]
    NoMetrics,
    /// A metric is named twice.
    #[error("metric `{metric}` is specified twice")]
    RepeatedMetric {
        /// The metric.
        metric: String,
    },
    /// Trials are stopped by one metric.
    #[error(
        "the study has {metrics} metrics and sets `{field}`; trials can be stopped early in a \
         study of one metric"
    )]
    StoppingByMetrics {
        /// The stopping rule.
        field: &'static str,
        /// Metrics in the specification.
        metrics: usize,
    },
    /// One rule decides.
    #[error(
        "the study sets `medianAutomatedStoppingSpec` and `decayCurveStoppingSpec`; give at most \
         one of them"
    )]
    TwoStoppingRules,
    /// Elapsed time is different in every run.
    #[error(
        "the study's {field} sets `useElapsedDuration`; this tuner compares trials by their steps, \
         so that a study gives the same trials on every machine"
    )]
    ElapsedDuration {
        /// The stopping rule.
        field: &'static str,
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
    /// More values than Vertex AI takes.
    #[error("a discreteValueSpec has at most 1000 values, this one has {0}")]
    TooManyValues(usize),
    /// Not exactly one list of parent values.
    #[error(
        "its condition has {0} lists of values; give exactly one of parentDiscreteValues, \
         parentIntValues and parentCategoricalValues"
    )]
    ConditionLists(usize),
    /// The list is of another kind than the parent.
    #[error("its condition gives {found}, but its parent `{parent}` takes {wanted}")]
    ConditionKind {
        /// The list's name.
        found: &'static str,
        /// The parent.
        parent: String,
        /// The name the parent takes.
        wanted: &'static str,
    },
    /// A real number rarely has exactly one value.
    #[error(
        "its parent `{parent}` is a double; only parameters of integer, discrete and categorical \
         values have conditional ones"
    )]
    DoubleParent {
        /// The parent.
        parent: String,
    },
    /// The list is empty.
    #[error("its condition's {0} are empty")]
    NoParentValue(&'static str),
    /// The condition would never hold.
    #[error("its parent `{parent}` never has the value {value}")]
    ParentValue {
        /// The parent.
        parent: String,
        /// The value, as JSON.
        value: String,
    },
}
