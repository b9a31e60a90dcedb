//! Loss, jitter, drift, holds, other codecs and 200 digits, all in one call:
//! each digit is told once, and the recording is true to time all the while.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use crate::files_are_played_and_recorded::Sound;
use crate::recordings_are_true_to_time::{assert_heard_true, onsets};

use talkpath::audio::g711;
use talkpath::{
    Change, Codec, Direction, Event, Events, Happening, Play, SampleRate, Session, StreamIndex, Wav,
};
use talkpath_sim::{Fate, Jitter, Link, Loss, Record, World};
use talkpath_wire::Time;

/// What one side sent, as the wire saw it.
#[derive(Default)]
struct Side {
    /// When something began to sound after half a second without.
    beats: Vec<Time>,
    last_loud: Option<Time>,
    /// The timestamp of the last event that arrived.
    last_event: Option<u32>,
    /// A digit for each event of which a packet arrived.
    arrived: String,
}

impl Side {
    fn see(&mut self, record: &Record) {
        let bytes = &record.bytes;
        // RFC 5761 §4: the rest is RTCP.
        if bytes.len() <= 12 || (192..=223).contains(&bytes[1]) {
            return;
        }
        let payload = &bytes[12..];
        match bytes[1] & 0x7f {
            0 => self.hear(record.sent, payload, g711::decode_ulaw),
            8 => self.hear(record.sent, payload, g711::decode_alaw),
            _ if matches!(record.fate, Fate::Delivered { .. }) => {
                let timestamp = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
                if self.last_event.replace(timestamp) != Some(timestamp) {
                    self.arrived.push(KEYS[usize::from(payload[0])]);
                }
            }
            _ => {}
        }
    }

    fn hear(&mut self, sent: Time, payload: &[u8], decode: fn(u8) -> i16) {
        let loud = payload.iter().position(|octet| decode(*octet).abs() > 4000);
        let Some(at) = loud else { return };
        let at = sent + Duration::from_micros(125 * at as u64);
        if self.last_loud.is_none_or(|last| at - last > ms(500)) {
            self.beats.push(at);
        }
        self.last_loud = Some(sent);
    }
}

/// Takes what the wire saw since it was last asked.
fn look(world: &World, alice: &mut Side, bob: &mut Side) {
    for record in world.take_wire_log() {
        match record.from.ip().to_string() == ALICE {
            true => alice.see(&record),
            false => bob.see(&record),
        }
    }
}

fn agree(talk: &Talk, change: Change) {
    let offer = talk.caller.offer(change).unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
}

/// What changes with second `second` of the call. Every minute the codec is
/// the other one; every third one begins with 20 s of hold.
fn change(talk: &Talk, second: u64) {
    let stream = StreamIndex(0);
    match second % 180 {
        0 if second > 0 => agree(talk, Change::Direction(stream, Direction::Inactive)),
        20 if second > 180 => agree(talk, Change::Direction(stream, Direction::SendRecv)),
        30 | 90 | 150 => {
            let codec = [Codec::PCMU, Codec::PCMA][(second / 60 % 2) as usize].clone();
            agree(talk, Change::Codecs(stream, vec![codec]));
        }
        _ => {}
    }
}

/// The digits that `session` was told of, of those that ended.
fn told(events: &Events<Event>, session: &Session) -> String {
    let all = happenings(events, session.id()).into_iter();
    let digits = all.filter_map(|what| match what {
        Happening::Digit { digit, .. } => Some(digit.as_char()),
        _ => None,
    });
    digits.collect()
}

/// The beats by the clock of a side that gains [`DRIFT`].
fn by_clock_of_bob(beats: &[Time], began: Time) -> Vec<Time> {
    let local = |beat: &Time| {
        let passed = (*beat - began).as_secs_f64() * (1.0 + f64::from(DRIFT) / 1e6);
        began + Duration::from_secs_f64(passed)
    };
    beats.iter().map(local).collect()
}

fn minutes_of_everything(minutes: u64) {
    let world = World::new(601);
    let rough = Link::after(ms(40))
        .with_jitter(Jitter::Uniform { most: ms(60) })
        .with_loss(Loss::Random(0.05));
    world.link_both(ALICE, BOB, rough);
    let drifting = Arc::new(world.host(BOB).driver().with_drift(DRIFT));
    let bob = builder(&world, BOB).driver(drifting).build().unwrap();
    let alice = manager(&world, ALICE);
    let talk = Talk::between(world, alice, bob, any(), any());
    let events = talk.bob.events();
    let beat: Vec<i16> = (0..8000).map(|n| if n < 800 { 9000 } else { 0 }).collect();
    let beats = || Play::samples(beat.clone(), SampleRate::HZ_8000).for_ever();
    let recording = talk.callee.record(Wav::stereo("hour.wav")).unwrap();
    let _played = [&talk.caller, &talk.callee].map(|side| side.play(beats()).unwrap());

    let (mut alice_sent, mut bob_sent) = (Side::default(), Side::default());
    let (began, mut dialled, mut heard) = (talk.world.now(), 0, String::new());
    let every = minutes * 60 / 3 * 10 / DIGITS as u64 * 250;
    let mut next_digit = began + ms(1_000);
    for second in 0..minutes * 60 {
        change(&talk, second);
        let until = began + Duration::from_secs(second + 1);
        let on_hold = second > 180 && second % 180 < 21;
        while next_digit < until {
            talk.world.run_until(next_digit);
            next_digit += ms(every);
            if !on_hold && dialled < DIGITS {
                drop(talk.caller.dtmf(&*KEYS[dialled % 16].to_string()).unwrap());
                dialled += 1;
            }
        }
        talk.world.run_until(until);
        heard += &told(&events, &talk.callee);
        look(&talk.world, &mut alice_sent, &mut bob_sent);
    }
    talk.world.run_for(ms(1_000));
    heard += &told(&events, &talk.callee);
    look(&talk.world, &mut alice_sent, &mut bob_sent);

    assert_eq!(dialled, DIGITS);
    assert_eq!(heard, alice_sent.arrived);
    assert!(heard.len() >= DIGITS - 1, "{heard}");
    let done = recording.finish().wait().unwrap();
    assert_eq!((done.error, done.gaps), (None, Duration::ZERO));
    let length = Duration::from_secs(60 * minutes + 1);
    let length = length.mul_f64(1.0 + f64::from(DRIFT) / 1e6);
    assert!(done.length.abs_diff(length) <= ms(60), "{:?}", done.length);
    let sound = Sound::read(&talk.world.host(BOB).disk().get("hour.wav").unwrap());
    let beats = by_clock_of_bob(&alice_sent.beats, began);
    assert_heard_true(&onsets(&sound, 0), &beats, began);
    let beats = by_clock_of_bob(&bob_sent.beats, began);
    // What is said is in its place before it is on the wire.
    assert_heard_true(&onsets(&sound, 1), &beats, began + ms(100));
}

#[test]
fn each_digit_counts_once_and_each_moment_has_its_place() {
    // The hour is played where tests are optimised.
    minutes_of_everything(if cfg!(debug_assertions) { 6 } else { 60 });
}

const DIGITS: usize = 200;
const KEYS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];
/// What Bob's clock gains, in parts per million.
const DRIFT: i32 = 150;
