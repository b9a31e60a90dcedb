//! What went wrong in an interop test, in words.
//!
//! One error type for all of them: a test's failure is read by a person, and
//! what helps is what was expected, what was seen and what the peers said.

use std::fmt;

/// Why a test failed; its text is the whole report.
#[derive(Debug, Clone)]
pub struct Failure(String);

/// What a step of a test returns.
pub type Verdict<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure that says `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same failure, followed by `more` on lines of its own.
    #[must_use]
    pub fn with(self, more: impl fmt::Display) -> Self {
        Self(format!("{}\n{more}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Fails with `said()` unless `holds`.
///
/// # Errors
/// When `holds` is false.
pub fn check(holds: bool, said: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Failure(said())) }
}

/// Says what was being done when an operation of the system failed.
pub trait While<T> {
    /// The value, or a failure "`doing`: the system's reason".
    ///
    /// # Errors
    /// When `self` is one.
    fn while_doing(self, doing: impl fmt::Display) -> Verdict<T>;
}

impl<T, E: fmt::Display> While<T> for Result<T, E> {
    fn while_doing(self, doing: impl fmt::Display) -> Verdict<T> {
        self.map_err(|reason| Failure(format!("{doing}: {reason}")))
    }
}
