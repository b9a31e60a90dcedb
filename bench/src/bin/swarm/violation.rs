//! What an oracle found.

use std::fmt;

use talkpath::SessionError;

/// An oracle's finding.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    oracle: &'static str,
    what: String,
}

impl Violation {
    pub(crate) fn new(oracle: &'static str, what: impl Into<String>) -> Self {
        Violation {
            oracle,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.what)
    }
}

impl From<SessionError> for Violation {
    fn from(error: SessionError) -> Self {
        Violation::new("operation", format!("failed without a fault: {error}"))
    }
}

/// Fails with `what` unless `holds`.
pub(crate) fn require(
    holds: bool,
    oracle: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    match holds {
        true => Ok(()),
        false => Err(Violation::new(oracle, what())),
    }
}
