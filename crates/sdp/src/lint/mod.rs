//! What is wrong in a description that could be parsed, and what to do.
//!
//! In: a description, or an offer and its answer. Out: violations, each with
//! its line, rule, RFC section, severity and advice, in the order of lines.
//! Nothing here decides anything: negotiation takes what it can use.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

mod answer;
mod attributes;
mod formats;
mod ice;
mod media;
mod rule;
mod security;
mod session;
#[cfg(test)]
mod tests;

pub use answer::lint_answer;
pub use rule::{Reference, Rule, Severity};

use crate::description::SessionDescription;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Line number, from 1; 0 for what is said nowhere.
    pub line: usize,
    /// Which rule.
    pub rule: Rule,
    /// What is wrong and what to do; shows no key.
    pub message: String,
}

impl Violation {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// Where the rule is written.
    pub fn reference(&self) -> Reference {
        self.rule.reference()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            line,
            rule,
            message,
        } = self;
        write!(
            f,
            "line {line}: {}: {message} [{rule}, {}]",
            rule.severity(),
            rule.reference()
        )
    }
}

/// Everything that is found wrong in `description`, by line.
///
/// ```
/// use talkpath_sdp::SessionDescription;
/// use talkpath_sdp::lint::{Rule, lint};
///
/// let text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
///              m=audio 10000 RTP/AVP 97\r\n";
/// let found = lint(&SessionDescription::parse(text)?);
/// assert_eq!(found[0].rule, Rule::MissingRtpmap);
/// assert_eq!(found[0].line, 6);
/// # Ok::<(), talkpath_sdp::ParseError>(())
/// ```
pub fn lint(description: &SessionDescription) -> Vec<Violation> {
    let mut report = Report::default();
    session::check(description, &mut report);
    for media in description.media() {
        media::check(&media, &mut report);
        formats::check(&media, &mut report);
        attributes::check(&media, &mut report);
        security::check(&media, &mut report);
        ice::check(&media, &mut report);
    }
    attributes::check_groups(description, &mut report);
    report.finish()
}

/// Collects what the checks find.
#[derive(Default)]
struct Report {
    violations: Vec<Violation>,
}

impl Report {
    fn add(&mut self, line: usize, rule: Rule, message: impl Into<String>) {
        self.violations.push(Violation {
            line,
            rule,
            message: message.into(),
        });
    }

    /// Sorted by line; what is found twice is said once.
    fn finish(mut self) -> Vec<Violation> {
        self.violations
            .sort_by_key(|violation| (violation.line, violation.rule));
        self.violations.dedup();
        self.violations
    }
}

/// Bytes as text for a message: at most 60 of them, none unprintable.
fn shown(bytes: &[u8]) -> String {
    use alloc::format;
    let (start, dots) = match bytes.get(..60) {
        Some(start) if bytes.len() > 60 => (start, "…"),
        _ => (bytes, ""),
    };
    format!("{}{dots}", start.escape_ascii())
}
