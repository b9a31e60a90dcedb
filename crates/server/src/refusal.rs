//! Why the other side's description is not taken, in the words of a user.
//!
//! In: what the library says, and the description. Out: the same with m-lines
//! counted as people do, what was offered, and what is taken here.

use talkpath::sdp::negotiate::{AnswerError, CompletionError, Refusal};
use talkpath::{Codec, SessionDescription, SessionError};

use crate::failure::Failure;
use crate::syntax;
use crate::words::ordinal;

/// Why an offer is not answered.
pub(crate) fn offer(error: SessionError, text: &[u8], taken: &[Codec]) -> Failure {
    match &error {
        SessionError::Parse(parse) => syntax::failure(parse, text),
        SessionError::Answer(AnswerError::NothingAcceptable { refusals }) => {
            let offered = SessionDescription::parse(text).ok();
            let listed: Vec<_> = refusals
                .iter()
                .map(|(line, refusal)| {
                    let why = match (refusal, &offered) {
                        (Refusal::NoCommonCodec, Some(offer)) => codecs(offer, *line, taken),
                        _ => refusal.to_string(),
                    };
                    format!("the {} m-line: {why}", ordinal(*line))
                })
                .collect();
            let what = format!("nothing in the offer is acceptable: {}", listed.join("; "));
            let is_secure = |refusal: &Refusal| matches!(refusal, Refusal::Protocol(transport) if transport.contains("SAVP"));
            match refusals.iter().any(|(_, refusal)| is_secure(refusal)) {
                true => Failure::new(what).hint(SECURE),
                false => Failure::from(error).saying(what),
            }
        }
        _ => Failure::from(error),
    }
}

/// Why an answer is not applied.
pub(crate) fn answer(error: SessionError, text: &[u8]) -> Failure {
    match &error {
        SessionError::Parse(parse) => syntax::failure(parse, text),
        SessionError::Completion(refused) => {
            let said = refused.to_string();
            let counted = line(refused).and_then(|line| {
                let rest = said.strip_prefix(&format!("m-line {line}: "))?;
                Some(format!("the {} m-line: {rest}", ordinal(line)))
            });
            Failure::from(error).saying(counted.unwrap_or(said))
        }
        _ => Failure::from(error),
    }
}

/// What is offered in an m-line, and what is taken.
fn codecs(offer: &SessionDescription, line: usize, taken: &[Codec]) -> String {
    let media = offer.media_at(line);
    let formats = media.iter().flat_map(|media| {
        media.payload_types().map(|number| {
            let format = media.format(number);
            format.map_or_else(|| number.to_string(), |format| format.to_string())
        })
    });
    let offered: Vec<_> = formats.collect();
    let taken = taken.iter().map(|codec| codec.format().to_string());
    let taken: Vec<_> = taken.collect();
    format!(
        "no codec in common: {} offered, {} taken here",
        offered.join(", "),
        taken.join(", ")
    )
}

fn line(error: &CompletionError) -> Option<usize> {
    match *error {
        CompletionError::Kind { line, .. }
        | CompletionError::Protocol { line, .. }
        | CompletionError::NoFormatLeft { line, .. }
        | CompletionError::NoAddress { line, .. }
        | CompletionError::Unusable { line, .. }
        | CompletionError::Name { line, .. }
        | CompletionError::MuxRequired { line, .. } => Some(line),
        _ => None,
    }
}

const SECURE: &str = "secure profiles are not there yet: ask the peer for RTP/AVP";
