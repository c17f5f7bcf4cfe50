//! Progress of long work: a bar on a terminal, plain log lines elsewhere.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

/// Time between two lines of the same work in a log.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Bytes, shown as KiB, MiB, …
    Bytes,
    /// Things, by their plural, for example `trials`.
    Items(&'static str),
}

/// Where progress goes.
#[derive(Clone, Debug)]
pub(crate) enum Display {
    /// Bars, which log lines must not tear.
    Terminal(MultiProgress),
    /// Log lines.
    Lines,
    /// Nowhere.
    Hidden,
}

impl Display {
    pub(crate) fn hidden() -> Self {
        Self::Hidden
    }
}

/// Progress of one piece of work; clones count together.
#[derive(Clone, Debug)]
pub struct Progress(Arc<State>);

#[derive(Debug)]
struct State {
    label: String,
    unit: Unit,
    total: Option<u64>,
    done: AtomicU64,
    message: Mutex<String>,
    started: Instant,
    last_line: Mutex<Instant>,
    bar: Option<ProgressBar>,
    lines: bool,
}

impl Progress {
    pub(crate) fn new(display: &Display, label: &str, unit: Unit, total: Option<u64>) -> Self {
        let bar = match display {
            Display::Terminal(bars) => Some(bars.add(bar(label, unit, total))),
            Display::Lines | Display::Hidden => None,
        };
        Self(Arc::new(State {
            label: label.to_owned(),
            unit,
            total,
            done: AtomicU64::new(0),
            message: Mutex::default(),
            started: Instant::now(),
            last_line: Mutex::new(Instant::now()),
            bar,
            lines: matches!(display, Display::Lines),
        }))
    }

    /// Counts `amount` more.
    pub fn inc(&self, amount: u64) {
        let done = self.0.done.fetch_add(amount, Ordering::Relaxed) + amount;
        self.show(done);
    }

    /// Sets the count, for work that can start over.
    pub fn set(&self, done: u64) {
        self.0.done.store(done, Ordering::Relaxed);
        self.show(done);
    }

    /// Says something beside the count, for example the best value so far.
    pub fn message(&self, text: impl Into<String>) {
        let text = text.into();
        if let Some(bar) = &self.0.bar {
            bar.set_message(text.clone());
        }
        if let Ok(mut message) = self.0.message.lock() {
            *message = text;
        }
    }

    /// Ends the display, with a last line in a log.
    pub fn finish(&self) {
        if let Some(bar) = &self.0.bar {
            bar.finish();
        }
        if self.0.lines {
            self.log(self.0.done.load(Ordering::Relaxed));
        }
    }

    fn show(&self, done: u64) {
        if let Some(bar) = &self.0.bar {
            bar.set_position(done);
        }
        if self.0.lines
            && let Ok(mut last) = self.0.last_line.try_lock()
            && last.elapsed() >= LINE_INTERVAL
        {
            *last = Instant::now();
            self.log(done);
        }
    }

    fn log(&self, done: u64) {
        let message = self
            .0
            .message
            .lock()
            .map(|text| text.clone())
            .unwrap_or_default();
        let separator = if message.is_empty() { "" } else { ", " };
        let line = line(self.0.unit, done, self.0.total, self.0.started.elapsed());
        tracing::info!("{}: {line}{separator}{message}", self.0.label);
    }
}

fn bar(label: &str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let counts = match (unit, total) {
        (Unit::Bytes, Some(_)) => "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}",
        (Unit::Bytes, None) => "{spinner} {bytes} {bytes_per_sec}",
        (Unit::Items(_), Some(_)) => "{bar:30} {human_pos}/{human_len} ETA {eta}",
        (Unit::Items(_), None) => "{spinner} {human_pos} {per_sec}",
    };
    let style = ProgressStyle::with_template(&format!("{{prefix}} {counts} {{msg}}"))
        .expect("the templates above are valid");
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.with_style(style).with_prefix(label.to_owned())
}

/// For example `1.5 GiB of 2.0 GiB (75 %), 310 MiB/s, 2 s left`.
fn line(unit: Unit, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let amount = |count: u64| match unit {
        Unit::Bytes => HumanBytes(count).to_string(),
        Unit::Items(_) => count.to_string(),
    };
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
    let mut text = amount(done);
    if let Some(total) = total {
        let share = if total == 0 {
            100.0
        } else {
            100.0 * done as f64 / total as f64
        };
        text.push_str(&format!(" of {} ({share:.0} %)", amount(total)));
    }
    match unit {
        Unit::Bytes => text.push_str(&format!(", {}/s", HumanBytes(rate as u64))),
        Unit::Items(plural) => text.push_str(&format!(" {plural}")),
    }
    if let Some(left) = total
        .and_then(|total| total.checked_sub(done))
        .filter(|left| *left > 0)
        && rate > 0.0
    {
        text.push_str(&format!(", {:.0} s left", left as f64 / rate));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_tells_amount_share_rate_and_time_left() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line(Unit::Bytes, 1 << 20, Some(4 << 20), second),
            "1.00 MiB of 4.00 MiB (25 %), 1.00 MiB/s, 3 s left"
        );
        assert_eq!(
            line(Unit::Items("trials"), 20, Some(20), second),
            "20 of 20 (100 %) trials"
        );
        assert_eq!(line(Unit::Bytes, 512, None, second), "512 B, 512 B/s");
        assert_eq!(
            line(Unit::Items("rows"), 0, Some(0), second),
            "0 of 0 (100 %) rows"
        );
    }
}
