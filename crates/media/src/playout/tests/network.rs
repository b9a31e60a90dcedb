//! What is heard through networks that delay and lose, seeded.

use super::*;

/// A small generator of chance: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

/// Plays `count` packets of 20 ms that come as `network` says, in µs, or not.
fn through(count: u64, mut network: impl FnMut(u64) -> Option<u64>) -> Run {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    let arrivals = (0..count).filter_map(|n| network(n).map(|at| (micros(at), n)));
    run.play(&peer, arrivals.collect(), count - 10);
    run
}

fn concealed_share(run: &Run) -> f64 {
    let stats = run.playout.stats();
    stats.concealed as f64 / (stats.concealed + stats.played) as f64
}

#[test]
fn jitter_of_60_ms_is_absorbed_by_a_delay_that_fits_it() {
    for seed in 1..=3u64 {
        let mut chance = Chance(seed * 0x9e37_79b9);
        let run = through(3_000, |n| Some(n * 20_000 + chance.below(60_000)));
        let stats = run.playout.stats();
        let target = stats.target.as_millis();
        assert!((70..=90).contains(&target), "{target} ms");
        assert!(stats.depth <= Duration::from_millis(120), "{stats:?}");
        assert!(concealed_share(&run) < 0.025, "{stats:?}");
    }
}

#[test]
fn five_in_a_hundred_lost_are_five_in_a_hundred_concealed() {
    let mut chance = Chance(77);
    let mut lost = 0;
    let run = through(5_000, |n| {
        let is_lost = chance.below(100) < 5;
        lost += u64::from(is_lost);
        (!is_lost).then(|| n * 20_000 + chance.below(5_000))
    });
    let stats = run.playout.stats();
    let expected = lost as f64 / 5_000.0;
    assert!(
        (concealed_share(&run) - expected).abs() < 0.005,
        "{stats:?}"
    );
    // One packet more than without loss, so that both sides of a gap are known.
    assert!(stats.target <= Duration::from_millis(50), "{stats:?}");
    let more = stats.expanded + stats.accelerated;
    assert!(more <= Duration::from_millis(100), "{stats:?}");
    assert_eq!(stats.resyncs, 0);
}

#[test]
fn jitter_that_ends_gives_its_delay_back() {
    let mut chance = Chance(5);
    let run = through(3_000, |n| {
        let late = if n < 1_000 { chance.below(60_000) } else { 0 };
        Some(n * 20_000 + late)
    });
    let stats = run.playout.stats();
    assert!(stats.target <= Duration::from_millis(30), "{stats:?}");
    assert!(stats.depth <= Duration::from_millis(40), "{stats:?}");
    assert!(run.pulled[1_100..].iter().all(|p| *p == FrameKind::Heard));
}

#[test]
fn spikes_that_come_back_are_waited_for() {
    // In order, as behind a queue that fills: 100 ms every two seconds.
    let spike = |n: u64| {
        n * 20_000
            + if n % 100 < 5 {
                (5 - n % 100) * 20_000
            } else {
                0
            }
    };
    let run = through(2_000, |n| Some(spike(n)));
    let later = &run.pulled[500..];
    let concealed = later.iter().filter(|p| **p != FrameKind::Heard).count();
    assert!(concealed <= 2, "{concealed} of {}", later.len());
    assert!(run.playout.stats().target >= Duration::from_millis(100));
}

/// What some minutes with a clock that is off by `ppm` do.
fn drifted(ppm: i64, packet: usize, minutes: u64) -> (Run, Duration, Duration) {
    let (peer, mut run) = (Peer::new(packet), Run::new(Target::default()));
    let ptime_ns = packet as i64 * 125_000;
    let period_ns = (ptime_ns + ptime_ns * ppm / 1_000_000) as u64;
    let (mut n, mut deepest, mut payloads) = (0, Duration::ZERO, Vec::new());
    payloads.extend((0..100).map(|n| peer.payload(n)));
    let mut settled = Duration::ZERO;
    for tick in 0..minutes * 3_000 {
        let now = Time::from_nanos(tick * 20_000_000);
        while 7_000_000 + n * period_ns <= now.as_nanos() {
            let arrival = Arrival {
                ssrc: Ssrc::new(1),
                seq: ExtSeq::new(n),
                timestamp: RtpTime::new((n as u32).wrapping_mul(packet as u32)),
                marker: n == 0,
                codec: &g711::PCMU,
                payload: &payloads[n as usize % 100],
            };
            let at = Time::from_nanos(7_000_000 + n * period_ns);
            assert_eq!(
                run.playout.push(at, &arrival, &mut run.drops),
                Pushed::Queued
            );
            n += 1;
        }
        let mut frame = [0; 160];
        let kind = run.playout.pull(now, &mut frame, &mut run.drops);
        run.pulled.push(kind);
        let stats = run.playout.stats();
        deepest = deepest.max(stats.depth);
        if tick == 500 {
            settled = stats.accelerated + stats.expanded;
        }
    }
    let stats = run.playout.stats();
    let corrected = stats.accelerated + stats.expanded - settled;
    (run, deepest, corrected)
}

#[test]
fn drift_of_200_ppm_is_corrected_by_no_more_than_it_is() {
    for (ppm, packet, minutes) in [
        (-200, 160, 10),
        (200, 160, 10),
        (200, 80, 5),
        (-200, 480, 5),
    ] {
        let (run, deepest, corrected) = drifted(ppm, packet, minutes);
        let stats = run.playout.stats();
        assert_eq!((run.drops.total(), stats.resyncs), (0, 0), "{ppm} {packet}");
        let gaps = run.pulled[10..].iter().filter(|p| **p != FrameKind::Heard);
        assert_eq!(gaps.count(), 0, "{ppm} {packet}: {stats:?}");
        let most = Duration::from_millis(60 + packet as u64 / 8);
        assert!(deepest <= most, "{ppm} {packet}: {deepest:?}");
        // 12 ms in a minute; 25 ms in 100 s are allowed.
        let millis = corrected.as_millis() as u64;
        let range = minutes * 12 - 20..=minutes * 15 + 15;
        assert!(range.contains(&millis), "{ppm} {packet}: {millis} ms");
    }
}
