//! Counts findings, applies their policies and writes bad rows aside.

use std::collections::BTreeMap;
use std::fs::File;

use serde::Serialize;

use crate::Error;
use crate::policy::{Finding, Policies, Policy};
use crate::scratch::temporary_file;

/// How many places of each finding are named in `statistics.json` and the report.
const PLACES: usize = 5;

/// Where in the input something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the file.
    pub file: u32,
    /// Line in it, from 1.
    pub line: u64,
}

/// One kind of finding, as reported.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// How often.
    pub count: u64,
    /// What was done about it.
    pub policy: Policy,
    /// The first few, each with its place.
    pub first: Vec<String>,
}

/// All findings of a run.
#[derive(Debug)]
pub struct Findings {
    policies: Policies,
    files: Vec<String>,
    found: BTreeMap<Finding, Found>,
    rejected: csv::Writer<File>,
    rejected_rows: u64,
}

impl Findings {
    /// No findings yet. `files` are the names of the input files, `columns` the kept columns.
    pub fn new(policies: &Policies, files: Vec<String>, columns: &[String]) -> Result<Self, Error> {
        let mut rejected = csv::Writer::from_writer(temporary_file()?);
        let header = ["finding", "detail", "file", "line"];
        let columns = columns.iter().map(String::as_str);
        rejected
            .write_record(header.into_iter().chain(columns))
            .map_err(csv_error)?;
        Ok(Self {
            policies: policies.clone(),
            files,
            found: BTreeMap::new(),
            rejected,
            rejected_rows: 0,
        })
    }

    /// File name and line of a place.
    pub fn name(&self, place: Place) -> String {
        format!("{} line {}", self.files[place.file as usize], place.line)
    }

    /// Counts a finding that is not about one row, such as a gap, and returns its policy.
    pub fn note(&mut self, finding: Finding, place: &str, detail: &str) -> Result<Policy, Error> {
        let policy = self.policies.get(finding);
        if policy == Policy::Error {
            return Err(Error::Finding {
                finding,
                place: place.to_owned(),
                detail: detail.to_owned(),
            });
        }
        let found = self.found.entry(finding).or_insert_with(|| Found {
            count: 0,
            policy,
            first: Vec::new(),
        });
        found.count += 1;
        if found.first.len() < PLACES {
            found.first.push(format!("{place}: {detail}"));
        }
        Ok(policy)
    }

    /// Counts a finding about a row. Returns whether the row stays; if not, it is written aside
    /// with `cells`, the texts of the kept columns.
    pub fn row<T: AsRef<[u8]>>(
        &mut self,
        finding: Finding,
        place: Place,
        detail: &str,
        cells: impl IntoIterator<Item = T>,
    ) -> Result<bool, Error> {
        let name = self.name(place);
        if self.note(finding, &name, detail)? == Policy::Keep {
            return Ok(true);
        }
        self.rejected_rows += 1;
        let line = place.line.to_string();
        let file = &self.files[place.file as usize];
        for field in [finding.key(), detail, file, &line] {
            self.rejected.write_field(field).map_err(csv_error)?;
        }
        for cell in cells {
            self.rejected.write_field(cell).map_err(csv_error)?;
        }
        self.rejected
            .write_record(None::<&[u8]>)
            .map_err(csv_error)?;
        Ok(false)
    }

    /// What was found so far.
    pub fn found(&self) -> &BTreeMap<Finding, Found> {
        &self.found
    }

    /// Number of rows written aside.
    pub fn rejected_rows(&self) -> u64 {
        self.rejected_rows
    }

    /// The error of a table of which no row is left.
    pub fn all_rejected(&self) -> Error {
        let most = self.found.values().max_by_key(|found| found.count);
        Error::AllRejected {
            rows: self.rejected_rows,
            example: most.map_or(String::new(), |found| found.first[0].clone()),
        }
    }

    /// The rejected rows, a CSV file.
    pub fn into_rejected(self) -> Result<File, Error> {
        let written = self.rejected.into_inner();
        written.map_err(|error| Error::Temporary {
            action: "write",
            source: error.into_error(),
        })
    }
}

fn csv_error(error: csv::Error) -> Error {
    Error::Temporary {
        action: "write",
        source: error.into(),
    }
}
