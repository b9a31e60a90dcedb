//! What is heard of peers that do not speak all the time.

use super::*;

#[test]
fn a_pause_is_silence_and_the_talkspurt_after_it_gets_its_own_delay() {
    for pause in [1u64, 3, 10, 200] {
        let peer = Peer::new(160);
        let mut run = Run::new(Target::default());
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
        let spurt = &run.heard[(start as usize + 1) * 160..];
        assert_eq!(spurt, &peer.pcm(60 * 160)[31 * 160..][..spurt.len()]);
    }
}

#[test]
fn markers_without_a_pause_change_nothing() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    // A clock so slow that the buffer would run dry every 500 packets.
    let arrival_us = |n: u64| n * 20_040;
    let mut waiting = (0..3_000).map(|n| (micros(arrival_us(n)), n)).peekable();
    for tick in 0..3_000 {
        let now = Time::ZERO + TICK * tick;
        while let Some((at, n)) = waiting.next_if(|(at, _)| *at <= now) {
            let arrival = Arrival {
                ssrc: Ssrc::new(7),
                seq: ExtSeq::new(n),
                timestamp: RtpTime::new(160 * n as u32),
                marker: true,
                codec: &g711::PCMU,
                payload: &peer.payload(n),
            };
            run.playout.push(at, &arrival, &mut run.drops);
        }
        run.pull(now);
    }
    assert_eq!(run.of(FrameKind::Silence), 1);
    assert!(
        run.of(FrameKind::Concealed) <= 3,
        "{:?} {}",
        run.playout.stats(),
        run.of(FrameKind::Concealed)
    );
    assert!(run.playout.stats().expanded >= TICK * 5);
    assert_eq!(run.drops.total(), 0);
}

#[test]
fn a_pause_between_two_packets_that_are_there_is_not_called_loss() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    for tick in 0..40u64 {
        let now = Time::ZERO + TICK * tick as u32;
        match tick {
            0..20 => peer.push(&mut run.playout, &mut run.drops, now, tick),
            20 => Pushed::Queued,
            _ => peer.push_at(&mut run.playout, &mut run.drops, now, tick - 1, 160),
        };
        run.pull(now);
    }
    assert_eq!(run.pulled[21], FrameKind::Silence);
    assert_eq!(
        (run.of(FrameKind::Silence), run.playout.stats().concealed),
        (2, 0)
    );
}

#[test]
fn a_marked_talkspurt_sheds_the_delay_that_a_slow_start_left() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
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

/// Speech, then a pause that is described, then speech.
fn through_a_described_pause(pause: u64) -> Run {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    for tick in 0..100 + pause {
        let now = Time::ZERO + TICK * tick as u32;
        if tick < 50 {
            peer.push(&mut run.playout, &mut run.drops, now, tick);
        } else if tick == 50 {
            let description = Arrival {
                ssrc: Ssrc::new(peer.ssrc),
                seq: ExtSeq::new(peer.first_seq + 50),
                timestamp: RtpTime::new(peer.first_timestamp).plus(50 * 160),
                marker: false,
                codec: &g711::PCMU,
                payload: &[40],
            };
            run.playout.push_noise(now, &description, &mut run.drops);
        } else if tick >= 50 + pause {
            let n = tick - pause + 1;
            let leap = (pause as u32 - 1) * 160;
            peer.push_at(&mut run.playout, &mut run.drops, now, n, leap);
        }
        run.pull(now);
    }
    run
}

#[test]
fn a_described_pause_is_noise_and_not_loss() {
    for pause in [2, 5, 30] {
        let run = through_a_described_pause(pause);
        let stats = run.playout.stats();
        assert_eq!((run.drops.total(), stats.concealed), (0, 0), "{pause}");
        assert!(run.of(FrameKind::Silence) as u64 >= pause, "{pause}");
        if pause == 30 {
            let noise = &run.heard[60 * 160..75 * 160];
            let power: f64 = noise.iter().map(|s| f64::from(*s).powi(2)).sum();
            let rms = (power / noise.len() as f64).sqrt();
            // -40 dBov.
            assert!((200.0..500.0).contains(&rms), "{rms}");
        }
    }
}

#[test]
fn a_description_of_nothing_is_no_description() {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    let empty = Arrival {
        ssrc: Ssrc::new(peer.ssrc),
        seq: ExtSeq::new(1),
        timestamp: RtpTime::new(0),
        marker: false,
        codec: &g711::PCMU,
        payload: &[],
    };
    let pushed = run.playout.push_noise(Time::ZERO, &empty, &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::Undecodable));
}
