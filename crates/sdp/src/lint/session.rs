//! The shape of the text and the lines of the session section.

use alloc::format;
use alloc::string::ToString;

use super::{Report, Rule, shown};
use crate::builder::rank;
use crate::connection::{AddressType, Connection, Host};
use crate::description::SessionDescription;
use crate::origin::Origin;
use crate::section::{Line, Section};
use crate::timing::Timing;
use crate::token::{is_blank, trim};
use crate::{Bandwidth, Direction};

pub(super) fn check(description: &SessionDescription, report: &mut Report) {
    line_ends(description, report);
    let ice = IceUse::of(description);
    for line in description.lines() {
        shape(line, report);
        value(line, ice, report);
    }
    let session = description.session();
    required(&session, report);
    section(&session, report);
    for media in description.media() {
        section(&media.section(), report);
    }
}

/// Whether addresses come from ICE, so that the one in `c=` may be a blank
/// (RFC 8829 §5.2.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum IceUse {
    Used,
    Unused,
}

impl IceUse {
    fn of(description: &SessionDescription) -> Self {
        let of_media = || description.media().any(|media| media.has("ice-ufrag"));
        if description.session().has("ice-ufrag") || of_media() {
            IceUse::Used
        } else {
            IceUse::Unused
        }
    }
}

/// Said once, however many lines it concerns.
fn line_ends(description: &SessionDescription, report: &mut Report) {
    if let Some(line) = description.lines().find(|line| line.end() == b"\n") {
        let message = "ends with LF alone; end lines with CR LF";
        report.add(line.number(), Rule::BareLf, message);
    }
    if let Some(line) = description.lines().find(|line| line.end() == b"\r\r\n") {
        let message = "ends with CR CR LF: something on the way translated line ends twice";
        report.add(line.number(), Rule::StrayCr, message);
    }
    if let Some(line) = description
        .lines()
        .last()
        .filter(|line| !line.end().ends_with(b"\n"))
    {
        let message = "the last line has no end, and some peers drop it; end it with CR LF";
        report.add(line.number(), Rule::NoFinalLineEnd, message);
    }
}

/// How a line is written.
fn shape(line: Line<'_>, report: &mut Report) {
    let number = line.number();
    if line.kind() == 0 {
        return report.add(number, Rule::BlankLine, "a blank line; remove it");
    }
    if !b"vosiuepcbtrzkam".contains(&line.kind()) {
        let letter = char::from(line.kind());
        let message = format!("no line type '{letter}' is known; peers ignore the line");
        report.add(number, Rule::UnknownLineType, message);
    }
    if line.text().get(1) != Some(&b'=') {
        report.add(number, Rule::LooseSpacing, "blanks before '='; remove them");
    }
    blanks(line, report);
    if core::str::from_utf8(line.value()).is_err() {
        report.add(
            number,
            Rule::NotUtf8,
            "the value is not UTF-8; peers may show it garbled",
        );
    }
}

/// Free text may hold any blanks; words are separated by one space.
fn blanks(line: Line<'_>, report: &mut Report) {
    let value = line.value();
    let apart = |pair: &[u8]| is_blank(pair[0]) && (pair[0] == b'\t' || is_blank(pair[1]));
    let in_words = b"omctb".contains(&line.kind()) && value.windows(2).any(apart);
    let behind_colon = line
        .attribute()
        .is_some_and(|a| GRAMMAR.contains(&a.name) && trim(a.value) != a.value);
    // A name of one blank is how RFC 4566 §5.3 said "none".
    if trim(value) != value && line.kind() != b's' {
        report.add(
            line.number(),
            Rule::StrayBlanks,
            "blanks around the value; remove them",
        );
    } else if in_words || behind_colon {
        let message = "tabs or repeated blanks; separate words with one space";
        report.add(line.number(), Rule::StrayBlanks, message);
    }
}

/// Attributes whose value neither begins nor ends with a blank.
const GRAMMAR: [&[u8]; 10] = [
    b"rtpmap",
    b"fmtp",
    b"ptime",
    b"maxptime",
    b"rtcp",
    b"crypto",
    b"candidate",
    b"mid",
    b"setup",
    b"fingerprint",
];

/// What a line says, for the types that both kinds of sections share.
fn value(line: Line<'_>, ice: IceUse, report: &mut Report) {
    let (number, text) = (line.number(), line.value());
    match line.kind() {
        b'o' => origin(number, text, report),
        b's' if text.is_empty() => report.add(number, Rule::EmptyName, "no name; write s=-"),
        b't' if Timing::parse(text).is_none() => {
            report.add(
                number,
                Rule::MalformedTiming,
                "expected t=<start> <stop>; write t=0 0",
            );
        }
        b'b' if Bandwidth::parse(text).is_none() => {
            report.add(
                number,
                Rule::MalformedBandwidth,
                "expected b=<type>:<number>",
            );
        }
        b'k' => report.add(
            number,
            Rule::ObsoleteKey,
            "k= must not be used; use a=crypto or DTLS",
        ),
        b'c' => connection(number, text, ice, report),
        b'a' if line
            .attribute()
            .is_some_and(|attribute| attribute.name.is_empty()) =>
        {
            report.add(
                number,
                Rule::EmptyAttribute,
                "an attribute without a name; remove it",
            );
        }
        _ => {}
    }
}

fn origin(number: usize, text: &[u8], report: &mut Report) {
    let Some(origin) = Origin::parse(text) else {
        let message = "expected o=<user> <id> <version> IN IP4|IP6 <address>";
        return report.add(number, Rule::MalformedOrigin, message);
    };
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if !digits(origin.session_id) || !digits(origin.version) {
        let message = "session id and version must be decimal numbers";
        report.add(number, Rule::OriginNumbers, message);
    } else if origin.session_id_number().is_none() || origin.version_number().is_none() {
        let message = "session id or version is above 64 bits; some peers refuse it";
        report.add(number, Rule::OriginNumbers, message);
    }
    if origin.username.contains(&b' ') {
        let message = format!("the user name {} holds blanks", shown(origin.username));
        report.add(number, Rule::MalformedOrigin, message);
    }
}

fn connection(number: usize, text: &[u8], ice: IceUse, report: &mut Report) {
    let Some(connection) = Connection::parse(text) else {
        let message = format!("expected c=IN IP4|IP6 <address>, found c={}", shown(text));
        return report.add(number, Rule::MalformedConnection, message);
    };
    match connection.host {
        Host::Ip(ip) if AddressType::of(ip) != connection.address_type => {
            let message = format!("{ip} is no {} address", connection.address_type);
            report.add(number, Rule::AddressFamily, message);
        }
        _ if connection.is_hold() && ice == IceUse::Unused => {
            let message = format!(
                "{} puts the media on hold, RTCP too; use a=sendonly or a=inactive",
                connection.host
            );
            report.add(number, Rule::HoldAddress, message);
        }
        _ => {}
    }
}

fn required(session: &Section<'_>, report: &mut Report) {
    let required = [
        (
            b'o',
            Rule::MissingOrigin,
            "no o= line; add o=- <id> <version> IN IP4 <address>",
        ),
        (b's', Rule::MissingName, "no s= line; add s=-"),
        (b't', Rule::MissingTiming, "no t= line; add t=0 0"),
    ];
    let first = session.first + 1;
    for (kind, rule, message) in required {
        if session.first(kind).is_none() {
            report.add(first, rule, message);
        }
    }
}

/// Order and repetition of lines, and the direction.
fn section(section: &Section<'_>, report: &mut Report) {
    let mut highest: (u8, u8) = (0, b'v');
    let mut seen = [false; 128];
    let media = section.first(b'm').is_some();
    for line in section.lines().filter(|line| line.kind() != 0) {
        let (number, kind) = (line.number(), line.kind());
        let rank = rank(kind);
        let (letter, last) = (char::from(kind), char::from(highest.1));
        if rank < highest.0 {
            let message = format!("{letter}= must come before {last}=");
            report.add(number, Rule::LineOrder, message);
        } else if rank <= rank_of_attributes() {
            highest = (rank, kind);
        }
        // RFC 8866 §9: c= may repeat in a media section, the rest may not.
        let once = if media { &b"ik"[..] } else { &b"vosiuczk"[..] };
        let again = core::mem::replace(&mut seen[usize::from(kind & 0x7f)], true);
        if again && once.contains(&kind) {
            let message = format!("a second {letter}= line; only the first counts");
            report.add(number, Rule::RepeatedLine, message);
        }
    }
    repeated_direction(section, report);
}

fn rank_of_attributes() -> u8 {
    rank(b'a')
}

fn repeated_direction(section: &Section<'_>, report: &mut Report) {
    let mut directions = section.attributes().filter_map(|(line, attribute)| {
        Some((line.number(), Direction::from_name(attribute.name)?))
    });
    let Some((first, kept)) = directions.next() else {
        return;
    };
    for (number, direction) in directions {
        let message = format!("{direction} after {kept} in line {first}; keep one");
        report.add(number, Rule::RepeatedDirection, message.to_string());
    }
}
