//! What the configuration means: the columns to keep and the inputs to make of them.

mod validate;

use artifacts::Encoding;

use crate::config::{CalendarField, Config, PriceRepresentation, RollingStatistic};

/// What is made of the kept columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Raw numeric columns to keep, in the order of [`crate::table::Table::columns`].
    pub kept: Vec<String>,
    /// The model's inputs, in the order of its input tensor.
    pub inputs: Vec<Input>,
    /// Position of the reference in `inputs`, when any encoding is relative.
    pub reference: Option<usize>,
    /// Position of the label's raw column in `kept`.
    pub label: usize,
    /// Name of the label's column in the example files.
    pub label_column: String,
    /// How the label is encoded.
    pub label_encoding: Encoding,
    /// Position of the naive forecast's raw column in `kept`.
    pub naive: usize,
    /// Rows between a row and its label.
    pub horizon: usize,
    /// Rows before a row that its inputs reach back to.
    pub history: usize,
}

/// One input of the model: a column of the example files.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its column name.
    pub name: String,
    /// How it is made.
    pub derivation: Derivation,
    /// How the model encodes it.
    pub encoding: Encoding,
}

/// How an input is made of the kept columns; a `column` is a position in [`Plan::kept`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Derivation {
    /// The row's own value.
    Value {
        /// Of which column.
        column: usize,
    },
    /// The value some rows before.
    Lag {
        /// Of which column.
        column: usize,
        /// How many rows before; at least 1.
        rows: usize,
    },
    /// A statistic over a window of rows.
    Rolling {
        /// Of which column.
        column: usize,
        /// Which statistic.
        statistic: RollingStatistic,
        /// Window length in rows; at least 2.
        window: usize,
        /// The window ends this many rows before the row: 0 or 1.
        delay: usize,
    },
    /// A part of the row's date.
    Calendar(CalendarField),
}

impl Derivation {
    /// Rows before a row that are needed to make it.
    fn history(self) -> usize {
        match self {
            Self::Value { .. } | Self::Calendar(_) => 0,
            Self::Lag { rows, .. } => rows,
            Self::Rolling { window, delay, .. } => window - 1 + delay,
        }
    }
}

/// What a column's values are, which decides how they may be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Above 0, in the label's unit.
    Price,
    /// At least 0.
    Volume,
    /// Any number.
    Number,
}

impl Kind {
    /// The kind of a raw column. The label and the reference are prices by their role.
    pub fn of(config: &Config, column: &str) -> Self {
        let is = |names: &[String]| names.iter().any(|name| name == column);
        if is(&config.numeric_columns.price) || column == config.label {
            Self::Price
        } else if is(&config.numeric_columns.volume) {
            Self::Volume
        } else {
            Self::Number
        }
    }

    /// How a value of this kind is encoded.
    fn encoding(self, representation: PriceRepresentation) -> Encoding {
        match (representation, self) {
            (PriceRepresentation::Raw, _) | (_, Self::Number) => Encoding::Identity,
            (PriceRepresentation::LogRatio, Self::Price) => Encoding::LogRatio,
            (PriceRepresentation::LogRatio, Self::Volume) => Encoding::Log1p,
        }
    }
}

impl Plan {
    /// Checks the configuration and works out what it means.
    pub fn new(config: &Config) -> Result<Self, crate::Error> {
        validate::validate(config)?;
        let representation = config.price_representation;
        let mut plan = Self {
            kept: Vec::new(),
            inputs: Vec::new(),
            reference: None,
            label: 0,
            label_column: label_column(config),
            label_encoding: Kind::Price.encoding(representation),
            naive: 0,
            horizon: config.horizon as usize,
            history: 0,
        };
        for feature in &config.features {
            plan.value(config, feature);
        }
        let reference = reference(config);
        if representation == PriceRepresentation::LogRatio {
            plan.reference = Some(plan.value(config, reference));
        }
        plan.label = plan.keep(&config.label);
        plan.naive = plan.keep(if config.horizon > 0 {
            &config.label
        } else {
            reference
        });
        plan.derive(config);
        plan.history = plan
            .inputs
            .iter()
            .map(|input| input.derivation.history())
            .max()
            .unwrap_or(0);
        plan.check_names(&config.date.column)?;
        Ok(plan)
    }

    /// Refuses two columns of one name in the example files: a raw column may be named like a
    /// derived one, or like the label's.
    fn check_names(&self, date_column: &str) -> Result<(), crate::Error> {
        let naive = Derivation::Value { column: self.naive };
        let is_input = self.inputs.iter().any(|input| input.derivation == naive);
        let naive = (!is_input).then(|| self.naive_column());
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        let mut names: Vec<&str> = inputs.chain(naive).collect();
        names.extend([self.label_column.as_str(), date_column]);
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(crate::Error::Config {
                key: "features",
                problem: format!("leads to two columns named `{}` in the examples", pair[0]),
                hint: "rename that column of the raw table, or leave one of them out".to_owned(),
            }),
        }
    }

    /// Adds the lags, the rolling statistics and the calendar.
    fn derive(&mut self, config: &Config) {
        let label = std::slice::from_ref(&config.label);
        let or_label = |columns: &'_ [String]| -> Vec<String> {
            if columns.is_empty() {
                label.to_vec()
            } else {
                columns.to_vec()
            }
        };
        for name in or_label(&config.lags.columns)
            .iter()
            .filter(|_| !config.lags.rows.is_empty())
        {
            let column = self.keep(name);
            let encoding = Kind::of(config, name).encoding(config.price_representation);
            for &rows in &config.lags.rows {
                let derivation = Derivation::Lag {
                    column,
                    rows: rows as usize,
                };
                self.input(format!("{name}_lag_{rows}"), derivation, encoding);
            }
        }
        let windows = &config.rolling.windows;
        for name in or_label(&config.rolling.columns)
            .iter()
            .filter(|_| !windows.is_empty())
        {
            let column = self.keep(name);
            let kind = Kind::of(config, name);
            let delay = usize::from(config.horizon == 0 && *name == config.label);
            for &window in windows {
                for &statistic in &config.rolling.statistics {
                    let encoding = match kind.encoding(config.price_representation) {
                        Encoding::LogRatio if statistic == RollingStatistic::Std => Encoding::Ratio,
                        encoding => encoding,
                    };
                    let window = window as usize;
                    let derivation = Derivation::Rolling {
                        column,
                        statistic,
                        window,
                        delay,
                    };
                    let name = format!("{name}_{}_{window}", statistic.as_str());
                    self.input(name, derivation, encoding);
                }
            }
        }
        for &field in &config.calendar {
            let derivation = Derivation::Calendar(field);
            self.input(field.as_str().to_owned(), derivation, Encoding::Identity);
        }
    }

    /// Position of a raw column in `kept`, adding it if need be.
    fn keep(&mut self, name: &str) -> usize {
        self.kept
            .iter()
            .position(|kept| kept == name)
            .unwrap_or_else(|| {
                self.kept.push(name.to_owned());
                self.kept.len() - 1
            })
    }

    /// Position in `inputs` of a raw column's own value, adding it if need be.
    fn value(&mut self, config: &Config, name: &str) -> usize {
        let column = self.keep(name);
        let encoding = Kind::of(config, name).encoding(config.price_representation);
        self.input(name.to_owned(), Derivation::Value { column }, encoding)
    }

    fn input(&mut self, name: String, derivation: Derivation, encoding: Encoding) -> usize {
        self.inputs
            .iter()
            .position(|input| input.derivation == derivation)
            .unwrap_or_else(|| {
                self.inputs.push(Input {
                    name,
                    derivation,
                    encoding,
                });
                self.inputs.len() - 1
            })
    }

    /// Numeric columns of the example files, in file order: the inputs, the naive forecast
    /// where it is no input, the label.
    pub fn example_columns(&self) -> Vec<String> {
        let mut columns: Vec<_> = self.inputs.iter().map(|input| input.name.clone()).collect();
        for name in [self.naive_column(), &self.label_column] {
            if !columns.iter().any(|column| column == name) {
                columns.push(name.to_owned());
            }
        }
        columns
    }

    /// Name of the column with the naive forecast.
    pub fn naive_column(&self) -> &str {
        &self.kept[self.naive]
    }
}

/// The reference of relative prices, which is also the naive forecast at horizon 0: the opening
/// price, known when the day begins. Above horizon 0 it is the last known label. A table without
/// relative prices need not have an `open`: then the first feature is the naive forecast.
fn reference(config: &Config) -> &str {
    let opening = "open";
    let first = config.features.first().map_or(opening, String::as_str);
    let has_opening = config.features.iter().any(|feature| feature == opening);
    match (
        &config.reference,
        config.horizon,
        config.price_representation,
    ) {
        (Some(reference), _, _) => reference,
        (None, 1.., _) => &config.label,
        (None, 0, PriceRepresentation::Raw) if !has_opening => first,
        (None, 0, _) => opening,
    }
}

/// `close`, or `close_in_3` at horizon 3.
fn label_column(config: &Config) -> String {
    match config.horizon {
        0 => config.label.clone(),
        rows => format!("{}_in_{rows}", config.label),
    }
}

#[cfg(test)]
mod tests;
