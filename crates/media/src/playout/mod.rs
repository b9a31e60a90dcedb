//! Playout: where pushed packets become pulled samples.
//!
//! In: payloads with codec, sequence number and timestamp, as they come; a pull
//! per frame. Out: exactly the samples of the frame, decoded, recovered,
//! concealed or silent, and a name for every packet that was not played.
//!
//! The delay follows the jitter ([`Target`]): a clean stream of 20 ms packets
//! waits at most 30 ms, one of 10 ms packets 20 ms; 2 % of the packets may come
//! too late. Where packets are lost it is one packet more, so that a gap is
//! filled from both sides or by FEC. What is too much or too little is corrected by whole pitch
//! periods, faster the more it is: the delay of a stall of half a second is gone
//! in 1.5 s. A talkspurt sets it afresh (RFC 3551 §4.1).
//!
//! Limits: packets of up to 200 ms (RFC 3551 §4.2), whatever length was agreed;
//! one second of audio and 128 packets wait, of which 500 ms may be over the
//! target, the rest is dropped; gaps are bridged up to 60 ms. RFC 3550 §5.1, RFC
//! 7160 (clocks that change). One stream, given as mono PCM at the rate of the
//! codec that is heard. Of telephone events only the numbers come here.
//!
//! Memory is taken when a codec is set: for G.711 about 25 KiB per stream.

mod admit;
mod decoders;
mod delay;
mod histogram;
mod line;
mod losses;
mod noise;
mod play;
mod regulate;
mod ring;
mod soundless;
mod source;
mod speech;
mod stats;
mod switch;
#[cfg(test)]
mod tests;

pub(crate) use decoders::same;
pub use stats::PlayoutStats;

use std::time::Duration;

use talkpath_audio::{Codec, Concealer, Parameters, SampleRate};
use talkpath_transport::{DropReason, Drops};
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};

use decoders::Decoders;
use delay::{Delays, Need, at_micros};
use line::Line;
use noise::Noise;
use regulate::Pace;
use ring::Ring;
use source::Sources;
use speech::{Mix, Speech};

/// How long samples wait before they are played.
///
/// ```
/// use std::time::Duration;
/// use talkpath_media::playout::Target;
/// let max = Duration::from_millis(400);
/// assert_eq!(Target::default(), Target::Adaptive { min: Duration::ZERO, max });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// As long as the jitter of the network demands, between these two, from
    /// packet in to its first sample out.
    Adaptive {
        /// At least this long; a clean stream alone needs 20 to 30 ms.
        min: Duration,
        /// At most this long; 500 ms where more is asked.
        max: Duration,
    },
    /// This long and up to 20 ms less to begin with, whatever the jitter; within
    /// 20 ms of it after that. At most 500 ms.
    Fixed(Duration),
}

impl Default for Target {
    fn default() -> Self {
        Target::Adaptive {
            min: Duration::ZERO,
            max: Duration::from_millis(400),
        }
    }
}

/// A packet for playout.
#[derive(Clone, Copy, Debug)]
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
    /// What its payload type stands for. It may change with any packet (RFC 3264
    /// §7); it does when the packet is believed, not before.
    pub codec: &'static dyn Codec,
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

/// The jitter buffer, decoders and concealment of one stream.
///
/// ```
/// use talkpath_audio::g711;
/// use talkpath_media::playout::{Arrival, FrameKind, Playout, Target};
/// use talkpath_transport::Drops;
/// use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};
///
/// let (mut playout, mut drops) = (Playout::new(&g711::PCMU, Target::default()), Drops::new());
/// let mut frame = [0; 160];
/// for n in 0..5u64 {
///     let now = Time::from_millis(20 * n);
///     let arrival = Arrival {
///         ssrc: Ssrc::new(1),
///         seq: ExtSeq::new(n),
///         timestamp: RtpTime::new(160 * n as u32),
///         marker: n == 0,
///         codec: &g711::PCMU,
///         payload: &[0x80; 160],
///     };
///     playout.push(now, &arrival, &mut drops);
///     let pulled = playout.pull(now, &mut frame, &mut drops);
///     assert_eq!(pulled, if n < 1 { FrameKind::Silence } else { FrameKind::Heard });
/// }
/// assert_eq!(playout.stats().played, 4 * 160);
/// ```
pub struct Playout {
    rate: SampleRate,
    decoders: Decoders,
    concealer: Concealer,
    ring: Ring,
    speech: Speech,
    noise: Noise,
    sources: Sources,
    line: Line,
    phase: Phase,
    delays: Delays,
    pace: Pace,
    stats: PlayoutStats,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing waits; the next packet sets the time line.
    Idle,
    /// The first packets wait for others.
    Filling,
    /// Nothing was there for so many samples.
    Playing { dry: i64 },
}

impl Playout {
    /// A playout of `codec` that nothing has come to yet.
    pub fn new(codec: &'static dyn Codec, target: Target) -> Self {
        let rate = codec.sample_rate();
        Playout {
            rate,
            decoders: Decoders::new(codec),
            concealer: Concealer::new(rate),
            ring: Ring::new(codec.max_payload_len(rate.samples_in(CAPACITY))),
            speech: Speech::new(rate, LONGEST_PACKET),
            noise: Noise::new(rate),
            sources: Sources::new(),
            line: Line::new(),
            phase: Phase::Idle,
            delays: Delays::new(target),
            pace: Pace::new(rate),
            stats: PlayoutStats::default(),
        }
    }

    /// The codec of the payloads that come now. Frames have its sample rate.
    pub fn codec(&self) -> &'static dyn Codec {
        self.decoders.codec()
    }

    /// Learns what we said of what we receive of `codec`. Until then it is what
    /// the codec says of itself.
    pub fn set_parameters(&mut self, codec: &'static dyn Codec, ours: Parameters<'_>) {
        self.decoders.set_parameters(codec, ours);
    }

    /// A packet of the source came that holds no sound of its own: a digit, a
    /// keepalive. It is not missing.
    pub fn pass(&mut self, ssrc: Ssrc, seq: ExtSeq) {
        if self.sources.hears(ssrc) {
            self.line.note_soundless(seq);
        }
    }

    /// Takes a packet, in any order.
    pub fn push(&mut self, now: Time, arrival: &Arrival<'_>, drops: &mut Drops) -> Pushed {
        let pushed = self.push_sound(now, arrival, drops);
        counted(now, pushed, drops)
    }

    /// Takes a description of comfort noise (RFC 3389), which is numbered and
    /// timed as the packets of its source are: from its place on, and until
    /// sound follows, the peer pauses. `arrival.codec` says the clock.
    pub fn push_noise(&mut self, now: Time, arrival: &Arrival<'_>, drops: &mut Drops) -> Pushed {
        let pushed = self.push_description(now, arrival, drops);
        counted(now, pushed, drops)
    }

    /// Fills `frame` with the next samples at the codec's rate, usually 20 ms.
    pub fn pull(&mut self, now: Time, frame: &mut [i16], drops: &mut Drops) -> FrameKind {
        let mut mix = Mix::default();
        self.pace.begin_pull(frame.len());
        let lead = self.begin_if_due(now, frame.len());
        self.pace.lead = lead;
        let (before, rest) = frame.split_at_mut(lead);
        self.rest(before, &mut mix);
        if let Phase::Playing { .. } = self.phase {
            self.regulate(now, drops);
            self.play(now, rest, &mut mix, drops);
        } else {
            self.rest(rest, &mut mix);
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

    /// Whether the peer pauses, and described the noise that is heard meanwhile.
    pub fn hears_noise(&self) -> bool {
        self.noise.is_on()
    }

    /// Drops what waits and forgets the source, as for a new one.
    pub fn flush(&mut self, now: Time, drops: &mut Drops) {
        self.sources = Sources::new();
        self.clear(now, drops);
    }

    /// What it has done and holds.
    pub fn stats(&self) -> PlayoutStats {
        let duration = |samples: i64| {
            let samples = u64::try_from(samples).unwrap_or(0);
            self.rate.duration_of(samples)
        };
        let target = match self.line.packet {
            0 => Duration::ZERO,
            _ => Duration::from_micros(u64::try_from(self.need().target).unwrap_or(0)),
        };
        PlayoutStats {
            depth: duration(self.depth()),
            target,
            ..self.stats
        }
    }

    fn clear(&mut self, now: Time, drops: &mut Drops) {
        drops.add(now, DropReason::Flushed, self.ring.len() as u64);
        self.ring.clear();
        self.speech.clear();
        self.line.forget();
        self.delays.rebase();
        self.noise.end();
        self.phase = Phase::Idle;
    }

    /// Samples from the one played next to the newest.
    fn depth(&self) -> i64 {
        let Some(newest) = self.line.source else {
            return 0;
        };
        let next = match self.phase {
            Phase::Playing { .. } => self.cursor(),
            Phase::Filling => self.ring.first().map_or(newest.end, |first| first.at),
            Phase::Idle => newest.end,
        };
        newest.end.saturating_sub(next).max(0)
    }

    /// The position that is played next.
    fn cursor(&self) -> i64 {
        self.line.head.saturating_sub(self.speech.len() as i64)
    }

    /// What the delay should be now.
    fn need(&self) -> Need {
        let frame = at_micros(self.pace.frame as i64, self.rate);
        self.delays
            .need(frame, at_micros(self.line.packet, self.rate))
    }
}

fn counted(now: Time, pushed: Result<(), DropReason>, drops: &mut Drops) -> Pushed {
    match pushed {
        Ok(()) => Pushed::Queued,
        Err(reason) => {
            drops.count(now, reason);
            Pushed::Dropped(reason)
        }
    }
}

/// Most audio in one packet.
const LONGEST_PACKET: Duration = Duration::from_millis(200);
/// Most audio that waits.
const CAPACITY: Duration = Duration::from_secs(1);
