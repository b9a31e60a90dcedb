//! An answer held against its offer. RFC 3264 §6, §8.2.

use alloc::format;
use alloc::vec::Vec;

use talkpath_wire::Format;

use super::{Report, Rule, Violation};
use crate::attribute::{Crypto, Setup};
use crate::media::Media;
use crate::offer_answer::{Answer, Offer};

/// Everything in `answer` that `offer` does not allow, by line of the answer.
///
/// What is wrong in the answer alone is for [`lint`](super::lint).
pub fn lint_answer(offer: &Offer, answer: &Answer) -> Vec<Violation> {
    let (offer, answer) = (offer.description(), answer.description());
    let mut report = Report::default();
    let (offered, answered) = (offer.media().len(), answer.media().len());
    if offered != answered {
        let line = answer
            .media()
            .last()
            .map_or(0, |media| media.line().number());
        let message = format!(
            "{answered} m-lines answer {offered}; answer each in its place, refused ones with port 0"
        );
        report.add(line, Rule::AnswerMediaCount, message);
    }
    timing(offer, answer, &mut report);
    for (offered, answered) in offer.media().zip(answer.media()) {
        slot(&offered, &answered, &mut report);
    }
    report.finish()
}

fn timing(
    offer: &crate::SessionDescription,
    answer: &crate::SessionDescription,
    report: &mut Report,
) {
    let (offered, answered) = (offer.session().first(b't'), answer.session().first(b't'));
    if let (Some(offered), Some(answered)) = (offered, answered)
        && offered.value() != answered.value()
    {
        let message = "the answer must repeat the t= line of the offer";
        report.add(answered.number(), Rule::AnswerTiming, message);
    }
}

fn slot(offered: &Media<'_>, answered: &Media<'_>, report: &mut Report) {
    let line = answered.line().number();
    let index = offered.index();
    if offered.kind() != answered.kind() {
        let (wanted, found) = (offered.kind(), answered.kind());
        let message = format!("m-line {index} is {wanted} in the offer, {found} in the answer");
        return report.add(line, Rule::AnswerKind, message);
    }
    if answered.port() == 0 {
        return;
    }
    // RFC 9143 §6: bundle-only carries port 0 without being disabled.
    if offered.port() == 0 && !offered.has("bundle-only") {
        let message = format!("m-line {index} has port 0 in the offer; answer with port 0");
        return report.add(line, Rule::DisabledSlotTaken, message);
    }
    if offered.protocol() != answered.protocol() {
        let (wanted, found) = (offered.protocol(), answered.protocol());
        let message = format!("{wanted} was offered, {found} is answered; repeat it or refuse");
        report.add(line, Rule::AnswerProtocol, message);
    }
    direction(offered, answered, report);
    rtcp(offered, answered, report);
    keys(offered, answered, report);
    if offered.protocol().is_rtp() {
        formats(offered, answered, report);
    } else if !answered
        .formats()
        .any(|format| offered.formats().any(|other| other == format))
    {
        report.add(
            line,
            Rule::NoCommonFormat,
            "no format of the offer is left; refuse with port 0",
        );
    }
}

fn direction(offered: &Media<'_>, answered: &Media<'_>, report: &mut Report) {
    let (offer, answer) = (offered.direction(), answered.direction());
    if offer.allows_answer(answer) {
        return;
    }
    let said = answered
        .attributes()
        .find(|(_, a)| a.name == answer.as_str().as_bytes());
    let line = said.map_or(answered.line().number(), |(line, _)| line.number());
    let allowed = offer.reversed().and(answer);
    let message = format!("{offer} was offered, so {answer} cannot be answered; say {allowed}");
    report.add(line, Rule::AnswerDirection, message);
}

fn formats(offered: &Media<'_>, answered: &Media<'_>, report: &mut Report) {
    let line = answered.line().number();
    let meant = |media: &Media<'_>| -> Vec<_> {
        let types = media.payload_types();
        types
            .filter_map(|number| Some((number, media.format(number)?)))
            .collect()
    };
    let (offer, answer) = (meant(offered), meant(answered));
    let only_companions = offer.iter().all(|(_, format)| is_companion(format));
    let mut common = false;
    for (number, format) in &answer {
        let Some((wanted, _)) = offer
            .iter()
            .find(|(wanted, other)| wanted == number && same_codec(other, format))
            .or_else(|| offer.iter().find(|(_, other)| same_codec(other, format)))
        else {
            let message = format!("{format} was not offered: we may only receive it");
            report.add(line, Rule::FormatNotOffered, message);
            continue;
        };
        // Events and comfort noise carry no conversation, unless nothing else
        // was offered.
        common |= only_companions || !is_companion(format);
        if wanted != number {
            let message = format!("{format} was offered as {wanted}, is answered as {number}");
            report.add(line, Rule::AnswerRenumbers, message);
        }
    }
    if !common {
        report.add(
            line,
            Rule::NoCommonFormat,
            "no codec of the offer is left; refuse with port 0",
        );
    }
}

/// Whether `format` only ever accompanies a codec.
fn is_companion(format: &Format) -> bool {
    format.is_telephone_event() || format.is("CN")
}

fn same_codec(a: &Format, b: &Format) -> bool {
    a.is(&b.encoding) && a.clock_rate == b.clock_rate && a.channels == b.channels
}

fn rtcp(offered: &Media<'_>, answered: &Media<'_>, report: &mut Report) {
    let line = answered.line().number();
    // An offer of rtcp-mux-only alone is wrong, but leaves nothing else to say.
    let was_offered = offered.has("rtcp-mux") || offered.has("rtcp-mux-only");
    if answered.has("rtcp-mux") && !was_offered {
        let message = "a=rtcp-mux was not offered; leave it out";
        report.add(line, Rule::MuxNotOffered, message);
    }
    if offered.has("rtcp-mux-only") && !answered.has("rtcp-mux") {
        let message = "the offer has one port only; answer a=rtcp-mux or refuse with port 0";
        report.add(line, Rule::MuxOnlyRefused, message);
    }
}

fn keys(offered: &Media<'_>, answered: &Media<'_>, report: &mut Report) {
    for crypto in answered.all::<Crypto<'_>>() {
        let taken = |other: Crypto<'_>| other.tag == crypto.tag && other.suite == crypto.suite;
        if !offered.all::<Crypto<'_>>().any(taken) {
            let message = format!(
                "crypto {} with this suite was not offered; repeat the tag and suite you take",
                crypto.tag
            );
            report.add(answered.line().number(), Rule::CryptoNotOffered, message);
        }
    }
    let Some(answer) = answered.inherited::<Setup>() else {
        return;
    };
    let fits = match offered.inherited::<Setup>() {
        Some(Setup::ActPass) => matches!(answer, Setup::Active | Setup::Passive),
        Some(Setup::Active) => matches!(answer, Setup::Passive | Setup::HoldConn),
        Some(Setup::Passive) => matches!(answer, Setup::Active | Setup::HoldConn),
        Some(Setup::HoldConn) => answer == Setup::HoldConn,
        None => answer != Setup::ActPass,
    };
    if !fits {
        let message = format!("a=setup:{} does not answer the offer's", answer.as_str());
        report.add(answered.line().number(), Rule::AnswerSetup, message);
    }
}
