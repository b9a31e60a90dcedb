//! Digits across a room: whatever way a key came, each peer is told of it once,
//! in its own way (RFC 4733).
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot do without may panic"
)]

mod world;

use std::collections::VecDeque;

use talkpath_audio::g711::{decode_ulaw, encode_ulaw};
use talkpath_audio::mixer::Gain;
use talkpath_media::dtmf::{Carriage, DialEnd, Inband};
use talkpath_sdp::Direction;

use world::{AUDIO, ROOM, World, agreed, events, g729, id, pcmu};

#[test]
fn a_key_in_the_sound_reaches_a_peer_without_events_in_the_sound_alone() {
    let mut world = World::bridged(&[&[pcmu()], &[pcmu()]]);
    world.attend(1);
    world.detect(1, Inband::Detected);
    world.press_as_sound(1, '5');
    assert_eq!(world.keys_told(1), [('5', Carriage::Sound)]);
    assert_eq!(world.keys_in_sound(2), "5");
}

#[test]
fn a_key_in_the_sound_reaches_a_peer_with_events_as_event_alone() {
    let mut world = World::bridged(&[&[pcmu()], &[pcmu(), events()]]);
    world.press_as_sound(1, '5');
    assert_eq!(world.keys_in_sound(2), "");
    assert_eq!(world.keys_in_events(2), "5");
}

#[test]
fn of_three_each_hears_a_key_once_in_its_own_way() {
    let mut world = World::bridged(&[&[pcmu()], &[pcmu()], &[pcmu(), events()]]);
    world.press_as_sound(1, '5');
    assert_eq!(world.keys_in_sound(2), "5");
    assert_eq!(world.keys_in_sound(3), "");
    assert_eq!(world.keys_in_events(3), "5");
}

#[test]
fn the_echo_of_a_key_that_was_dialled_as_sound_is_no_key() {
    let mut world = World::bridged(&[&[pcmu(), events()], &[pcmu()]]);
    let (mut echoes, mut done) = (VecDeque::new(), 0);
    for n in 0..150 {
        match n {
            10 => world.send(1, 101, 1600, &[5, 0x0a, 0, 160]),
            14 => world.send(1, 101, 1600, &[5, 0x8a, 3, 32]),
            _ => {}
        }
        let fresh: Vec<Vec<u8>> = world.rtp(2).skip(done).map(<[u8]>::to_vec).collect();
        done += fresh.len();
        for packet in fresh {
            // 14 dB quieter than what was sent.
            let echo = packet[12..].iter().map(|code| decode_ulaw(*code) / 5);
            echoes.push_back(echo.map(encode_ulaw).collect());
        }
        let echo: Vec<u8> = echoes.pop_front().unwrap_or(vec![0xff; 160]);
        world.send(2, 0, 160 * n, &echo);
        world.run(20);
    }
    assert_eq!(world.keys_in_sound(2), "5");
    assert_eq!(world.keys_in_events(1), "");
}

#[test]
fn a_key_of_which_packets_passed_is_not_carried_as_well() {
    let mut world = World::bridged(&[&[pcmu(), events()], &[pcmu(), events()]]);
    for n in 0..6 {
        if n == 3 {
            world.attend(1);
        }
        let end = if n == 5 { 0x80 } else { 0 };
        let duration = 160 * (n + 1);
        let payload = [5, 0x0a | end, (duration >> 8) as u8, duration as u8];
        world.send(1, 101, 1600, &payload);
        world.run(20);
    }
    world.run(1000);
    assert_eq!(world.keys_told(1), [('5', Carriage::Event)]);
    assert_eq!(world.keys_in_events(2), "5");
}

#[test]
fn digits_pass_beside_speech_that_nothing_here_decodes() {
    let formats = [g729(), events()];
    let mut world = World::bridged(&[&formats, &formats]);
    world
        .call
        .set_gain(world.now, ROOM, (id(1), AUDIO), Gain::from_db(-6.0));
    world.send(1, 18, 160, &[1; 20]);
    world.send(1, 101, 320, &[1, 0x8a, 3, 32]);
    world.run(500);
    assert_eq!(world.keys_in_events(2), "1");
}

#[test]
fn dialling_on_hold_waits_until_something_may_be_sent() {
    let formats = [pcmu(), events()];
    let mut world = World::new();
    world.add(1, &formats);
    let mut held = agreed(1, &formats);
    held.direction = Direction::RecvOnly;
    world.agree(1, held);
    world.dial(1, 4, "12");
    world.run(3000);
    assert_eq!(world.dialled(), []);
    assert_eq!(world.keys_in_events(1), "");
    world.agree(1, agreed(1, &formats));
    world.run(1000);
    assert_eq!(world.dialled(), [(4, DialEnd::Dialled)]);
    assert_eq!(world.keys_in_events(1), "12");
}

#[test]
fn a_key_that_a_hold_cuts_short_is_not_pressed_again() {
    let formats = [pcmu(), events()];
    let mut world = World::new();
    world.add(1, &formats);
    world.dial(1, 4, "12");
    world.run(50);
    let mut held = agreed(1, &formats);
    held.direction = Direction::RecvOnly;
    world.agree(1, held);
    world.run(3000);
    assert_eq!(world.dialled(), []);
    world.agree(1, agreed(1, &formats));
    world.run(1000);
    assert_eq!(world.keys_in_events(1), "12");
    assert_eq!(world.dialled(), [(4, DialEnd::Dialled)]);
}

#[test]
fn what_is_dialled_ends_with_its_stream() {
    let mut world = World::new();
    world.add(1, &[pcmu(), events()]);
    world.dial(1, 4, "123456");
    world.dial(1, 5, "7");
    world.run(300);
    world.remove(1);
    assert_eq!(
        world.dialled(),
        [(4, DialEnd::Stopped), (5, DialEnd::Stopped)]
    );
}

#[test]
fn what_is_dialled_where_nothing_can_hold_keys_is_refused() {
    let formats = [g729(), events()];
    let mut world = World::bridged(&[&formats, &formats]);
    world.dial(1, 4, "12");
    assert_eq!(world.dialled(), [(4, DialEnd::Refused)]);
}

#[test]
fn the_sound_is_listened_to_again_when_events_are_agreed_no_more() {
    let mut world = World::new();
    world.add(1, &[pcmu(), events()]);
    world.attend(1);
    world.detect(1, Inband::Detected);
    world.send(1, 101, 160, &[1, 0x8a, 3, 32]);
    world.run(500);
    world.agree(1, agreed(1, &[pcmu()]));
    world.press_as_sound(1, '5');
    let expected = [('1', Carriage::Event), ('5', Carriage::Sound)];
    assert_eq!(world.keys_told(1), expected);
}

#[test]
fn a_room_listens_to_the_sound_for_itself_and_no_longer_than_it_lasts() {
    let mut world = World::bridged(&[&[pcmu()], &[pcmu(), events()]]);
    world.press_as_sound(1, '4');
    assert_eq!(world.keys_in_events(2), "4");
    assert_eq!(world.keys_told(1), [], "nobody asked for it");
    world.call.leave(world.now, ROOM, id(1), AUDIO);
    world.attend(1);
    world.press_as_sound(1, '5');
    assert_eq!(world.keys_told(1), []);
}

#[test]
fn a_room_that_listens_no_more_leaves_what_was_asked_for() {
    let mut world = World::bridged(&[&[pcmu()], &[pcmu(), events()]]);
    world.detect(1, Inband::Detected);
    world.call.leave(world.now, ROOM, id(1), AUDIO);
    world.attend(1);
    world.press_as_sound(1, '5');
    assert_eq!(world.keys_told(1), [('5', Carriage::Sound)]);
}
