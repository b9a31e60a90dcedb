//! `talkpath sdp`: what a description says, and what is wrong in it.
//!
//! In: a description, and the offer it answers if there is one. Out: each line
//! with its meaning and, below it, what it violates; or the same as JSON.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Value, json};
use talkpath::sdp::explain::{Explained, explain};
use talkpath::sdp::lint::{Severity, Violation, lint, lint_answer};
use talkpath::sdp::{MediaKind, Protocol, SessionDescription};
use talkpath::{Answer, Offer, ParseError};

use crate::cli::SdpArguments;
use crate::failure::Failure;
use crate::output::{print, print_line, printable};
use crate::syntax;
use crate::words::{counted, ordinal};

/// Explains a description; 1 when it has an error.
pub(crate) fn sdp(arguments: &SdpArguments) -> Result<u8, Failure> {
    let description = match parse(&arguments.file) {
        Ok(description) => description,
        Err(unread) => return Err(unread.tell(arguments.json)),
    };
    let violations = match &arguments.answer_to {
        None => lint(&description),
        Some(offer) => {
            let offer = Offer::from_description(
                parse(offer).map_err(|unread| unread.tell(arguments.json))?,
            );
            let mut found = lint(&description);
            found.extend(lint_answer(
                &offer,
                &Answer::from_description(description.clone()),
            ));
            found.sort_by_key(|violation| (violation.line, violation.rule));
            found.dedup();
            found
        }
    };
    let lines = explain(&description);
    match arguments.json {
        true => print_line(to_json(&lines, &violations)),
        false => print(&(in_words(&lines, &violations) + &refused(&description))),
    }
    let is_wrong = count(&violations, Severity::Error) > 0;
    Ok(u8::from(is_wrong))
}

/// Why there is nothing to explain.
enum Unread {
    File(Failure),
    Syntax {
        place: String,
        text: Vec<u8>,
        error: ParseError,
    },
}

impl Unread {
    /// Shows where it is, on standard output.
    fn tell(self, json: bool) -> Failure {
        match self {
            Unread::File(failure) => failure,
            Unread::Syntax { place, text, error } => {
                match json {
                    true => print_line(json!({
                        "error": syntax::words(&error, &text),
                        "line": syntax::line(&error),
                    })),
                    false => print(&syntax::marked(&error, &text)),
                }
                syntax::failure(&error, &text).at(place)
            }
        }
    }
}

fn parse(path: &Path) -> Result<SessionDescription, Unread> {
    let text = read(path).map_err(|error| {
        let hint = "the file holds an SDP body; - is standard input";
        Unread::File(Failure::file(path, &error).hint(hint))
    })?;
    let place = match path.to_str() {
        Some("-") => "standard input".into(),
        _ => path.display().to_string(),
    };
    SessionDescription::parse(&text).map_err(|error| Unread::Syntax { place, text, error })
}

/// Reads a little more than any description may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.to_str() {
        Some("-") => io::stdin().lock().take(MOST).read_to_end(&mut bytes)?,
        _ => File::open(path)?.take(MOST).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

fn in_words(lines: &[Explained], violations: &[Violation]) -> String {
    let mut text = String::new();
    for line in lines {
        let number = line.line;
        let (said, words) = (printable(&line.text), printable(&line.words));
        text += &match said.chars().count() <= COLUMN {
            true => format!("{number:4}  {said:COLUMN$}  {words}\n"),
            false => format!("{number:4}  {said}\n      {:COLUMN$}  {words}\n", ""),
        };
        let here = violations
            .iter()
            .filter(|violation| violation.line == number);
        here.for_each(|violation| text += &in_place(violation));
    }
    let elsewhere = |violation: &&Violation| lines.iter().all(|line| line.line != violation.line);
    let missing = violations.iter().filter(elsewhere);
    missing.for_each(|violation| text += &in_place(violation));
    text + &verdict(violations)
}

/// A violation, below its line.
fn in_place(violation: &Violation) -> String {
    let (severity, reference) = (violation.severity(), violation.reference());
    format!("    ^ {severity}: {} [{reference}]\n", violation.message)
}

/// What there is in it that Talkpath does not carry.
fn refused(description: &SessionDescription) -> String {
    let live = description.media().filter(|media| media.port() > 0);
    let refused = live.filter_map(|media| {
        let why = match (media.kind(), media.protocol()) {
            (MediaKind::Audio, Protocol::RtpAvp | Protocol::RtpAvpf) => return None,
            (MediaKind::Audio, other) => format!("the transport {other} is not there yet"),
            (other, _) => format!("{other} is not carried"),
        };
        let line = ordinal(media.index());
        let words = format!("Talkpath itself would refuse the {line} m-line: {why}.");
        Some(printable(&words) + "\n")
    });
    refused.collect()
}

fn verdict(violations: &[Violation]) -> String {
    let count = |severity, noun| counted(count(violations, severity) as u64, noun);
    match violations.is_empty() {
        true => "\nNothing is wrong in it.\n".into(),
        false => format!(
            "\n{}, {}, {}.\n",
            count(Severity::Error, "error"),
            count(Severity::Warning, "warning"),
            count(Severity::Note, "note"),
        ),
    }
}

fn count(violations: &[Violation], severity: Severity) -> usize {
    let of_it = |violation: &&Violation| violation.severity() == severity;
    violations.iter().filter(of_it).count()
}

fn to_json(lines: &[Explained], violations: &[Violation]) -> Value {
    let line =
        |line: &Explained| json!({"line": line.line, "text": line.text, "words": line.words});
    let violation = |violation: &Violation| {
        json!({
            "line": violation.line,
            "severity": violation.severity().to_string(),
            "rule": violation.rule.name(),
            "reference": violation.reference().to_string(),
            "message": violation.message,
        })
    };
    json!({
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
        "violations": violations.iter().map(violation).collect::<Vec<_>>(),
        "errors": count(violations, Severity::Error),
    })
}

/// Lines up to this many characters have their words beside them.
const COLUMN: usize = 36;
/// Bytes; what is longer is refused all the same.
const MOST: u64 = 1 << 20;
