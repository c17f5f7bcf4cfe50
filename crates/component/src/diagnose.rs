//! How an error becomes an exit code and the last line on stderr.

use std::error::Error;
use std::fmt::Write;

/// What a component's error says besides its message.
pub trait Diagnose: Error + Send + Sync + 'static {
    /// The class of the error; [`Exit::Failure`] unless the caller's words are at fault.
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    /// The next step for the person who reads the message: an imperative without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Class of an error. The codes of the last three are those of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work failed: exit code 1.
    Failure,
    /// Flags, configuration or executor input are wrong, or a service says so: exit code 2.
    Usage,
    /// A remote service failed, or cannot be reached: exit code 69, `EX_UNAVAILABLE`.
    Service,
    /// A quota or a limit of time is used up: exit code 75, `EX_TEMPFAIL`.
    Quota,
    /// The account may not do this: exit code 77, `EX_NOPERM`.
    Permission,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Service => 69,
            Self::Quota => 75,
            Self::Permission => 77,
        }
    }
}

/// The one line that ends stderr, and that the Kubeflow Pipelines UI shows.
pub(crate) fn final_line(error: &dyn Error, hint: Option<&str>) -> String {
    let mut line = format!("error: {}", chain(error));
    if let Some(hint) = hint {
        let _ = write!(line, ". Next step: {hint}");
    }
    single_line(&line)
}

/// An error and its causes, outermost first, on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their cause in their own message.
        if !text.ends_with(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    single_line(&text)
}

fn single_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read table.csv")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_final_line_holds_the_chain_and_the_next_step() {
        let error = Outer(std::io::Error::other("line 3\nis not UTF-8"));
        assert_eq!(
            final_line(&error, Some("convert the file to UTF-8")),
            "error: cannot read table.csv: line 3 is not UTF-8. Next step: convert the file to UTF-8"
        );
    }
}
