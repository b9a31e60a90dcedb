//! What is heard of peers whose timestamps are wrong.

use super::*;

/// Plays 20 ms packets of `packet` samples, timestamps as `timestamp` says.
fn play(packet: usize, timestamp: impl Fn(u64) -> u32, ticks: u64) -> Run {
    let (peer, mut run) = (Peer::new(packet), Run::new(Target::default()));
    let every = packet as u64 / 160;
    for tick in 0..ticks {
        let now = micros(tick * 20_000);
        if tick % every == 0 {
            push(&peer, &mut run, now, tick / every, timestamp(tick / every));
        }
        run.pull(now);
    }
    run
}

fn push(peer: &Peer, run: &mut Run, now: Time, n: u64, timestamp: u32) -> Pushed {
    let arrival = Arrival {
        ssrc: Ssrc::new(peer.ssrc),
        seq: ExtSeq::new(peer.first_seq + n),
        timestamp: RtpTime::new(timestamp),
        marker: n == 0,
        codec: &g711::PCMU,
        payload: &peer.payload(n),
    };
    run.playout.push(now, &arrival, &mut run.drops)
}

fn first_after_the_last_gap(run: &Run) -> usize {
    let gap = run.pulled.iter().rposition(|p| *p != FrameKind::Heard);
    gap.map_or(0, |last| last + 1)
}

#[test]
fn a_peer_whose_timestamp_stands_still_is_heard() {
    for packet in [160, 320, 480] {
        let run = play(packet, |_| 77, 300);
        let start = first_after_the_last_gap(&run);
        assert!(start < 30, "{packet}: heard from frame {start}");
        assert!(run.drops.total() <= 3, "{packet}");
        let (tail, whole) = (&run.heard[285 * 160..], Peer::new(packet).pcm(300 * 160));
        assert!(whole.windows(tail.len()).any(|w| w == tail), "{packet}");
    }
}

#[test]
fn a_timestamp_that_stands_still_for_a_while_is_followed_again() {
    for leap in [160, 50 * 160, 7] {
        let run = play(
            160,
            |n| match n {
                0..100 => 160 * n as u32,
                100..150 => 99 * 160,
                _ => 99 * 160 + leap + 160 * (n as u32 - 150),
            },
            300,
        );
        let start = first_after_the_last_gap(&run);
        assert!(start < 115, "leap of {leap}: heard from frame {start}");
        assert!(run.drops.total() <= 4, "leap of {leap}");
        assert!(run.playout.stats().depth <= Duration::from_millis(60));
    }
}

#[test]
fn a_gap_while_the_timestamp_stands_still_is_one_lost_packet() {
    let (peer, mut run) = (Peer::new(160), Run::new(Target::default()));
    for tick in 0..200u64 {
        let now = micros(tick * 20_000);
        // One is lost, two change places.
        let n = match tick {
            150 => 151,
            151 => 150,
            _ => tick,
        };
        if n != 100 {
            push(&peer, &mut run, now, n, 5);
        }
        run.pull(now);
    }
    let gaps = run.pulled[20..].iter().filter(|p| **p != FrameKind::Heard);
    assert!(gaps.count() <= 2);
    assert!(run.drops.total() <= 4);
}

#[test]
fn late_for_good_starts_afresh_without_the_rest_of_the_old_packet() {
    // 60 ms packets, so that a rest of one waits when timestamps fall back.
    let (peer, mut run) = (Peer::new(480), Run::new(Target::default()));
    for n in 0..10u64 {
        push(&peer, &mut run, micros(n * 60_000), n, 480 * n as u32);
        for tick in 3 * n..3 * n + 3 {
            run.pull(micros(tick * 20_000));
        }
    }
    assert!(!run.playout.speech.is_empty(), "a rest waits");
    for n in 10..13u64 {
        push(&peer, &mut run, micros(599_000), n, 480 * n as u32 - 4_000);
    }
    assert_eq!(run.playout.stats().resyncs, 1);
    for tick in 30..50 {
        run.pull(micros(tick * 20_000));
    }
    let stats = run.playout.stats();
    let out = run.playout.rate.samples_in(stats.accelerated);
    assert_eq!(stats.played + out as u64, stats.packets * 480 - 160);
}
