//! Garbage, truncated packets, strangers, and what the diagnosis makes of them.

use crate::common::*;

use talkpath::DropReason;
use talkpath_sim::ScriptedPeer;

fn rtp(seq: u16, number: u8, payload: usize) -> Vec<u8> {
    let mut packet = vec![0x80, number];
    packet.extend(seq.to_be_bytes());
    packet.extend((u32::from(seq) * 160).to_be_bytes());
    packet.extend(0xdead_beef_u32.to_be_bytes());
    packet.extend(vec![0x33; payload]);
    packet
}

/// A call under way, with its packet's way to alice, and a stranger.
fn under_attack(seed: u64) -> (Talk, Line, Line, ScriptedPeer) {
    let talk = Talk::new(seed);
    let (a, b) = talk.lines();
    let stranger = talk.world.host("203.0.113.66").peer(6666);
    (talk, a, b, stranger)
}

#[test]
fn garbage_from_the_peers_own_address_breaks_nothing() {
    let (talk, mut a, mut b, _) = under_attack(91);
    let to = talk.caller.streams()[0].local.unwrap().rtp;
    let from = talk.callee.streams()[0].local.unwrap().rtp;
    let bob = talk.world.host(BOB);
    let mut rng = talk.world.rng(2);
    let good = rtp(1, 0, 160);
    let datagrams: Vec<(Vec<u8>, DropReason)> = vec![
        (vec![], DropReason::TooShort),
        (vec![0x80], DropReason::TooShort),
        (good[..11].to_vec(), DropReason::MalformedRtp),
        (
            [&[0x9f, 0], &good[2..12]].concat(),
            DropReason::MalformedRtp,
        ),
        (
            [&[0xa0, 0], &good[2..12], &[0xff]].concat(),
            DropReason::MalformedRtp,
        ),
        (
            vec![0x80, 200, 0, 99, 0, 0, 0, 0],
            DropReason::MalformedRtcp,
        ),
        (vec![0x80, 203, 0, 0], DropReason::MalformedRtcp),
        (
            [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat(),
            DropReason::StunNotNegotiated,
        ),
        (vec![22; 40], DropReason::DtlsNotNegotiated),
        (vec![255; 40], DropReason::UnknownClass),
        (vec![0x80; 3000], DropReason::Truncated),
        (rtp(1, 96, 160), DropReason::UnknownPayloadType),
    ];
    for (datagram, reason) in &datagrams {
        let count = || {
            talk.caller
                .stats()
                .audio()
                .unwrap()
                .drops
                .of(*reason)
                .packets
        };
        let before = count();
        bob.send_spoofed(from, to, datagram);
        chat(3, &mut [&mut a, &mut b]);
        assert_eq!(
            count(),
            before + 1,
            "{reason} for {:02x?}",
            &datagram[..datagram.len().min(9)]
        );
    }
    for _ in 0..500 {
        let len = rng.below(200) as usize;
        let noise: Vec<u8> = (0..len).map(|_| rng.below(256) as u8).collect();
        // Not RTP of a new source: that would be another speaker.
        if noise.first().is_none_or(|first| first >> 6 != 2) {
            bob.send_spoofed(from, to, &noise);
        }
    }
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn strangers_are_neither_heard_nor_answered() {
    let (talk, mut a, mut b, stranger) = under_attack(92);
    let to = talk.caller.streams()[0].local.unwrap().rtp;
    for seq in 0..200 {
        stranger.send(to, &rtp(seq, 0, 160));
        // A report of its own and a goodbye in the peer's name.
        let ssrc = rtp_from(&talk.world, BOB)[0].ssrc.to_be_bytes();
        stranger.send(
            to,
            &[&[0x80, 201, 0, 1], &ssrc[..], &[0x81, 203, 0, 1], &ssrc[..]].concat(),
        );
        chat(1, &mut [&mut a, &mut b]);
    }
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let stats = talk.caller.stats();
    let audio = stats.audio().unwrap();
    assert_eq!(audio.drops.of(DropReason::WrongSource).packets, 400);
    assert_eq!(audio.stranger, Some(stranger.local_addr()));
    assert!(stranger.received().is_empty());
    // Media flows: what strangers do is no finding.
    assert_eq!(talk.caller.diagnose()[0].to_string(), "media flows");
    talk.end();
}

#[test]
fn one_session_is_flooded_and_the_others_do_not_notice() {
    let (talk, mut a, mut b, stranger) = under_attack(93);
    let (victim, _offer) = talk.alice.create_offer(any()).unwrap();
    let to = victim.streams()[0].local.unwrap().rtp;
    for seq in 0..100u16 {
        for copy in 0..50 {
            stranger.send(to, &rtp(seq.wrapping_mul(50) + copy, 0, 160));
        }
        chat(1, &mut [&mut a, &mut b]);
    }
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let stats = victim.stats();
    let drops = &stats.audio().unwrap().drops;
    let early =
        drops.of(DropReason::EarlyFull).packets + drops.of(DropReason::EarlyExpired).packets;
    assert!(early > 4000, "{early}");
    victim.close().wait().unwrap();
    talk.end();
}
