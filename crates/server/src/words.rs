//! What happened to a session, in the words of somebody who makes calls.

use std::net::IpAddr;
use std::time::Duration;

use talkpath::{Agreed, CloseReason, Component, Direction, Evidence, Happening, SourceChanged};

/// One happening in words.
pub(crate) fn of(what: &Happening) -> String {
    match what {
        Happening::Created => "created: its ports are bound".into(),
        Happening::Updated => "an offer is open".into(),
        Happening::Negotiated { streams, .. } => {
            let streams: Vec<_> = streams.iter().map(agreed).collect();
            format!("negotiated: {}", streams.join("; "))
        }
        Happening::FirstMedia { ssrc, from, .. } => {
            format!("first packet, from {from} (source {ssrc})")
        }
        Happening::MediaReceived { packets, .. } => {
            format!("media is heard, after {}", counted(*packets, "packet"))
        }
        Happening::MediaTimeout { silent_for, .. } => {
            format!("nothing has come for {}", seconds(*silent_for))
        }
        Happening::MediaResumed { .. } => "media comes again".into(),
        Happening::SourceChanged { change, .. } => source(change),
        Happening::Bye { ssrc, .. } => {
            format!("the other side says goodbye (RTCP BYE of source {ssrc})")
        }
        Happening::SsrcCollision { ssrc, .. } => {
            format!("source {ssrc} was in use by another; ours was changed")
        }
        Happening::DigitBegan { digit, .. } => format!("the other side presses {digit}"),
        Happening::Digit {
            digit, duration, ..
        } => {
            format!("the other side dialled {digit} ({})", millis(*duration))
        }
        Happening::Played { path, length } => {
            format!("{} was played: {}", path.display(), seconds(*length))
        }
        Happening::Recorded { path, length } => {
            format!("{} is written: {}", path.display(), seconds(*length))
        }
        Happening::Error(error) => format!("error: {error}"),
        Happening::Closed { reason } => format!("closed {}", closed(*reason)),
        other => format!("{other:?}"),
    }
}

/// The short name of a happening, for programs.
pub(crate) fn name(what: &Happening) -> &'static str {
    match what {
        Happening::Created => "created",
        Happening::Updated => "updated",
        Happening::Negotiated { .. } => "negotiated",
        Happening::FirstMedia { .. } => "first_media",
        Happening::MediaReceived { .. } => "media_received",
        Happening::MediaTimeout { .. } => "media_timeout",
        Happening::MediaResumed { .. } => "media_resumed",
        Happening::SourceChanged { .. } => "source_changed",
        Happening::Bye { .. } => "bye",
        Happening::SsrcCollision { .. } => "ssrc_collision",
        Happening::DigitBegan { .. } => "digit_began",
        Happening::Digit { .. } => "digit",
        Happening::Played { .. } => "played",
        Happening::Recorded { .. } => "recorded",
        Happening::Error(_) => "error",
        Happening::Closed { .. } => "closed",
        _ => "other",
    }
}

/// `1 packet`, `5 packets`
pub(crate) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// `first`, `second`, ... of what is counted from 0.
pub(crate) fn ordinal(index: usize) -> String {
    const FEW: [&str; 4] = ["first", "second", "third", "fourth"];
    match FEW.get(index) {
        Some(word) => (*word).into(),
        None => format!("{}th", index + 1),
    }
}

/// `1.2 s`
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// `1.2 ms`
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

/// Why a peer at `remote` hears nothing of us at `local`, nor we of it.
pub(crate) fn unreachable(local: IpAddr, remote: IpAddr) -> Option<String> {
    let is_apart = local.is_loopback() && !remote.is_loopback() && !remote.is_unspecified();
    is_apart.then(|| {
        format!("{local} cannot be reached from {remote}; --address takes this host's own address")
    })
}

/// A direction as its owner sees it.
pub(crate) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::SendRecv => "both ways",
        Direction::SendOnly => "only sending",
        Direction::RecvOnly => "only receiving",
        Direction::Inactive => "neither way",
    }
}

fn agreed(agreed: &Agreed) -> String {
    let Some(codec) = &agreed.codec else {
        return format!(
            "the {} m-line carries nothing",
            ordinal(agreed.stream.0.into())
        );
    };
    let address = |address: Option<std::net::SocketAddr>| {
        address.map_or_else(|| "nowhere".into(), |address| address.to_string())
    };
    let (local, remote) = (address(agreed.local), address(agreed.remote));
    let way = direction(agreed.direction);
    format!("{codec} {way}, {local} with {remote}")
}

fn source(change: &SourceChanged) -> String {
    let what = match change.component {
        Component::Rtp => "media",
        Component::Rtcp => "RTCP",
    };
    let (to, why) = (change.to, evidence(&change.evidence));
    match change.from {
        None => format!("{what} is taken from {to}: {why}"),
        Some(from) => format!("{what} is taken from {to}, no longer from {from}: {why}"),
    }
}

fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::InSequence { .. } => "packets in sequence came from there".into(),
        Evidence::Rebound { silent, .. } => {
            format!(
                "its packets went on there after {} of silence",
                seconds(*silent)
            )
        }
        Evidence::NextPort => "the port after that of RTP".into(),
        Evidence::SameSender(_) => "from the same host, of the same source".into(),
        Evidence::SameAddress => "from an address that signalling named".into(),
    }
}

fn closed(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Application => "by its owner: its ports are back",
        CloseReason::NeverBegan => "before it began",
        CloseReason::Internal => "by a defect of Talkpath",
        _ => "for another reason",
    }
}
