//! What a peer hears of pauses that are left out (RFC 3389), and what their
//! descriptions and digits change, which is nothing.

use crate::common::*;

use talkpath::audio::comfort_noise::{Description, Generator};
use talkpath::audio::{Dbov, SampleRate};
use talkpath::{Audio, Change, Codec, Constraints, Dtmf, FrameKind, Silence};
use talkpath_sim::World;

/// A voice in a room with noise: a buzz of 140 Hz that swells four times a
/// second, over noise.
struct Voice {
    rate: SampleRate,
    noise: Generator,
    at: u64,
}

impl Voice {
    fn new(rate: SampleRate, noise_level: f32) -> Self {
        let mut noise = Generator::new(rate, 5);
        noise.update(&Description::new(Dbov(noise_level), &[-0.6]));
        Voice { rate, noise, at: 0 }
    }

    fn frame(&mut self, speaks: bool) -> Vec<i16> {
        let mut pcm = vec![0; self.rate.frame_len()];
        self.noise.fill(&mut pcm);
        for sample in &mut pcm {
            let time = self.at as f64 / f64::from(self.rate.hz());
            self.at += 1;
            if speaks {
                let swell = 0.6 + 0.4 * (time * 4.0 * std::f64::consts::TAU).sin();
                let buzz: f64 = (1..12)
                    .map(|n| (f64::from(n) * 140.0 * std::f64::consts::TAU * time).sin())
                    .zip(1..)
                    .map(|(wave, n)| wave / f64::from(n))
                    .sum();
                *sample = sample.saturating_add((buzz * swell * 4_000.0) as i16);
            }
        }
        pcm
    }
}

fn suppressing(audio: Audio) -> Constraints {
    Constraints::from(audio).silence(Silence::Suppress)
}

/// Alice speaks for a second, is quiet for three, and speaks for a second;
/// what Bob heard, in frames.
fn speak_and_rest(talk: &Talk, rate: SampleRate, noise: f32) -> Vec<(FrameKind, Vec<i16>)> {
    let (mut say, mut mouth) = (
        talk.caller.audio().unwrap().split(),
        Voice::new(rate, noise),
    );
    let (_, mut ear) = talk.callee.audio().unwrap().split();
    let mut heard = Vec::new();
    for n in 0..260 {
        if n < 250 {
            let speaks = !(50..200).contains(&n);
            say.0.send_all(&mouth.frame(speaks)).unwrap();
        }
        let mut frame = vec![0; ear.frame_len()];
        let told = ear.recv(&mut frame).unwrap();
        heard.push((told.kind, frame));
    }
    heard
}

fn level(pcm: &[i16]) -> f64 {
    let power: f64 = pcm.iter().map(|s| f64::from(*s).powi(2)).sum();
    10.0 * (power / pcm.len() as f64 / 1_073_741_824.0).log10()
}

fn numbers_go_on(sent: &[Rtp]) {
    for pair in sent.windows(2) {
        assert_eq!(pair[0].seq.wrapping_add(1), pair[1].seq);
        assert_eq!(pair[0].ssrc, pair[1].ssrc);
    }
}

#[test]
fn a_pause_is_left_out_and_its_noise_is_heard_all_the_same() {
    let talk = Talk::with(601, suppressing(any()), any());
    let heard = speak_and_rest(&talk, SampleRate::HZ_8000, NOISE);
    let sent = rtp_from(&talk.world, ALICE);
    let (noise, speech): (Vec<_>, Vec<_>) =
        sent.iter().partition(|packet| packet.payload_type == 13);
    // Three seconds of silence, less what follows the speech.
    assert!((100..=150).contains(&speech.len()), "{}", speech.len());
    // One to begin with, and one a second.
    assert!((2..=5).contains(&noise.len()), "{}", noise.len());
    for packet in &noise {
        let told = Description::parse(&packet.payload).unwrap();
        assert!((told.level().0 - NOISE).abs() <= 3.0, "{:?}", told.level());
        assert!(!packet.marker);
    }
    numbers_go_on(&sent);
    // The talkspurt after it is marked, where its time says.
    let again = sent.iter().rposition(|packet| packet.marker).unwrap();
    let apart = sent[again].timestamp.wrapping_sub(sent[0].timestamp);
    let after = sent[again].sent - sent[0].sent;
    assert!(
        after.abs_diff(ms(u64::from(apart) / 8)) <= ms(30),
        "{after:?} {apart}"
    );
    assert!(heard.iter().all(|(kind, _)| *kind != FrameKind::Concealed));
    let pause: Vec<i16> = heard[110..190]
        .iter()
        .flat_map(|(_, f)| f.clone())
        .collect();
    assert!(
        (level(&pause) - f64::from(NOISE)).abs() <= 3.0,
        "{}",
        level(&pause)
    );
    let stats = talk.callee.stats();
    let stats = stats.audio().unwrap();
    assert_eq!(stats.receiving.as_ref().unwrap().to_string(), "PCMU/8000");
    assert_eq!((stats.received.lost, stats.drops.total()), (0, 0));
    assert_eq!(stats.playout.unwrap().concealed, 0);
    talk.end();
}

#[test]
fn no_word_is_cut_after_a_pause() {
    for (seed, ptime) in [(610, 10), (611, 20), (612, 30), (613, 60)] {
        let talk = Talk::with(seed, suppressing(any()), any().ptime(ms(ptime)));
        let heard = speak_and_rest(&talk, SampleRate::HZ_8000, NOISE);
        let pcm: Vec<i16> = heard.into_iter().flat_map(|(_, frame)| frame).collect();
        // The voice begins anew at four seconds: its first period is heard.
        let mut voice = Voice::new(SampleRate::HZ_8000, NOISE);
        let said: Vec<i16> = (0..250)
            .flat_map(|n| voice.frame(!(50..200).contains(&n)))
            .collect();
        let word = &said[200 * 160..203 * 160];
        let fits = |at: usize| {
            let product = |a: &[i16], b: &[i16]| -> f64 {
                a.iter()
                    .zip(b)
                    .map(|(a, b)| f64::from(*a) * f64::from(*b))
                    .sum()
            };
            let here = &pcm[at..at + word.len()];
            product(here, word) / (product(here, here) * product(word, word)).sqrt().max(1.0)
        };
        let best = (200 * 160..208 * 160).map(fits).fold(0.0, f64::max);
        assert!(best > 0.98, "{ptime} ms: {best}");
        talk.end();
    }
}

#[test]
fn noise_is_offered_by_who_leaves_it_out_and_taken_by_everybody() {
    let world = World::new(620);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let (_plain, offer) = alice.create_offer(any()).unwrap();
    assert!(offer.to_string().contains("RTP/AVP 0 8 101"), "{offer}");
    let (_caller, offer) = alice.create_offer(suppressing(any())).unwrap();
    assert!(offer.to_string().contains("RTP/AVP 0 8 13 101"), "{offer}");
    let (_callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    assert!(
        answer.to_string().contains("RTP/AVP 0 8 13 101"),
        "{answer}"
    );
    let wide = suppressing(Audio::sendrecv([Codec::OPUS, Codec::L16_16000]));
    let (_wide, offer) = alice.create_offer(wide).unwrap();
    let offer = offer.to_string();
    assert!(
        offer.contains("CN/16000") && !offer.contains("CN/48000"),
        "{offer}"
    );
    assert!(offer.contains("usedtx=1"), "{offer}");
}

#[test]
fn what_the_caller_proposed_a_later_offer_of_the_callee_keeps() {
    let talk = Talk::with(621, suppressing(any()), any());
    let offer = talk.callee.offer(Change::Nothing).unwrap();
    assert!(offer.to_string().contains("RTP/AVP 0 8 13 101"), "{offer}");
    let answer = talk.caller.answer(&offer).unwrap();
    assert!(
        answer.to_string().contains("RTP/AVP 0 8 13 101"),
        "{answer}"
    );
    talk.callee.apply_answer(&answer).unwrap();
    talk.end();
}

/// Three calls to one manager, joined: the leg to Bob leaves silence out.
#[test]
fn what_a_room_says_is_left_out_too_while_nobody_speaks() {
    let world = World::new(622);
    let ends = [ALICE, BOB, CAROL].map(|address| manager(&world, address));
    let server = manager(&world, SERVER);
    let mut legs = Vec::new();
    let sessions = ends.each_ref().map(|end| {
        let (session, offer) = end.create_offer(any()).unwrap();
        let (leg, answer) = server.accept_offer(&offer, suppressing(any())).unwrap();
        session.apply_answer(&answer).unwrap();
        legs.push(leg);
        session
    });
    let bridge = server.bridge(&legs[0], &legs[1]).unwrap();
    bridge.add(&legs[2]).unwrap();
    let mut voice = Voice::new(SampleRate::HZ_8000, NOISE);
    let (mut say, _) = sessions[0].audio().unwrap().split();
    let (_, mut ear) = sessions[1].audio().unwrap().split();
    let (mut frame, mut heard) = ([0; 160], Vec::new());
    for n in 0..250 {
        say.send_all(&voice.frame(!(50..200).contains(&n))).unwrap();
        ear.recv(&mut frame).unwrap();
        heard.extend(frame);
    }
    let bob: std::net::IpAddr = BOB.parse().unwrap();
    let sent = rtp_from(&world, SERVER);
    let to_bob = sent.iter().filter(|packet| packet.to.ip() == bob);
    let to_bob = to_bob.count();
    assert!((90..=170).contains(&to_bob), "{to_bob}");
    assert!(level(&heard[215 * 160..245 * 160]) > -30.0);
    drop(bridge);
}

#[test]
fn noise_goes_on_to_who_takes_no_descriptions_of_it() {
    let world = World::new(623);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let server = manager(&world, SERVER);
    let join = |end: &talkpath::MediaManager, wants: Constraints| {
        let (session, offer) = end.create_offer(wants).unwrap();
        let (leg, answer) = server.accept_offer(&offer, any()).unwrap();
        session.apply_answer(&answer).unwrap();
        (session, leg)
    };
    let (caller, first) = join(&alice, suppressing(Audio::sendrecv([Codec::PCMU])));
    let (callee, second) = join(&bob, Audio::sendrecv([Codec::PCMA]).into());
    let _bridge = server.bridge(&first, &second).unwrap();
    let mut voice = Voice::new(SampleRate::HZ_8000, NOISE);
    let (mut say, _) = caller.audio().unwrap().split();
    let (_, mut ear) = callee.audio().unwrap().split();
    let (mut frame, mut heard) = ([0; 160], Vec::new());
    for n in 0..250 {
        say.send_all(&voice.frame(!(50..200).contains(&n))).unwrap();
        ear.recv(&mut frame).unwrap();
        heard.extend(frame);
    }
    let pause = level(&heard[110 * 160..190 * 160]);
    assert!((pause - f64::from(NOISE)).abs() <= 4.0, "{pause}");
    assert!(level(&heard[220 * 160..245 * 160]) > -30.0);
}

#[test]
fn wide_codecs_leave_pauses_out_too() {
    // The detector of Opus lets only a quiet room pass for silence.
    for (seed, codec, noise) in [
        (630, Codec::G722, NOISE),
        (631, Codec::L16_16000, NOISE),
        (632, Codec::OPUS, -85.0),
    ] {
        let audio = || Audio::sendrecv([codec.clone()]).rate(SampleRate::HZ_16000);
        let talk = Talk::with(seed, suppressing(audio()), audio());
        let heard = speak_and_rest(&talk, SampleRate::HZ_16000, noise);
        let sent = rtp_from(&talk.world, ALICE);
        assert!((90..=170).contains(&sent.len()), "{codec}: {}", sent.len());
        numbers_go_on(&sent);
        // What was made up before the pause showed is given back.
        let playout = talk.callee.stats().audio().unwrap().playout.unwrap();
        assert!(playout.concealed <= 960, "{codec}: {playout:?}");
        assert_eq!((playout.late, playout.resyncs), (0, 0), "{codec}");
        let tail: Vec<i16> = heard[215..245]
            .iter()
            .flat_map(|(_, f)| f.clone())
            .collect();
        assert!(level(&tail) > -30.0, "{codec}");
        talk.end();
    }
}

#[test]
fn who_says_nothing_is_left_out_and_called_silent() {
    let talk = Talk::with(640, suppressing(any()), any());
    let (mut a, mut b) = talk.lines();
    talk.world.take_wire_log();
    for _ in 0..200 {
        b.say();
        a.hear();
        b.hear();
    }
    let sent = rtp_from(&talk.world, ALICE);
    assert!(sent.len() < 40, "{}", sent.len());
    let last = sent.last().unwrap();
    assert_eq!((last.payload_type, last.payload[0]), (13, 127));
    b.assert_ends_in_silence(100);
    a.assert_unbroken(-4000);
    talk.end();
}

#[test]
fn digits_during_speech_conceal_nothing_and_change_nothing_that_is_told() {
    let talk = Talk::new(650);
    let (mut a, mut b) = talk.lines();
    let digits = talk.caller.dtmf(Dtmf::new("1590#").unwrap()).unwrap();
    while !digits.is_ready() {
        chat(1, &mut [&mut a, &mut b]);
    }
    chat(50, &mut [&mut a, &mut b]);
    assert!(
        b.take()
            .iter()
            .all(|frame| frame.kind != FrameKind::Concealed)
    );
    let stats = talk.callee.stats();
    let stats = stats.audio().unwrap();
    let playout = stats.playout.unwrap();
    assert_eq!(
        (playout.concealed, playout.late, playout.resyncs),
        (0, 0, 0)
    );
    assert_eq!(stats.received.lost, 0);
    assert_eq!(stats.receiving.as_ref().unwrap().to_string(), "PCMU/8000");
    talk.end();
}

const CAROL: &str = "10.0.0.3";
const SERVER: &str = "10.0.0.9";
/// Of the room (dBov).
const NOISE: f32 = -52.0;
