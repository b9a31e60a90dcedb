//! Where payloads go: the sender numbers them, the outbox takes them.

use talkpath_wire::{PayloadType, RtpTime, Time};

use super::Stream;
use crate::call::Context;
use crate::dtmf::OutgoingEvent;
use crate::egress::{Egress, Leaving};
use crate::rtp::{Frame, Sender};

impl Stream {
    /// The way of what `egress` gives at `at`.
    pub(super) fn way_out<'a>(
        &'a mut self,
        at: Time,
        egress: &Egress,
        cx: &'a mut Context<'_>,
    ) -> WayOut<'a> {
        WayOut {
            at,
            from: (cx.session, self.setup.stream, self.sockets.rtp),
            to: self.transport.rtp_destination().ok(),
            sender: &mut self.rtp.sender,
            clocks: (
                egress.codec().clock_rate(),
                egress.codec().sample_rate().hz(),
            ),
            transmits: &mut cx.out.transmits,
        }
    }
}

/// The way of the payloads of one moment.
pub(super) struct WayOut<'a> {
    at: Time,
    from: (crate::SessionId, crate::StreamIndex, crate::SocketKey),
    /// None while nothing may be sent: time passes all the same.
    to: Option<core::net::SocketAddr>,
    sender: &'a mut Sender,
    /// RTP clock and sample rate, in Hz.
    clocks: (u32, u32),
    transmits: &'a mut crate::Transmits,
}

impl WayOut<'_> {
    pub(super) fn send(&mut self, leaving: Leaving<'_>) {
        let (number, samples, payload) = match leaving {
            Leaving::Silence { samples } => return self.sender.skip(self.ticks(samples)),
            Leaving::Noise { number, bytes } => return self.send_noise(number, bytes),
            Leaving::Packet {
                number,
                samples,
                bytes,
            } => (number, samples, bytes),
        };
        let ticks = self.ticks(samples);
        let Some(to) = self.to else {
            return self.sender.skip(ticks);
        };
        let frame = Frame {
            payload_type: number,
            ticks,
            payload_len: payload.len(),
        };
        let header = self.sender.send(frame, self.at);
        self.transmits
            .push_with(self.from, to, HEADER + payload.len(), |room| {
                let start = header.write_into(room).unwrap_or(0);
                room[start..start + payload.len()].copy_from_slice(payload);
                start + payload.len()
            });
    }

    /// Where the media timestamp stands.
    pub(super) fn timestamp(&self) -> RtpTime {
        self.sender.timestamp()
    }

    /// Sends a packet of an event (RFC 4733).
    pub(super) fn send_event(&mut self, number: PayloadType, event: &OutgoingEvent) {
        let Some(to) = self.to else { return };
        let payload = &event.payload;
        let header = self
            .sender
            .send_event(number, event.timestamp, payload.len(), self.at)
            .with_marker(event.marker);
        self.transmits
            .push_with(self.from, to, HEADER + payload.len(), |room| {
                let start = header.write_into(room).unwrap_or(0);
                room[start..start + payload.len()].copy_from_slice(payload);
                start + payload.len()
            });
    }

    /// Sends a description of the noise from here on (RFC 3389 §4): like an
    /// event it takes a number and no time.
    fn send_noise(&mut self, number: PayloadType, payload: &[u8]) {
        let Some(to) = self.to else { return };
        let (at, timestamp) = (self.at, self.sender.timestamp());
        let header = self.sender.send_event(number, timestamp, payload.len(), at);
        self.transmits
            .push_with(self.from, to, HEADER + payload.len(), |room| {
                let start = header.write_into(room).unwrap_or(0);
                room[start..start + payload.len()].copy_from_slice(payload);
                start + payload.len()
            });
    }

    fn ticks(&self, samples: usize) -> u32 {
        (samples as u64 * u64::from(self.clocks.0) / u64::from(self.clocks.1)) as u32
    }
}

/// Bytes of an RTP header without extras.
const HEADER: usize = 12;
