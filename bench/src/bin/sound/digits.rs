//! Digits: 30 % loss, copies, reordering; and senders that do it wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use talkpath::{Audio, Codec, Dtmf, Event, Events, Happening, Notice, SessionId};
use talkpath_interop::verdict::{Verdict, While};
use talkpath_sim::{Fate, Jitter, Link, Loss, World};
use talkpath_wire::Time;

use crate::call::{CALLEE, CALLER, manager};
use crate::row::{Goal, Row};
use crate::scripted::{Numbers, Scripted};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let (mut dialled, mut arrived, mut heard, mut wrong) = (0, 0, 0, 0);
    for seed in 1..=SEEDS {
        let found = dial(seed)?;
        dialled += KEYS.len() * REPEATS;
        arrived += found.arrived;
        heard += found.heard;
        wrong += found.arrived.abs_diff(found.heard) + found.out_of_order;
    }
    let lossy = Row::new(
        "DTMF, 30 % loss, copies, reorder: wrong digits",
        wrong as f64,
        "",
        Goal::AtMost(0.0, 0.0),
    );
    let note = format!(
        "{dialled} of 100 ms dialled, a packet of {arrived} arrived, {heard} told; {SEEDS} seeds"
    );
    let mut rows = vec![lossy.beside("others lose or repeat digits").note(note)];
    for (what, expected, told) in [
        ("ends with one number", "1#", same_numbers()?),
        ("no room between, random bits", "159#", crowded()?),
    ] {
        let row = Row::new(
            &format!("DTMF, malformed: {what}"),
            f64::from(u8::from(told == expected)),
            "",
            Goal::AtLeast(1.0, 1.0),
        );
        rows.push(row.note(format!("{expected:?} sent, {told:?} told")));
    }
    Ok(rows)
}

struct Found {
    arrived: usize,
    heard: usize,
    out_of_order: usize,
}

/// Dials over a bad mobile network.
fn dial(seed: u64) -> Verdict<Found> {
    let world = World::new(seed);
    let mobile = Link::after(Duration::from_millis(60))
        .with_jitter(Jitter::Uniform {
            most: Duration::from_millis(40),
        })
        .with_loss(Loss::Random(0.3))
        .with_duplicates(0.05)
        .with_reorder(0.1, Duration::from_millis(50));
    world.link(CALLER, CALLEE, mobile);
    let (alice, bob) = (manager(&world, CALLER)?, manager(&world, CALLEE)?);
    let events = bob.events();
    // Odd seeds with the clock of Opus, where others lose digits.
    let codec = if seed.is_multiple_of(2) {
        Codec::PCMU
    } else {
        Codec::OPUS
    };
    let audio = Audio::sendrecv([codec]);
    let (caller, offer) = alice.create_offer(audio.clone()).while_doing("offer")?;
    let (callee, answer) = bob.accept_offer(&offer, audio).while_doing("answer")?;
    caller.apply_answer(&answer).while_doing("completion")?;
    let keys = KEYS.repeat(REPEATS);
    let dtmf = Dtmf::new(&keys).while_doing("dialling")?;
    let (dialled, mut heard) = (caller.dtmf(dtmf).while_doing("dialling")?, String::new());
    while !dialled.is_ready() {
        world.run_for(Duration::from_secs(5));
        heard += &told(&events, callee.id());
    }
    world.run_for(Duration::from_secs(1));
    heard += &told(&events, callee.id());
    let arrived: BTreeSet<u32> = world
        .wire_log()
        .iter()
        .filter(|record| record.from.ip().to_string() == CALLER && record.bytes.len() == 16)
        .filter(|record| matches!(record.fate, Fate::Delivered { .. }))
        .map(|record| {
            u32::from_be_bytes([
                record.bytes[4],
                record.bytes[5],
                record.bytes[6],
                record.bytes[7],
            ])
        })
        .collect();
    Ok(Found {
        arrived: arrived.len(),
        heard: heard.len(),
        out_of_order: usize::from(!is_within(&heard, &keys)),
    })
}

/// Whether `part` is `whole` with some letters left out.
fn is_within(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|digit| rest.any(|next| next == digit))
}

/// The digits that `session` was told of, of those that ended.
fn told(events: &Events<Event>, session: SessionId) -> String {
    let mut digits = String::new();
    while let Ok(notice) = events.try_recv() {
        if let Notice::Event(event) = notice
            && event.session == session
            && let Happening::Digit { digit, .. } = event.what
        {
            digits.push(digit.as_char());
        }
    }
    digits
}

/// A sender whose steps are of 320 ticks, and whose three ends come at once
/// under one sequence number.
fn same_numbers() -> Verdict<String> {
    let script = Scripted::new(1)?;
    let events = script.manager.events();
    let mut seq = 12_080;
    for (key, timestamp, at) in [(1, 17_632, 500), (11, 23_712, 1_260)] {
        for step in 0..9_u16 {
            let end = step >= 6;
            seq += u16::from(step <= 6);
            let at = at + 20 * u64::from(step.min(6));
            let second = if end { 0x8a } else { 0x0a };
            event(
                &script,
                at,
                (seq, timestamp),
                [key, second],
                320 * step.min(6),
            );
        }
    }
    script.world.run_for(Duration::from_secs(3));
    Ok(told(&events, script.session.id()))
}

/// A sender that fills a pause with zeroes of another type, whose events are
/// longer than the distance of their timestamps, and which sets the reserved
/// bit by chance.
fn crowded() -> Verdict<String> {
    let script = Scripted::new(2)?;
    let events = script.manager.events();
    let (mut at, mut seq) = (500, 0);
    for (n, key) in [1, 5, 9, 11].into_iter().enumerate() {
        for step in 0..20 {
            let numbers = Numbers {
                payload_type: 97,
                marker: false,
                seq,
                timestamp: 20 * step,
            };
            script.send(Time::from_millis(at), numbers, &[0; 160]);
            (at, seq) = (at + 20, seq + 2);
        }
        let timestamp = 50_000 + 400 * n as u32;
        for step in 1..=13_u16 {
            let (end, reserved) = (step > 10, if step % 3 == 1 { 0x40 } else { 0 });
            let second = 0x0a | reserved | if end { 0x80 } else { 0 };
            event(
                &script,
                at,
                (seq, timestamp),
                [key, second],
                160 * step.min(10),
            );
            (at, seq) = (at + if end { 1 } else { 20 }, seq + 1);
        }
    }
    script.world.run_for(Duration::from_secs(5));
    Ok(told(&events, script.session.id()))
}

/// Sends a telephone event at a millisecond of the world.
fn event(script: &Scripted, at: u64, (seq, timestamp): (u16, u32), key: [u8; 2], lasts: u16) {
    let numbers = Numbers {
        payload_type: 101,
        marker: false,
        seq,
        timestamp,
    };
    let [high, low] = lasts.to_be_bytes();
    let at = script.world.now().max(Time::from_millis(at));
    script.send(at, numbers, &[key[0], key[1], high, low]);
}

const SEEDS: u64 = 20;
const KEYS: &str = "11599#*0D2";
const REPEATS: usize = 20;
