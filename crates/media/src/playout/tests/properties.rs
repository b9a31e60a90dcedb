//! What holds whatever happens.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Push {
        seq: u16,
        timestamp: u32,
        ssrc: u8,
        marker: bool,
        len: usize,
    },
    Next {
        late_ms: u8,
    },
    Pull(usize),
    Wait(u8),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<u16>(), any::<u32>(), 0u8..2, any::<bool>(), 0usize..1000).prop_map(
            |(seq, timestamp, ssrc, marker, len)| Step::Push { seq, timestamp, ssrc, marker, len }
        ),
        20 => (0u8..60).prop_map(|late_ms| Step::Next { late_ms }),
        20 => prop_oneof![4 => Just(160usize), 1 => 0usize..1000].prop_map(Step::Pull),
        5 => any::<u8>().prop_map(Step::Wait),
        1 => Just(Step::Flush),
    ]
}

proptest! {
    /// Packets in = packets played, waiting or dropped by name; no step
    /// panics, and no more waits than may.
    #[test]
    fn any_sequence_of_steps_accounts_for_every_packet(
        steps in proptest::collection::vec(step(), 0..200)
    ) {
        let mut run = Run::new(Target::default());
        let peer = Peer::new(160);
        let (mut now, mut next, mut pushed, mut pulled) = (Time::ZERO, 0u64, 0u64, 0u64);
        for step in steps {
            match step {
                Step::Push { seq, timestamp, ssrc, marker, len } => {
                    let arrival = Arrival {
                        ssrc: Ssrc::new(7 + u32::from(ssrc)),
                        seq: ExtSeq::new(u64::from(seq)),
                        timestamp: RtpTime::new(timestamp),
                        marker,
                        codec: &g711::PCMU,
                        payload: &vec![0xd5; len],
                    };
                    run.playout.push(now, &arrival, &mut run.drops);
                    pushed += 1;
                }
                Step::Next { late_ms } => {
                    now += Duration::from_millis(u64::from(late_ms));
                    peer.push(&mut run.playout, &mut run.drops, now, next);
                    (next, pushed) = (next + 1, pushed + 1);
                }
                Step::Pull(len) => {
                    run.playout.pull(now, &mut vec![0; len], &mut run.drops);
                    pulled += len as u64;
                }
                Step::Wait(ms) => now += Duration::from_millis(u64::from(ms)),
                Step::Flush => run.playout.flush(now, &mut run.drops),
            }
            let stats = run.playout.stats();
            prop_assert_eq!(stats.played + stats.concealed + stats.silent, pulled);
            let waiting = run.playout.ring.len() as u64;
            let dropped = run.drops.total();
            prop_assert!(waiting + dropped <= pushed, "a packet was counted twice");
            prop_assert_eq!(stats.packets + waiting + dropped, pushed);
        }
    }

    /// Whatever the order and jitter within the delay, what is heard is what
    /// was said.
    #[test]
    fn jitter_within_the_delay_is_not_heard(
        jitter in proptest::collection::vec(0u64..19_000, 60), packet in 1usize..4
    ) {
        let packet = packet * 80;
        let peer = Peer::new(packet);
        let mut run = Run::new(Target::Fixed(Duration::from_millis(60)));
        let ptime_us = packet as u64 * 125;
        let arrivals = jitter.iter().zip(0..).map(|(late, n)| (micros(n * ptime_us + late), n));
        run.play(&peer, arrivals.collect(), 60 * ptime_us / 20_000 - 2);
        prop_assert_eq!((run.drops.total(), run.of(FrameKind::Concealed)), (0, 0));
        let heard = &run.heard[run.start()..];
        prop_assert_eq!(heard, peer.pcm(heard.len()));
    }
}
