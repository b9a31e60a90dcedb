//! A description in plain words, line by line.
//!
//! In: a description. Out: for each line its number, its text and a sentence
//! for somebody who does not read SDP. Keys are hidden, also in the text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use talkpath_wire::PayloadType;

use crate::attribute::{
    Attribute, Candidate, CandidateKind, Crypto, Extmap, FeedbackTarget, Fingerprint, Fmtp, Group,
    MaxPtime, Mid, Ptime, RawAttribute, Rtcp, RtcpFb, RtpMap, Setup, SsrcAttribute, SsrcGroup,
};
use crate::bandwidth::Bandwidth;
use crate::connection::Connection;
use crate::description::SessionDescription;
use crate::direction::Direction;
use crate::media::{Media, payload_type};
use crate::origin::Origin;
use crate::section::Line;
use crate::timing::Timing;

/// One line, said in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// Line number, from 1.
    pub line: usize,
    /// The line as written, keys hidden, bytes not UTF-8 as U+FFFD.
    pub text: String,
    /// What it says.
    pub words: String,
}

/// Says each line of `description` in words.
///
/// ```
/// use talkpath_sdp::SessionDescription;
/// use talkpath_sdp::explain::explain;
///
/// let text = b"v=0\r\nm=audio 10000 RTP/AVP 0 8\r\n";
/// let lines = explain(&SessionDescription::parse(text)?);
/// assert_eq!(lines[1].words, "audio on port 10000 over RTP/AVP: PCMU/8000 (0), PCMA/8000 (8)");
/// # Ok::<(), talkpath_sdp::ParseError>(())
/// ```
pub fn explain(description: &SessionDescription) -> Vec<Explained> {
    let session = description.session();
    let media = description.media().flat_map(|media| {
        let lines = media.section().lines();
        lines.map(move |line| explained(line, Some(media)))
    });
    session
        .lines()
        .map(|line| explained(line, None))
        .chain(media)
        .collect()
}

fn explained(line: Line<'_>, media: Option<Media<'_>>) -> Explained {
    Explained {
        line: line.number(),
        text: shown(line),
        words: words(line, media),
    }
}

/// The line, without what could be a key.
fn shown(line: Line<'_>) -> String {
    let text = String::from_utf8_lossy(line.text());
    let secret = match line.kind() {
        b'k' => Some("k="),
        b'a' => match RawAttribute::split(line.value()).name {
            b"crypto" => return hidden_keys(line.value()),
            b"ice-pwd" => Some("a=ice-pwd:"),
            b"key-mgmt" => Some("a=key-mgmt:"),
            _ => None,
        },
        _ => None,
    };
    secret.map_or_else(|| text.to_string(), |prefix| format!("{prefix}(hidden)"))
}

fn hidden_keys(value: &[u8]) -> String {
    match Crypto::parse(RawAttribute::split(value).value) {
        Some(crypto) => format!("a=crypto:{} {} inline:(hidden)", crypto.tag, crypto.suite),
        None => "a=crypto:(hidden)".into(),
    }
}

fn words(line: Line<'_>, media: Option<Media<'_>>) -> String {
    let value = line.value();
    let lossy = || String::from_utf8_lossy(value);
    match line.kind() {
        0 => "a blank line".into(),
        b'v' => format!("SDP version {}", lossy()),
        b'o' => origin(value).unwrap_or_else(|| unread("who made this session")),
        b's' => match value {
            b"" | b"-" | b" " => "the session has no name".into(),
            _ => format!("the session is called \"{}\"", lossy()),
        },
        b'i' => format!("about it: {}", lossy()),
        b'u' => format!("more at {}", lossy()),
        b'e' => format!("e-mail: {}", lossy()),
        b'p' => format!("telephone: {}", lossy()),
        b'c' => connection(value, media).unwrap_or_else(|| unread("where media goes")),
        b'b' => bandwidth(value).unwrap_or_else(|| unread("a bandwidth")),
        b't' => match Timing::parse(value) {
            Some(Timing { start: 0, stop: 0 }) => "no beginning and no end in time".into(),
            Some(time) => format!("from {} to {} (seconds since 1900)", time.start, time.stop),
            None => unread("when it takes place"),
        },
        b'r' => format!("repeats: {}", lossy()),
        b'z' => format!("time zones: {}", lossy()),
        b'k' => "a key in an obsolete form".into(),
        b'm' => media.map_or_else(|| unread("a medium"), |media| media_line(&media)),
        b'a' => {
            let attribute = RawAttribute::split(value);
            let known = known(attribute, media).or_else(|| flag(attribute.name));
            known.unwrap_or_else(|| other(attribute))
        }
        kind => format!(
            "a line of unknown type '{}', kept as it is",
            char::from(kind)
        ),
    }
}

fn unread(what: &str) -> String {
    format!("should say {what}, but cannot be read")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn origin(value: &[u8]) -> Option<String> {
    let origin = Origin::parse(value)?;
    let by = match origin.username {
        b"-" => String::new(),
        name => format!(" by {}", text(name)),
    };
    let [id, version, address] = [origin.session_id, origin.version, origin.address].map(text);
    Some(format!(
        "session {id}, version {version}, made{by} on {address}"
    ))
}

fn connection(value: &[u8], media: Option<Media<'_>>) -> Option<String> {
    let connection = Connection::parse(value)?;
    let host = connection.host;
    let ice = media.is_some_and(|media| media.has("ice-ufrag"));
    Some(if connection.is_hold() && ice {
        format!("no address yet ({host}): ICE finds it")
    } else if connection.is_hold() {
        format!("send no media for now: {host} is nowhere (hold)")
    } else if connection.is_multicast() {
        format!("media is sent to the multicast group {host}")
    } else {
        format!("send media to {host}")
    })
}

fn bandwidth(value: &[u8]) -> Option<String> {
    let bandwidth = Bandwidth::parse(value)?;
    let Bandwidth { modifier, value } = bandwidth;
    Some(match modifier {
        "AS" => format!("at most {value} kbit/s, headers included"),
        "CT" => format!("at most {value} kbit/s for the whole conference"),
        "TIAS" => format!("at most {value} bit/s of media, headers not counted"),
        "RS" => format!("{value} bit/s for RTCP of senders"),
        "RR" => format!("{value} bit/s for RTCP of receivers"),
        _ => format!("bandwidth {modifier}: {value}"),
    })
}

fn media_line(media: &Media<'_>) -> String {
    let kind = media.kind();
    let formats: Vec<String> = media
        .formats()
        .map(|format| format_words(media, format))
        .collect();
    let formats = match formats.is_empty() {
        true => "no formats".into(),
        false => formats.join(", "),
    };
    let protocol = media.protocol();
    match (media.port(), media.port_count()) {
        (0, _) if media.has("bundle-only") => {
            format!("{kind}, only inside a bundle, over {protocol}: {formats}")
        }
        (0, _) => format!("{kind} refused or switched off (port 0) over {protocol}: {formats}"),
        (port, 1) => format!("{kind} on port {port} over {protocol}: {formats}"),
        (port, count) => {
            format!("{kind} on {count} port pairs from {port} over {protocol}: {formats}")
        }
    }
}

fn format_words(media: &Media<'_>, token: &[u8]) -> String {
    let meaning = |number: PayloadType| {
        media
            .format(number)
            .map(|format| format!("{format} ({number})"))
    };
    match payload_type(token)
        .filter(|_| media.protocol().is_rtp())
        .and_then(meaning)
    {
        Some(words) => words,
        None if media.protocol().is_rtp() => format!("unknown ({})", text(token)),
        None => text(token),
    }
}

/// An attribute that has a typed view.
fn known(attribute: RawAttribute<'_>, media: Option<Media<'_>>) -> Option<String> {
    let value = attribute.value;
    match attribute.name {
        b"rtpmap" => RtpMap::parse(value)
            .map(|map| format!("payload type {} is {}", map.payload_type, map.to_format())),
        b"fmtp" => Fmtp::parse(value).map(|fmtp| fmtp_words(&fmtp, media)),
        b"ptime" => Ptime::parse(value).map(|ptime| {
            format!(
                "would like packets of {} ms",
                ptime.0.as_micros() as f64 / 1e3
            )
        }),
        b"maxptime" => MaxPtime::parse(value).map(|most| {
            format!(
                "takes packets of at most {} ms",
                most.0.as_micros() as f64 / 1e3
            )
        }),
        b"rtcp" => Rtcp::parse(value).map(|rtcp| match rtcp.connection {
            Some(connection) => format!("RTCP goes to {} port {}", connection.host, rtcp.port),
            None => format!("RTCP goes to port {}", rtcp.port),
        }),
        b"rtcp-fb" => RtcpFb::parse(value).map(|fb| {
            let target = match fb.target {
                FeedbackTarget::All => "all payload types".to_string(),
                FeedbackTarget::One(number) => format!("payload type {number}"),
            };
            format!(
                "understands feedback \"{}\" for {target}",
                text(fb.feedback)
            )
        }),
        b"crypto" => Crypto::parse(value)
            .map(|crypto| format!("SRTP key {} for {} (hidden)", crypto.tag, crypto.suite)),
        b"candidate" => Candidate::parse(value).map(|candidate| candidate_words(&candidate)),
        b"fingerprint" => Fingerprint::parse(value)
            .map(|fp| format!("the certificate's {} fingerprint, for DTLS", fp.hash)),
        b"setup" => Setup::parse(value).map(setup),
        b"mid" => Mid::parse(value).map(|Mid(mid)| format!("this medium is called \"{mid}\"")),
        b"group" => Group::parse(value).map(|group| group_words(&group)),
        b"ssrc" => SsrcAttribute::parse(value).map(|source| {
            let value = source
                .value
                .map(|value| format!(" = {}", text(value)))
                .unwrap_or_default();
            format!(
                "source {:#010x}: {}{value}",
                source.ssrc.value(),
                text(source.name)
            )
        }),
        b"ssrc-group" => SsrcGroup::parse(value).map(|group| {
            format!(
                "{} sources belong together ({})",
                group.ssrcs().count(),
                group.semantics
            )
        }),
        b"extmap" => Extmap::parse(value)
            .map(|extension| format!("header extension {} is {}", extension.id, extension.uri)),
        _ => None,
    }
}

fn fmtp_words(fmtp: &Fmtp<'_>, media: Option<Media<'_>>) -> String {
    let format = fmtp.payload_type().and_then(|number| media?.format(number));
    let (name, parameters) = (text(fmtp.format), text(fmtp.parameters));
    match format {
        Some(format) if format.is_telephone_event() => {
            format!("takes the telephone events {parameters} (0 to 15 are the digits)")
        }
        Some(format) => format!("{format} ({name}) with {parameters}"),
        None => format!("format {name} with {parameters}"),
    }
}

fn candidate_words(candidate: &Candidate<'_>) -> String {
    let kind = match candidate.kind {
        CandidateKind::Host => "its own address",
        CandidateKind::ServerReflexive => "as a STUN server saw it",
        CandidateKind::PeerReflexive => "as the peer saw it",
        CandidateKind::Relayed => "a relay",
        CandidateKind::Other(word) => word,
    };
    let component = match candidate.component {
        1 => "RTP".to_string(),
        2 => "RTCP".to_string(),
        other => format!("component {other}"),
    };
    let Candidate {
        host,
        port,
        transport,
        ..
    } = candidate;
    format!("may be reached for {component} at {host} port {port} over {transport} ({kind})")
}

fn setup(setup: Setup) -> String {
    match setup {
        Setup::Active => "opens the DTLS connection",
        Setup::Passive => "waits for the DTLS connection",
        Setup::ActPass => "lets the peer choose who opens the DTLS connection",
        Setup::HoldConn => "no DTLS connection for now",
    }
    .into()
}

fn group_words(group: &Group<'_>) -> String {
    let mids: Vec<String> = group.mids().map(text).collect();
    let mids = mids.join(", ");
    match group.semantics {
        "BUNDLE" => format!("all on one port: {mids}"),
        "LS" => format!("to be played in step: {mids}"),
        semantics => format!("belong together ({semantics}): {mids}"),
    }
}

/// An attribute whose name says all.
fn flag(name: &[u8]) -> Option<String> {
    if let Some(direction) = Direction::from_name(name) {
        return Some(
            match direction {
                Direction::SendRecv => "sends and receives",
                Direction::SendOnly => "only sends (the peer is on hold, or this is a stream)",
                Direction::RecvOnly => "only receives",
                Direction::Inactive => "neither sends nor receives",
            }
            .into(),
        );
    }
    let words = match name {
        b"rtcp-mux" => "RTCP shares the port of RTP",
        b"rtcp-mux-only" => "RTCP has no port of its own",
        b"rtcp-rsize" => "takes RTCP packets of reduced size",
        b"bundle-only" => "this medium exists only inside the bundle",
        b"ice-lite" => "answers connectivity checks, makes none (ICE lite)",
        b"ice-ufrag" => "the user name for connectivity checks",
        b"ice-pwd" => "the password for connectivity checks (hidden)",
        b"ice-options" => "which parts of ICE it understands",
        b"end-of-candidates" => "no more candidates will follow",
        b"msid" => "the stream and track that a browser calls this",
        b"msid-semantic" => "how msid is meant",
        b"extmap-allow-mixed" => "takes one-byte and two-byte header extensions mixed",
        b"silenceSupp" => "whether silence is suppressed",
        _ => return None,
    };
    Some(words.into())
}

fn other(attribute: RawAttribute<'_>) -> String {
    format!("attribute \"{}\", kept as it is", text(attribute.name))
}
