//! What is heard of a stream, whatever the network does to it.

mod drain;
mod sources;
mod timestamps;

use super::*;
use proptest::prelude::*;
use talkpath_audio::{Decoder, Parameters, g711};

const TICK: Duration = Duration::from_millis(20);

/// A stream of a 8 kHz ramp in PCMA-safe steps, so that each sample is known.
struct Peer {
    ssrc: u32,
    first_seq: u64,
    first_timestamp: u32,
    packet: usize,
}

impl Peer {
    fn new(packet: usize) -> Self {
        Peer {
            ssrc: 7,
            first_seq: 65_530,
            first_timestamp: u32::MAX - 500,
            packet,
        }
    }

    /// A pseudo-random byte per position: no two packets are alike.
    fn byte(position: u64) -> u8 {
        (position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 | 0x80
    }

    fn payload(&self, n: u64) -> Vec<u8> {
        (0..self.packet as u64)
            .map(|i| Self::byte(n * self.packet as u64 + i))
            .collect()
    }

    fn push(&self, playout: &mut Playout, drops: &mut Drops, now: Time, n: u64) -> Pushed {
        self.push_at(playout, drops, now, n, 0)
    }

    fn push_at(
        &self,
        playout: &mut Playout,
        drops: &mut Drops,
        now: Time,
        n: u64,
        leap: u32,
    ) -> Pushed {
        let payload = self.payload(n);
        let ticks = (n as u32)
            .wrapping_mul(self.packet as u32)
            .wrapping_add(leap);
        let arrival = Arrival {
            ssrc: Ssrc::new(self.ssrc),
            seq: ExtSeq::new(self.first_seq + n),
            timestamp: RtpTime::new(self.first_timestamp).plus(ticks),
            marker: n == 0 || leap > 0,
            payload: &payload,
        };
        playout.push(now, &arrival, drops)
    }

    /// What a perfect line would play.
    fn pcm(&self, samples: usize) -> Vec<i16> {
        let bytes: Vec<u8> = (0..samples as u64).map(Self::byte).collect();
        let mut pcm = vec![0; samples];
        g711::PCMU
            .decoder(Parameters::NONE)
            .decode(&bytes, &mut pcm)
            .unwrap();
        pcm
    }
}

struct Run {
    playout: Playout,
    drops: Drops,
    heard: Vec<i16>,
    pulled: Vec<FrameKind>,
}

impl Run {
    fn new(target: Target) -> Self {
        let playout = Playout::new(&g711::PCMU, target);
        Run {
            playout,
            drops: Drops::new(),
            heard: Vec::new(),
            pulled: Vec::new(),
        }
    }

    fn pull(&mut self, now: Time) -> FrameKind {
        let mut frame = [i16::MAX; 160];
        let pulled = self.playout.pull(now, &mut frame, &mut self.drops);
        self.heard.extend(frame);
        self.pulled.push(pulled);
        pulled
    }

    /// Plays packets that arrive at the given moments, pulling every 20 ms.
    fn play(&mut self, peer: &Peer, mut arrivals: Vec<(Time, u64)>, ticks: u64) {
        arrivals.sort_by_key(|(at, _)| *at);
        let mut arrivals = arrivals.into_iter().peekable();
        for tick in 0..ticks {
            let now = Time::ZERO + TICK * tick as u32;
            while let Some((at, n)) = arrivals.next_if(|(at, _)| *at <= now) {
                peer.push(&mut self.playout, &mut self.drops, at, n);
            }
            self.pull(now);
        }
    }

    fn of(&self, pulled: FrameKind) -> usize {
        self.pulled.iter().filter(|p| **p == pulled).count()
    }
}

fn micros(us: u64) -> Time {
    Time::from_nanos(us * 1000)
}

/// Packets of `packet` samples, sent evenly from `phase` on.
fn evenly(packet: usize, phase_us: u64, count: u64) -> Vec<(Time, u64)> {
    (0..count)
        .map(|n| (micros(phase_us + n * packet as u64 * 125), n))
        .collect()
}

#[test]
fn a_clean_stream_is_played_sample_for_sample_within_a_packet_and_20_ms() {
    for packet in [40, 80, 160, 240, 320, 480] {
        for phase_us in [0, 1, 5_000, 10_000, 19_999] {
            let peer = Peer::new(packet);
            let mut run = Run::new(Target::Packet);
            run.play(&peer, evenly(packet, phase_us, 24_000 / packet as u64), 100);
            let first = run
                .pulled
                .iter()
                .position(|p| *p == FrameKind::Heard)
                .unwrap();
            let delay_us = first as u64 * 20_000 - phase_us;
            let allowed = (packet as u64 * 125).max(20_000) + 20_000;
            assert!(delay_us <= allowed, "{packet} at {phase_us}: {delay_us} µs");
            let heard = &run.heard[first * 160..];
            assert_eq!(heard, peer.pcm(heard.len()), "{packet} at {phase_us}");
            assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (0, 0));
        }
    }
}

#[test]
fn one_lost_packet_is_one_concealed_frame_and_nothing_else_changes() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    let mut arrivals = evenly(160, 3_000, 100);
    arrivals.remove(50);
    run.play(&peer, arrivals, 90);
    assert_eq!(run.of(FrameKind::Concealed), 1);
    assert_eq!(run.playout.stats().concealed, 160);
    let first = run
        .pulled
        .iter()
        .position(|p| *p == FrameKind::Heard)
        .unwrap();
    let (heard, clean) = (&run.heard[first * 160..], peer.pcm(91 * 160));
    assert_eq!(heard[..50 * 160], clean[..50 * 160]);
    // After the cross-fade of 2.5 ms everything is where it belongs.
    assert_eq!(heard[51 * 160 + 20..], clean[51 * 160 + 20..heard.len()]);
    assert_eq!(run.drops.total(), 0);
}

#[test]
fn reordering_within_the_delay_loses_nothing() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    // Every third packet comes 20 ms late, behind its successor.
    let late = |n: u64| if n % 3 == 1 { 20_500 } else { 0 };
    let arrivals = (0..100)
        .map(|n| (micros(1_000 + n * 20_000 + late(n)), n))
        .collect();
    run.play(&peer, arrivals, 90);
    assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (0, 0));
    let first = run
        .pulled
        .iter()
        .position(|p| *p == FrameKind::Heard)
        .unwrap();
    let heard = &run.heard[first * 160..];
    assert_eq!(heard, peer.pcm(heard.len()));
}

#[test]
fn a_reordered_start_begins_with_the_lowest_number() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    let order = [1u64, 0, 2, 3, 4, 5];
    let arrivals = order
        .iter()
        .zip(0..)
        .map(|(n, i)| (micros(i * 20_000), *n))
        .collect();
    run.play(&peer, arrivals, 8);
    let first = run
        .pulled
        .iter()
        .position(|p| *p == FrameKind::Heard)
        .unwrap();
    assert_eq!(run.heard[first * 160..][..320], peer.pcm(320));
}

#[test]
fn duplicates_are_dropped_and_counted_played_or_not() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    let arrivals = evenly(160, 0, 50);
    let again = arrivals
        .iter()
        .map(|(at, n)| (*at + Duration::from_millis(1), *n));
    let later = arrivals
        .iter()
        .map(|(at, n)| (*at + Duration::from_millis(300), *n));
    let all = arrivals.iter().copied().chain(again).chain(later).collect();
    run.play(&peer, all, 80);
    assert_eq!(run.drops.of(DropReason::Duplicate).packets, 100);
    assert_eq!(run.drops.total(), 100);
    assert_eq!(run.playout.stats().played, 50 * 160);
}

#[test]
fn a_packet_that_comes_far_too_late_is_dropped_as_late() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    let mut arrivals = evenly(160, 0, 60);
    arrivals[30].0 += Duration::from_millis(150);
    run.play(&peer, arrivals, 55);
    assert_eq!(run.drops.of(DropReason::Late).packets, 1);
    assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (1, 1));
    // Said at once, not found out when it would be played.
    let mut run = Run::new(Target::Packet);
    let (now, late) = (Time::from_millis(200), Pushed::Dropped(DropReason::Late));
    run.play(
        &peer,
        evenly(160, 0, 11)
            .into_iter()
            .filter(|(_, n)| *n != 5)
            .collect(),
        10,
    );
    assert_eq!(peer.push(&mut run.playout, &mut run.drops, now, 5), late);
}

#[test]
fn a_longer_path_is_followed_and_not_late_for_ever() {
    for longer_ms in [5, 25, 50, 90, 200] {
        let peer = Peer::new(160);
        let mut run = Run::new(Target::Packet);
        let longer = |n: u64| if n >= 50 { longer_ms * 1_000 } else { 0 };
        let arrivals = (0..200)
            .map(|n| (micros(n * 20_000 + longer(n)), n))
            .collect();
        run.play(&peer, arrivals, 190);
        assert!(
            run.drops.total() <= 3,
            "{longer_ms} ms: {:?}",
            run.drops.iter().collect::<Vec<_>>()
        );
        assert!(
            run.pulled[75..].iter().all(|p| *p == FrameKind::Heard),
            "{longer_ms} ms"
        );
    }
}

#[test]
fn a_burst_after_a_stall_is_cut_to_the_target_at_once() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    let stalled = |n: u64| {
        if (50..75).contains(&n) {
            75 * 20_000
        } else {
            n * 20_000
        }
    };
    let arrivals = (0..200).map(|n| (micros(stalled(n)), n)).collect();
    run.play(&peer, arrivals, 190);
    let budget = run.drops.of(DropReason::LatencyBudget).packets;
    assert!((20..=25).contains(&budget), "{budget} packets cut");
    assert_eq!(
        run.drops.total(),
        budget,
        "{:?}",
        run.drops.iter().collect::<Vec<_>>()
    );
    assert!(run.playout.stats().depth <= Duration::from_millis(60));
    assert!(run.pulled[80..].iter().all(|p| *p == FrameKind::Heard));
}

#[test]
fn a_pause_is_silence_and_the_talkspurt_after_it_gets_its_own_delay() {
    for pause in [1u64, 3, 10, 200] {
        let peer = Peer::new(160);
        let mut run = Run::new(Target::Packet);
        for tick in 0..60 + pause {
            let now = Time::ZERO + TICK * tick as u32;
            if tick < 30 {
                peer.push(&mut run.playout, &mut run.drops, now, tick);
            } else if tick >= 30 + pause {
                let leap = 160 * pause as u32;
                peer.push_at(&mut run.playout, &mut run.drops, now, tick - pause, leap);
            }
            run.pull(now);
        }
        let start = run
            .pulled
            .iter()
            .rposition(|p| *p != FrameKind::Heard)
            .unwrap() as u64
            + 1;
        let delay = start - (30 + pause);
        assert!(delay <= 2, "pause of {pause}: {delay} frames of delay");
        assert_eq!(run.drops.total(), 0, "pause of {pause}");
        assert_eq!(run.playout.stats().resyncs, 0);
        let spurt = &run.heard[start as usize * 160 + 20..];
        assert_eq!(spurt, &peer.pcm(60 * 160)[30 * 160 + 20..][..spurt.len()]);
    }
}

#[test]
fn markers_without_a_pause_change_nothing() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    // A clock so slow that the buffer runs dry every 50 packets.
    let arrival_us = |n: u64| n * 20_400;
    let mut waiting = (0..500).map(|n| (micros(arrival_us(n)), n)).peekable();
    for tick in 0..500 {
        let now = Time::ZERO + TICK * tick;
        while let Some((at, n)) = waiting.next_if(|(at, _)| *at <= now) {
            let arrival = Arrival {
                ssrc: Ssrc::new(7),
                seq: ExtSeq::new(n),
                timestamp: RtpTime::new(160 * n as u32),
                marker: true,
                payload: &peer.payload(n),
            };
            run.playout.push(at, &arrival, &mut run.drops);
        }
        run.pull(now);
    }
    assert_eq!(run.of(FrameKind::Silence), 2);
    assert!((8..=12).contains(&run.of(FrameKind::Concealed)));
    assert_eq!(run.drops.total(), 0);
}

#[test]
fn a_pause_between_two_packets_that_are_there_is_not_called_loss() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    for tick in 0..40u64 {
        let now = Time::ZERO + TICK * tick as u32;
        match tick {
            0..20 => peer.push(&mut run.playout, &mut run.drops, now, tick),
            20 => Pushed::Queued,
            _ => peer.push_at(&mut run.playout, &mut run.drops, now, tick - 1, 160),
        };
        run.pull(now);
    }
    assert_eq!(run.pulled[22], FrameKind::Silence);
    assert_eq!(
        (run.of(FrameKind::Silence), run.playout.stats().concealed),
        (3, 0)
    );
}

#[test]
fn a_restarted_sender_is_believed_with_its_second_packet() {
    for (seq, timestamp) in [
        (40_000u64, 5u32),
        (65_580, 1_000_000),
        (900_000, u32::MAX - 500),
    ] {
        let (old, mut new) = (Peer::new(160), Peer::new(160));
        new.first_seq = seq;
        new.first_timestamp = timestamp;
        let mut run = Run::new(Target::Packet);
        run.play(&old, evenly(160, 0, 50), 50);
        for n in 0..50 {
            let now = Time::ZERO + TICK * (50 + n as u32);
            new.push(&mut run.playout, &mut run.drops, now, n);
            run.pull(now);
        }
        assert_eq!(
            run.drops.of(DropReason::Probation).packets,
            1,
            "{seq} {timestamp}"
        );
        assert_eq!(run.playout.stats().resyncs, 1, "{seq} {timestamp}");
        assert!(run.pulled[60..].iter().all(|p| *p == FrameKind::Heard));
    }
}

#[test]
fn one_packet_from_nowhere_does_not_disturb_the_stream() {
    let (peer, mut rogue) = (Peer::new(160), Peer::new(160));
    rogue.first_seq = 1_000_000;
    let mut run = Run::new(Target::Packet);
    for n in 0..50 {
        let now = Time::ZERO + TICK * n as u32;
        peer.push(&mut run.playout, &mut run.drops, now, n);
        if n == 25 {
            rogue.push(&mut run.playout, &mut run.drops, now, 0);
        }
        run.pull(now);
    }
    assert_eq!(
        (run.of(FrameKind::Heard), run.of(FrameKind::Concealed)),
        (48, 0)
    );
    assert_eq!(run.drops.of(DropReason::Probation).packets, 1);
}

#[test]
fn drift_of_200_ppm_for_an_hour_keeps_the_depth_in_range() {
    for ppm in [-200i64, 200] {
        let peer = Peer::new(160);
        let mut run = Run::new(Target::Packet);
        let period_ns = (20_000_000 + 20 * ppm) as u64;
        let (mut n, mut deepest) = (0, Duration::ZERO);
        let mut not_played = 0;
        for tick in 0..180_000u64 {
            let now = Time::from_nanos(tick * 20_000_000);
            while 7_000_000 + n * period_ns <= now.as_nanos() {
                let at = Time::from_nanos(7_000_000 + n * period_ns);
                assert_eq!(
                    peer.push(&mut run.playout, &mut run.drops, at, n),
                    Pushed::Queued
                );
                n += 1;
            }
            deepest = deepest.max(run.playout.stats().depth);
            let mut frame = [0; 160];
            let pulled = run.playout.pull(now, &mut frame, &mut run.drops);
            not_played += u64::from(pulled != FrameKind::Heard);
        }
        assert!(
            deepest <= Duration::from_millis(80),
            "{ppm} ppm: {deepest:?}"
        );
        // 720 ms in all: 36 frames given up or made up, and a few at the start.
        let corrected = run.drops.of(DropReason::LatencyBudget).packets + not_played;
        assert!(
            (34..=42).contains(&corrected),
            "{ppm} ppm: {corrected} frames corrected"
        );
        assert_eq!(run.playout.stats().resyncs, 0);
    }
}

#[test]
fn malformed_and_oversized_payloads_are_named() {
    let mut run = Run::new(Target::Packet);
    let arrival = |payload: &'static [u8]| Arrival {
        ssrc: Ssrc::new(1),
        seq: ExtSeq::new(1),
        timestamp: RtpTime::new(0),
        marker: false,
        payload,
    };
    static LONG: [u8; 961] = [0; 961];
    let pushed = run.playout.push(Time::ZERO, &arrival(&[]), &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::Undecodable));
    let pushed = run
        .playout
        .push(Time::ZERO, &arrival(&LONG), &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::TooLong));
    assert_eq!(run.pull(Time::ZERO), FrameKind::Silence);
}

#[test]
fn a_codec_changes_without_a_sample_lost() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    run.play(&peer, evenly(160, 0, 20), 20);
    // The last packet of the old codec is overtaken by the first of the new.
    let arrivals = [(20, 21), (20, 20)]
        .into_iter()
        .chain((22..40).map(|n| (n, n)));
    let mut arrivals = arrivals.peekable();
    for tick in 20..40 {
        let now = Time::ZERO + TICK * tick as u32;
        while let Some((_, n)) = arrivals.next_if(|(at, _)| *at == tick) {
            let codec: &dyn Codec = if n == 20 { &g711::PCMU } else { &g711::PCMA };
            run.playout.switch_codec(now, codec, &mut run.drops);
            peer.push(&mut run.playout, &mut run.drops, now, n);
        }
        run.pull(now);
    }
    assert_eq!(run.playout.codec().name(), "PCMA");
    assert_eq!(run.drops.total(), 0);
    let delay = run.of(FrameKind::Silence);
    assert_eq!(run.of(FrameKind::Heard), run.pulled.len() - delay);
    let mut expected = peer.pcm(21 * 160);
    for n in 21..40 {
        let mut pcm = [0; 160];
        let decoded = g711::PCMA
            .decoder(Parameters::NONE)
            .decode(&peer.payload(n), &mut pcm);
        assert_eq!(decoded, Ok(160));
        expected.extend(pcm);
    }
    let heard = &run.heard[delay * 160..];
    assert_eq!(heard, &expected[..heard.len()]);
}

#[derive(Clone, Debug)]
enum Step {
    Push {
        seq: u16,
        timestamp: u32,
        ssrc: u8,
        marker: bool,
        len: usize,
    },
    Next {
        late_ms: u8,
    },
    Pull(usize),
    Wait(u8),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<u16>(), any::<u32>(), 0u8..2, any::<bool>(), 0usize..1000).prop_map(
            |(seq, timestamp, ssrc, marker, len)| Step::Push { seq, timestamp, ssrc, marker, len }
        ),
        20 => (0u8..60).prop_map(|late_ms| Step::Next { late_ms }),
        20 => prop_oneof![4 => Just(160usize), 1 => 0usize..1000].prop_map(Step::Pull),
        5 => any::<u8>().prop_map(Step::Wait),
        1 => Just(Step::Flush),
    ]
}

proptest! {
    /// Packets in = packets played, waiting or dropped by name; no step
    /// panics, and no more waits than may.
    #[test]
    fn any_sequence_of_steps_accounts_for_every_packet(
        steps in proptest::collection::vec(step(), 0..200)
    ) {
        let mut run = Run::new(Target::Packet);
        let peer = Peer::new(160);
        let (mut now, mut next, mut pushed, mut pulled) = (Time::ZERO, 0u64, 0u64, 0u64);
        for step in steps {
            match step {
                Step::Push { seq, timestamp, ssrc, marker, len } => {
                    let arrival = Arrival {
                        ssrc: Ssrc::new(7 + u32::from(ssrc)),
                        seq: ExtSeq::new(u64::from(seq)),
                        timestamp: RtpTime::new(timestamp),
                        marker,
                        payload: &vec![0xd5; len],
                    };
                    run.playout.push(now, &arrival, &mut run.drops);
                    pushed += 1;
                }
                Step::Next { late_ms } => {
                    now += Duration::from_millis(u64::from(late_ms));
                    peer.push(&mut run.playout, &mut run.drops, now, next);
                    (next, pushed) = (next + 1, pushed + 1);
                }
                Step::Pull(len) => {
                    run.playout.pull(now, &mut vec![0; len], &mut run.drops);
                    pulled += len as u64;
                }
                Step::Wait(ms) => now += Duration::from_millis(u64::from(ms)),
                Step::Flush => run.playout.flush(now, &mut run.drops),
            }
            let stats = run.playout.stats();
            prop_assert_eq!(stats.played + stats.concealed + stats.silent, pulled);
            let waiting = run.playout.ring.len() as u64;
            let dropped = run.drops.total();
            prop_assert!(waiting + dropped <= pushed, "a packet was counted twice");
            prop_assert_eq!(stats.packets + waiting + dropped, pushed);
        }
    }

    /// Whatever the order and jitter within the delay, what is heard is what
    /// was said.
    #[test]
    fn jitter_within_the_delay_is_not_heard(
        jitter in proptest::collection::vec(0u64..19_000, 60), packet in 1usize..4
    ) {
        let packet = packet * 80;
        let peer = Peer::new(packet);
        let mut run = Run::new(Target::Fixed(Duration::from_millis(60)));
        let ptime_us = packet as u64 * 125;
        let arrivals = jitter.iter().zip(0..).map(|(late, n)| (micros(n * ptime_us + late), n));
        run.play(&peer, arrivals.collect(), 60 * ptime_us / 20_000 - 2);
        prop_assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (0, 0));
        let first = run.pulled.iter().position(|p| *p == FrameKind::Heard).unwrap();
        let heard = &run.heard[first * 160..];
        prop_assert_eq!(heard, peer.pcm(heard.len()));
    }
}

/// 16 kHz samples under an 8 kHz clock, as G.722 has it, one byte each.
#[derive(Debug)]
struct Wide;

impl Codec for Wide {
    fn name(&self) -> &'static str {
        "WIDE"
    }
    fn clock_rate(&self) -> u32 {
        8_000
    }
    fn sample_rate(&self) -> talkpath_audio::SampleRate {
        talkpath_audio::SampleRate::HZ_16000
    }
    fn channels(&self) -> u8 {
        1
    }
    fn static_payload_type(&self) -> Option<u8> {
        None
    }
    fn samples(&self, payload: &[u8]) -> Result<usize, talkpath_audio::DecodeError> {
        Ok(payload.len())
    }
    fn max_payload_len(&self, samples: usize) -> usize {
        samples
    }
    fn encoder(&self, _: Parameters<'_>) -> Box<dyn talkpath_audio::Encoder> {
        unreachable!("playout does not encode")
    }
    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(Wide)
    }
}

impl Decoder for Wide {
    fn decode(
        &mut self,
        payload: &[u8],
        pcm: &mut [i16],
    ) -> Result<usize, talkpath_audio::DecodeError> {
        // A payload that starts with 255 only looks like one of this codec.
        if payload.first() == Some(&255) {
            return Err(talkpath_audio::DecodeError::Malformed {
                len: payload.len(),
                at: 0,
            });
        }
        for (sample, byte) in pcm.iter_mut().zip(payload) {
            *sample = i16::from(*byte) * 100;
        }
        Ok(payload.len())
    }
}

/// Plays `count` packets of 20 ms of `Wide`, of which one is undecodable.
fn play_wide(count: u64, undecodable: Option<u64>) -> (Vec<i16>, Vec<FrameKind>, Drops, Playout) {
    let (mut playout, mut drops) = (Playout::new(&Wide, Target::Packet), Drops::new());
    let (mut heard, mut pulled) = (Vec::new(), Vec::new());
    for n in 0..count {
        let now = Time::ZERO + TICK * n as u32;
        let value = if undecodable == Some(n) { 255 } else { n as u8 };
        let arrival = Arrival {
            ssrc: Ssrc::new(1),
            seq: ExtSeq::new(n),
            timestamp: RtpTime::new(160 * n as u32),
            marker: n == 0,
            payload: &[value; 320],
        };
        playout.push(now, &arrival, &mut drops);
        let mut frame = [0; 320];
        pulled.push(playout.pull(now, &mut frame, &mut drops));
        heard.extend(frame);
    }
    (heard, pulled, drops, playout)
}

#[test]
fn timestamps_of_half_the_sample_rate_are_understood() {
    let (heard, pulled, drops, playout) = play_wide(50, None);
    assert_eq!(
        pulled.iter().filter(|p| **p == FrameKind::Heard).count(),
        48
    );
    for (n, frame) in heard.chunks(320).skip(2).enumerate() {
        assert!(
            frame.iter().all(|sample| *sample == n as i16 * 100),
            "frame {n}"
        );
    }
    assert_eq!(drops.total(), 0);
    assert_eq!(playout.stats().depth, Duration::from_millis(40));
    assert_eq!(playout.stats().target, Duration::from_millis(40));
}

#[test]
fn a_payload_that_does_not_decode_is_concealed_as_lost() {
    let (_, pulled, drops, _) = play_wide(50, Some(20));
    assert_eq!(pulled[22], FrameKind::Concealed);
    assert_eq!(
        pulled.iter().filter(|p| **p == FrameKind::Heard).count(),
        47
    );
    assert_eq!(
        (drops.total(), drops.of(DropReason::Undecodable).packets),
        (1, 1)
    );
}

/// 400 Hz through playout, packets arriving when `arrival` says.
fn largest_step_of_a_tone(arrival: impl Fn(u64) -> u64, packets: u64) -> (i32, Run) {
    use talkpath_audio::{Dbov, SampleRate, Tone, ToneGenerator};
    let mut tone = ToneGenerator::new(Tone::sine(437.0, Dbov(-10.0)), SampleRate::HZ_8000);
    let mut encoder = g711::PCMU.encoder(Parameters::NONE);
    let mut run = Run::new(Target::Packet);
    let mut waiting = (0..packets).map(|n| (arrival(n), n)).peekable();
    for tick in 0..packets {
        let now = micros(tick * 20_000);
        while let Some((_, n)) = waiting.next_if(|(at, _)| micros(*at) <= now) {
            let (mut pcm, mut payload) = ([0; 160], [0; 160]);
            tone.fill(&mut pcm);
            encoder.encode(&pcm, &mut payload).unwrap();
            let arrival = Arrival {
                ssrc: Ssrc::new(1),
                seq: ExtSeq::new(n),
                timestamp: RtpTime::new(160 * n as u32),
                marker: n == 0,
                payload: &payload,
            };
            run.playout.push(now, &arrival, &mut run.drops);
        }
        run.pull(now);
    }
    let steps = run
        .heard
        .windows(2)
        .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs());
    (steps.max().unwrap(), run)
}

#[test]
fn neither_a_stall_nor_drift_nor_jitter_clicks() {
    let (clean, _) = largest_step_of_a_tone(|n| n * 20_000, 100);
    // What a cross-fade of 20 samples may add to 29,000 from peak to peak.
    let allowed = clean + 29_000 / 20 + 200;
    let stall = |n| {
        if (50..75).contains(&n) {
            75 * 20_000
        } else {
            n * 20_000
        }
    };
    let (step, run) = largest_step_of_a_tone(stall, 200);
    assert!(step <= allowed, "stall: {step}, clean {clean}");
    assert!(run.drops.of(DropReason::LatencyBudget).packets > 15);

    let (step, run) = largest_step_of_a_tone(|n| n * 19_900, 3_000);
    assert!(step <= allowed, "fast clock: {step}");
    assert!(run.drops.of(DropReason::LatencyBudget).packets > 10);

    let (step, run) = largest_step_of_a_tone(|n| n * 20_100, 3_000);
    assert!(step <= allowed, "slow clock: {step}");
    assert!(run.of(FrameKind::Concealed) > 10);

    let spikes = |n| n * 20_000 + if n % 40 == 39 { 50_000 } else { 0 };
    let sorted = |n: u64| (0..=n).map(spikes).max().unwrap_or(0);
    let (step, _) = largest_step_of_a_tone(sorted, 500);
    assert!(step <= allowed, "spikes: {step}");
}

#[test]
fn long_packets_on_a_longer_path_are_not_cut_for_ever() {
    for longer_ms in [90, 100, 110, 120, 150] {
        let peer = Peer::new(480);
        let mut run = Run::new(Target::Packet);
        let longer = |n: u64| if n >= 20 { longer_ms * 1_000 } else { 0 };
        let arrivals = (0..80)
            .map(|n| (micros(n * 60_000 + longer(n)), n))
            .collect();
        run.play(&peer, arrivals, 230);
        let end = &run.pulled[100..];
        assert!(end.iter().all(|p| *p == FrameKind::Heard), "{longer_ms} ms");
    }
}

#[test]
fn a_marked_talkspurt_sheds_the_delay_that_a_slow_start_left() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Packet);
    for tick in 0..60u64 {
        let now = Time::ZERO + TICK * tick as u32;
        match tick {
            0 | 1 | 26..31 => {}
            2 => (0..3).for_each(|n| {
                peer.push(&mut run.playout, &mut run.drops, now, n);
            }),
            3..26 => {
                peer.push(&mut run.playout, &mut run.drops, now, tick);
            }
            _ => {
                peer.push_at(&mut run.playout, &mut run.drops, now, tick - 5, 5 * 160);
            }
        }
        run.pull(now);
    }
    let start = run
        .pulled
        .iter()
        .rposition(|p| *p != FrameKind::Heard)
        .unwrap()
        + 1;
    assert!(
        start <= 33,
        "the talkspurt of tick 31 is heard at tick {start}"
    );
    assert_eq!(run.drops.total(), 0);
}

#[test]
fn giving_up_a_packet_costs_that_packet_only() {
    let peer = Peer::new(240);
    let mut run = Run::new(Target::Packet);
    let arrivals = (0..2_000).map(|n| (micros(n * 29_800), n)).collect();
    run.play(&peer, arrivals, 2_900);
    assert!(run.drops.of(DropReason::LatencyBudget).packets >= 10);
    let stats = run.playout.stats();
    assert_eq!(
        stats.played + run.playout.decoded.len() as u64,
        stats.packets * 240
    );
    assert_eq!(stats.concealed, 0);
}
