//! Playout: where pushed packets become pulled samples.
//!
//! In: payloads with sequence number and timestamp, as they come; a pull per
//! frame. Out: exactly the samples of the frame, decoded, concealed or
//! silent, and a name for every packet that was not played.
//!
//! RFC 3550 §5.1 (timestamps go on through silence), RFC 3551 §4.1 (marker at
//! talkspurts). One stream of mono PCM; packets of 1 to 120 ms, of any
//! length, whatever the frame is. The delay is fixed: it does not follow
//! jitter yet, and what is too much is cut, not time-scaled. Telephone events
//! and comfort noise do not come here.
//!
//! Memory is taken when a codec is set: for G.711 about 10 KiB per stream.

mod decoders;
mod depth;
mod line;
mod ring;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use decoders::same;

use std::time::Duration;

use talkpath_audio::{Codec, Concealer, Fill};
use talkpath_transport::{DropReason, Drops};
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};

use decoders::Decoders;
use depth::{DepthWatch, Excess, Limits};
use line::{Activity, Line};
use ring::{NoPlace, Ring};
use source::{Continuity, Sources};

/// How long samples wait before they are played.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Target {
    /// One packet and 20 ms, whatever the peer's packet time is; packets that
    /// are shorter count as 20 ms, because a frame needs several of them.
    #[default]
    Packet,
    /// At most this long, from packet in to its first sample out.
    Fixed(Duration),
}

/// A packet for playout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival<'a> {
    /// Its source. Another one follows what still waits of the one before; it
    /// is believed at once after a silence of 200 ms, else with its second
    /// packet in sequence.
    pub ssrc: Ssrc,
    /// Its number, extended by the source's statistics.
    pub seq: ExtSeq,
    /// Its timestamp, in ticks of the codec's clock.
    pub timestamp: RtpTime,
    /// Whether a talkspurt begins with it.
    pub marker: bool,
    /// What the codec made.
    pub payload: &'a [u8],
}

/// Whether a packet will be played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It waits for its moment.
    Queued,
    /// It will not, and has been counted.
    Dropped(DropReason),
}

/// How true a frame is that is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// Received, in whole or up to where the peer paused.
    Heard,
    /// Part or all of it was lost and made up.
    Concealed,
    /// Nothing was there to be heard; what was heard before may fade out in it.
    Silence,
}

/// What playout has done and holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlayoutStats {
    /// Audio that waits now.
    pub depth: Duration,
    /// Most delay that is meant to be added; zero before the first packet.
    pub target: Duration,
    /// Packets decoded.
    pub packets: u64,
    /// Samples played as received.
    pub played: u64,
    /// Samples made up for lost ones.
    pub concealed: u64,
    /// Samples of silence, because nothing was being said.
    pub silent: u64,
    /// Times that playout started afresh: a new source, a jump, lateness.
    pub resyncs: u64,
}

/// The jitter buffer, decoders and concealment of one stream.
///
/// ```
/// use talkpath_audio::g711;
/// use talkpath_media::playout::{Arrival, Playout, FrameKind, Target};
/// use talkpath_transport::Drops;
/// use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};
///
/// let (mut playout, mut drops) = (Playout::new(&g711::PCMU, Target::Packet), Drops::new());
/// let mut frame = [0; 160];
/// for n in 0..5u64 {
///     let now = Time::from_millis(20 * n);
///     let arrival = Arrival {
///         ssrc: Ssrc::new(1),
///         seq: ExtSeq::new(n),
///         timestamp: RtpTime::new(160 * n as u32),
///         marker: n == 0,
///         payload: &[0x80; 160],
///     };
///     playout.push(now, &arrival, &mut drops);
///     let pulled = playout.pull(now, &mut frame, &mut drops);
///     assert_eq!(pulled, if n < 2 { FrameKind::Silence } else { FrameKind::Heard });
/// }
/// assert_eq!(playout.stats().played, 3 * 160);
/// ```
pub struct Playout {
    decoders: Decoders,
    concealer: Concealer,
    ring: Ring,
    decoded: Decoded,
    sources: Sources,
    line: Line,
    phase: Phase,
    watch: DepthWatch,
    target: Target,
    stats: PlayoutStats,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing waits; the next packet sets the time line.
    Idle,
    /// The first packet came then; it waits for others.
    Filling(Time),
    /// Nothing was there for so many samples.
    Playing { dry: i64 },
}

/// The rest of the packet that is being played.
struct Decoded {
    pcm: Box<[i16]>,
    start: usize,
    end: usize,
}

/// What a frame is made of, in samples.
#[derive(Clone, Copy, Default)]
struct Mix {
    played: usize,
    concealed: usize,
    silent: usize,
}

impl Playout {
    /// A playout of `codec` that nothing has come to yet.
    pub fn new(codec: &'static dyn Codec, target: Target) -> Self {
        let rate = codec.sample_rate();
        let longest = rate.samples_in(LONGEST_PACKET);
        Playout {
            decoders: Decoders::new(codec),
            concealer: Concealer::new(rate),
            ring: Ring::new(codec.max_payload_len(rate.samples_in(CAPACITY))),
            decoded: Decoded {
                pcm: vec![0; longest].into(),
                start: 0,
                end: 0,
            },
            sources: Sources::new(),
            line: Line::new(),
            phase: Phase::Idle,
            watch: DepthWatch::new(),
            target,
            stats: PlayoutStats::default(),
        }
    }

    /// The codec of the payloads that come now.
    pub fn codec(&self) -> &'static dyn Codec {
        self.decoders.codec()
    }

    /// Another codec from now on. What waits is played as what it is, if the
    /// samples of both have one rate; else it is dropped.
    pub fn switch_codec(&mut self, now: Time, codec: &'static dyn Codec, drops: &mut Drops) {
        let rate = |codec: &dyn Codec| (codec.clock_rate(), codec.sample_rate());
        let room = codec.max_payload_len(codec.sample_rate().samples_in(CAPACITY));
        let goes_on = rate(codec) == rate(self.codec()) && room <= self.ring.longest();
        if goes_on && self.decoders.change(codec) {
            return;
        }
        self.flush(now, drops);
        let stats = self.stats;
        *self = Playout {
            stats,
            ..Playout::new(codec, self.target)
        };
    }

    /// Takes a packet, in any order.
    pub fn push(&mut self, now: Time, arrival: &Arrival<'_>, drops: &mut Drops) -> Pushed {
        match self.try_push(now, arrival, drops) {
            Ok(()) => Pushed::Queued,
            Err(reason) => {
                drops.count(now, reason);
                Pushed::Dropped(reason)
            }
        }
    }

    /// Fills `frame` with the next samples at the codec's rate, usually 20 ms.
    pub fn pull(&mut self, now: Time, frame: &mut [i16], drops: &mut Drops) -> FrameKind {
        let mut mix = Mix::default();
        self.start_if_due(now, frame.len(), drops);
        if let Phase::Playing { .. } = self.phase {
            self.shed(now, frame.len(), drops);
            self.play(now, frame, &mut mix, drops);
        } else {
            self.fill(frame, Gap::Pause, &mut mix);
        }
        self.stats.played += mix.played as u64;
        self.stats.concealed += mix.concealed as u64;
        self.stats.silent += mix.silent as u64;
        match mix {
            Mix { concealed: 1.., .. } => FrameKind::Concealed,
            Mix { played: 1.., .. } => FrameKind::Heard,
            Mix { .. } => FrameKind::Silence,
        }
    }

    /// Drops what waits and forgets the source, as for a new one.
    pub fn flush(&mut self, now: Time, drops: &mut Drops) {
        self.sources = Sources::new();
        self.clear(now, drops);
    }

    fn clear(&mut self, now: Time, drops: &mut Drops) {
        drops.add(now, DropReason::Flushed, self.ring.len() as u64);
        self.ring.clear();
        self.decoded.clear();
        self.line.forget();
        self.restart(Phase::Idle);
    }

    /// What it has done and holds.
    pub fn stats(&self) -> PlayoutStats {
        let rate = self.codec().sample_rate();
        let duration = |samples: i64| rate.duration_of(u64::try_from(samples).unwrap_or(0));
        let target = if self.line.packet > 0 {
            self.target_samples()
        } else {
            0
        };
        PlayoutStats {
            depth: duration(self.depth()),
            target: duration(target),
            ..self.stats
        }
    }

    fn try_push(
        &mut self,
        now: Time,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let samples = self
            .codec()
            .samples(arrival.payload)
            .map_err(|_| DropReason::Undecodable)?;
        if samples == 0 {
            return Err(DropReason::Undecodable);
        }
        if samples > self.decoded.pcm.len() || arrival.payload.len() > self.ring.longest() {
            return Err(DropReason::TooLong);
        }
        self.expect_continuity(now, arrival, drops)?;
        let arrival = &Arrival {
            seq: self.line.number(arrival.seq),
            ..*arrival
        };
        let pause = self.line.follows_a_pause(arrival, self.codec());
        let at = self.line.locate(arrival, samples, self.codec())?;
        self.line.packet = samples as i64;
        self.admit(now, at, samples, arrival.seq)?;
        self.insert(now, at, samples, arrival, drops)?;
        match self.phase {
            Phase::Idle => self.phase = Phase::Filling(now),
            // The peer paused and all it had said was played: the delay of
            // the new talkspurt is chosen afresh (RFC 3551 §4.1).
            Phase::Playing { .. } if pause && self.ring.len() == 1 && self.decoded.is_empty() => {
                self.restart(Phase::Filling(now));
            }
            Phase::Filling(_) | Phase::Playing { .. } => {}
        }
        Ok(())
    }

    /// Goes on with another source, or one that restarted, behind what waits.
    fn expect_continuity(
        &mut self,
        now: Time,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let idle = self.phase == Phase::Idle;
        let activity = if idle {
            Activity::Idle
        } else {
            Activity::Active
        };
        let fit = self.line.fit(arrival, activity, self.codec());
        match self.sources.judge(now, arrival, fit) {
            Continuity::Same => return Ok(()),
            Continuity::Doubtful => return Err(DropReason::Probation),
            Continuity::Straggler => return Err(DropReason::Late),
            Continuity::New => self.stats.resyncs += 1,
        }
        // What comes next is not late yet, although nothing waits.
        let in_time = self.phase == Phase::Playing { dry: 0 };
        if in_time || !self.ring.is_empty() {
            self.line.join(arrival);
        } else {
            self.clear(now, drops);
        }
        Ok(())
    }

    /// Whether its moment is still to come.
    fn admit(&mut self, now: Time, at: i64, samples: usize, seq: ExtSeq) -> Result<(), DropReason> {
        let Phase::Playing { dry } = self.phase else {
            let passed = self.line.passed.is_some_and(|passed| seq <= passed);
            return if passed {
                Err(DropReason::Late)
            } else {
                Ok(())
            };
        };
        if self.line.passed.is_some_and(|passed| seq <= passed) {
            return Err(DropReason::Late);
        }
        let behind = self.line.cursor - at;
        if behind <= 0 {
            self.line.late = 0;
            return Ok(());
        }
        self.line.late += 1;
        // A peer whose packets became longer is late by what they hold more.
        let longer = samples as i64 - self.frame_samples();
        let just_late = behind <= self.frame_samples().max(longer);
        if dry > 0 && self.ring.is_empty() && just_late {
            // Only just too late, and nothing else to play: the delay grows by
            // what was made up meanwhile, and nothing is lost.
            self.line.cursor = at;
            self.line.late = 0;
            return Ok(());
        }
        if self.line.late >= LATE_RUN {
            self.line.late = 0;
            self.stats.resyncs += 1;
            self.decoded.clear();
            self.restart(Phase::Filling(now));
            return Ok(());
        }
        if behind >= samples as i64 {
            Err(DropReason::Late)
        } else {
            Ok(())
        }
    }

    /// Into the ring; when that is full the oldest goes.
    fn insert(
        &mut self,
        now: Time,
        at: i64,
        samples: usize,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let codec = self.decoders.current();
        loop {
            match self
                .ring
                .insert(arrival.seq, at, samples as u32, codec, arrival.payload)
            {
                Ok(()) => return Ok(()),
                Err(NoPlace::Duplicate) => return Err(DropReason::Duplicate),
                Err(NoPlace::Full) => {
                    if self
                        .ring
                        .first()
                        .is_none_or(|first| first.seq > arrival.seq)
                    {
                        return Err(DropReason::BufferFull);
                    }
                    self.skip_first(now, DropReason::BufferFull, drops);
                }
            }
        }
    }

    /// Begins to play with the last frame that keeps the target.
    fn start_if_due(&mut self, now: Time, frame: usize, drops: &mut Drops) {
        let Phase::Filling(since) = self.phase else {
            return;
        };
        let rate = self.codec().sample_rate();
        let wait = rate.duration_of(u64::try_from(self.target_samples()).unwrap_or(0));
        let tick = rate.duration_of(frame as u64);
        let burst = self.depth() > self.target_samples() + self.line.packet;
        if now + tick <= since + wait && !burst {
            return;
        }
        if let Some(first) = self.ring.first() {
            self.line.cursor = first.at;
            self.phase = Phase::Playing { dry: 0 };
            self.shed(now, frame, drops);
        }
    }

    fn play(&mut self, now: Time, frame: &mut [i16], mix: &mut Mix, drops: &mut Drops) {
        let mut rest = frame;
        while !rest.is_empty() {
            let taken = self.decoded.take(rest);
            mix.played += taken;
            self.line.cursor += taken as i64;
            rest = &mut rest[taken..];
            if rest.is_empty() {
                break;
            }
            let gap = match self.ring.first() {
                None => (rest.len(), Gap::Underrun),
                Some(next) if next.at <= self.line.cursor => {
                    self.decode_first(now, drops);
                    continue;
                }
                Some(next) => {
                    let ahead = usize::try_from(next.at - self.line.cursor).unwrap_or(usize::MAX);
                    (ahead.min(rest.len()), self.gap_before(next.seq))
                }
            };
            let (missing, rest_after) = std::mem::take(&mut rest).split_at_mut(gap.0);
            self.fill(missing, gap.1, mix);
            self.line.cursor += missing.len() as i64;
            self.note_dry(missing.len(), gap.1);
            rest = rest_after;
        }
    }

    /// Consecutive numbers around a gap: the peer paused. Otherwise it is loss.
    fn gap_before(&self, seq: ExtSeq) -> Gap {
        match self.line.passed {
            Some(passed) if seq.distance_from(passed) == 1 => Gap::Pause,
            _ => Gap::Loss,
        }
    }

    fn note_dry(&mut self, samples: usize, gap: Gap) {
        let Phase::Playing { dry } = &mut self.phase else {
            return;
        };
        *dry = if gap == Gap::Underrun {
            *dry + samples as i64
        } else {
            0
        };
        // The filling has faded: whatever comes next sets its own time.
        if *dry >= DRY_FRAMES * (self.codec().sample_rate().frame_len() as i64) {
            self.restart(Phase::Idle);
        }
    }

    /// Decodes the first packet of the ring, less what is already past.
    fn decode_first(&mut self, now: Time, drops: &mut Drops) {
        let Some((slot, payload)) = self.ring.pop() else {
            return;
        };
        let past = usize::try_from(self.line.cursor - slot.at).unwrap_or(usize::MAX);
        if past >= slot.samples as usize {
            self.line.pass(slot.seq);
            drops.count(now, DropReason::Late);
            return;
        }
        let decoder = self.decoders.get(slot.codec);
        match decoder.decode(payload, &mut self.decoded.pcm) {
            Ok(samples) if samples > past => {
                self.line.pass(slot.seq);
                self.stats.packets += 1;
                self.concealer.good(&mut self.decoded.pcm[past..samples]);
                (self.decoded.start, self.decoded.end) = (past, samples);
                if let Phase::Playing { dry } = &mut self.phase {
                    *dry = 0;
                }
            }
            // Not passed: the gap that it leaves is filled as a loss.
            _ => drops.count(now, DropReason::Undecodable),
        }
    }

    fn fill(&mut self, samples: &mut [i16], gap: Gap, mix: &mut Mix) {
        let fill = self.concealer.conceal(samples);
        match (gap, fill) {
            (Gap::Loss, _) | (Gap::Underrun, Fill::Concealed) => mix.concealed += samples.len(),
            (Gap::Pause, _) | (Gap::Underrun, Fill::Silence) => mix.silent += samples.len(),
        }
    }

    /// Gives up what is more than the delay allows.
    fn shed(&mut self, now: Time, frame: usize, drops: &mut Drops) {
        let limits = self.limits(frame);
        match self.watch.observe(self.depth(), limits) {
            Excess::None => {}
            Excess::Packet => self.skip_first(now, DropReason::LatencyBudget, drops),
            Excess::Burst => {
                while self.depth() > limits.target && self.ring.len() > 1 {
                    self.skip_first(now, DropReason::LatencyBudget, drops);
                }
            }
        }
    }

    /// Drops the oldest packet; the next one is cross-faded to.
    fn skip_first(&mut self, now: Time, reason: DropReason, drops: &mut Drops) {
        let Some((slot, _)) = self.ring.pop() else {
            return;
        };
        self.line.pass(slot.seq);
        drops.count(now, reason);
        if let Phase::Playing { .. } = self.phase {
            let next = self.ring.first().map_or(slot.end(), |next| next.at);
            self.line.cursor = next - self.decoded.len() as i64;
            self.concealer.conceal(&mut []);
        }
    }

    fn restart(&mut self, phase: Phase) {
        self.phase = phase;
        self.watch = DepthWatch::new();
    }

    /// Samples from the one played next to the newest.
    fn depth(&self) -> i64 {
        let Some(newest) = self.line.source else {
            return 0;
        };
        let next = match self.phase {
            Phase::Playing { .. } => self.line.cursor,
            Phase::Filling(_) => self.ring.first().map_or(newest.end, |first| first.at),
            Phase::Idle => newest.end,
        };
        (newest.end - next).max(0)
    }

    fn limits(&self, frame: usize) -> Limits {
        let step = self.line.packet.max(frame as i64);
        Limits {
            target: self.target_samples(),
            step,
            frame: self.frame_samples(),
        }
    }

    fn target_samples(&self) -> i64 {
        match self.target {
            Target::Packet => self.line.packet.max(self.frame_samples()) + self.frame_samples(),
            Target::Fixed(delay) => {
                self.codec().sample_rate().samples_in(delay.min(CAPACITY)) as i64
            }
        }
    }

    fn frame_samples(&self) -> i64 {
        self.codec().sample_rate().frame_len() as i64
    }
}

/// Why samples are missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// The peer said nothing.
    Pause,
    /// Later packets are there, this one is not.
    Loss,
    /// Nothing is there, for whatever reason.
    Underrun,
}

impl Decoded {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.end - self.start
    }

    fn clear(&mut self) {
        self.start = self.end;
    }

    /// Moves as many samples as both sides allow, and says how many.
    fn take(&mut self, into: &mut [i16]) -> usize {
        let len = into.len().min(self.len());
        into[..len].copy_from_slice(&self.pcm[self.start..self.start + len]);
        self.start += len;
        len
    }
}

/// Most audio in one packet.
const LONGEST_PACKET: Duration = Duration::from_millis(120);
/// Most audio that waits.
const CAPACITY: Duration = Duration::from_millis(600);
/// Late packets in a row that show that the path became longer.
const LATE_RUN: u32 = 3;
/// Frames without any packet after which the time line is given up.
const DRY_FRAMES: i64 = 3;
