//! What is said is heard: each codec, each length of packets, each rate of the
//! application; and how long it waits is what was asked for.

use std::time::Duration;

use crate::common::*;

use talkpath::audio::{Dbov, Tone, ToneGenerator, measure};
use talkpath::{Audio, Change, Codec, FrameKind, Playout, SampleRate, SessionError};

const ASKED: [u64; 6] = [10, 20, 30, 40, 50, 60];
const RATES: [SampleRate; 3] = [
    SampleRate::HZ_8000,
    SampleRate::HZ_16000,
    SampleRate::HZ_48000,
];

/// Alice says a tone for a second; what Bob heard of it, in whole
/// frames that were received, after the first fifth of a second.
fn tone_through(talk: &Talk, rate: SampleRate) -> Vec<i16> {
    let (mut say, _) = talk.caller.audio().unwrap().split();
    let (_, mut hear) = talk.callee.audio().unwrap().split();
    let mut tone = ToneGenerator::new(Tone::sine(440.0, Dbov(-16.0)), rate);
    let (mut frame, mut heard) = (vec![0; rate.frame_len()], Vec::new());
    for n in 0..50 {
        tone.fill(&mut frame);
        say.send_all(&frame).unwrap();
        let mut got = vec![0; hear.frame_len()];
        let told = hear.recv(&mut got).unwrap();
        if n >= 12 {
            assert_eq!(told.kind, FrameKind::Heard, "frame {n}");
            heard.extend(got);
        }
    }
    heard
}

/// `made` are the packets that `codec` makes where those of 10, 20, 30, 40, 50
/// and 60 ms are asked for; it leaves a tone as `clean` as this, in dB.
fn is_heard(codec: &Codec, made: [u64; 6], clean: f64) {
    for (asked, made) in ASKED.into_iter().zip(made) {
        for rate in RATES {
            let case = format!("{codec}, {asked} ms, {rate:?}");
            let audio = |ptime| Audio::sendrecv([codec.clone()]).rate(rate).ptime(ptime);
            let talk = Talk::with(700 + asked, audio(ms(20)), audio(ms(asked)));
            let heard = tone_through(&talk, rate);
            let found = measure::tone(&heard, rate).unwrap();
            assert!((found.hz - 440.0).abs() < 1.0, "{case}: {found:?}");
            assert!((found.level.0 + 16.0).abs() < 1.0, "{case}: {found:?}");
            assert!(found.snr_db > clean, "{case}: {found:?}");
            let sent = rtp_from(&talk.world, ALICE);
            let clock = codec.format().clock_rate;
            assert_one_stream(&sent, clock / 1_000 * made as u32);
            // An Ethernet frame holds it.
            assert!(
                sent.iter().all(|packet| packet.payload.len() <= 1_400),
                "{case}"
            );
            let stats = talk.callee.stats();
            let stats = stats.audio().unwrap();
            assert_eq!((stats.drops.total(), stats.received.lost), (0, 0), "{case}");
            talk.end();
        }
    }
}

#[test]
fn ulaw_is_heard_in_each_packet_time_and_rate() {
    is_heard(&Codec::PCMU, ASKED, 33.0);
}

#[test]
fn alaw_is_heard_in_each_packet_time_and_rate() {
    is_heard(&Codec::PCMA, ASKED, 33.0);
}

#[test]
fn g722_is_heard_in_each_packet_time_and_rate() {
    is_heard(&Codec::G722, ASKED, 30.0);
}

#[test]
fn l16_is_heard_in_packets_that_an_ethernet_frame_holds() {
    is_heard(&Codec::L16_16000, [10, 20, 30, 40, 40, 40], 50.0);
    is_heard(&"L16/48000".parse().unwrap(), [10; 6], 50.0);
}

#[test]
fn opus_is_heard_in_the_frames_that_it_has() {
    is_heard(&Codec::OPUS, [10, 20, 20, 40, 40, 60], 12.0);
}

#[test]
fn a_fixed_delay_is_kept_and_an_adaptive_one_has_its_limits() {
    let between = |min, max| Playout::Adaptive {
        min: ms(min),
        max: ms(max),
    };
    for (playout, least, most) in [
        (Playout::Fixed(ms(100)), 80, 120),
        (Playout::Fixed(ms(300)), 280, 320),
        (between(80, 200), 60, 100),
        (Playout::default(), 0, 40),
    ] {
        let talk = Talk::with(720, any(), any().playout(playout));
        let (mut a, mut b) = talk.lines();
        chat(30, &mut [&mut a, &mut b]);
        b.take();
        chat(50, &mut [&mut a, &mut b]);
        b.assert_unbroken(8000);
        // From the first word in to the first word out.
        a.level = -8000;
        let waited = (0..40).position(|_| {
            chat(1, &mut [&mut a, &mut b]);
            b.take().iter().any(|frame| frame.mean < 0)
        });
        let waited = ms(20 * waited.unwrap() as u64);
        let stats = talk.callee.stats().audio().unwrap().playout.unwrap();
        let within = |time: Duration| (ms(least)..=ms(most)).contains(&time);
        assert!(within(stats.target), "{playout:?}: {stats:?}");
        assert!(within(stats.depth), "{playout:?}: {stats:?}");
        // What the application queues comes on top of it.
        assert!(
            (ms(least)..=ms(most + 80)).contains(&waited),
            "{playout:?}: {waited:?}"
        );
        talk.end();
    }
}

#[test]
fn a_delay_that_cannot_be_is_refused() {
    let talk = Talk::new(721);
    let refused = [
        (Playout::Fixed(ms(501)), (501, 501)),
        (Playout::Fixed(ms(0)), (0, 0)),
        (
            Playout::Adaptive {
                min: ms(60),
                max: ms(40),
            },
            (60, 40),
        ),
        (
            Playout::Adaptive {
                min: ms(0),
                max: Duration::MAX,
            },
            (0, Duration::MAX.as_millis()),
        ),
    ];
    for (playout, expected) in refused {
        let told = [
            talk.alice.create_offer(any().playout(playout)).err(),
            talk.caller.offer(Change::Add(any().playout(playout))).err(),
        ];
        for error in told {
            match error {
                Some(SessionError::PlayoutDelay { min, max }) => {
                    assert_eq!((min, max), expected);
                }
                other => panic!("{playout:?}: {other:?}"),
            }
        }
    }
    talk.end();
}
