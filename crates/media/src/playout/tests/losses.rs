//! What is heard where packets are missing, late or foreign.

use super::*;

#[test]
fn one_lost_packet_is_one_concealed_frame_and_nothing_else_changes() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    let mut arrivals = evenly(160, 3_000, 100);
    arrivals.remove(50);
    run.play(&peer, arrivals, 90);
    assert_eq!(run.of(FrameKind::Concealed), 1);
    assert_eq!(run.playout.stats().concealed, 160);
    let (heard, clean) = (&run.heard[run.start()..], peer.pcm(91 * 160));
    assert_eq!(heard[..50 * 160], clean[..50 * 160]);
    // After the cross-fade everything is where it belongs.
    assert_eq!(heard[52 * 160..], clean[52 * 160..heard.len()]);
    assert_eq!(run.drops.total(), 0);
}

#[test]
fn a_packet_that_comes_far_too_late_is_dropped_as_late() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    let mut arrivals = evenly(160, 0, 60);
    arrivals[30].0 += Duration::from_millis(150);
    run.play(&peer, arrivals, 55);
    assert_eq!(run.drops.of(DropReason::Late).packets, 1);
    assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (1, 1));
    // Said at once, not found out when it would be played.
    let mut run = Run::new(Target::default());
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
        let mut run = Run::new(Target::default());
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
fn long_packets_on_a_longer_path_are_not_cut_for_ever() {
    for longer_ms in [90, 100, 110, 120, 150] {
        let peer = Peer::new(480);
        let mut run = Run::new(Target::default());
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
fn a_restarted_sender_is_believed_with_its_second_packet() {
    for (seq, timestamp) in [
        (40_000u64, 5u32),
        (65_580, 1_000_000),
        (900_000, u32::MAX - 500),
    ] {
        let (old, mut new) = (Peer::new(160), Peer::new(160));
        new.first_seq = seq;
        new.first_timestamp = timestamp;
        let mut run = Run::new(Target::default());
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
    let mut run = Run::new(Target::default());
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
        (49, 0)
    );
    assert_eq!(run.drops.of(DropReason::Probation).packets, 1);
}
