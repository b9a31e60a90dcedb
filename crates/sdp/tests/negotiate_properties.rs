//! Negotiation over offers and answers that nobody wrote: generated ones that
//! are SDP, and mutated ones that may not be.

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use core::time::Duration;

use negotiate_support::*;
use proptest::prelude::*;
use talkpath_sdp::lint::lint_answer;
use talkpath_sdp::negotiate::{
    AnswerError, MediaWants, Preference, RtcpMux, TelephoneEvent, Wants, same_codec,
};
use talkpath_sdp::{Answer, Direction, Offer};
use talkpath_wire::{Format, PayloadType};

const KINDS: [&str; 6] = ["audio", "audio", "audio", "video", "image", "x-thing"];
const PROTOCOLS: [&str; 7] = [
    "RTP/AVP",
    "RTP/AVP",
    "RTP/AVPF",
    "RTP/SAVP",
    "UDP/TLS/RTP/SAVPF",
    "udptl",
    "TCP/MSRP",
];
const PORTS: [&str; 6] = ["0", "9", "4000", "4000/2", "65535", "5004"];
const NUMBERS: [u8; 16] = [
    0, 3, 8, 9, 13, 18, 31, 34, 72, 96, 97, 98, 99, 101, 111, 127,
];
const ENCODINGS: [&str; 10] = [
    "PCMU/8000",
    "pcma/8000/1",
    "opus/48000/2",
    "OPUS/48000/2",
    "telephone-event/8000",
    "telephone-event/48000",
    "speex/16000",
    "L16/44100/2",
    "VP8/90000",
    "CN/8000",
];
const LINES: [&str; 26] = [
    "c=IN IP4 203.0.113.5",
    "c=IN IP6 2001:db8::3",
    "c=IN IP4 0.0.0.0",
    "c=IN IP6 ::",
    "c=IN IP6 anonymous.invalid",
    "c=IN IP4 host.example.com",
    "c=IN IP4 224.2.36.42/127",
    "c=IN IP4 broken..",
    "a=sendrecv",
    "a=sendonly",
    "a=recvonly",
    "a=inactive",
    "a=rtcp-mux",
    "a=rtcp-mux\na=rtcp-mux-only",
    "a=rtcp:53020 IN IP4 203.0.113.9",
    "a=rtcp:0",
    "a=ptime:30",
    "a=ptime:0",
    "a=maxptime:40",
    "a=mid:m",
    "a=bundle-only",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
    "a=fmtp:101 0-15",
    "a=fmtp:111 useinbandfec=1",
    "a=fmtp:96 nonsense",
    "i=some\u{f6}ne",
];

prop_compose! {
    fn media()(
        kind in prop::sample::select(&KINDS[..]),
        protocol in prop::sample::select(&PROTOCOLS[..]),
        port in prop::sample::select(&PORTS[..]),
        numbers in prop::collection::vec(prop::sample::select(&NUMBERS[..]), 1..7),
        maps in prop::collection::vec(
            (prop::sample::select(&NUMBERS[..]), prop::sample::select(&ENCODINGS[..])), 0..6),
        lines in prop::collection::vec(prop::sample::select(&LINES[..]), 0..6),
    ) -> String {
        let mut text = format!("m={kind} {port} {protocol}");
        for number in numbers {
            text += &format!(" {number}");
        }
        text.push('\n');
        for (number, encoding) in maps {
            text += &format!("a=rtpmap:{number} {encoding}\n");
        }
        for line in lines {
            text += line;
            text.push('\n');
        }
        text
    }
}

fn medias() -> impl Strategy<Value = String> {
    prop::collection::vec(media(), 0..5).prop_map(|media| media.concat())
}

fn formats() -> impl Strategy<Value = Vec<Format>> {
    let all = vec![
        pcmu(),
        pcma(),
        opus().with_fmtp(b"useinbandfec=1"),
        Format::new("speex", 16000),
        Format::new("CN", 8000),
        Format::new("L16", 44100).with_channels(2),
        vp8(),
    ];
    prop::sample::subsequence(all, 1..=7).prop_shuffle()
}

prop_compose! {
    fn media_wants()(
        formats in formats(),
        video in any::<bool>(),
        direction in prop::sample::select(&Direction::ALL[..]),
        rtcp in prop::sample::select(&[RtcpMux::Offer, RtcpMux::Only, RtcpMux::Off][..]),
        events in any::<bool>(),
        ptime in prop::option::of((1u64..100).prop_map(Duration::from_millis)),
    ) -> MediaWants {
        let mut wants = if video { MediaWants::video(formats) } else { MediaWants::audio(formats) };
        wants.direction = direction;
        wants.rtcp = rtcp;
        wants.ptime = ptime;
        if !events {
            wants.telephone_event = TelephoneEvent::Off;
        }
        wants
    }
}

fn wants() -> impl Strategy<Value = Wants> {
    let preference = prop::sample::select(&[Preference::Offerer, Preference::Local][..]);
    (prop::collection::vec(media_wants(), 0..4), preference)
        .prop_map(|(media, preference)| Wants::new(media).with_preference(preference))
}

/// What RFC 3264 §6 demands of `answer`, read from the texts alone.
fn check_answer(offer: &Offer, answer: &Answer) {
    let (offered, answered) = (offer.description(), answer.description());
    assert_eq!(offered.media().len(), answered.media().len());
    for (theirs, ours) in offered.media().zip(answered.media()) {
        assert_eq!(theirs.kind(), ours.kind());
        assert_eq!(theirs.protocol(), ours.protocol());
        assert!(ours.formats().next().is_some());
        if ours.port() == 0 {
            continue;
        }
        assert_ne!(theirs.port(), 0);
        assert!(theirs.direction().allows_answer(ours.direction()));
        let meaning = |number: PayloadType| theirs.format(number);
        for number in ours.payload_types() {
            let format = ours.format(number).unwrap();
            let is_offered =
                |theirs: PayloadType| meaning(theirs).is_some_and(|f| same_codec(&f, &format));
            assert!(
                theirs.payload_types().any(is_offered),
                "{format} was not offered"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(512),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // RFC 3264 §6
    #[test]
    fn every_answer_fits_its_offer(text in medias(), wants in wants()) {
        let offer = offer(&text);
        let mut a = Agent::new(1);
        match a.answer(&offer, &wants) {
            Ok(answer) => {
                check_answer(&offer, &answer);
                let violations = lint_answer(&offer, &answer);
                prop_assert!(violations.is_empty(), "{violations:#?}\n{offer}\n{answer}");
                // The same offer again is answered by the same text.
                let again = a.answer(&offer, &wants).unwrap();
                prop_assert_eq!(answer.to_string(), again.to_string());
            }
            Err(AnswerError::NothingAcceptable { refusals }) => {
                prop_assert!(!refusals.is_empty());
                prop_assert!(a.dialogue.streams().is_empty());
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    // RFC 3264 §8
    #[test]
    fn every_re_offer_is_answered_or_changes_nothing(
        first in medias(),
        second in medias(),
        wants in wants(),
    ) {
        let mut a = Agent::new(1);
        let first = offer(&first);
        if a.answer(&first, &wants).is_err() {
            return Ok(());
        }
        let before = a.dialogue.clone();
        let second = offer(&second);
        match a.answer(&second, &wants) {
            Ok(answer) => check_answer(&second, &answer),
            Err(_) => prop_assert_eq!(a.dialogue, before),
        }
    }

    // RFC 3264 §7
    #[test]
    fn every_answer_is_applied_or_changes_nothing(text in medias(), wants in wants()) {
        let mut a = Agent::new(1);
        a.offer(&wants).unwrap();
        let before = a.dialogue.clone();
        let offered: Vec<_> = a.dialogue.streams().to_vec();
        match a.complete(&answer(&text)) {
            Err(_) => prop_assert_eq!(a.dialogue, before),
            Ok(_) => {
                for (stream, offered) in a.dialogue.streams().iter().zip(offered) {
                    for codec in &stream.send {
                        let is_offered = offered.receive.iter()
                            .any(|ours| same_codec(&ours.format, &codec.format));
                        prop_assert!(is_offered, "{codec:?} was not offered");
                    }
                    prop_assert!(!stream.receives() || offered.direction.receives());
                }
            }
        }
    }

    // The ports are balanced by the agent after each
    #[test]
    fn every_revised_answer_is_applied_or_changes_nothing(
        texts in prop::collection::vec(medias(), 2..5),
        wants in wants(),
    ) {
        let mut a = Agent::new(1);
        a.offer(&wants).unwrap();
        for text in texts {
            let before = a.dialogue.clone();
            match a.complete_anew(&answer(&text)) {
                Err(_) => prop_assert_eq!(&a.dialogue, &before),
                Ok(_) => prop_assert_eq!(
                    a.complete(&answer(&text)).unwrap(),
                    Default::default()
                ),
            }
        }
    }

    // RFC 3264 §4, RFC 6337 §3.4
    #[test]
    fn rollback_always_returns_to_before_the_offer(
        first in wants(),
        next in wants(),
        later in wants(),
    ) {
        let (mut a, mut b) = (Agent::new(1), Agent::new(2));
        let offer = a.offer(&first).unwrap();
        if let Ok(answer) = b.answer(&offer, &first) {
            a.complete(&answer).unwrap();
        } else {
            a.rollback();
        }
        let before = (a.dialogue.streams().to_vec(), a.held.clone());
        for wants in [next, later] {
            a.offer(&wants).unwrap();
            a.rollback();
            prop_assert_eq!(a.dialogue.streams(), &before.0[..]);
            prop_assert_eq!(&a.held, &before.1);
        }
    }

    #[test]
    fn two_of_ours_always_agree(
        ours in wants(),
        theirs in wants(),
        next in wants(),
    ) {
        let (mut a, mut b) = (Agent::new(1), Agent::new(2));
        for (wants_a, wants_b) in [(&ours, &theirs), (&next, &theirs), (&next, &ours)] {
            let offer = a.offer(wants_a).unwrap();
            match b.answer(&offer, wants_b) {
                Ok(answer) => { a.complete(&answer).unwrap(); }
                Err(error) => {
                    prop_assert_eq!(error.sip_status(), 488);
                    a.rollback();
                }
            }
            assert_mirrored(&a, &b);
            core::mem::swap(&mut a, &mut b);
        }
    }
}

/// xorshift64*: the same mutations everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

const SEEDS: [&str; 4] = [
    "m=audio 4000 RTP/AVP 0 8 96 101\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1\n\
     a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na=rtcp-mux\na=sendonly\n",
    "m=audio 49170/2 RTP/AVP 0\nc=IN IP6 2001:db8::1\na=rtcp:53020 IN IP6 2001:db8::2\n\
     m=video 5000 RTP/AVPF 31 99\na=rtpmap:99 VP8/90000\na=mid:v\na=inactive\n",
    "m=audio 4000 RTP/AVP 4294967296\n",
    "m=image 6000 udptl t38\nm=audio 4000 RTP/AVP 8 0\nc=IN IP4 0.0.0.0\na=maxptime:60\n",
];

fn mutate(text: &mut Vec<u8>, random: &mut Random) {
    const TOKENS: [&[u8]; 8] = [
        b"0",
        b"65536",
        b"-1",
        b" ",
        b"\r\n",
        b"m=audio 1 RTP/AVP 0",
        b"a=",
        b"/",
    ];
    for _ in 0..=random.below(4) {
        let at = random.below(text.len().max(1)).min(text.len());
        match random.below(5) {
            0 if at < text.len() => text[at] = random.below(256) as u8,
            1 if at < text.len() => drop(text.remove(at)),
            2 => drop(text.splice(at..at, TOKENS[random.below(8)].iter().copied())),
            3 => {
                let end = (at + random.below(40)).min(text.len());
                let part = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                drop(text.splice(to..to, part));
            }
            _ => {
                let end = (at + random.below(20)).min(text.len());
                text.drain(at..end);
            }
        }
    }
}

#[test]
fn mutated_descriptions_are_negotiated_or_refused_without_effect() {
    let mut random = Random(0x5eed_0002);
    let wants = Wants::new([
        MediaWants::audio([opus(), pcmu(), pcma()]),
        MediaWants::video([vp8()]),
    ]);
    let (established, _) = call(&wants);
    let mut offering = Agent::new(1);
    offering.offer(&wants).unwrap();
    let (mut answered, mut completed) = (0, 0);
    for round in 0..20_000 {
        let mut text = body(SEEDS[round % SEEDS.len()]);
        mutate(&mut text, &mut random);
        if let Ok(offer) = Offer::parse(&text) {
            for agent in [Agent::new(2), established.clone()] {
                let mut agent = agent;
                let before = agent.dialogue.clone();
                match agent.answer(&offer, &wants) {
                    Ok(answer) => {
                        check_answer(&offer, &answer);
                        answered += 1;
                    }
                    Err(_) => assert_eq!(agent.dialogue, before),
                }
            }
        }
        if let Ok(answer) = Answer::parse(&text) {
            let mut agent = offering.clone();
            let before = agent.dialogue.clone();
            match agent.complete(&answer) {
                Ok(_) => completed += 1,
                Err(_) => assert_eq!(agent.dialogue, before),
            }
        }
    }
    assert!(
        answered > 5_000 && completed > 500,
        "{answered} {completed}"
    );
}
