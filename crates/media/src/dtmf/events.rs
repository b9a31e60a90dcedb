//! A press as telephone events: the packets of each 20 ms.
//!
//! In: slots of the dialler, and where the media timestamp stands. Out:
//! payloads with their timestamp and marker. RFC 4733 §2.5.1: one timestamp for
//! all packets of an event, a duration that grows, the marker on the first, the
//! end three times; beyond 0xffff ticks another segment, with a timestamp of its
//! own, and the end of the one before three times as well.

use talkpath_wire::{EventEnd, RtpTime, TelephoneEvent};

use super::{Down, Edge, Slot};

/// One packet of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutgoingEvent {
    /// Its timestamp.
    pub timestamp: RtpTime,
    /// Whether it bears the marker.
    pub marker: bool,
    /// Its payload.
    pub payload: [u8; TelephoneEvent::LEN],
}

/// Writes the events of one stream.
///
/// ```
/// use talkpath_media::dtmf::{DialId, Dialler, Dtmf, EventWriter};
/// use talkpath_wire::RtpTime;
/// let (mut dialler, mut events) = (Dialler::new(), EventWriter::new());
/// dialler.dial(DialId(1), Dtmf::new("5")?)?;
/// let mut durations = Vec::new();
/// for n in 0..7 {
///     let media = RtpTime::new(160 * n);
///     events.write(dialler.tick(0), media, 8000, &mut |event| {
///         assert_eq!(event.timestamp, RtpTime::new(0));
///         durations.push(u16::from_be_bytes([event.payload[2], event.payload[3]]));
///     });
/// }
/// assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventWriter {
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    /// Where the segment began.
    segment: RtpTime,
    /// Ticks of the segments before.
    before: u32,
    last: OutgoingEvent,
    /// The end of the segment before, and how often it is still sent.
    closing: Option<(OutgoingEvent, u8)>,
}

impl EventWriter {
    /// A writer that has written nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the packets of a slot; `media` is the timestamp of its first
    /// sample, on a clock of `clock_rate` Hz.
    pub fn write(
        &mut self,
        turn: Slot,
        media: RtpTime,
        clock_rate: u32,
        give: &mut dyn FnMut(OutgoingEvent),
    ) {
        match turn {
            Slot::Media => self.current = None,
            Slot::Up(_) => {
                if let Some(current) = &mut self.current {
                    current.close_segment(give);
                    give(current.last);
                }
            }
            Slot::Down(down) => self.hold(&down, media, clock_rate, give),
        }
    }

    fn hold(
        &mut self,
        down: &Down,
        media: RtpTime,
        clock_rate: u32,
        give: &mut dyn FnMut(OutgoingEvent),
    ) {
        let begun = self.current.filter(|_| down.edge != Edge::Pressed);
        let marker = begun.is_none();
        let mut current = begun.unwrap_or_else(|| Current::begin(media));
        let lasted = RtpTime::ticks_of(down.lasted, clock_rate);
        let end = match down.edge {
            Edge::Released => EventEnd::Ended,
            Edge::Pressed | Edge::Held => EventEnd::Open,
        };
        current.close_segment(give);
        while lasted.wrapping_sub(current.before) > FULL {
            let full = current.event(down, u16::MAX, EventEnd::Open);
            current.segment = current.segment.plus(FULL);
            current.before = current.before.wrapping_add(FULL);
            current.closing = Some((full, REPEATS));
            give(full);
        }
        let duration = lasted.wrapping_sub(current.before) as u16;
        let event = current.event(down, duration, end);
        give(OutgoingEvent { marker, ..event });
        current.last = event;
        self.current = Some(current);
    }
}

impl Current {
    fn begin(media: RtpTime) -> Self {
        Current {
            segment: media,
            before: 0,
            last: OutgoingEvent {
                timestamp: media,
                marker: false,
                payload: [0; TelephoneEvent::LEN],
            },
            closing: None,
        }
    }

    fn event(&self, down: &Down, duration: u16, end: EventEnd) -> OutgoingEvent {
        let event = TelephoneEvent {
            code: down.digit.code(),
            end,
            volume: down.volume,
            duration,
        };
        OutgoingEvent {
            timestamp: self.segment,
            marker: false,
            payload: event.to_bytes(),
        }
    }

    /// Repeats the end of the segment before.
    fn close_segment(&mut self, give: &mut dyn FnMut(OutgoingEvent)) {
        if let Some((full, left)) = &mut self.closing {
            give(*full);
            *left -= 1;
            if *left == 0 {
                self.closing = None;
            }
        }
    }
}

/// Ticks of a full segment (RFC 4733 §2.5.1.3).
const FULL: u32 = u16::MAX as u32;
/// RFC 4733 §2.5.1.4: three times in all.
const REPEATS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{DialId, Dialler, Dtmf, EventPacket, Pressing, Receiver};
    use core::time::Duration;
    use talkpath_wire::{ExtSeq, Ssrc, Time};

    fn events(text: &str, tone_ms: u64, clock_rate: u32, ticks: u32) -> Vec<(u64, OutgoingEvent)> {
        let (mut dialler, mut writer) = (Dialler::new(), EventWriter::new());
        let dtmf = Dtmf::new(text)
            .unwrap()
            .tone(Duration::from_millis(tone_ms));
        dialler.dial(DialId(0), dtmf).unwrap();
        let mut sent = Vec::new();
        for n in 0..ticks {
            let media = RtpTime::new(u32::MAX - 999).plus(n * clock_rate / 50);
            writer.write(dialler.tick(0), media, clock_rate, &mut |event| {
                sent.push((20 * u64::from(n), event));
            });
        }
        sent
    }

    // RFC 4733 §2.5.1.2, §2.5.1.4.
    #[test]
    fn one_timestamp_a_growing_duration_one_marker_three_ends() {
        let sent = events("57", 90, 8000, 40);
        let (first, second) = sent.split_at(7);
        for (n, (at, event)) in first.iter().enumerate() {
            assert_eq!(*at, 20 * n as u64);
            assert_eq!(event.timestamp, RtpTime::new(u32::MAX - 999));
            assert_eq!(event.marker, n == 0);
            let end = if n >= 4 { 0x80 } else { 0 };
            let duration = (160 * (n as u16 + 1)).min(720).to_be_bytes();
            assert_eq!(event.payload, [5, 10 | end, duration[0], duration[1]]);
        }
        let (at, event) = second[0];
        assert_eq!((at, event.marker, event.payload[0]), (200, true, 7));
        assert_eq!(event.timestamp, RtpTime::new(u32::MAX - 999).plus(1600));
    }

    // RFC 4733 §2.5.1.3.
    #[test]
    fn beyond_ffff_ticks_a_new_segment_goes_on() {
        let sent = events("8", 10_000, 8000, 600);
        let full: Vec<_> = sent
            .iter()
            .filter(|(_, event)| event.payload[2..] == [0xff, 0xff])
            .collect();
        assert_eq!(full.len(), 3);
        assert!(full.iter().all(|(_, event)| event.payload[1] == 10));
        assert_eq!(sent.iter().filter(|(_, event)| event.marker).count(), 1);
        let (_, last) = sent.last().unwrap();
        let start = RtpTime::new(u32::MAX - 999);
        assert_eq!(last.timestamp, start.plus(0xffff));
        assert_eq!(last.payload, {
            let [high, low] = (80_000u32 - 0xffff).to_be_bytes()[2..] else {
                unreachable!()
            };
            [8, 0x8a, high, low]
        });
    }

    #[test]
    fn our_receiver_hears_what_we_send_on_every_clock() {
        for (clock_rate, tone_ms) in [(8000, 100), (48_000, 100), (8000, 25_000), (48_000, 5_000)] {
            let mut receiver = Receiver::new();
            let mut heard = Vec::new();
            for (n, (at, event)) in events("00*!", tone_ms, clock_rate, 8_000)
                .iter()
                .enumerate()
            {
                let packet = EventPacket {
                    ssrc: Ssrc::new(1),
                    seq: ExtSeq::new(n as u64),
                    timestamp: event.timestamp,
                    marker: event.marker,
                    clock_rate,
                };
                let now = Time::from_millis(*at);
                let taken = receiver.receive(now, packet, &event.payload, &mut |what| {
                    if let Pressing::Ended(press) = what {
                        heard.push((press.digit.as_char(), press.duration.as_millis()));
                    }
                });
                assert_eq!(taken, Ok(()));
            }
            let tone = u128::from(tone_ms);
            let expected = ['0', '0', '*', '!'].map(|key| (key, tone));
            assert_eq!(heard, expected, "{clock_rate} Hz");
        }
    }
}
