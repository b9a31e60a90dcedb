//! Descriptions, ranges, addresses, files that are wrong: each a typed error,
//! nothing held for it, and a call beside it that notices nothing.

use std::sync::Arc;

use crate::common::*;

use talkpath::driver::{Driver, SocketOptions};
use talkpath::{
    Answer, Audio, BuildError, Fault, FileError, MediaManager, Pcap, PortError, RtcpMux,
    SampleRate, SessionError, Wav,
};
use talkpath_sim::{Rng, World};

/// A call that goes on while others go wrong in the same managers.
struct Beside {
    talk: Talk,
    a: Line,
    b: Line,
}

impl Beside {
    fn new(seed: u64) -> Self {
        let talk = Talk::new(seed);
        let (a, b) = talk.lines();
        Beside { talk, a, b }
    }

    fn goes_on(&mut self) {
        chat(2, &mut [&mut self.a, &mut self.b]);
    }

    #[track_caller]
    fn end(mut self) {
        chat(20, &mut [&mut self.a, &mut self.b]);
        self.a.assert_unbroken(-4000);
        self.b.assert_unbroken(8000);
        let ours = self.talk.caller.stats().audio().unwrap().sent.ssrc;
        let mut sent = rtp_from(&self.talk.world, ALICE);
        sent.retain(|packet| Some(packet.ssrc) == ours.map(|ssrc| ssrc.value()));
        assert_one_stream(&sent, 160);
        let stats = self.talk.callee.stats();
        assert_eq!(stats.audio().unwrap().drops.total(), 0);
        assert_eq!(
            (self.talk.alice.ports_in_use(), self.talk.bob.ports_in_use()),
            (1, 1)
        );
        self.talk.end();
    }
}

const PLAIN: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
                     m=audio 5000 RTP/AVP 0 8\r\na=sendrecv\r\n";

#[test]
fn offers_that_are_none() {
    let mut beside = Beside::new(81);
    let long_line = format!("v=0\r\na={}\r\n", "x".repeat(9000));
    let long = format!("{PLAIN}{}", "a=x:y\r\n".repeat(10_000));
    let many = format!("{PLAIN}{}", "m=audio 0 RTP/AVP 0\r\n".repeat(40));
    let bad = [
        "",
        "\r\n",
        "hello",
        "v=1\r\n",
        "INVITE sip:x SIP/2.0\r\n",
        "v=0\r\nm=audio\r\n",
        "m=audio 5000 RTP/AVP 0\r\nv=0\r\n",
        &long_line,
        &long,
        &many,
    ];
    for text in bad {
        let error = beside.talk.bob.accept_offer(text, any()).unwrap_err();
        assert!(
            [400, 488].contains(&error.sip_status()),
            "{error} for {text:.40}"
        );
        assert_eq!(error.fault(), Fault::Peer);
        let error = beside.talk.callee.answer(text).unwrap_err();
        assert!(
            [400, 488].contains(&error.sip_status()),
            "{error} for {text:.40}"
        );
        beside.goes_on();
    }
    assert_eq!(beside.talk.bob.sessions().len(), 1);
    beside.end();
}

#[test]
fn offers_that_lie_or_ask_for_what_nobody_has() {
    let mut beside = Beside::new(82);
    let cases = [
        PLAIN.replace("RTP/AVP 0 8", "RTP/AVP 18"),
        PLAIN.replace(
            "RTP/AVP 0 8",
            "RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000",
        ),
        PLAIN.replace("RTP/AVP", "RTP/SAVP"),
        PLAIN.replace("m=audio", "m=video"),
        PLAIN.replace("c=IN IP4 10.0.0.9\r\n", ""),
        PLAIN.replace("c=IN IP4 10.0.0.9", "c=IN IP4 224.2.1.1/127"),
        PLAIN.replace("c=IN IP4 10.0.0.9", "c=IN IP4 255.255.255.255"),
        PLAIN.replace("c=IN IP4 10.0.0.9", "c=IN IP4 999.0.0.9"),
        PLAIN.replace("0 8", "96\r\na=rtpmap:96 PCMU/16000"),
    ];
    for offer in &cases {
        let error = beside
            .talk
            .bob
            .accept_offer(offer.as_str(), any())
            .unwrap_err();
        assert_eq!(error.sip_status(), 488, "{error} for {offer}");
        beside.goes_on();
    }
    // An offer of nothing is no lie (RFC 3264 §5.1): it gets nothing.
    let nothing = PLAIN.replace("audio 5000", "audio 0");
    let (session, answer) = beside
        .talk
        .bob
        .accept_offer(nothing.as_str(), any())
        .unwrap();
    assert_eq!((port(&answer, 0), beside.talk.bob.ports_in_use()), (0, 1));
    assert!(matches!(
        session.audio(),
        Err(SessionError::NoSuchStream { .. })
    ));
    drop(session);
    // A re-offer that cannot be taken leaves the session as it was.
    let streams = beside.talk.callee.streams();
    for offer in &cases[..4] {
        let error = beside.talk.callee.answer(offer.as_str()).unwrap_err();
        assert_eq!(error.sip_status(), 488, "{error} for {offer}");
        assert_eq!(beside.talk.callee.streams(), streams);
        beside.goes_on();
    }
    beside.end();
}

#[test]
fn every_prefix_and_many_mutations_of_an_offer_are_survived() {
    let mut beside = Beside::new(83);
    let (caller, offer) = beside.talk.alice.create_offer(any()).unwrap();
    let text = offer.to_string().into_bytes();
    for end in 0..text.len() {
        drop(beside.talk.bob.accept_offer(&text[..end], any()));
    }
    beside.goes_on();
    let mut rng = beside.talk.world.rng(1);
    for round in 0..2000 {
        let mangled = mangle(&text, &mut rng);
        if let Ok((session, answer)) = beside.talk.bob.accept_offer(&mangled[..], any()) {
            drop(caller.apply_answer(&answer));
            drop(session);
        }
        if round % 100 == 0 {
            beside.goes_on();
        }
    }
    drop(caller);
    beside.goes_on();
    beside.end();
}

fn mangle(text: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(text.len() as u64) as usize;
        match rng.below(4) {
            0 => text[at] = rng.below(256) as u8,
            1 => drop(text.remove(at)),
            2 => text.insert(at, rng.below(256) as u8),
            _ => text[at] = b"0129 \r\n:="[rng.below(9) as usize],
        }
        if text.is_empty() {
            text.push(b'v');
        }
    }
    text
}

#[test]
fn answers_that_do_not_fit() {
    let mut beside = Beside::new(84);
    let (bob, alice) = (&beside.talk.bob, &beside.talk.alice);
    let (caller, offer) = alice.create_offer(any()).unwrap();
    let (callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    let good = answer.to_string();
    let second = "m=audio 5000 RTP/AVP 0\r\n";
    let m_line = good.lines().find(|line| line.starts_with("m=")).unwrap();
    let (head, _) = good.split_once("m=").unwrap();
    let bad = [
        String::new(),
        good[..good.len() / 2].replace("\r\nm=", "\r\nx"),
        format!("{good}{second}"),
        head.to_string(),
        good.replace(m_line, "m=audio 10000 RTP/AVP 18"),
        good.replace(m_line, "m=video 10000 RTP/AVP 31"),
        good.replace(m_line, "m=audio 10000 RTP/SAVP 0"),
        good.replace("c=IN IP4 10.0.0.2", "c=IN IP4 239.0.0.1/1"),
        good.replace("c=IN IP4 10.0.0.2\r\n", ""),
    ];
    let held = beside.talk.alice.ports_in_use();
    for answer in &bad {
        let error = caller.apply_answer(answer.as_str()).unwrap_err();
        assert!(
            [400, 488].contains(&error.sip_status()),
            "{error} for {answer}"
        );
        assert_eq!(beside.talk.alice.ports_in_use(), held);
        chat(2, &mut [&mut beside.a, &mut beside.b]);
    }
    // The right one still can come.
    caller.apply_answer(&answer).unwrap();
    let (mut c, mut d) = (Line::of(&caller, 100), Line::of(&callee, 200));
    chat(20, &mut [&mut c, &mut d, &mut beside.a, &mut beside.b]);
    c.assert_ends_with(10, 200);
    d.assert_ends_with(10, 100);

    let to_nothing: Answer = good.parse().unwrap();
    let error = beside.talk.callee.apply_answer(&to_nothing).unwrap_err();
    assert_eq!(error.sip_status(), 500, "{error}");
    assert!(beside.talk.callee.rollback().is_err());
    drop((caller, callee));
    beside.goes_on();
    beside.end();
}

#[test]
fn wishes_that_make_no_sense() {
    let mut beside = Beside::new(85);
    let too_long = any().ptime(ms(61));
    let odd_rate = any().rate(SampleRate::new(44_100).unwrap());
    let nothing = Audio::sendrecv([]);
    for (wish, status) in [(too_long, 500), (odd_rate, 500), (nothing, 500)] {
        let error = beside.talk.alice.create_offer(wish.clone()).unwrap_err();
        assert_eq!(
            (error.sip_status(), error.fault()),
            (status, Fault::Caller),
            "{error}"
        );
        let error = beside.talk.bob.accept_offer(PLAIN, wish).unwrap_err();
        assert_eq!(
            (error.sip_status(), error.fault()),
            (status, Fault::Caller),
            "{error}"
        );
        beside.goes_on();
    }
    let no_stream = talkpath::Change::Remove(talkpath::StreamIndex(7));
    let error = beside.talk.caller.offer(no_stream).unwrap_err();
    assert!(
        matches!(error, SessionError::NoSuchStream { line: 7 }),
        "{error}"
    );
    let nothing = talkpath::Change::Codecs(talkpath::StreamIndex(0), vec![]);
    assert_eq!(
        beside.talk.caller.offer(nothing).unwrap_err().sip_status(),
        500
    );
    let again = beside.talk.caller.audio().unwrap_err();
    assert!(
        matches!(again, SessionError::AudioTaken { line: 0 }),
        "{again}"
    );
    beside.end();
}

#[test]
fn ranges_and_addresses_that_cannot_be() {
    let world = World::new(86);
    let build = |build: talkpath::Builder| build.build().map(drop).unwrap_err();
    let at = |ports| builder(&world, ALICE).ports(ports);
    let bad = PortError::BadRange { range: 0..=0 };
    let is_bad = |error| matches!(error, BuildError::Ports(PortError::BadRange { .. }));
    assert!(is_bad(build(at(0..=10))), "{bad}");
    #[expect(clippy::reversed_empty_ranges)]
    let reversed = 200..=100;
    assert!(is_bad(build(at(reversed))));
    let elsewhere = MediaManager::builder()
        .interface("10.9.9.9")
        .driver(Arc::new(world.host(ALICE).driver()));
    let error = build(elsewhere);
    assert!(
        matches!(error, BuildError::Ports(PortError::NotLocal(_))),
        "{error}"
    );
    let driver = || Arc::new(world.host(ALICE).driver());
    let error = build(
        MediaManager::builder()
            .interface("localhost")
            .driver(driver()),
    );
    assert!(matches!(error, BuildError::BadAddress { .. }), "{error}");
    let error = build(
        MediaManager::builder()
            .interface("0.0.0.0")
            .driver(driver()),
    );
    assert!(
        matches!(error, BuildError::NeedsAdvertised { .. }),
        "{error}"
    );
    let error = build(MediaManager::builder().driver(driver()));
    assert!(matches!(error, BuildError::NoInterface), "{error}");
    assert!(matches!(
        build(at(1000..=1100).dscp(64)),
        BuildError::BadDscp(64)
    ));
    assert!(matches!(
        build(at(1000..=1100).workers(0)),
        BuildError::BadWorkers(0)
    ));
    assert_eq!(world.held(), Default::default());

    // A single port is no pair, but enough where RTCP is multiplexed only.
    for small in [10001..=10001, 10001..=10002] {
        let alice = at(small).build().unwrap();
        let error = alice.create_offer(any()).unwrap_err();
        let is_small = matches!(error, SessionError::Ports(PortError::RangeTooSmall { .. }));
        assert!(is_small && error.sip_status() == 503, "{error}");
        let (_session, _) = alice.create_offer(any().rtcp_mux(RtcpMux::Only)).unwrap();
        assert_eq!(alice.ports_in_use(), 1);
    }
}

#[test]
fn ports_run_out_and_come_back() {
    let mut beside = Beside::new(87);
    let world = beside.talk.world.clone();
    let small = builder(&world, "10.0.0.5")
        .ports(20000..=20005)
        .build()
        .unwrap();
    let mut held: Vec<_> = (0..3).map(|_| small.create_offer(any()).unwrap()).collect();
    for _ in 0..10 {
        let error = small.create_offer(any()).unwrap_err();
        let SessionError::Ports(PortError::Exhausted {
            leased, foreign, ..
        }) = error
        else {
            panic!("{error}");
        };
        assert_eq!((leased, foreign), (6, 0));
        let error = small.accept_offer(PLAIN, any()).unwrap_err();
        assert_eq!(error.sip_status(), 503, "{error}");
    }
    assert_eq!((small.ports_in_use(), small.sessions().len()), (6, 3));
    beside.goes_on();
    drop(held.pop());
    beside.goes_on();
    held.push(small.create_offer(any()).unwrap());
    drop(held);
    drop(small);
    beside.end();
}

#[test]
fn a_stream_for_which_no_port_is_left_changes_nothing() {
    let world = World::new(187);
    let alice = builder(&world, ALICE).ports(20000..=20003).build().unwrap();
    let bob = manager(&world, BOB);
    let talk = Talk::between(world, alice, bob, any(), any());
    let (mut a, mut b) = talk.lines();
    let (other, _) = talk.alice.create_offer(any()).unwrap();
    assert_eq!(talk.alice.ports_in_use(), 3);
    let before = (talk.caller.streams(), talk.caller.state());
    let events = talk.alice.events();
    let error = talk.caller.offer(talkpath::Change::Add(any())).unwrap_err();
    assert_eq!(error.sip_status(), 503, "{error}");
    assert_eq!((talk.caller.streams(), talk.caller.state()), before);
    assert!(happenings(&events, talk.caller.id()).is_empty());
    drop(other);
    chat(20, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let _ = talk.caller.offer(talkpath::Change::Add(any())).unwrap();
    talk.end();
}

#[test]
fn ports_of_other_programs_are_passed_over() {
    let mut beside = Beside::new(88);
    let world = beside.talk.world.clone();
    let other = world.host("10.0.0.5").driver();
    let taken: Vec<_> = [20000, 20003]
        .map(|port| {
            let local = std::net::SocketAddr::new("10.0.0.5".parse().unwrap(), port);
            other.bind(local, &SocketOptions::default()).unwrap()
        })
        .into();
    let small = builder(&world, "10.0.0.5")
        .ports(20000..=20005)
        .build()
        .unwrap();
    let (session, _) = small.create_offer(any()).unwrap();
    assert_eq!(session.streams()[0].local.unwrap().rtp.port(), 20004);
    let error = small.create_offer(any()).unwrap_err();
    let SessionError::Ports(PortError::Exhausted {
        leased, foreign, ..
    }) = error
    else {
        panic!("{error}");
    };
    assert_eq!((leased, foreign), (2, 2));
    drop(taken);
    beside.goes_on();
    let more: Vec<_> = (0..2).map(|_| small.create_offer(any()).unwrap()).collect();
    drop((session, more, small));
    beside.end();
}

#[test]
fn files_that_cannot_be_played_or_written() {
    let mut beside = Beside::new(89);
    let disk = beside.talk.world.host(ALICE).disk();
    disk.put("empty.wav", []);
    disk.put(
        "text.wav",
        b"this is no sound at all, however long it may be".to_vec(),
    );
    disk.put(
        "cut.wav",
        b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00".to_vec(),
    );
    for name in ["empty.wav", "text.wav", "cut.wav"] {
        let error = beside.talk.caller.play(name).unwrap_err();
        let is_wav = matches!(error, SessionError::File(FileError::Wav { .. }));
        assert!(is_wav && error.to_string().starts_with(name), "{error}");
    }
    let error = beside.talk.caller.play("nowhere.wav").unwrap_err();
    assert!(
        matches!(error, SessionError::File(FileError::Io { .. })),
        "{error}"
    );
    disk.full_after(10);
    let error = beside.talk.caller.record(Wav::heard("r.wav")).unwrap_err();
    assert!(
        matches!(error, SessionError::File(FileError::Io { .. })),
        "{error}"
    );
    let error = beside.talk.caller.record(Pcap::new("c.pcap")).unwrap_err();
    assert!(
        matches!(error, SessionError::File(FileError::Io { .. })),
        "{error}"
    );
    disk.make_room();
    disk.break_down();
    assert!(beside.talk.caller.record(Wav::said("s.wav")).is_err());
    assert!(beside.talk.caller.play("empty.wav").is_err());
    disk.repair();
    beside.goes_on();
    assert_eq!(beside.talk.world.held().files, 0);
    beside.end();
}
