//! What is no session description: where, and in which words.
//!
//! In: a parser's error and the text. Out: words with the value quoted, and the
//! lines around it with a mark.

use talkpath::ParseError;

use crate::failure::Failure;
use crate::output::printable;

/// The line that is wrong, from 1; none for the text as a whole.
pub(crate) fn line(error: &ParseError) -> Option<usize> {
    match *error {
        ParseError::NoVersion { line, .. }
        | ParseError::UnknownVersion { line, .. }
        | ParseError::NotALine { line, .. }
        | ParseError::ForbiddenByte { line, .. }
        | ParseError::MediaLine { line, .. }
        | ParseError::Limit { line, .. } => Some(line).filter(|line| *line > 0),
        _ => None,
    }
}

/// What is wrong, in words.
pub(crate) fn words(error: &ParseError, text: &[u8]) -> String {
    match (error, line(error)) {
        (ParseError::Empty, _) => {
            "the description is empty: it must begin with v=0 (RFC 8866 §5.1)".into()
        }
        (
            ParseError::Limit {
                what, max, actual, ..
            },
            None,
        ) => {
            format!("{actual} {what}, at most {max} are taken")
        }
        (ParseError::Limit { .. }, Some(_)) | (_, None) => error.to_string(),
        (_, Some(line)) => {
            let lines = lines(text);
            let quoted = lines.get(line - 1).map_or("", |text| text);
            let short: String = quoted.chars().take(QUOTED).collect();
            let more = if short.len() < quoted.len() {
                "..."
            } else {
                ""
            };
            format!("{error}: {:?}", short + more)
        }
    }
}

/// The same as a failure, with what to do about it.
pub(crate) fn failure(error: &ParseError, text: &[u8]) -> Failure {
    let failure = Failure::new(words(error, text));
    match line(error) {
        Some(1) => failure
            .hint("what is wanted is the body alone, without the headers of SIP or HTTP before it"),
        _ => failure,
    }
}

/// The lines around the one that is wrong, and a mark below it.
pub(crate) fn marked(error: &ParseError, text: &[u8]) -> String {
    let Some(wrong) = line(error) else {
        return String::new();
    };
    let around = lines(text).into_iter().zip(1..);
    let around =
        around.filter(|(_, number)| (wrong.saturating_sub(5)..=wrong + 2).contains(number));
    let shown = around.map(|(line, number)| {
        let short: String = printable(&line).chars().take(COLUMNS).collect();
        let mark = match number == wrong {
            true => "    ^ here\n",
            false => "",
        };
        format!("{number:4}  {short}\n{mark}")
    });
    shown.collect()
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.lines().map(ToOwned::to_owned).collect()
}

/// Characters of a value that are quoted.
const QUOTED: usize = 60;
/// Characters of a line that are shown.
const COLUMNS: usize = 120;
