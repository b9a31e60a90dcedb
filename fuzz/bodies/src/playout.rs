//! Playout: packets of several codecs in any order at any time, comfort noise,
//! and frames of any length.

use std::time::Duration;

use talkpath_audio::{Codec, SampleRate, g711, g722, l16, opus};
use talkpath_media::FrameKind;
use talkpath_media::playout::{Arrival, Playout, Target};
use talkpath_transport::Drops;
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};

use crate::script::Script;

/// Packets in = packets played, waiting or dropped by name; samples asked for
/// = samples given.
pub fn playout(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut run = Run::new(target(&mut script));
    let mut budget = BUDGET;
    while let Some(operation) = script.next(9) {
        run.apply(operation, &mut script);
        run.check();
        budget -= 1;
        if budget == 0 {
            break;
        }
    }
    run.end();
}

fn target(script: &mut Script<'_>) -> Target {
    let one = Duration::from_millis(4 * u64::from(script.u8()));
    let other = Duration::from_millis(4 * u64::from(script.u8()));
    let adaptive = Target::Adaptive {
        min: one,
        max: other,
    };
    script.one_of(&[Target::default(), Target::Fixed(one), adaptive])
}

struct Run {
    playout: Playout,
    drops: Drops,
    now: Time,
    codec: &'static dyn Codec,
    next: u64,
    /// The timestamp of the next packet.
    ticks: u32,
    pushed: u64,
    /// Descriptions of noise, which are packets too but need not be played.
    noises: u64,
    pulled: u64,
}

impl Run {
    fn new(target: Target) -> Self {
        Run {
            playout: Playout::new(&g711::PCMU, target),
            drops: Drops::new(),
            now: Time::ZERO,
            codec: &g711::PCMU,
            next: 1_000,
            ticks: u32::MAX - 2_000,
            pushed: 0,
            noises: 0,
            pulled: 0,
        }
    }

    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation {
            0..=2 => {
                // The next in order, or one near it.
                let away = i64::from(script.one_of(&[2u8, 2, 2, 2, 0, 1, 3, 4])) - 2;
                self.push_next(away, script.u8());
            }
            3 => {
                let (seq, timestamp) = (u64::from(script.u16()), script.u32());
                let (ssrc, len) = (script.below(3), usize::from(script.u16() % 2_000));
                self.push(seq, timestamp, u32::from(ssrc), len, script.u8());
            }
            4 | 5 => {
                self.now += TICK;
                self.pull(TICK);
            }
            6 => {
                self.now += Duration::from_millis(u64::from(script.u16() % 1_000));
                self.pull(Duration::from_millis(u64::from(script.u8() % 100)));
            }
            7 => self.push_noise(script),
            _ => match script.below(4) {
                0 => self.playout.flush(self.now, &mut self.drops),
                1 => self.ticks = self.ticks.wrapping_add(script.u32()),
                _ => self.codec = codec(script.u8()),
            },
        }
    }

    fn push_next(&mut self, away: i64, first: u8) {
        let tick = self.codec.clock_rate() / 50;
        let timestamp = self.ticks.wrapping_add((away as u32).wrapping_mul(tick));
        let seq = self.next.saturating_add_signed(away);
        let len = match self.codec.name() {
            "opus" => 40,
            _ => self
                .codec
                .max_payload_len(self.codec.sample_rate().frame_len()),
        };
        self.next += 1;
        self.ticks = self.ticks.wrapping_add(tick);
        self.push(seq, timestamp, 1, len, first);
    }

    fn push(&mut self, seq: u64, timestamp: u32, ssrc: u32, len: usize, first: u8) {
        let mut payload = [0xd5; 2_000];
        payload[0] = first;
        let arrival = Arrival {
            ssrc: Ssrc::new(ssrc),
            seq: ExtSeq::new(seq),
            timestamp: RtpTime::new(timestamp),
            marker: seq.is_multiple_of(50),
            codec: self.codec,
            payload: &payload[..len],
        };
        self.pushed += 1;
        self.playout.push(self.now, &arrival, &mut self.drops);
    }

    fn push_noise(&mut self, script: &mut Script<'_>) {
        let arrival = Arrival {
            ssrc: Ssrc::new(1),
            seq: ExtSeq::new(self.next),
            timestamp: RtpTime::new(self.ticks),
            marker: false,
            // Noise has the clock of what is heard.
            codec: self.playout.codec(),
            payload: script.bytes(16),
        };
        self.next += 1;
        let tick = self.playout.codec().clock_rate() / 50;
        self.ticks = self.ticks.wrapping_add(tick);
        self.pushed += 1;
        self.noises += 1;
        self.playout.push_noise(self.now, &arrival, &mut self.drops);
    }

    fn pull(&mut self, length: Duration) {
        let mut frame = [0; 4_800];
        let len = self.playout.codec().sample_rate().samples_in(length);
        let kind = self
            .playout
            .pull(self.now, &mut frame[..len], &mut self.drops);
        self.pulled += len as u64;
        let depth = self.playout.stats().depth;
        assert!(depth <= LONGEST, "{depth:?}");
        if len == 0 {
            assert_eq!(kind, FrameKind::Silence);
        }
    }

    fn check(&self) {
        let stats = self.playout.stats();
        assert_eq!(stats.played + stats.concealed + stats.silent, self.pulled);
        assert!(stats.packets + self.drops.total() <= self.pushed);
    }

    /// When nothing waits any more, every packet was played or has its reason.
    fn end(&mut self) {
        self.playout.flush(self.now, &mut self.drops);
        let accounted = self.playout.stats().packets + self.drops.total();
        assert!(accounted + self.noises >= self.pushed, "a packet vanished");
        assert!(accounted <= self.pushed);
    }
}

/// The codecs that a stream may hold, in the shapes that it asks for.
fn codec(number: u8) -> &'static dyn Codec {
    let narrow = opus::OPUS.shaped(SampleRate::HZ_8000, 1);
    match number % 8 {
        0 => &g711::PCMU,
        1 => &g711::PCMA,
        2 | 3 => &g722::G722,
        4 => &opus::OPUS,
        5 => narrow.unwrap_or(&opus::OPUS),
        6 => &l16::MONO_16000,
        _ => &l16::MONO_48000,
    }
}

const TICK: Duration = Duration::from_millis(20);
/// Operations of one list, so that none takes long.
const BUDGET: u32 = 2_000;
/// More than may wait after a pull: a packet from two seconds ahead, which is as
/// far as a source may jump and still be the same, and its length.
const LONGEST: Duration = Duration::from_millis(2_200);
