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

impl Stream {
    /// Lets a packet pass to the other member of the room, if its format may.
    pub(super) fn pass(&self, packet: &RtpPacket<'_>, bytes: &[u8], cx: &mut Context<'_>) -> bool {
        let place = self.audio.place.as_ref();
        let number = place.and_then(|place| place.passes(packet.payload_type()));
        if let Some(number) = number {
            cx.passing.push(number, bytes);
        }
        number.is_some()
    }

    /// What passes alone sets the clock of the reports on it (RFC 3550 §6.4.1).
    fn keep_clock_of(&mut self, number: PayloadType) {
        let agreement = self.agreement.as_ref().filter(|known| known.send.is_none());
        let mut accepts = agreement.into_iter().flat_map(|known| &known.accepts);
        let format = accepts.find(|known| known.number == number);
        if let Some(format) = format.filter(|known| !is_auxiliary(&known.format)) {
            self.rtp.sender.set_clock_rate(format.format.clock_rate);
        }
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
            return self.count_drop(now, DropReason::NowhereToGo);
        };
        let Ok(packet) = RtpPacket::parse(bytes) else {
            return;
        };
        self.keep_clock_of(number);
        let before = self.rtp.sender.ssrc();
        let Some(relayed) = self.rtp.sender.relay(&packet, now) else {
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
