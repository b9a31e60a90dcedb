//! How fast the delay that a stall or a full start leaves is given up.

use super::*;

/// Ticks from `from` on until the depth after a pull stays within the target
/// and one frame, when packets arrive in order at the given moments.
fn ticks_to_drain(arrival: impl Fn(u64) -> u64, from: u64) -> u64 {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    let mut waiting = (0..500u64).map(|n| (arrival(n), n)).peekable();
    let mut deep = from;
    for tick in 0..450 {
        while let Some((at, n)) = waiting.next_if(|(at, _)| *at <= tick * 20_000) {
            peer.push(&mut run.playout, &mut run.drops, micros(at), n);
        }
        run.pull(micros(tick * 20_000));
        let stats = run.playout.stats();
        if tick >= from && stats.depth > stats.target + TICK {
            deep = tick + 1;
        }
    }
    assert_eq!(run.drops.total(), 0, "nothing is left out");
    let gaps = |pulled: &[FrameKind]| pulled.iter().any(|p| *p != FrameKind::Heard);
    assert!(!gaps(&run.pulled[from as usize + 3..]), "nothing runs dry");
    deep - from
}

/// Moments of packets that stall for so long after one second.
fn stalled(stall_ms: u64) -> impl Fn(u64) -> u64 {
    move |n| {
        let sent = n * 20_000;
        match sent >= 1_000_000 {
            true => sent.max(1_000_000 + stall_ms * 1_000),
            false => sent,
        }
    }
}

#[test]
fn the_delay_of_a_stall_is_gone_within_one_and_a_half_seconds() {
    for stall_ms in [100, 200, 240, 260, 500] {
        for phase_us in [0, 1_000, 11_000, 19_000] {
            let stall = stalled(stall_ms);
            let from = 50 + stall_ms / 20 + 1;
            let ticks = ticks_to_drain(|n| stall(n) + phase_us, from);
            assert!(
                ticks <= 75,
                "{stall_ms} ms at {phase_us}: {} ms",
                ticks * 20
            );
        }
    }
}

#[test]
fn early_media_released_at_once_is_drained_within_one_and_a_half_seconds() {
    let ticks = ticks_to_drain(|n| n.saturating_sub(9) * 20_000, 0);
    assert!(ticks <= 75, "{} ms", ticks * 20);
}

#[test]
fn draining_does_not_click() {
    let (clean, _) = largest_step_of_a_tone(|n| n * 20_000, 100);
    // What a cross-fade of 20 samples may add to 29,000 from peak to peak.
    let allowed = clean + 29_000 / 20 + 200;
    for stall_ms in [100, 200, 240, 260, 500] {
        let (step, run) = largest_step_of_a_tone(stalled(stall_ms), 300);
        assert!(step <= allowed, "{stall_ms} ms: {step}, clean {clean}");
        assert!(run.playout.stats().accelerated >= Duration::from_millis(stall_ms / 2));
    }
    let (step, _) = largest_step_of_a_tone(|n| n.saturating_sub(9) * 20_000, 300);
    assert!(step <= allowed, "early media: {step}");
}

#[test]
fn a_burst_after_a_stall_is_played_faster_and_nothing_is_lost() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    let stalled = |n: u64| {
        if (50..75).contains(&n) {
            75 * 20_000
        } else {
            n * 20_000
        }
    };
    let arrivals = (0..200).map(|n| (micros(stalled(n)), n)).collect();
    run.play(&peer, arrivals, 190);
    assert_eq!(run.drops.total(), 0);
    let stats = run.playout.stats();
    assert!(stats.accelerated >= Duration::from_millis(430), "{stats:?}");
    assert!(stats.depth <= Duration::from_millis(60));
    assert!(run.pulled[80..].iter().all(|p| *p == FrameKind::Heard));
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
    assert!(run.playout.stats().accelerated > TICK * 20);

    let (step, run) = largest_step_of_a_tone(|n| n * 19_900, 3_000);
    assert!(step <= allowed, "fast clock: {step}");
    assert!(
        run.playout.stats().accelerated > TICK * 10,
        "{:?}",
        run.playout.stats()
    );

    let (step, run) = largest_step_of_a_tone(|n| n * 20_100, 3_000);
    assert!(step <= allowed, "slow clock: {step}");
    assert!(run.playout.stats().expanded > TICK * 10);

    let spikes = |n| n * 20_000 + if n % 40 == 39 { 50_000 } else { 0 };
    let sorted = |n: u64| (0..=n).map(spikes).max().unwrap_or(0);
    let (step, _) = largest_step_of_a_tone(sorted, 500);
    assert!(step <= allowed, "spikes: {step}");
}

#[test]
fn what_is_taken_out_is_counted_sample_for_sample() {
    let peer = Peer::new(240);
    let mut run = Run::new(Target::default());
    let arrivals = (0..2_000).map(|n| (micros(n * 29_800), n)).collect();
    run.play(&peer, arrivals, 2_900);
    assert_eq!(run.drops.total(), 0);
    let stats = run.playout.stats();
    let rate = run.playout.rate;
    let (out, into) = (
        rate.samples_in(stats.accelerated),
        rate.samples_in(stats.expanded),
    );
    assert!(out >= 10 * 160, "{stats:?}");
    assert_eq!(
        stats.played + (run.playout.speech.len() + out - into) as u64,
        stats.packets * 240
    );
    assert_eq!(stats.concealed, 0);
}
