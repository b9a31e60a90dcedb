//! Good senders and bad ones, without loss: each as it was seen in the wild.

use super::*;
use crate::dtmf::Press;

/// A press as RFC 4733 has it: 20 ms a packet, three ends.
pub(super) fn press(at: u64, seq: u64, timestamp: u32, key: char, millis: u16) -> Vec<Sent> {
    let steps = millis / 20;
    let open = (1..steps).map(|n| (n, VOLUME));
    let ends = (0..3).map(|n| (steps + n, VOLUME | END));
    let packets = open.chain(ends).map(|(n, second)| {
        let (at, seq) = (at + 20 * u64::from(n), seq + u64::from(n) - 1);
        let mut sent = sent(at, seq, timestamp, key, second, 160 * n.min(steps));
        sent.packet.marker = n == 1;
        sent
    });
    packets.collect()
}

#[test]
fn a_press_has_its_times_and_volume() {
    let mut receiver = Receiver::new();
    let mut told = Vec::new();
    for sent in press(1000, 1, 5000, '5', 100) {
        let (packet, payload) = (sent.packet, &sent.payload);
        receiver
            .receive(sent.at, packet, payload, &mut |what| told.push(what))
            .unwrap();
    }
    let digit = Digit::from_char('5').unwrap();
    let first = Press {
        digit,
        began: Time::from_millis(1000),
        duration: Duration::from_millis(20),
        volume: 10,
    };
    let whole = Press {
        duration: Duration::from_millis(100),
        ..first
    };
    assert_eq!(told, [Pressing::Began(first), Pressing::Ended(whole)]);
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn the_clock_of_opus_gives_the_same_times() {
    let mut packets = press(1000, 1, 5000, '5', 100);
    for sent in &mut packets {
        sent.packet.clock_rate = 48_000;
        let duration = u16::from_be_bytes([sent.payload[2], sent.payload[3]]) * 6;
        sent.payload[2..].copy_from_slice(&duration.to_be_bytes());
    }
    let heard = heard_of(&packets);
    assert_eq!(heard.durations, [Duration::from_millis(100)]);
}

#[test]
fn all_keys_and_a_flash_are_heard_and_other_events_are_not() {
    let mut packets = Vec::new();
    for (n, key) in "0123456789*#ABCD!".chars().enumerate() {
        let n = n as u64;
        packets.extend(press(300 * n, 100 * n, 2400 * n as u32, key, 100));
    }
    let mut fax = press(6000, 2000, 60_000, '1', 100);
    fax.iter_mut().for_each(|sent| sent.payload[0] = 36);
    packets.extend(fax);
    let heard = heard_of(&packets);
    assert_eq!(heard.began, "0123456789*#ABCD!");
    assert_eq!(heard.ended, heard.began);
}

// As sip-tester's dtmf_2833_*.pcap have it: a duration of zero first, steps of
// 320 ticks every 20 ms, three ends at once under one sequence number.
#[test]
fn three_ends_with_one_number_are_one_end() {
    let mut packets = Vec::new();
    for (n, key) in "1#1".chars().enumerate() {
        let (at, seq, timestamp) = (400 * n as u64, 12_080 + 40 * n as u64, 17_632);
        let timestamp = timestamp + 6080 * n as u32;
        packets.extend((0..7).map(|k| {
            let duration = 320 * k as u16;
            sent(at + 20 * k, seq + k, timestamp, key, VOLUME, duration)
        }));
        let end = sent(at + 140, seq + 7, timestamp, key, VOLUME | END, 2240);
        packets.extend([end; 3]);
    }
    let heard = heard_of(&packets);
    assert_eq!((&heard.began[..], &heard.ended[..]), ("1#1", "1#1"));
    assert_eq!(heard.durations, [Duration::from_millis(280); 3]);
}

#[test]
fn a_recording_played_again_is_heard_again() {
    let first = press(0, 1, 5000, '1', 100);
    let again = first.iter().map(|sent| Sent {
        at: sent.at + Duration::from_secs(5),
        ..*sent
    });
    let packets: Vec<Sent> = first.iter().copied().chain(again).collect();
    assert_eq!(heard_of(&packets).began, "11");
}

// As sip-tester's play_dtmf has it: timestamps 400 apart though each event
// lasts 1600, ends 1 ms apart with numbers of their own, R set at random.
#[test]
fn timestamps_closer_than_the_durations_are_still_presses_of_their_own() {
    for keys in ["159#", "1111", "5566"] {
        let mut packets = Vec::new();
        for (n, key) in keys.chars().enumerate() {
            let (at, seq, timestamp) = (200 * n as u64, 41 + 13 * n as u64, 400 * (n as u32 + 1));
            packets.extend((0..10).map(|k| {
                let second = VOLUME | [0, 0x40][(k as usize + n) % 2];
                sent(at + 10 * k, seq + k, timestamp, key, second, 160 * k as u16)
            }));
            packets.extend((10..13).map(|k| {
                let second = VOLUME | END | [0x40, 0][(k as usize + n) % 2];
                sent(at + 90 + k, seq + k, timestamp, key, second, 1600)
            }));
        }
        let heard = heard_of(&packets);
        assert_eq!((&heard.began[..], &heard.ended[..]), (keys, keys));
    }
}

// RFC 4733 §2.5.1.3.
#[test]
fn a_long_press_in_segments_is_one_press() {
    for ends_of_segments in [1, 3] {
        let mut packets = Vec::new();
        let (mut seq, timestamp) = (0, u32::MAX - 90_000);
        let full = u32::from(u16::MAX);
        for n in 1..=1250u32 {
            let (segment, lasted) = (160 * n / full, 160 * n % full);
            let at = 20 * u64::from(n);
            let end = if n == 1250 { END } else { 0 };
            let age = lasted / 160;
            if segment > 0 && age < ends_of_segments {
                let before = timestamp.wrapping_add((segment - 1) * full);
                seq += 1;
                packets.push(sent(at, seq, before, '8', VOLUME, u16::MAX));
            }
            let timestamp = timestamp.wrapping_add(segment * full);
            seq += 1;
            packets.push(sent(at, seq, timestamp, '8', VOLUME | end, lasted as u16));
        }
        packets.extend([*packets.last().unwrap(); 2]);
        let heard = heard_of(&packets);
        assert_eq!((&heard.began[..], &heard.ended[..]), ("8", "8"));
        assert_eq!(heard.durations, [Duration::from_secs(25)]);
    }
}

#[test]
fn a_timestamp_that_moves_with_every_packet_is_one_press() {
    for grows in [true, false] {
        let mut packets = Vec::new();
        for (n, key) in "112".chars().enumerate() {
            let (at, seq) = (300 * n as u64, 20 * n as u64);
            for k in 0..8u64 {
                let timestamp = 2400 * n as u32 + 160 * k as u32;
                let duration = if grows { 160 * (k as u16 + 1) } else { 160 };
                let second = if k < 5 { VOLUME } else { VOLUME | END };
                packets.push(sent(at + 20 * k, seq + k, timestamp, key, second, duration));
            }
        }
        let heard = heard_of(&packets);
        assert_eq!((&heard.began[..], &heard.ended[..]), ("112", "112"));
        assert_eq!(heard.durations, [Duration::from_millis(120); 3], "{grows}");
    }
}

#[test]
fn a_marker_on_every_packet_or_on_none_makes_no_difference() {
    for marker in [true, false] {
        let mut packets = press(0, 1, 5000, '3', 160);
        packets.extend(press(400, 20, 8200, '3', 160));
        packets
            .iter_mut()
            .for_each(|sent| sent.packet.marker = marker);
        assert_eq!(heard_of(&packets).began, "33");
    }
}

// As short as can be, and all that came of either is its first packet.
#[test]
fn two_short_presses_without_their_ends_are_two() {
    let first = press(0, 1, 5000, '1', 40)[0];
    let second = press(80, 5, 5640, '1', 40)[0];
    assert_eq!(heard_of(&[first, second]).ended, "11");
}

#[test]
fn a_clock_that_stands_still_between_presses_makes_two_presses() {
    let mut packets = press(0, 1, 5000, '3', 160);
    packets.extend(press(400, 20, 5000, '3', 160));
    assert_eq!(heard_of(&packets).ended, "33");
}

#[test]
fn a_duration_that_jumps_is_one_press_and_its_end_is_believed() {
    let durations = [160, 8000, 320, 0, 65_535, 480];
    let mut packets: Vec<Sent> = (0..6u64)
        .map(|n| sent(20 * n, n, 0, '4', VOLUME, durations[n as usize]))
        .collect();
    packets.push(sent(120, 6, 0, '4', VOLUME | END, 960));
    packets.push(sent(140, 7, 0, '4', VOLUME | END, 960));
    let heard = heard_of(&packets);
    assert_eq!(
        (&heard.ended[..], &heard.durations[..]),
        ("4", &[Duration::from_millis(120)][..])
    );
}

// RFC 4733 §2.5.1.5.
#[test]
fn several_events_in_one_packet_are_several_presses() {
    let mut receiver = Receiver::new();
    let mut told = Vec::new();
    let packet = sent(1000, 1, 0, '1', 0, 0).packet;
    let payload = [1, 10, 1, 0x90, 2, 10, 1, 0x90, 3, 0x8a, 3, 0x20];
    for n in 0..3u64 {
        let now = Time::from_millis(1000 + 20 * n);
        let packet = EventPacket {
            seq: ExtSeq::new(n),
            ..packet
        };
        receiver
            .receive(now, packet, &payload, &mut |what| told.push(what))
            .unwrap();
    }
    let ended: Vec<(char, u128)> = told
        .iter()
        .filter_map(|what| match what {
            Pressing::Ended(press) => Some((press.digit.as_char(), press.duration.as_millis())),
            Pressing::Began(_) => None,
        })
        .collect();
    assert_eq!(ended, [('1', 50), ('2', 50), ('3', 100)]);
    assert_eq!(told.len(), 6);
}

#[test]
fn a_press_without_an_end_is_over_after_a_while_and_stays_over() {
    let mut packets = press(0, 1, 5000, '9', 200);
    packets.truncate(5);
    let lonely = heard_of(&packets);
    assert_eq!(lonely.durations, [Duration::from_millis(100)]);
    // What comes after the silence is of the same press, and no other.
    packets.extend(press(0, 1, 5000, '9', 700).split_off(25));
    assert_eq!(heard_of(&packets).began, "9");
    packets.extend(press(2000, 80, 20_000, '9', 100));
    assert_eq!(heard_of(&packets).began, "99");
}

#[test]
fn packets_40_ms_apart_outlive_a_lost_one() {
    let packets: Vec<Sent> = (1..20u64)
        .filter(|n| n % 3 != 0)
        .map(|n| sent(40 * n, n, 0, '4', VOLUME, 320 * n as u16))
        .collect();
    assert_eq!(heard_of(&packets).ended, "4");
}

#[test]
fn two_sources_at_once_are_one_press_each() {
    let one = press(0, 1, 5000, '1', 200);
    let mut other = press(10, 900, 77, '1', 200);
    other
        .iter_mut()
        .for_each(|sent| sent.packet.ssrc = Ssrc::new(8));
    let mut packets: Vec<Sent> = one.into_iter().chain(other).collect();
    packets.sort_by_key(|sent| sent.at);
    let heard = heard_of(&packets);
    assert_eq!((&heard.began[..], &heard.ended[..]), ("11", "11"));
}
