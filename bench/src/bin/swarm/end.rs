//! One end of a call: a session, the application's voice and ears, a recording.
//!
//! In: how much virtual time passed. Out: what was heard, whether any of it was
//! a stranger's, and whether a recording is as long as it took.

use std::time::Duration;

use talkpath::{
    AudioEnd, DropReason, FileDone, FrameKind, Hear, Pending, Recording, RoomId, Say, Session,
    SessionId, SessionRef, SessionStats, StreamStats, Time,
};
use talkpath_sim::Rng;

use crate::dice::Dice;
use crate::violation::{Violation, require};
use crate::wire::Key;

/// A session and what belongs to it.
pub(crate) struct End {
    /// Whose it is.
    pub(crate) party: usize,
    pub(crate) session: Session,
    pub(crate) key: Key,
    pub(crate) voice: Option<Voice>,
    pub(crate) recording: Option<Tape>,
    pub(crate) playback: Option<Pending<FileDone>>,
    /// Whether every datagram since the beginning can be accounted for.
    pub(crate) exact: bool,
    /// Its worker closed it.
    pub(crate) broken: bool,
    /// The bridge that it is in.
    pub(crate) room: Option<RoomId>,
    /// Digits that it dialled.
    pub(crate) dialled: u64,
    /// Digits that it heard.
    pub(crate) digits: u64,
}

/// A recording and when it began, by its manager's clock.
pub(crate) struct Tape {
    pub(crate) recording: Recording,
    pub(crate) began: Time,
    pub(crate) path: String,
}

/// What a closed session must have counted.
pub(crate) struct Account {
    pub(crate) key: Key,
    pub(crate) name: String,
    pub(crate) stats: SessionStats,
    pub(crate) exact: bool,
}

impl End {
    pub(crate) fn new(party: usize, session: Session, key: Key, exact: bool) -> Self {
        End {
            party,
            session,
            key,
            voice: None,
            recording: None,
            playback: None,
            exact,
            broken: false,
            room: None,
            dialled: 0,
            digits: 0,
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.session.id()
    }

    pub(crate) fn watch(&self) -> SessionRef {
        SessionRef::clone(&self.session)
    }
}

/// What the application says and hears.
pub(crate) struct Voice {
    say: Say,
    hear: Hear,
    manner: Manner,
    until: Time,
    phase: usize,
    /// More of a tone than is ever said at once.
    tone: Vec<i16>,
    frame: Vec<i16>,
    /// Frames heard since [`Voice::reset`], and those with sound in them.
    pub(crate) frames: u64,
    pub(crate) sounding: u64,
    /// The loudest sample ever heard.
    pub(crate) peak: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Speaking,
    Pausing,
    /// Speaks until told otherwise.
    Steady,
}

impl Voice {
    pub(crate) fn new(now: Time, end: AudioEnd) -> Self {
        let (say, hear) = end.split();
        Voice {
            say,
            frame: vec![0; hear.frame_len()],
            tone: tone(hear.frame_len()),
            hear,
            manner: Manner::Pausing,
            until: now,
            phase: 0,
            frames: 0,
            sounding: 0,
            peak: 0,
        }
    }

    /// Speaks without a pause from now on, and counts afresh.
    pub(crate) fn speak_steadily(&mut self) {
        self.manner = Manner::Steady;
    }

    pub(crate) fn reset(&mut self) {
        (self.frames, self.sounding) = (0, 0);
    }

    /// Says what takes `time` and hears what has come.
    pub(crate) fn live(&mut self, now: Time, time: Duration, rng: &mut Rng) {
        if self.manner != Manner::Steady && now >= self.until {
            let speaks = self.manner == Manner::Pausing;
            self.manner = if speaks {
                Manner::Speaking
            } else {
                Manner::Pausing
            };
            let length = if speaks {
                rng.millis(500, 5_000)
            } else {
                rng.millis(200, 3_000)
            };
            self.until = now + length;
        }
        if self.manner != Manner::Pausing {
            let samples = self.hear.rate().samples_in(time);
            let start = self.phase % (self.hear.frame_len() / 8);
            let end = (start + samples).min(self.tone.len());
            self.phase += samples;
            // After the end of the session nobody listens.
            let _ = self.say.send(&self.tone[start..end]);
        }
        while let Ok(Some(heard)) = self.hear.recv_timeout(&mut self.frame, Duration::ZERO) {
            let loudest = self.frame.iter().map(|sample| sample.unsigned_abs()).max();
            let loudest = loudest.unwrap_or(0);
            self.peak = self.peak.max(loudest);
            self.frames += 1;
            self.sounding += u64::from(heard.kind == FrameKind::Heard && loudest > 1_000);
        }
    }
}

impl Account {
    /// Packets in = accepted + dropped before that, each with its reason.
    pub(crate) fn judge(&self, delivered: impl Fn(Key, usize) -> u64) -> Result<(), Violation> {
        for stream in &self.stats.streams {
            let line = usize::from(stream.stream.0);
            let (came, counted) = (delivered(self.key, line), accounted(stream));
            let exact = self.exact && line == 0;
            let balanced = came == counted || (!exact && came > counted);
            require(balanced, "accounts", || {
                let drops: Vec<_> = stream.drops.iter().map(|(r, n)| (r, n.packets)).collect();
                format!(
                    "{} line {line}: {came} datagrams delivered, {counted} accounted for: {:?}, {drops:?}",
                    self.name, stream.received
                )
            })?;
        }
        Ok(())
    }
}

/// Datagrams that were accepted or dropped before that. What negotiation
/// forbids and what playout drops was accepted, and is counted there; what was
/// to leave here came by another stream.
fn accounted(stream: &StreamStats) -> u64 {
    use DropReason::*;
    let after = [
        DirectionForbids,
        UnknownPayloadType,
        Keepalive,
        Duplicate,
        Late,
        BufferFull,
        TooLong,
        LatencyBudget,
        Flushed,
        Undecodable,
        Probation,
        NowhereToGo,
        Muted,
    ];
    let before = stream
        .drops
        .iter()
        .filter(|(reason, _)| !after.contains(reason));
    let dropped: u64 = before.map(|(_, count)| count.packets).sum();
    stream.received.packets + stream.received.rtcp_packets + dropped
}

/// 200 ms of 400 Hz, of which `frame` samples are 20 ms.
fn tone(frame: usize) -> Vec<i16> {
    let half = frame / 16;
    let level = |n: usize| {
        if (n / half).is_multiple_of(2) {
            LEVEL
        } else {
            -LEVEL
        }
    };
    (0..10 * frame).map(level).collect()
}

/// How loud everybody speaks.
const LEVEL: i16 = 3_000;
/// What only a stranger reaches.
pub(crate) const TOO_LOUD: u16 = 16_000;
