//! Keepalives: empty packets that keep the way through NATs open.
//!
//! RFC 6263 §4.6: with a payload type that means nothing to the peer, who drops
//! them. What opens the way at first, and what keeps it open later.

use core::time::Duration;

use talkpath_sdp::Direction;
use talkpath_wire::Time;

use super::Stream;
use crate::call::Context;
use crate::rtp::Frame;
use crate::ticker::TICK;

impl Stream {
    /// The next keepalive (RFC 6263). Who says nothing opens the way with a
    /// few in a row, so that a peer who learns addresses learns his; later they
    /// go out where RTP and RTCP have ports of their own, for reports keep a
    /// shared one alive. Who may only receive sends them too; where nothing is
    /// to come either way, and at a held address, nobody does.
    pub(super) fn keepalive(&self) -> Option<Keepalive> {
        let direction = self.agreement.as_ref()?.direction;
        if direction == Direction::Inactive {
            return None;
        }
        let to = self.transport.keepalive_destination().ok()?;
        let (openers, sender) = (self.counted.openers, &self.rtp.sender);
        let is_opening = sender.packets() == u64::from(openers) && openers < OPENERS;
        let due = match sender.last_sent() {
            None => self.agreed_at? + FIRST_KEEPALIVE,
            Some(last) if is_opening => last + TICK,
            Some(last) => {
                self.sockets.rtcp?;
                last + KEEPALIVE
            }
        };
        let number = self.unused_number()?;
        Some(Keepalive { due, to, number })
    }

    /// Sends an empty packet with a payload type that means nothing to the
    /// peer, who drops it (RFC 6263 §4.6).
    pub(super) fn keep_alive(&mut self, now: Time, cx: &mut Context<'_>) {
        let Some(keepalive) = self.keepalive().filter(|keepalive| keepalive.due <= now) else {
            return;
        };
        let frame = Frame {
            payload_type: keepalive.number,
            ticks: 0,
            payload_len: 0,
        };
        self.rtp.sender.catch_up(now);
        if self.rtp.sender.packets() == u64::from(self.counted.openers) {
            self.counted.openers = self.counted.openers.saturating_add(1);
        }
        // It begins no talkspurt: the next frame does.
        let header = self.rtp.sender.send(frame, now).with_marker(false);
        self.rtp.sender.skip(0);
        let from = (cx.session, self.index(), self.sockets.rtp);
        cx.out
            .transmits
            .push_with(from, keepalive.to, HEADER, |room| {
                header.write_into(room).unwrap_or(0)
            });
    }

    /// A dynamic payload type that nothing was agreed about.
    fn unused_number(&self) -> Option<talkpath_wire::PayloadType> {
        let agreement = self.agreement.as_ref()?;
        let used = |number| {
            agreement.accepts.iter().any(|known| known.number == number)
                || agreement.receive.iter().any(|known| known.number == number)
        };
        let numbers = (96..=127)
            .rev()
            .filter_map(|n| talkpath_wire::PayloadType::new(n).ok());
        numbers.into_iter().find(|number| !used(*number))
    }
}

/// A keepalive, and when it is due.
pub(super) struct Keepalive {
    pub(super) due: Time,
    to: core::net::SocketAddr,
    number: talkpath_wire::PayloadType,
}

/// Keepalives that open the way: as many as a peer may want to see in sequence.
const OPENERS: u8 = 4;
/// When the first keepalive goes out if nothing was said till then.
const FIRST_KEEPALIVE: Duration = Duration::from_secs(1);
/// RFC 6263 §7: every 15 s if nobody says otherwise.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Bytes of an RTP header without extras.
const HEADER: usize = 12;
