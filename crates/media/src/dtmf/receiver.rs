//! Telephone events received: every digit once.
//!
//! In: telephone-event packets in the order of their arrival, and `now`. Out:
//! presses that begin and end. RFC 4733 §2.5.2. Packets are of one press when
//! they share source, event and timestamp, whatever their marker and end bits
//! say; beyond that, when [`Track`] finds that one goes on with the other: long
//! events come in segments, and some senders move the timestamp with every
//! packet. What lost its end is over when a next one begins or nothing came for
//! a while. What comes late for a press of before is part of that press.
//!
//! Left out: events other than digits, which are ignored.

mod track;

use core::time::Duration;

use talkpath_wire::{
    EventEnd, ExtSeq, RtpTime, Ssrc, TelephoneEvent, TelephoneEventError, TelephoneEvents, Time,
};

use super::{Digit, Pressing};
use track::{Sight, Track};

/// What the header says of a telephone-event packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPacket {
    /// Its source.
    pub ssrc: Ssrc,
    /// Its place among the packets of the source.
    pub seq: ExtSeq,
    /// Its timestamp: when the event began.
    pub timestamp: RtpTime,
    /// Whether it bears the marker.
    pub marker: bool,
    /// The RTP clock of its payload type, in Hz.
    pub clock_rate: u32,
}

/// Hears digits in the telephone events of one stream.
///
/// ```
/// use talkpath_media::dtmf::{EventPacket, Pressing, Receiver};
/// use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};
/// let mut receiver = Receiver::new();
/// let mut heard = String::new();
/// // The end of a `7`, three times; all that came before was lost.
/// for n in 0..3 {
///     let packet = EventPacket {
///         ssrc: Ssrc::new(1),
///         seq: ExtSeq::new(n),
///         timestamp: RtpTime::new(4000),
///         marker: false,
///         clock_rate: 8000,
///     };
///     let now = Time::from_millis(1000 + 20 * n);
///     receiver.receive(now, packet, &[7, 0x8a, 3, 0x20], &mut |what| {
///         if let Pressing::Began(press) = what {
///             heard.push(press.digit.as_char());
///         }
///     })?;
/// }
/// assert_eq!(heard, "7");
/// # Ok::<(), talkpath_wire::TelephoneEventError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    current: Option<Track>,
    /// Presses that are over, newest first: what comes late belongs to them.
    over: [Option<Track>; REMEMBERED],
}

impl Receiver {
    /// A receiver that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a packet; `tell` hears what began and ended with it.
    ///
    /// # Errors
    /// When the payload is too short to hold an event.
    pub fn receive(
        &mut self,
        now: Time,
        packet: EventPacket,
        payload: &[u8],
        tell: &mut dyn FnMut(Pressing),
    ) -> Result<(), TelephoneEventError> {
        let events = TelephoneEvents::parse(payload)?;
        self.handle_timeout(now, tell);
        self.forget(now);
        let last = events.len() - 1;
        for (n, (begins, event)) in events.iter().take(MOST_IN_ONE).enumerate() {
            let Some(digit) = Digit::from_code(event.code) else {
                continue;
            };
            // RFC 4733 §2.5.1.5: what another follows is over.
            let end = match n < last {
                true => EventEnd::Ended,
                false => event.end,
            };
            let event = TelephoneEvent { end, ..event };
            let timestamp = packet.timestamp.plus(begins);
            let packet = EventPacket {
                timestamp,
                ..packet
            };
            self.see(&Sight::of(now, packet, digit, event), tell);
        }
        Ok(())
    }

    /// When a press is over if nothing more comes of it.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.current.as_ref().map(Track::deadline)
    }

    /// Ends a press of which nothing came for three packet times or more
    /// (RFC 4733 §2.5.2.2).
    pub fn handle_timeout(&mut self, now: Time, tell: &mut dyn FnMut(Pressing)) {
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.finish(tell);
        }
    }

    /// Ends the press that goes on, if one does: the stream closes or may
    /// receive no more.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Pressing)) {
        if let Some(track) = self.current.take() {
            tell(Pressing::Ended(track.press()));
            self.remember(track);
        }
    }

    fn see(&mut self, sight: &Sight, tell: &mut dyn FnMut(Pressing)) {
        if let Some(track) = self.current.as_mut().filter(|track| track.owns(sight)) {
            track.update(sight);
            if track.is_ended() {
                self.finish(tell);
            }
            return;
        }
        let mut over = self.over.iter_mut().flatten();
        if let Some(track) = over.find(|track| track.owns(sight)) {
            return track.update(sight);
        }
        let track = Track::begin(sight);
        tell(Pressing::Began(track.press()));
        if let Some(current) = &self.current
            && current.is_after(sight)
        {
            // It was overtaken by the one that goes on.
            tell(Pressing::Ended(track.press()));
            return self.remember(track);
        }
        let ended = self.current.replace(track);
        if let Some(ended) = ended {
            tell(Pressing::Ended(ended.press()));
            self.remember(ended);
        }
        if sight.is_end() {
            self.finish(tell);
        }
    }

    fn remember(&mut self, track: Track) {
        self.over.rotate_right(1);
        self.over[0] = Some(track);
    }

    /// A sender that plays a recording twice sends the same packets twice.
    fn forget(&mut self, now: Time) {
        for place in &mut self.over {
            if place
                .as_ref()
                .is_some_and(|track| track.is_forgotten(now, MEMORY))
            {
                *place = None;
            }
        }
    }
}

/// Presses remembered after their end.
const REMEMBERED: usize = 16;
/// How long they are remembered after their last packet: longer than any
/// packet is late.
const MEMORY: Duration = Duration::from_secs(3);
/// Events read of one packet.
const MOST_IN_ONE: usize = 16;

#[cfg(test)]
mod tests;
