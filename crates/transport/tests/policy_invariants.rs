//! What holds whatever happens, in whatever order.

mod rig;

use std::net::SocketAddr;

use proptest::prelude::*;
use rig::{Rig, addr, attacker, rtcp, rtp};
use talkpath_transport::{Component, RtcpRemote, SourcePolicy};

#[derive(Clone, Debug)]
enum Event {
    Signal {
        peer: usize,
        mux: bool,
        source: bool,
    },
    ExpectAnswer,
    Talk {
        from: usize,
        ssrc: u32,
        count: u16,
    },
    Report {
        from: usize,
        on: Component,
    },
    Garbage {
        from: usize,
        bytes: Vec<u8>,
    },
    Wait(u64),
}

/// Two hosts of the peer with several ports, and the attacker.
fn addresses() -> [SocketAddr; 7] {
    [
        addr("198.51.100.7:4000"),
        addr("198.51.100.7:4002"),
        addr("198.51.100.7:61000"),
        addr("198.51.100.8:4000"),
        addr("198.51.100.8:61000"),
        attacker(),
        addr("203.0.113.66:4000"),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let component = prop_oneof![Just(Component::Rtp), Just(Component::Rtcp)];
    prop_oneof![
        2 => (0usize..5, any::<bool>(), any::<bool>())
            .prop_map(|(peer, mux, source)| Event::Signal { peer, mux, source }),
        1 => Just(Event::ExpectAnswer),
        12 => (0usize..7, 1u32..4, 1u16..7)
            .prop_map(|(from, ssrc, count)| Event::Talk { from, ssrc, count }),
        3 => (0usize..7, component).prop_map(|(from, on)| Event::Report { from, on }),
        1 => (0usize..7, proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(from, bytes)| Event::Garbage { from, bytes }),
        5 => (0u64..1_500).prop_map(Event::Wait),
    ]
}

/// Plays the events and checks after each.
fn check(policy: SourcePolicy, events: Vec<Event>) -> Result<(), TestCaseError> {
    let mut rig = Rig::new(policy);
    let mut seqs = [[0u16; 4]; 7];
    let mut named: Vec<SocketAddr> = Vec::new();
    let mut rtcp_named: Vec<SocketAddr> = Vec::new();
    for event in events {
        match event {
            Event::Signal { peer, mux, source } => {
                let rtp = addresses()[peer];
                let beside = SocketAddr::new(rtp.ip(), rtp.port() + 1);
                let remote = if mux {
                    RtcpRemote::Mux
                } else {
                    RtcpRemote::At(beside)
                };
                named = vec![rtp];
                rtcp_named = vec![beside];
                rig.delivered.clear();
                rig.sent_in = rig.stream.drops().total() + rig.stream.held() as u64;
                rig.signal_from(rtp, remote, source.then_some("198.51.100.8"));
                if source {
                    named.push(addr("198.51.100.8:1"));
                }
            }
            Event::ExpectAnswer => rig.stream.expect_answer(),
            Event::Talk { from, ssrc, count } => {
                for _ in 0..count {
                    let seq = &mut seqs[from][ssrc as usize];
                    *seq = seq.wrapping_add(1);
                    rig.rtp(addresses()[from], ssrc, *seq);
                    rig.wait(20);
                }
            }
            Event::Report { from, on } => {
                rig.datagram(on, addresses()[from], &mut rtcp(1));
            }
            Event::Garbage { from, mut bytes } => {
                rig.datagram(Component::Rtp, addresses()[from], &mut bytes);
            }
            Event::Wait(ms) => rig.wait(ms),
        }
        let allowed = |ip| named.iter().any(|n: &SocketAddr| n.ip() == ip);
        if policy == SourcePolicy::Signalled {
            for (from, _) in &rig.delivered {
                prop_assert!(allowed(from.ip()), "{from} was delivered");
            }
            prop_assert!(
                rig.stream
                    .source()
                    .is_none_or(|source| allowed(source.ip()))
            );
        }
        if let Ok(to) = rig.stream.rtp_destination() {
            let locked = rig.stream.source() == Some(to);
            let reported = allowed(to.ip()) && rig.changes.iter().any(|change| change.to == to);
            prop_assert!(
                locked || reported || named.first() == Some(&to),
                "{to} was never named"
            );
        }
        if let Ok(to) = rig.stream.rtcp_destination() {
            let learned = rig.changes.iter().any(|change| change.to == to);
            prop_assert!(learned || named.first() == Some(&to) || rtcp_named.contains(&to));
        }
        if let Some(source) = rig.stream.source() {
            prop_assert!(
                rig.changes.iter().any(|change| change.to == source),
                "unreported"
            );
        }
        prop_assert!(rig.stream.held() <= 16);
        rig.assert_conserved();
    }
    Ok(())
}

proptest! {
    #[test]
    fn signalled_never_delivers_or_sends_elsewhere(
        events in proptest::collection::vec(event(), 0..80)
    ) {
        check(SourcePolicy::Signalled, events)?;
    }

    #[test]
    fn learn_sends_only_where_signalled_or_locked(
        events in proptest::collection::vec(event(), 0..80)
    ) {
        check(SourcePolicy::Learn, events)?;
    }

    #[test]
    fn open_sends_only_where_signalled_or_locked(
        events in proptest::collection::vec(event(), 0..80)
    ) {
        check(SourcePolicy::Open, events)?;
    }
}

#[test]
fn twenty_thousand_mutated_datagrams_are_delivered_held_or_named() {
    let seeds = [rtp(7, 1), rtcp(7), vec![0x80], vec![22, 254, 253, 0, 0]];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for policy in [
        SourcePolicy::Signalled,
        SourcePolicy::Learn,
        SourcePolicy::Open,
    ] {
        let mut rig = Rig::new(policy);
        for n in 0..20_000 {
            let mut bytes = seeds[random() % seeds.len()].clone();
            for _ in 0..random() % 4 {
                let at = random() % bytes.len();
                bytes[at] = random() as u8;
            }
            bytes.truncate(random() % (bytes.len() + 1));
            let component = if random() % 2 == 0 {
                Component::Rtp
            } else {
                Component::Rtcp
            };
            rig.datagram(component, addresses()[random() % 7], &mut bytes);
            if n % 100 == 50 {
                rig.signal(addresses()[random() % 5], RtcpRemote::Mux);
            }
            if n % 7 == 0 {
                rig.wait(5);
            }
        }
        rig.assert_conserved();
    }
}
