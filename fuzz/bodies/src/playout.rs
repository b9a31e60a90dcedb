//! Playout: packets in any order at any time, and frames of any length.

use std::time::Duration;

use talkpath_audio::{Codec, g711};
use talkpath_media::FrameKind;
use talkpath_media::playout::{Arrival, Playout, Target};
use talkpath_transport::Drops;
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};

use crate::script::Script;

/// Packets in = packets played, waiting or dropped by name; samples asked for
/// = samples given.
pub fn playout(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let fixed = Target::Fixed(Duration::from_millis(u64::from(script.u8())));
    let target = script.one_of(&[Target::Packet, fixed]);
    let mut run = Run {
        playout: Playout::new(&g711::PCMU, target),
        drops: Drops::new(),
        now: Time::ZERO,
        next: 0,
        pushed: 0,
        pulled: 0,
    };
    while let Some(operation) = script.next(7) {
        run.apply(operation, &mut script);
        run.check();
    }
}

struct Run {
    playout: Playout,
    drops: Drops,
    now: Time,
    next: u64,
    pushed: u64,
    pulled: u64,
}

impl Run {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation {
            0 | 1 => {
                // The next in order, or one near it.
                let seq = self
                    .next
                    .saturating_add_signed(i64::from(script.below(5)) - 2);
                self.next += 1;
                self.push(seq, 160 * seq as u32, 1, 160);
            }
            2 => {
                let (seq, timestamp) = (u64::from(script.u16()), script.u32());
                let (ssrc, len) = (script.below(3), usize::from(script.u16() % 2_000));
                self.push(seq, timestamp, u32::from(ssrc), len);
            }
            3 | 4 => {
                self.now += Duration::from_millis(20);
                self.pull(160);
            }
            5 => {
                self.now += Duration::from_millis(u64::from(script.u16() % 1_000));
                self.pull(usize::from(script.u8()) * 8);
            }
            _ => match script.below(3) {
                0 => self.playout.flush(self.now, &mut self.drops),
                1 => self.switch(&g711::PCMA),
                _ => self.switch(&g711::PCMU),
            },
        }
    }

    fn push(&mut self, seq: u64, timestamp: u32, ssrc: u32, len: usize) {
        let payload = [0xd5; 2_000];
        let arrival = Arrival {
            ssrc: Ssrc::new(ssrc),
            seq: ExtSeq::new(seq),
            timestamp: RtpTime::new(timestamp),
            marker: seq.is_multiple_of(50),
            payload: &payload[..len],
        };
        self.pushed += 1;
        self.playout.push(self.now, &arrival, &mut self.drops);
    }

    fn pull(&mut self, len: usize) {
        let mut frame = [0; 2_040];
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

    fn switch(&mut self, codec: &'static dyn Codec) {
        self.playout.switch_codec(self.now, codec, &mut self.drops);
        assert_eq!(self.playout.codec().name(), codec.name());
    }

    fn check(&self) {
        let stats = self.playout.stats();
        assert_eq!(stats.played + stats.concealed + stats.silent, self.pulled);
        assert!(stats.packets + self.drops.total() <= self.pushed);
    }
}

/// More than may wait after a pull: a packet from two seconds ahead, which is as
/// far as a source may jump and still be the same, and its length.
const LONGEST: Duration = Duration::from_millis(2_200);
