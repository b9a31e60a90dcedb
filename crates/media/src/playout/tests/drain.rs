//! How fast the delay that a stall or a full start leaves is given up.

use super::*;

/// Ticks from `from` on until the depth after a pull stays within the target
/// and one frame, when packets arrive in order at the given moments.
fn ticks_to_drain(arrival: impl Fn(u64) -> u64, from: u64) -> u64 {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::Packet));
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
    let budget = run.drops.of(DropReason::LatencyBudget).packets;
    assert_eq!(run.drops.total(), budget, "only the delay is given up");
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
        assert!(run.drops.of(DropReason::LatencyBudget).packets >= 1);
    }
    let (step, _) = largest_step_of_a_tone(|n| n.saturating_sub(9) * 20_000, 300);
    assert!(step <= allowed, "early media: {step}");
}
