//! Bytes and numbers that nobody meant: nothing panics, nothing is left open.

use super::senders::press;
use super::*;

#[test]
fn mutated_packets_never_panic_and_every_press_that_begins_ends() {
    let mut chance = Chance::from_seed(4733);
    let (mut began, mut ended) = (0u32, 0u32);
    let mut tell = |what| match what {
        Pressing::Began(_) => began += 1,
        Pressing::Ended(_) => ended += 1,
    };
    let mut receiver = Receiver::new();
    let seeds = press(0, 70_000, u32::MAX - 500, '1', 200);
    for n in 0..20_000u64 {
        let mut sent = seeds[chance.next_u16() as usize % seeds.len()];
        for _ in 0..chance.next_u16() % 4 {
            mutate(&mut sent, &mut chance);
        }
        let mut payload = sent.payload.to_vec();
        if chance.unit() < 0.1 {
            payload.truncate(usize::from(chance.next_u16() % 5));
        } else if chance.unit() < 0.1 {
            payload = payload.repeat(usize::from(chance.next_u16() % 40));
        }
        let now = Time::from_millis(n * 7);
        let taken = receiver.receive(now, sent.packet, &payload, &mut tell);
        assert_eq!(taken.is_err(), payload.len() < 4);
    }
    receiver.finish(&mut tell);
    assert_eq!(began, ended);
    assert!(began > 1000);
}

fn mutate(sent: &mut Sent, chance: &mut Chance) {
    let packet = &mut sent.packet;
    match chance.next_u16() % 7 {
        0 => packet.ssrc = Ssrc::new(chance.next_u32() % 3),
        1 => packet.seq = ExtSeq::new(chance.next_u64()),
        2 => packet.timestamp = RtpTime::new(chance.next_u32()),
        3 => packet.clock_rate = [0, 1, 8000, 48_000, u32::MAX][chance.next_u16() as usize % 5],
        4 => packet.marker = !packet.marker,
        5 => sent.payload = chance.next_u32().to_be_bytes(),
        _ => packet.timestamp = packet.timestamp.plus(u32::from(u16::MAX)),
    }
}
