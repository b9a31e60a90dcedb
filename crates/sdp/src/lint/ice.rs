//! Candidates and what must stand beside them.

use alloc::format;

use super::{Report, Rule, shown};
use crate::attribute::{Attribute, Candidate};
use crate::media::Media;

pub(super) fn check(media: &Media<'_>, report: &mut Report) {
    let mut candidates = media
        .attributes()
        .filter(|(_, a)| a.name == b"candidate")
        .peekable();
    let first = candidates.peek().map(|(line, _)| line.number());
    for (line, attribute) in candidates {
        if Candidate::parse(attribute.value).is_none() {
            let message = format!(
                "expected <foundation> <component> <transport> <priority> <address> <port> \
                 typ <kind>, found {}",
                shown(attribute.value)
            );
            report.add(line.number(), Rule::MalformedCandidate, message);
        }
    }
    let session = media.section().description.session();
    let known = |name: &str| media.has(name) || session.has(name);
    if let Some(number) = first
        && !(known("ice-ufrag") && known("ice-pwd"))
    {
        let message = "candidates without a=ice-ufrag and a=ice-pwd; add both";
        report.add(number, Rule::MissingIceCredentials, message);
    }
}
