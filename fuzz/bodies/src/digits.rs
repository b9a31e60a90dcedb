//! Digits: telephone events as they come, and the dialler that sends them.

use std::time::Duration;

use talkpath_media::dtmf::{
    DialEnd, DialId, Dialler, Dtmf, EventPacket, EventWriter, OutgoingEvent, Pressing, Receiver,
    Slot,
};
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, TelephoneEvent, TelephoneEvents, Time};

use crate::script::Script;

/// A payload of telephone events: each can be written again.
pub fn telephone_event(bytes: &[u8]) {
    let Ok(events) = TelephoneEvents::parse(bytes) else {
        assert!(bytes.len() < TelephoneEvent::LEN);
        return;
    };
    assert_eq!(events.len(), bytes.len() / TelephoneEvent::LEN);
    let mut begins = 0u32;
    for (at, event) in events.iter() {
        assert_eq!(at, begins);
        begins = begins.wrapping_add(event.duration.into());
        assert_eq!(TelephoneEvent::from_bytes(&event.to_bytes()), event);
    }
}

/// Events in any order at any time: what begins ends, once, and one at a time
/// is held.
pub fn dtmf_receiver(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut hearing = Hearing {
        receiver: Receiver::new(),
        now: Time::from_millis(u64::from(script.u16())),
        next: packet_at(&mut script),
        began: 0,
        ended: 0,
    };
    while let Some(operation) = script.next(8) {
        hearing.apply(operation, &mut script);
        hearing.check();
    }
    hearing.wait(Duration::from_secs(1_000));
    assert_eq!(hearing.began, hearing.ended);
    assert_eq!(hearing.receiver.poll_timeout(), None);
}

struct Hearing {
    receiver: Receiver,
    now: Time,
    /// The header of the packet that would come next.
    next: EventPacket,
    began: u64,
    ended: u64,
}

fn packet_at(script: &mut Script<'_>) -> EventPacket {
    EventPacket {
        ssrc: Ssrc::new(script.below(3).into()),
        seq: ExtSeq::new(65_000 + u64::from(script.u16())),
        timestamp: RtpTime::new(script.u32()),
        marker: script.flag(),
        clock_rate: script.one_of(&[8_000, 8_000, 48_000, 0, 1, u32::MAX]),
    }
}

impl Hearing {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation {
            0 => self.next = packet_at(script),
            1 => self.wait(Duration::from_millis(u64::from(script.u16() % 5_000))),
            2 => self.press(script),
            3 => {
                let payload = script.bytes(40);
                self.receive(self.next, payload);
            }
            4 => self.next.timestamp = self.next.timestamp.plus(script.u16().into()),
            5 => {
                let back = u64::from(script.below(8));
                self.next.seq = ExtSeq::new(self.next.seq.value().saturating_sub(back));
            }
            6 => {
                let Hearing { began, ended, .. } = self;
                self.receiver.finish(&mut |what| count(what, began, ended));
            }
            _ => self.event(script),
        }
    }

    /// A whole press as one ought to be sent, some packets of it lost.
    fn press(&mut self, script: &mut Script<'_>) {
        let (code, lost) = (script.below(18), script.u16());
        let start = self.next.timestamp;
        for n in 0..8u16 {
            let end = if n >= 5 { 0x80 } else { 0 };
            let [high, low] = (160 * (n.min(5) + 1)).to_be_bytes();
            if lost >> n & 1 == 0 {
                let packet = EventPacket {
                    timestamp: start,
                    marker: n == 0,
                    ..self.next
                };
                self.receive(packet, &[code, end | 10, high, low]);
            }
            self.next.seq = self.next.seq.plus(1);
            self.wait(Duration::from_millis(20));
        }
        self.next.timestamp = start.plus(1_600);
    }

    fn event(&mut self, script: &mut Script<'_>) {
        let payload = script.u32().to_be_bytes();
        self.receive(self.next, &payload);
        self.next.seq = self.next.seq.plus(1);
    }

    fn receive(&mut self, packet: EventPacket, payload: &[u8]) {
        let Hearing { began, ended, .. } = self;
        let taken = self
            .receiver
            .receive(self.now, packet, payload, &mut |what| {
                count(what, began, ended);
            });
        assert_eq!(taken.is_err(), payload.len() < TelephoneEvent::LEN);
    }

    fn wait(&mut self, how_long: Duration) {
        self.now += how_long;
        let Hearing { began, ended, .. } = self;
        self.receiver
            .handle_timeout(self.now, &mut |what| count(what, began, ended));
        let due = self.receiver.poll_timeout();
        assert!(due.is_none_or(|due| due > self.now), "it would never end");
    }

    fn check(&self) {
        let open = self.began - self.ended;
        assert_eq!(open, u64::from(self.receiver.poll_timeout().is_some()));
    }
}

fn count(what: Pressing, began: &mut u64, ended: &mut u64) {
    match what {
        Pressing::Began(_) => *began += 1,
        Pressing::Ended(_) => *ended += 1,
    }
    assert!(*ended <= *began, "an end without a beginning");
}

/// Dialling: each key that goes down is heard once at the other end, and every
/// dialling ends once.
pub fn dialler(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut line = Line::default();
    let mut left = MOST_TICKS;
    while let Some(operation) = script.next(6).filter(|_| left > 0) {
        line.apply(operation, &mut script, &mut left);
    }
    line.dialler.stop_all();
    // The key goes up, and the longest gap follows.
    (0..600).for_each(|_| line.tick(0));
    assert!(line.dialler.is_idle(), "it dials on when it was stopped");
    line.receiver.handle_timeout(line.now, &mut |what| {
        count(what, &mut line.began, &mut line.over)
    });
    line.drain();
    assert_eq!(line.ended, line.dialled);
    assert_eq!((line.began, line.over), (line.pressed, line.pressed));
}

#[derive(Default)]
struct Line {
    dialler: Dialler,
    writer: EventWriter,
    receiver: Receiver,
    now: Time,
    seq: u64,
    media: RtpTime,
    is_down: bool,
    dialled: u64,
    ended: u64,
    pressed: u64,
    began: u64,
    over: u64,
}

impl Line {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>, left: &mut u32) {
        match operation {
            0 | 1 => self.dial(script),
            2 | 3 => (0..script.u8()).for_each(|_| {
                *left = left.saturating_sub(1);
                self.tick(0);
            }),
            // A second is missed at most: what is forgotten is heard again.
            4 => self.tick(script.below(50).into()),
            _ if script.below(8) == 0 => self.dialler.stop_all(),
            _ => self.dialler.stop(DialId(script.u8().into())),
        }
        self.drain();
    }

    fn dial(&mut self, script: &mut Script<'_>) {
        let keys: String = (0..=script.below(3))
            .map(|_| char::from(script.one_of(b"0123456789*#ABCD!,")))
            .collect();
        let dtmf = Dtmf::new(&keys).expect("these are keys");
        let length = Duration::from_millis(u64::from(script.u16()));
        let dtmf = dtmf.tone(length).gap(length / 7).volume(script.u8());
        if self.dialler.dial(DialId(self.dialled), dtmf).is_ok() {
            self.dialled += 1;
        }
    }

    /// 20 ms, after some that never happened: what is sent is heard.
    fn tick(&mut self, missed: u32) {
        self.now += Duration::from_millis(20 * u64::from(missed));
        self.media = self.media.plus(160 * missed);
        let slot = self.dialler.tick(missed);
        let was_down = self.is_down;
        self.is_down = matches!(slot, Slot::Down(_));
        self.pressed += u64::from(self.is_down && !was_down);
        let mut sent = Vec::new();
        self.writer
            .write(slot, self.media, 8_000, &mut |event| sent.push(event));
        for event in sent {
            self.hear(event);
        }
        self.now += Duration::from_millis(20);
        self.media = self.media.plus(160);
    }

    fn hear(&mut self, event: OutgoingEvent) {
        let packet = EventPacket {
            ssrc: Ssrc::new(1),
            seq: ExtSeq::new(self.seq),
            timestamp: event.timestamp,
            marker: event.marker,
            clock_rate: 8_000,
        };
        self.seq += 1;
        let Line { began, over, .. } = self;
        self.receiver
            .receive(self.now, packet, &event.payload, &mut |what| {
                count(what, began, over);
            })
            .expect("it is an event");
    }

    fn drain(&mut self) {
        while let Some((_, end)) = self.dialler.poll_end() {
            assert_ne!(end, DialEnd::Refused);
            self.ended += 1;
        }
    }
}

/// 100 s: so that no list takes long.
const MOST_TICKS: u32 = 5_000;
