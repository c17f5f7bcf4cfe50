//! The row-wise half of the work on Dataflow.
//!
//! A Beam YAML [`pipeline`] reads the files, keeps the records of the series and the columns that
//! are needed, sets malformed records aside, and writes the others as text with their place.
//! [`gather`] puts those back into the order of the files: a small raw table, from which the
//! examples are made as from any other. So windows, splits and every decision about a cell are
//! made by the same code, and the examples are the same bytes.

mod gather;
mod launch;
mod pipeline;

pub use gather::{Gathered, gather};
pub use launch::{Counts, Fetched, Launch};
pub use pipeline::{MALFORMED, ROWS, Stage};
