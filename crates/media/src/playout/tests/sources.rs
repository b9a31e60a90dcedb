//! What is heard when packets of several sources come from one place.

use super::*;

fn peer(ssrc: u32, first_seq: u64) -> Peer {
    Peer {
        ssrc,
        first_seq,
        first_timestamp: ssrc.wrapping_mul(0x9e37_79b9),
        packet: 160,
    }
}

/// Plays packets of several peers: moment in µs, peer, number.
fn play(peers: &[Peer], mut arrivals: Vec<(u64, usize, u64)>, ticks: u64) -> Run {
    arrivals.sort_by_key(|(at, ..)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut run = Run::new(Target::default());
    for tick in 0..ticks {
        while let Some((at, who, n)) = arrivals.next_if(|(at, ..)| *at <= tick * 20_000) {
            peers[who].push(&mut run.playout, &mut run.drops, micros(at), n);
        }
        run.pull(micros(tick * 20_000));
    }
    run
}

/// Packets `numbers` of a peer, one every 20 ms from `from_us` on.
fn every_20_ms(who: usize, from_us: u64, numbers: std::ops::Range<u64>) -> Vec<(u64, usize, u64)> {
    numbers.map(|n| (from_us + n * 20_000, who, n)).collect()
}

#[test]
fn another_source_follows_the_one_before_and_costs_one_packet() {
    for phase_us in [0, 1_000, 9_000, 19_000] {
        let peers = [peer(7, 65_530), peer(8, 3)];
        let mut arrivals = every_20_ms(0, phase_us, 0..50);
        arrivals.extend(every_20_ms(1, 1_000_000 + phase_us, 0..100));
        let run = play(&peers, arrivals, 140);
        assert_eq!(run.playout.stats().resyncs, 1);
        assert_eq!(run.drops.of(DropReason::Probation).packets, 1);
        assert_eq!(run.drops.total(), 1, "nothing that waited is flushed");
        let silent = run.of(FrameKind::Silence);
        assert!(run.of(FrameKind::Heard) + 1 >= 140 - silent, "no gap");
        let heard = &run.heard[run.start()..];
        assert!(heard[..50 * 160] == peers[0].pcm(50 * 160), "{phase_us}");
        // The packet that was not believed is made up for by a few periods.
        assert!(run.playout.stats().expanded <= TICK * 2);
        assert!(is_part_of(&heard[110 * 160..], &peers[1].pcm(100 * 160)));
    }
}

#[test]
fn stragglers_of_the_source_that_was_left_are_late() {
    for stragglers in [1, 2, 3] {
        let peers = [peer(7, 100), peer(8, 60_000)];
        let mut arrivals = every_20_ms(0, 0, 0..50);
        // The last of the old source come between and behind the first of the new.
        for n in 0..stragglers {
            arrivals.push((1_015_000 + n * 20_000, 0, 50 + n));
        }
        arrivals.extend(every_20_ms(1, 1_010_000, 0..100));
        let run = play(&peers, arrivals, 140);
        let gaps = run.pulled[2..]
            .iter()
            .filter(|p| **p != FrameKind::Heard)
            .count();
        assert!(gaps <= 3, "{stragglers} stragglers: {gaps} frames");
        assert!(run.pulled[60..].iter().all(|p| *p == FrameKind::Heard));
        assert_eq!(run.playout.stats().resyncs, 1);
        assert!(run.drops.total() <= stragglers + 2);
        assert!(run.playout.ring.len() <= 3);
    }
    // Behind the second packet of the new source they are named late.
    let peers = [peer(7, 100), peer(8, 60_000)];
    let mut arrivals = every_20_ms(0, 0, 0..50);
    arrivals.extend(every_20_ms(1, 1_000_000, 0..100));
    arrivals.extend([(1_021_000, 0, 50), (1_022_000, 0, 51), (1_041_000, 0, 52)]);
    let run = play(&peers, arrivals, 140);
    assert_eq!(run.drops.of(DropReason::Late).packets, 3);
    assert_eq!(run.playout.stats().resyncs, 1);
    assert_eq!(run.of(FrameKind::Heard), 139);
}

#[test]
fn of_two_interleaved_sources_one_is_heard_unbroken() {
    let peers = [peer(7, 100), peer(8, 60_000)];
    // One by one, and in pairs that would each be believed.
    let pairs = |n: u64| (n / 2) * 40_000 + n % 2;
    for arrival in [|n: u64| n * 20_000, pairs] {
        let numbers = (0..500).flat_map(|n| [(arrival(n), 0, n), (arrival(n) + 7_000, 1, n)]);
        let run = play(&peers, numbers.collect(), 490);
        let start = run
            .pulled
            .iter()
            .rposition(|p| *p != FrameKind::Heard)
            .unwrap();
        assert!(start < 10, "unbroken from frame {start}");
        assert!(run.playout.stats().resyncs <= 1);
        // What is heard is one of them, in its order.
        let tail = &run.heard[400 * 160..];
        assert!(is_part_of(&tail[..1_600], &peers[0].pcm(500 * 160)));
    }
}

#[test]
fn packets_of_random_sources_leave_the_call_audible() {
    let call = peer(7, 100);
    for per_packet in [1u64, 5] {
        let mut run = Run::new(Target::default());
        let mut state = 0x2545_f491_4f6c_dd1du64;
        for n in 0..500u64 {
            let now = micros(n * 20_000);
            for _ in 0..per_packet {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let stray = peer(state as u32, state >> 48);
                stray.push(&mut run.playout, &mut run.drops, now, 0);
            }
            if n >= 1 {
                call.push(&mut run.playout, &mut run.drops, now, n - 1);
            }
            run.pull(now);
        }
        let first = run
            .pulled
            .iter()
            .rposition(|p| *p != FrameKind::Heard)
            .unwrap();
        assert!(first < 150, "{per_packet}: audible from frame {first}");
    }
}

#[test]
fn after_a_silence_another_source_is_believed_at_once() {
    let peers = [peer(7, 100), peer(8, 60_000)];
    let mut arrivals = every_20_ms(0, 0, 0..50);
    arrivals.extend(every_20_ms(1, 1_300_000, 0..50));
    let run = play(&peers, arrivals, 110);
    assert_eq!(run.drops.total(), 0);
    assert!(run.pulled[67..].iter().all(|p| *p == FrameKind::Heard));
}

fn is_part_of(heard: &[i16], said: &[i16]) -> bool {
    said.windows(heard.len()).any(|window| window == heard)
}
