//! An answer to "why is there no audio?".
//!
//! In: what was negotiated and what was counted of one stream, and `now`. Out:
//! verdicts, the likeliest cause first. A pure function: every finding can be
//! checked by hand against the statistics that it cites.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use talkpath_sdp::Direction;
use talkpath_transport::DropReason;
use talkpath_wire::Time;

use crate::StreamIndex;
use crate::stats::StreamStats;

/// What negotiation left behind for one m-line, as far as it bears on silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Situation {
    /// The m-line.
    pub stream: StreamIndex,
    /// Where it stands.
    pub standing: Standing,
    /// Who may send, seen from us.
    pub direction: Direction,
    /// Where the peer said it receives, and so sends from.
    pub signalled: Option<SocketAddr>,
    /// When the present agreement came about.
    pub since: Time,
}

/// Where an m-line stands in its negotiation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Our offer is open.
    NotAnswered,
    /// Agreed.
    Active,
    /// Refused with port 0, by us or the peer.
    PortZero,
    /// The peer has given no address to send to, only a hold.
    NoAddress,
    /// The session is closed.
    Closed,
}

/// One finding about a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// The session is closed.
    Closed,
    /// The peer has not answered our offer.
    NotAnswered {
        /// How long ago it was made.
        since: Duration,
    },
    /// The m-line was refused: its port is 0.
    PortZero,
    /// The peer gave no address to send to.
    NoAddress,
    /// What was agreed lets nobody send to us, or us to nobody.
    DirectionForbids {
        /// What was agreed, seen from us.
        direction: Direction,
    },
    /// Not one datagram has come.
    NothingReceived {
        /// How long it has been possible.
        since: Duration,
        /// Where it was expected from.
        expected: Option<SocketAddr>,
    },
    /// The peer is there and says nothing: only keepalives come.
    OnlyKeepalives {
        /// How many.
        packets: u64,
    },
    /// Packets come from where the source policy does not take them.
    WrongSource {
        /// Where they come from.
        from: SocketAddr,
        /// Where they should.
        expected: Option<SocketAddr>,
        /// How many were dropped.
        packets: u64,
        /// How long ago the last one was.
        ago: Duration,
    },
    /// Packets come whose payload type was not negotiated.
    UnknownPayloadType {
        /// How many were dropped.
        packets: u64,
    },
    /// Packets came and have stopped.
    Stopped {
        /// How long ago the last one was.
        ago: Duration,
    },
    /// Another reason drops more than is accepted.
    Dropped {
        /// The reason.
        reason: DropReason,
        /// How many.
        packets: u64,
    },
    /// Sound comes, and it is silence.
    SilenceReceived,
    /// We have sent nothing: the application says nothing.
    NothingSaid,
    /// The network refuses what we send.
    CannotSend {
        /// How many datagrams.
        errors: u64,
    },
    /// The peer reports that nothing of ours arrives.
    PeerHearsNothing,
}

/// Everything found about one stream, the likeliest cause first; empty when
/// media flows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// The m-line.
    pub stream: StreamIndex,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Looks at a stream at `now`.
    pub fn of(now: Time, situation: &Situation, stats: Option<&StreamStats>) -> Self {
        let stream = situation.stream;
        if let Some(finding) = standing(now, situation) {
            return Diagnosis {
                stream,
                findings: vec![finding],
            };
        }
        let mut findings = Vec::new();
        match stats {
            Some(stats) => {
                receiving(now, situation, stats, &mut findings);
                sending(now, situation, stats, &mut findings);
            }
            // It has only just been agreed on: nothing was counted yet.
            None => findings.push(nothing_received(now, situation)),
        }
        Diagnosis { stream, findings }
    }

    /// Whether nothing was found: media flows.
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What of the negotiation alone explains silence.
fn standing(now: Time, situation: &Situation) -> Option<Finding> {
    match situation.standing {
        Standing::Closed => Some(Finding::Closed),
        Standing::NotAnswered => Some(Finding::NotAnswered {
            since: now - situation.since,
        }),
        Standing::PortZero => Some(Finding::PortZero),
        Standing::NoAddress => Some(Finding::NoAddress),
        Standing::Active if situation.direction == Direction::Inactive => {
            Some(Finding::DirectionForbids {
                direction: Direction::Inactive,
            })
        }
        Standing::Active => None,
    }
}

/// Why nothing may be heard.
fn receiving(now: Time, situation: &Situation, stats: &StreamStats, findings: &mut Vec<Finding>) {
    if !situation.direction.receives() {
        findings.push(Finding::DirectionForbids {
            direction: situation.direction,
        });
        return;
    }
    let accepted = stats.received.packets;
    let since_last = stats.received.last.map(|last| now - last);
    let flowing = since_last.is_some_and(|ago| ago < STOPPED);
    let wrong = stats.drops.of(DropReason::WrongSource);
    let recently = |last: Time| now - last < RECENT;
    if let Some(from) = stats.stranger.filter(|_| wrong.packets > 0 && !flowing) {
        let (packets, ago) = (wrong.packets, now - wrong.last);
        findings.push(Finding::WrongSource {
            from,
            expected: situation.signalled,
            packets,
            ago,
        });
    }
    let unknown = stats.drops.of(DropReason::UnknownPayloadType);
    if unknown.packets > 0 && recently(unknown.last) {
        findings.push(Finding::UnknownPayloadType {
            packets: unknown.packets,
        });
    }
    if let Some((reason, count)) = worst_drop(now, stats) {
        findings.push(Finding::Dropped {
            reason,
            packets: count,
        });
    }
    if flowing {
        let silent = stats.levels.silent >= LONG_SILENCE;
        if findings.is_empty() && silent && stats.playout.is_some() && accepted > ENOUGH {
            findings.push(Finding::SilenceReceived);
        }
    } else if let Some(ago) = since_last {
        findings.push(Finding::Stopped { ago });
    } else if findings.is_empty() {
        let keepalives = stats.drops.of(DropReason::Keepalive);
        findings.push(match keepalives.packets {
            0 => nothing_received(now, situation),
            packets => Finding::OnlyKeepalives { packets },
        });
    }
}

fn nothing_received(now: Time, situation: &Situation) -> Finding {
    Finding::NothingReceived {
        since: now - situation.since,
        expected: situation.signalled,
    }
}

/// A reason, other than those with findings of their own, that has lately
/// dropped more than was accepted.
fn worst_drop(now: Time, stats: &StreamStats) -> Option<(DropReason, u64)> {
    let named = [
        DropReason::WrongSource,
        DropReason::UnknownPayloadType,
        DropReason::Keepalive,
    ];
    let (reason, count) = stats
        .drops
        .iter()
        .filter(|(reason, count)| !named.contains(reason) && now - count.last < RECENT)
        .max_by_key(|(_, count)| count.packets)?;
    (count.packets > stats.received.packets).then_some((reason, count.packets))
}

/// Why the peer may hear nothing.
fn sending(now: Time, situation: &Situation, stats: &StreamStats, findings: &mut Vec<Finding>) {
    if !situation.direction.sends() {
        let finding = Finding::DirectionForbids {
            direction: situation.direction,
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
        return;
    }
    if stats.sent.payload_bytes == 0 {
        findings.push(Finding::NothingSaid);
    }
    let refused = stats
        .sent
        .last_error
        .is_some_and(|last| now - last < RECENT);
    if refused && stats.sent.errors * 2 > stats.sent.packets {
        findings.push(Finding::CannotSend {
            errors: stats.sent.errors,
        });
    }
    let lost = stats
        .remote_view
        .is_some_and(|view| view.fraction_lost > 0.99 && now - view.at < STALE_REPORT);
    let unheard = stats.sent.unheard_reports >= UNHEARD;
    if (lost || unheard) && stats.sent.packets > ENOUGH {
        findings.push(Finding::PeerHearsNothing);
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Closed => f.write_str("the session is closed"),
            Finding::NotAnswered { since } => {
                write!(f, "our offer has not been answered for {}", seconds(*since))
            }
            Finding::PortZero => f.write_str("the stream was refused: its port is 0"),
            Finding::NoAddress => f.write_str("the other party gave no address to send to"),
            Finding::DirectionForbids { direction } => {
                write!(f, "the agreed direction is {}", direction.as_str())
            }
            Finding::NothingReceived { since, expected } => {
                write!(f, "nothing has been received for {}", seconds(*since))?;
                expected_from(f, *expected)
            }
            Finding::OnlyKeepalives { packets } => {
                write!(
                    f,
                    "the other party says nothing: only {packets} keepalives have come"
                )
            }
            Finding::WrongSource {
                from,
                expected,
                packets,
                ago,
            } => {
                write!(f, "packets arrive from {from}")?;
                if let Some(expected) = expected {
                    write!(f, ", SDP said {expected}")?;
                }
                write!(f, ": {packets} dropped by the source policy, the last one ")?;
                write!(f, "{} ago", seconds(*ago))
            }
            Finding::UnknownPayloadType { packets } => {
                write!(
                    f,
                    "{packets} packets had a payload type that was not negotiated"
                )
            }
            Finding::Stopped { ago } => {
                write!(f, "packets came and stopped {} ago", seconds(*ago))
            }
            Finding::Dropped { reason, packets } => {
                write!(f, "{packets} packets were dropped: {reason}")
            }
            Finding::SilenceReceived => f.write_str("what arrives is silence"),
            Finding::NothingSaid => f.write_str("nothing was sent: nothing was said"),
            Finding::CannotSend { errors } => {
                write!(f, "the network refused {errors} datagrams of ours")
            }
            Finding::PeerHearsNothing => {
                f.write_str("the other party reports that nothing of ours arrives")
            }
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("media flows");
        }
        for (index, finding) in self.findings.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{finding}")?;
        }
        Ok(())
    }
}

fn expected_from(f: &mut fmt::Formatter<'_>, expected: Option<SocketAddr>) -> fmt::Result {
    match expected {
        Some(address) => write!(f, ", expected from {address}"),
        None => Ok(()),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Without a packet for this long, media has stopped.
const STOPPED: Duration = Duration::from_secs(1);
/// A drop this long ago explains nothing any more.
const RECENT: Duration = Duration::from_secs(5);
/// Silence for this long is no pause between words.
const LONG_SILENCE: Duration = Duration::from_secs(5);
/// Reports in a row that heard nothing new: one can be a matter of timing.
const UNHEARD: u32 = 2;
/// A report this old accuses nobody any more.
const STALE_REPORT: Duration = Duration::from_secs(15);
/// Packets from which on a judgement is fair: one second of 20 ms.
const ENOUGH: u64 = 50;
