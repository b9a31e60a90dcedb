//! What is heard of peers whose timestamps are wrong.

use super::*;

/// Plays 20 ms packets of `packet` samples, timestamps as `timestamp` says.
fn play(packet: usize, timestamp: impl Fn(u64) -> u32, ticks: u64) -> Run {
    let (peer, mut run) = (Peer::new(packet), Run::new(Target::Packet));
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
        let (tail, whole) = (&run.heard[200 * 160..], Peer::new(packet).pcm(300 * 160));
        assert!(
            (0..300).any(|n| whole[n * 160..].starts_with(tail)),
            "{packet}"
        );
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
    let (peer, mut run) = (Peer::new(160), Run::new(Target::Packet));
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
    let (peer, mut run) = (Peer::new(480), Run::new(Target::Packet));
    for n in 0..10u64 {
        push(&peer, &mut run, micros(n * 60_000), n, 480 * n as u32);
        for tick in 3 * n..3 * n + 3 {
            run.pull(micros(tick * 20_000));
        }
    }
    run.pull(micros(600_000));
    run.pull(micros(620_000));
    assert!(!run.playout.decoded.is_empty(), "a rest waits");
    for n in 10..13u64 {
        push(&peer, &mut run, micros(621_000), n, 480 * n as u32 - 4_000);
    }
    assert_eq!(run.playout.stats().resyncs, 1);
    let from = run.heard.len();
    for tick in 32..50 {
        run.pull(micros(tick * 20_000));
    }
    let fresh = &peer.pcm(13 * 480)[12 * 480..];
    let start = run.heard[from..]
        .windows(400)
        .position(|w| w == &fresh[80..]);
    assert!(start.is_some(), "the packet is played whole");
    assert_eq!(
        run.playout.stats().played,
        run.playout.stats().packets * 480 - 320
    );
}
