//! Self-contained HTML reports with SVG charts.
//!
//! A page needs no network, no script and no file beside it, so it reads the same in a browser,
//! in the Kubeflow Pipelines UI's sandboxed frame and in an archive. The same content gives the
//! same bytes.
//!
//! ```
//! use report::{LineChart, Page, Series, Table};
//!
//! let html = Page::new("Training report")
//!     .heading("Metrics")
//!     .table(Table::new(["split", "RMSE, USD"]).row(["eval", "35.10"]).row(["test", "223.15"]))
//!     .chart(LineChart::new("Loss").series(Series::line("train", vec![(0.0, 2.0), (1.0, 1.0)])))
//!     .to_html();
//! assert!(html.starts_with("<!doctype html>"));
//! ```

mod axis;
mod bars;
mod dimension;
mod line_chart;
mod page;
mod parallel_coordinates;
mod slices;
mod svg;
mod table;

pub use axis::{Scale, XAxis};
pub use bars::{BarChart, Histogram};
pub use dimension::Dimension;
pub use line_chart::{LineChart, Outline, Series, SeriesStyle};
pub use page::{Chart, Page};
pub use parallel_coordinates::ParallelCoordinates;
pub use slices::Slices;
pub use table::Table;
