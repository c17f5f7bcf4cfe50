//! Logs on stderr: readable text on a terminal, Cloud Logging's JSON elsewhere.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::arguments::LogFormat;
use crate::progress::Display;

/// Installs the process's log and returns where progress goes, and whether the log is JSON.
pub(crate) fn install(
    component: &'static str,
    format: LogFormat,
    level: &str,
) -> Result<(Display, bool), String> {
    let filter = EnvFilter::try_new(level).map_err(|_| {
        format!(
            "--log-level {level:?} is not a log filter. Next step: use error, warn, info, debug, \
             trace, or a filter such as info,storage=debug"
        )
    })?;
    let terminal = io::stderr().is_terminal();
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    let bars = (terminal && !json).then(MultiProgress::new);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Stderr { bars: bars.clone() })
        .event_format(Format { component, json });
    // A second install happens only in tests that call `main` twice; the first log stays.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
    Ok((bars.map_or(Display::Lines, Display::Terminal), json))
}

/// Stderr, clear of progress bars while a line is written.
#[derive(Clone)]
struct Stderr {
    bars: Option<MultiProgress>,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let all = || io::stderr().write_all(bytes).map(|()| bytes.len());
        match &self.bars {
            Some(bars) => bars.suspend(all),
            None => all(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

struct Format {
    component: &'static str,
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        if self.json {
            writeln!(writer, "{}", self.json_line(level, fields))
        } else {
            writeln!(writer, "{}", text_line(level, &fields))
        }
    }
}

impl Format {
    /// Cloud Logging's special fields: <https://cloud.google.com/logging/docs/structured-logging>.
    fn json_line(&self, level: Level, fields: Fields) -> Value {
        let mut line = Map::new();
        line.insert("severity".to_owned(), json!(severity(level)));
        line.insert("message".to_owned(), json!(fields.message));
        line.insert("time".to_owned(), json!(jiff::Timestamp::now().to_string()));
        line.insert(
            "logging.googleapis.com/labels".to_owned(),
            json!({ "component": self.component }),
        );
        line.extend(fields.others);
        Value::Object(line)
    }
}

fn text_line(level: Level, fields: &Fields) -> String {
    let mut line = match level {
        Level::INFO => String::new(),
        other => format!("{}: ", other.as_str().to_lowercase()),
    };
    line.push_str(&fields.message);
    for (name, value) in &fields.others {
        let _ = match value {
            Value::String(text) => write!(line, " {name}={text}"),
            value => write!(line, " {name}={value}"),
        };
    }
    line
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// An event's message and its other fields.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let mut others = Map::new();
        others.insert("rows".to_owned(), json!(1793));
        others.insert("uri".to_owned(), json!("gs://b/o"));
        Fields {
            message: "read the table".to_owned(),
            others,
        }
    }

    #[test]
    fn a_text_line_is_the_message_and_its_fields() {
        assert_eq!(
            text_line(Level::INFO, &fields()),
            "read the table rows=1793 uri=gs://b/o"
        );
        assert_eq!(
            text_line(Level::WARN, &fields()),
            "warn: read the table rows=1793 uri=gs://b/o"
        );
    }

    #[test]
    fn a_json_line_is_what_cloud_logging_parses() {
        let line = Format {
            component: "transform",
            json: true,
        }
        .json_line(Level::WARN, fields());
        assert_eq!(line["severity"], "WARNING");
        assert_eq!(line["message"], "read the table");
        assert_eq!(line["rows"], 1793);
        assert_eq!(
            line["logging.googleapis.com/labels"]["component"],
            "transform"
        );
        assert!(
            line["time"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z'))
        );
    }
}
