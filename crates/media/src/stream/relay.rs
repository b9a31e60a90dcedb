//! Packets that pass: in by one stream, out by another, as they are.
//!
//! In: packets that the source policy took. Out: the same with the other peer's
//! payload type and the numbers that its sender gives (RFC 3550 §7.1); header
//! extensions, payload and padding stay. Nothing is decoded and nothing waits.

use talkpath_sdp::negotiate::is_auxiliary;
use talkpath_transport::DropReason;
use talkpath_wire::{PayloadType, RtpPacket, RtpPacketMut, Time};

use super::Stream;
use crate::call::Context;
use crate::egress::Mute;
use crate::place::Onward;
use crate::room::Member;
use crate::rtp::Timing;

impl Stream {
    /// Lets a packet pass to the other member of the room, if its format may;
    /// whether that was all there was to do with it.
    pub(super) fn pass(
        &mut self,
        now: Time,
        (format, packet): (usize, &RtpPacket<'_>),
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(place) = &mut self.audio.place else {
            return false;
        };
        let (session, stream) = (cx.session, self.setup.stream);
        let member = Member { session, stream };
        if let Some(number) = place.passes(packet.payload_type()) {
            cx.passing.push(member, number, bytes);
            return true;
        }
        let passes = place.onward != Onward::Hear;
        let speech = &self.formats[format];
        if passes && speech.codec.is_some() {
            // The peer changed to a format that the other has not
            // (RFC 3264 §7): from now on it is heard, until they agree anew.
            place.turned = true;
            cx.passing.misfit(member);
        }
        if passes {
            self.count_drop(now, DropReason::NowhereToGo);
        }
        passes
    }

    /// Sends on a clock of `clock_rate` from now on. A source keeps one clock
    /// (RFC 7160 §4.1): one that has sent on another says goodbye, and what
    /// follows comes from a source of its own.
    pub(super) fn take_clock(&mut self, now: Time, clock_rate: u32, cx: &mut Context<'_>) {
        if self.rtp.sender.clock_rate() == clock_rate {
            return;
        }
        if self.rtp.sender.has_spoken() {
            self.say_bye(now, b"other clock", cx);
            self.rtp.sender.renew(cx.chance);
            self.rtp.sources.set_local(self.rtp.sender.ssrc());
        }
        self.rtp.sender.set_clock_rate(clock_rate);
    }

    /// Takes the clock of the format `number`, if it tells one: events and
    /// noise go along with speech.
    fn take_clock_of(&mut self, now: Time, number: PayloadType, cx: &mut Context<'_>) -> Timing {
        let agreement = self.agreement.as_ref();
        let mut accepts = agreement.into_iter().flat_map(|known| &known.accepts);
        let format = accepts.find(|known| known.number == number);
        let Some(format) = format.map(|known| &known.format) else {
            return Timing::Advances;
        };
        if format.is_telephone_event() {
            return Timing::Stands;
        }
        let clock_rate = format.clock_rate;
        if !is_auxiliary(format) {
            self.take_clock(now, clock_rate, cx);
        }
        Timing::Advances
    }

    /// Whether silence leaves in place of sound.
    pub(crate) fn is_muted(&self) -> bool {
        self.audio.mute == Mute::On && !self.is_video()
    }

    /// Takes a packet that passes, and sends it on with the number `number`.
    pub(crate) fn send_on(
        &mut self,
        now: Time,
        number: PayloadType,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) {
        let agreement = self.agreement.as_ref();
        let sends = agreement.is_some_and(|agreement| agreement.direction.sends());
        let (Ok(to), true) = (self.transport.rtp_destination(), sends) else {
            self.rtp.sender.interrupt();
            return self.count_drop(now, DropReason::NowhereToGo);
        };
        if self.is_muted() {
            self.rtp.sender.interrupt();
            return self.count_drop(now, DropReason::Muted);
        }
        let Ok(packet) = RtpPacket::parse(bytes) else {
            return;
        };
        let timing = self.take_clock_of(now, number, cx);
        let before = self.rtp.sender.ssrc();
        let Some(relayed) = self.rtp.sender.relay(&packet, timing, now) else {
            return self.count_drop(now, DropReason::Late);
        };
        if relayed.ssrc != before {
            self.rtp.sources.set_local(relayed.ssrc);
        }
        let from = (cx.session, self.setup.stream, self.sockets.rtp);
        cx.out.transmits.push_with(from, to, bytes.len(), |room| {
            room.copy_from_slice(bytes);
            if let Ok(mut packet) = RtpPacketMut::parse(room) {
                packet.set_payload_type(number);
                packet.set_marker(relayed.marker);
                packet.set_seq(relayed.seq);
                packet.set_timestamp(relayed.timestamp);
                packet.set_ssrc(relayed.ssrc);
            }
            bytes.len()
        });
    }
}
