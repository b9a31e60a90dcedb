//! Loss, duplicates and reorder: each press of which a packet came is heard
//! once.

use super::senders::press;
use super::*;

/// How a press is sent.
type Sender = fn(at: u64, seq: u64, timestamp: u32, key: char, millis: u16) -> Vec<Sent>;

/// `count` presses of random keys and lengths, each with how it was sent.
fn presses(chance: &mut Chance, sender: Sender, count: usize) -> Vec<(char, Vec<Sent>)> {
    let (mut at, mut seq, mut timestamp) = (1000, 0, chance.next_u32());
    let keys = "0123456789*#ABCD!";
    let mut same = '1';
    let mut all = Vec::new();
    for _ in 0..count {
        // Half of the presses repeat the key before: the harder case.
        if chance.unit() < 0.5 {
            let n = (chance.unit() * 17.0) as usize;
            same = keys.chars().nth(n).unwrap();
        }
        let millis = 40 + 20 * (chance.unit() * 8.0) as u16;
        let packets = sender(at, seq, timestamp, same, millis);
        let gap = 60 + 20 * (chance.unit() * 8.0) as u16;
        seq += packets.len() as u64 + 1 + u64::from(gap / 20);
        at += u64::from(millis + gap);
        timestamp = timestamp.wrapping_add(8 * u32::from(millis + gap));
        all.push((same, packets));
    }
    all
}

/// What arrives, in order, and of how many presses of each key something did.
fn through(chance: &mut Chance, presses: Vec<(char, Vec<Sent>)>, loss: f64) -> (Vec<Sent>, String) {
    let mut arrived = Vec::new();
    let mut expected = String::new();
    for (key, packets) in presses {
        let before = arrived.len();
        for mut sent in packets {
            if chance.unit() < loss {
                continue;
            }
            let late = [0, 0, 0, 25, 45, 70][(chance.unit() * 6.0) as usize];
            let once = sent.at;
            sent.at = once + Duration::from_millis(late);
            arrived.push(sent);
            if chance.unit() < 0.1 {
                sent.at = once + Duration::from_millis(30);
                arrived.push(sent);
            }
        }
        if arrived.len() > before {
            expected.push(key);
        }
    }
    arrived.sort_by_key(|sent| sent.at);
    (arrived, expected)
}

fn sorted(keys: &str) -> String {
    let mut keys: Vec<char> = keys.chars().collect();
    keys.sort_unstable();
    keys.into_iter().collect()
}

fn every_press_is_heard_once(sender: Sender, loss: f64, most_wrong: usize) {
    let (mut heard_in_all, mut wrong) = (0, 0);
    for seed in 0..100 {
        let mut chance = Chance::from_seed(seed);
        let presses = presses(&mut chance, sender, 200);
        let (arrived, expected) = through(&mut chance, presses, loss);
        let heard = heard_of(&arrived);
        assert_eq!(sorted(&heard.began), sorted(&heard.ended), "seed {seed}");
        heard_in_all += expected.len();
        let (heard, expected) = (sorted(&heard.began), sorted(&expected));
        wrong += usize::from(heard != expected);
    }
    assert!(heard_in_all > 10_000);
    assert!(wrong <= most_wrong, "{wrong} digits of {heard_in_all}");
}

#[test]
fn at_thirty_percent_loss() {
    every_press_is_heard_once(press, 0.3, 0);
}

// Where eleven packets in a row are lost, two presses can look like one.
#[test]
fn at_fifty_percent_loss() {
    every_press_is_heard_once(press, 0.5, 1);
}

#[test]
fn from_a_sender_that_sends_one_packet_for_its_ends() {
    let one_end: Sender = |at, seq, timestamp, key, millis| {
        let mut packets = press(at, seq, timestamp, key, millis);
        let end = packets[packets.len() - 3];
        let keep = packets.len() - 3;
        packets.truncate(keep);
        packets.extend([end; 3]);
        packets
    };
    every_press_is_heard_once(one_end, 0.3, 0);
}

#[test]
fn from_a_sender_that_moves_its_timestamps() {
    let moving: Sender = |at, seq, timestamp, key, millis| {
        let mut packets = press(at, seq, timestamp, key, millis);
        for (n, sent) in packets.iter_mut().enumerate() {
            sent.packet.timestamp = RtpTime::new(timestamp).plus(160 * n as u32);
        }
        packets
    };
    every_press_is_heard_once(moving, 0.0, 0);
}
