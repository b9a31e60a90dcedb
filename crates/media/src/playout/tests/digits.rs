//! What is heard around packets that share the numbers of the speech and hold
//! none of it.

use super::*;

/// Speech of 50 packets, a digit of `events` packets, of which those that
/// `comes` likes arrive, and 50 packets more.
fn around_a_digit(events: u64, comes: impl Fn(u64) -> bool) -> Run {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    for tick in 0..100 + events {
        let now = Time::ZERO + TICK * tick as u32;
        if (50..50 + events).contains(&tick) {
            if comes(tick - 50) {
                let seq = ExtSeq::new(peer.first_seq + tick);
                run.playout.pass(Ssrc::new(peer.ssrc), seq);
            }
        } else {
            peer.push(&mut run.playout, &mut run.drops, now, tick);
        }
        run.pull(now);
    }
    run
}

#[test]
fn nothing_is_concealed_for_a_digit() {
    for events in [1, 5, 8, 30, 400] {
        let run = around_a_digit(events, |_| true);
        let stats = run.playout.stats();
        assert_eq!((stats.concealed, run.of(FrameKind::Concealed)), (0, 0));
        assert_eq!((stats.resyncs, run.drops.total()), (0, 0), "{events}");
        assert!(
            run.of(FrameKind::Silence) as u64 >= events.min(8),
            "{events}"
        );
        assert!(run.of(FrameKind::Heard) >= 97, "{events}");
        assert!(stats.packets >= 99, "{events}: {stats:?}");
    }
}

#[test]
fn a_digit_of_which_packets_are_lost_is_still_none() {
    for seed in 0..20 {
        let run = around_a_digit(10, |n| (n * 7 + seed) % 10 >= 3);
        let stats = run.playout.stats();
        assert!(stats.concealed <= 480, "{seed}: {stats:?}");
        assert!(run.of(FrameKind::Heard) >= 97, "{seed}");
    }
}

#[test]
fn a_loss_beside_a_keepalive_is_a_loss() {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    for tick in 0..100u64 {
        let now = Time::ZERO + TICK * tick as u32;
        match tick {
            50 => {}
            51 => {
                let seq = ExtSeq::new(peer.first_seq + 51);
                run.playout.pass(Ssrc::new(peer.ssrc), seq);
            }
            _ => {
                peer.push(&mut run.playout, &mut run.drops, now, tick);
            }
        }
        run.pull(now);
    }
    assert!(run.playout.stats().concealed >= 160);
}

#[test]
fn numbers_of_a_stranger_are_not_those_of_the_source() {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    for tick in 0..100u64 {
        let now = Time::ZERO + TICK * tick as u32;
        if tick == 50 {
            let seq = ExtSeq::new(peer.first_seq + tick);
            run.playout.pass(Ssrc::new(peer.ssrc + 1), seq);
        } else {
            peer.push(&mut run.playout, &mut run.drops, now, tick);
        }
        run.pull(now);
    }
    assert!(run.playout.stats().concealed >= 160);
}
