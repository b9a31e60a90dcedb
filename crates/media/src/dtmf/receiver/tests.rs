use super::*;
use crate::rtp::Chance;
use talkpath_wire::EventCode;

mod mutations;
mod senders;
mod weather;

/// A packet on its way, with the moment of its arrival.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Time,
    packet: EventPacket,
    payload: [u8; 4],
}

/// What a receiver told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Heard {
    began: String,
    ended: String,
    durations: Vec<Duration>,
}

fn sent(at_ms: u64, seq: u64, timestamp: u32, key: char, second: u8, duration: u16) -> Sent {
    let code = EventCode::from_char(key).unwrap().value();
    let [high, low] = duration.to_be_bytes();
    let packet = EventPacket {
        ssrc: Ssrc::new(7),
        seq: ExtSeq::new(seq),
        timestamp: RtpTime::new(timestamp),
        marker: false,
        clock_rate: 8000,
    };
    Sent {
        at: Time::from_millis(at_ms),
        packet,
        payload: [code, second, high, low],
    }
}

/// Everything that a receiver tells of `packets`, in the order of arrival, and
/// of a second of silence after them.
fn heard_of(packets: &[Sent]) -> Heard {
    let mut receiver = Receiver::new();
    let mut heard = Heard::default();
    let mut tell = |what| match what {
        Pressing::Began(press) => heard.began.push(press.digit.as_char()),
        Pressing::Ended(press) => {
            heard.ended.push(press.digit.as_char());
            heard.durations.push(press.duration);
        }
    };
    let mut end = Time::ZERO;
    for sent in packets {
        receiver
            .receive(sent.at, sent.packet, &sent.payload, &mut tell)
            .unwrap();
        end = sent.at;
    }
    while let Some(deadline) = receiver.poll_timeout() {
        assert!(deadline - end <= LATEST_END, "{deadline:?} after {end:?}");
        receiver.handle_timeout(deadline, &mut tell);
    }
    heard
}

const LATEST_END: Duration = Duration::from_secs(1);
const END: u8 = 0x80;
const VOLUME: u8 = 10;
