//! Packet times and payload types as peers really choose them.

use std::time::Duration;

use crate::common::*;

use talkpath::{Audio, Codec, FrameKind, MediaManager, Session};
use talkpath_sim::{RtpTwin, World};

const LENGTHS: [u64; 5] = [10, 20, 30, 40, 60];

#[test]
fn each_side_sends_what_the_other_asks_for() {
    for ours in LENGTHS {
        for theirs in LENGTHS {
            let wants = |millis| any().ptime(ms(millis));
            let talk = Talk::with(ours * 100 + theirs, wants(ours), wants(theirs));
            let (mut a, mut b) = talk.lines();
            chat(60, &mut [&mut a, &mut b]);
            a.assert_unbroken(-4000);
            b.assert_unbroken(8000);
            for (ip, asked) in [(ALICE, theirs), (BOB, ours)] {
                let sent = rtp_from(&talk.world, ip);
                assert_one_stream(&sent, asked as u32 * 8);
                assert!(
                    sent.iter().all(|p| p.payload.len() as u64 == asked * 8),
                    "{asked} ms"
                );
                assert_eq!(sent.iter().filter(|p| p.marker).count(), 1);
                // Evenly, not in bursts.
                for pair in sent.windows(2) {
                    let apart = pair[1].sent - pair[0].sent;
                    assert!(apart.abs_diff(ms(asked)) <= ms(10), "{asked} ms: {apart:?}");
                }
            }
            talk.end();
        }
    }
}

#[test]
fn the_packet_time_changes_in_the_middle_of_a_sentence() {
    let talk = Talk::new(41);
    let (mut a, mut b) = talk.lines();
    let plain = talk
        .callee
        .offer(talkpath::Change::Nothing)
        .unwrap()
        .to_string();
    let mut offer = plain;
    for millis in [40, 10, 60, 30, 20] {
        let asked = format!(
            "{}a=ptime:{millis}\r\n",
            offer.replace("a=ptime:20\r\n", "")
        );
        let answer = talk.caller.answer(asked.as_str()).unwrap();
        talk.callee.apply_answer(&answer).unwrap();
        chat(12, &mut [&mut a, &mut b]);
        // Longer packets need more delay, which is made up once.
        let heard = b.take();
        let made_up = heard
            .iter()
            .filter(|f| f.kind == FrameKind::Concealed)
            .count();
        let silent = heard
            .iter()
            .filter(|f| f.kind == FrameKind::Silence)
            .count();
        assert!(made_up <= 3 && silent == 0, "{millis} ms: {heard:?}");
        let last = rtp_from(&talk.world, ALICE).pop().unwrap();
        assert_eq!(last.payload.len(), millis * 8);
        offer = talk
            .callee
            .offer(talkpath::Change::Nothing)
            .unwrap()
            .to_string();
    }
    talk.callee.rollback().unwrap();
    a.assert_unbroken(-4000);
    // No sample was lost or said twice: timestamps count them.
    let sent = rtp_from(&talk.world, ALICE);
    for pair in sent.windows(2) {
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert_eq!(ticks as usize, pair[0].payload.len());
        assert_eq!(pair[0].seq.wrapping_add(1), pair[1].seq);
    }
    talk.end();
}

/// A callee at [`BOB`] and a scripted caller whose offer is made by hand.
struct ByHand {
    world: World,
    twin: RtpTwin,
    bob: MediaManager,
    callee: Session,
    to: std::net::SocketAddr,
    answer: String,
}

fn by_hand(seed: u64, formats: &str, number: u8, wanted: Audio) -> ByHand {
    let world = World::new(seed);
    let twin = RtpTwin::new(world.host(ALICE).peer(5000), 0xcafe, number);
    let bob = manager(&world, BOB);
    let offer =
        format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n{formats}");
    let (callee, answer) = bob.accept_offer(offer.as_str(), wanted).unwrap();
    let to = callee.streams()[0].local.unwrap().rtp;
    ByHand {
        world,
        twin,
        bob,
        callee,
        to,
        answer: answer.to_string(),
    }
}

#[test]
fn numbers_are_each_sides_own() {
    let formats =
        "m=audio 5000 RTP/AVP 97 100\r\na=rtpmap:97 PCMU/8000\r\na=rtpmap:100 PCMA/8000\r\n";
    let mut peer = by_hand(42, formats, 97, any());
    assert!(
        peer.answer.contains("rtpmap:97 PCMU/8000"),
        "{}",
        peer.answer
    );
    let mut line = Line::of(&peer.callee, 8000);
    let quiet_ulaw = vec![0x0f; 160];
    peer.twin
        .talk(peer.to, peer.world.now(), vec![quiet_ulaw; 50]);
    for _ in 0..50 {
        line.say();
        line.hear();
    }
    let heard = line.take();
    let good = heard
        .iter()
        .filter(|frame| frame.kind == FrameKind::Heard)
        .count();
    assert!(good >= 45, "{good}");
    assert!(
        peer.twin
            .heard()
            .iter()
            .all(|packet| packet.payload_type == 97)
    );
    assert!(peer.twin.heard().len() >= 45);
    assert_eq!(peer.callee.stats().audio().unwrap().drops.total(), 0);
    assert_eq!(peer.bob.ports_in_use(), 2);
}

#[test]
fn a_peer_changes_between_agreed_codecs_at_any_packet() {
    let peer = by_hand(43, "m=audio 5000 RTP/AVP 0 8\r\n", 0, any());
    assert!(peer.answer.contains("RTP/AVP 0 8"), "{}", peer.answer);
    let mut line = Line::of(&peer.callee, 8000);
    // The same level in both laws, changed every seven packets.
    let (ulaw, alaw) = (encode(Codec::PCMU, 4000), encode(Codec::PCMA, 4000));
    let start = peer.world.now();
    for n in 0..100u16 {
        let is_alaw = n / 7 % 2 == 1;
        let (number, payload) = if is_alaw { (8, &alaw) } else { (0, &ulaw) };
        let mut packet = vec![0x80, number | if n == 0 { 0x80 } else { 0 }];
        packet.extend(n.to_be_bytes());
        packet.extend((u32::from(n) * 160).to_be_bytes());
        packet.extend(0xcafe_u32.to_be_bytes());
        packet.extend(payload);
        peer.twin
            .peer()
            .send_at(start + ms(20) * u32::from(n), peer.to, &packet);
    }
    for _ in 0..10 {
        line.hear();
    }
    line.take();
    for _ in 0..85 {
        line.hear();
    }
    line.assert_unbroken(4000);
}

fn encode(codec: Codec, level: i16) -> Vec<u8> {
    let format = codec.format();
    let found = talkpath::audio::codec::find(&format.encoding, 8000, 1).unwrap();
    let mut payload = vec![0; 160];
    assert_eq!(
        found
            .encoder(talkpath_audio::Parameters::NONE)
            .encode(&[level; 160], &mut payload),
        Ok(160)
    );
    payload
}

#[test]
fn a_peer_that_sends_longer_or_shorter_packets_than_it_said_is_heard() {
    for millis in LENGTHS {
        let mut peer = by_hand(44, "m=audio 5000 RTP/AVP 0\r\na=ptime:20\r\n", 0, any());
        let ticks = millis as usize * 8;
        let ulaw = encode(Codec::PCMU, 4000)[0];
        let lasts = Duration::from_millis(millis);
        peer.twin = peer.twin.with_frame(ticks as u32, lasts);
        let packets = (4000 / millis) as usize;
        peer.twin
            .talk(peer.to, peer.world.now(), vec![vec![ulaw; ticks]; packets]);
        let mut line = Line::of(&peer.callee, 8000);
        for _ in 0..15 {
            line.hear();
        }
        line.take();
        for _ in 0..150 {
            line.hear();
        }
        line.assert_unbroken(4000);
    }
}
