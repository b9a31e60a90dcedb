//! What is heard of streams that are whole: late by little, out of order, twice.

use super::*;

#[test]
fn a_clean_stream_is_played_sample_for_sample_within_a_packet_and_10_ms() {
    for packet in [40, 80, 160, 240, 320, 480] {
        for phase_us in [0, 1, 5_000, 10_000, 19_999] {
            let peer = Peer::new(packet);
            let mut run = Run::new(Target::default());
            run.play(&peer, evenly(packet, phase_us, 24_000 / packet as u64), 100);
            let delay_us = run.start() as u64 * 125 - phase_us;
            let allowed = (packet as u64 * 125 + 10_000).max(20_500);
            assert!(delay_us <= allowed, "{packet} at {phase_us}: {delay_us} µs");
            let heard = &run.heard[run.start()..];
            assert!(
                heard == peer.pcm(heard.len()),
                "{packet} at {phase_us} {:?} {:?} {:?}",
                run.playout.stats(),
                run.start(),
                heard
                    .iter()
                    .zip(peer.pcm(heard.len()))
                    .position(|(a, b)| *a != b)
            );
            assert!(run.is_unscaled());
            assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (0, 0));
        }
    }
}

#[test]
fn reordering_within_the_delay_loses_nothing() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Fixed(TICK * 3));
    // Every third packet comes 20 ms late, behind its successor.
    let late = |n: u64| if n % 3 == 1 { 20_500 } else { 0 };
    let arrivals = (0..100)
        .map(|n| (micros(1_000 + n * 20_000 + late(n)), n))
        .collect();
    run.play(&peer, arrivals, 90);
    assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (0, 0));
    let heard = &run.heard[run.start()..];
    assert_eq!(heard, peer.pcm(heard.len()));
}

#[test]
fn a_reordered_start_begins_with_the_lowest_number() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Fixed(TICK * 3));
    let order = [1u64, 0, 2, 3, 4, 5];
    let arrivals = order
        .iter()
        .zip(0..)
        .map(|(n, i)| (micros(i * 20_000), *n))
        .collect();
    run.play(&peer, arrivals, 8);
    assert_eq!(run.heard[run.start()..][..320], peer.pcm(320));
}

#[test]
fn duplicates_are_dropped_and_counted_played_or_not() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
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
fn malformed_and_oversized_payloads_are_named() {
    let mut run = Run::new(Target::default());
    let arrival = |payload: &'static [u8]| Arrival {
        ssrc: Ssrc::new(1),
        seq: ExtSeq::new(1),
        timestamp: RtpTime::new(0),
        marker: false,
        codec: &g711::PCMU,
        payload,
    };
    static LONG: [u8; 1601] = [0; 1601];
    let pushed = run.playout.push(Time::ZERO, &arrival(&[]), &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::Undecodable));
    let pushed = run
        .playout
        .push(Time::ZERO, &arrival(&LONG), &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::TooLong));
    assert_eq!(run.pull(Time::ZERO), FrameKind::Silence);
}
