//! The clock of a stream: every 20 ms a frame is heard and a frame is said.

use core::time::Duration;

use talkpath_sdp::Direction;
use talkpath_wire::Time;

use super::{Audio, Stream};
use crate::MediaHappening;
use crate::call::Context;
use crate::egress::{Egress, Leaving, Pause};
use crate::ends::{Ends, Tick};
use crate::ingress::Ingress;
use crate::playout::FrameKind;
use crate::rtp::{Frame, Sender};
use crate::stats::Levels;

/// When the next tick is, and how many there were.
pub(super) struct Ticker {
    pub(super) next: Time,
    number: u64,
}

impl Stream {
    /// Begins to tick: somebody sits at the other end.
    pub(crate) fn listen(&mut self, now: Time) {
        if self.audio.ticker.is_none() {
            self.rtp.sender.catch_up(now);
            self.audio.ticker = Some(Ticker {
                next: now + TICK,
                number: 0,
            });
            self.fit_audio();
        }
    }

    /// Nobody is left at the other end: nothing is decoded for nobody.
    fn rest(&mut self) {
        self.audio.ticker = None;
        self.audio.ingress = None;
        self.audio.egress = None;
    }

    /// Makes the audio paths fit what was agreed and who listens.
    pub(super) fn fit_audio(&mut self) {
        let Some(agreement) = self
            .agreement
            .as_ref()
            .filter(|_| self.audio.ticker.is_some())
        else {
            return;
        };
        let rate = self.setup.rate;
        let first = self.formats.iter().find_map(|format| format.codec);
        if let (None, Some(codec)) = (&self.audio.ingress, first) {
            self.audio.ingress = Ingress::new(codec, rate).ok();
        }
        let send = agreement.send.as_ref();
        let wanted = send.and_then(|send| Some((send, send.codec_at(rate)?)));
        let Some((send, codec)) = wanted else {
            self.audio.egress = None;
            return;
        };
        let packet = agreement.packet;
        let fits = match &mut self.audio.egress {
            Some(egress) if egress.is(send, packet) => Ok(()),
            Some(egress) => egress.change(codec, send, rate, packet),
            none => Egress::new(codec, send, rate, packet).map(|mut egress| {
                (egress.mute, egress.pause) = (self.audio.mute, self.setup.pause);
                *none = Some(egress);
            }),
        };
        match fits {
            Ok(()) => self.rtp.sender.set_clock_rate(codec.clock_rate()),
            // Rates that cannot be resampled never pass negotiation.
            Err(_) => self.audio.egress = None,
        }
    }

    /// Does the ticks that are due, at most two late ones.
    pub(super) fn tick(&mut self, now: Time, ends: &mut dyn Ends, cx: &mut Context<'_>) {
        let who = (cx.session, self.index());
        while let Some(ticker) = self
            .audio
            .ticker
            .as_mut()
            .filter(|ticker| ticker.next <= now)
        {
            if self.setup.pause == Pause::SendNothing && !ends.is_attended(who.0, who.1) {
                self.rest();
                return;
            }
            let behind = (now - ticker.next).as_nanos() / TICK.as_nanos();
            let missed = u32::try_from(behind)
                .unwrap_or(u32::MAX)
                .saturating_sub(CATCH_UP);
            let at = ticker.next + TICK * missed;
            ticker.number += u64::from(missed) + 1;
            ticker.next = at + TICK;
            let number = ticker.number;
            self.tick_once(at, (number, missed), ends, cx);
        }
        self.flush_packets(now, cx);
    }

    fn tick_once(
        &mut self,
        at: Time,
        (number, missed): (u64, u32),
        ends: &mut dyn Ends,
        cx: &mut Context<'_>,
    ) {
        let who = (cx.session, self.setup.stream);
        self.speak(at, missed, ends, cx);
        let Audio {
            ingress,
            egress,
            quiet,
            levels,
            ..
        } = &mut self.audio;
        let (heard, kind) = match ingress {
            Some(ingress) => {
                levels.heard = ingress.level();
                ingress.tick(at, self.transport.drops_mut())
            }
            None => (&quiet[..], FrameKind::Silence),
        };
        levels.silent = match levels.heard >= Levels::SILENCE {
            true => levels.silent + TICK,
            false => Duration::ZERO,
        };
        let said = egress.as_ref().map_or(&quiet[..], Egress::said);
        ends.hear(
            who.0,
            who.1,
            Tick {
                number,
                heard,
                kind,
                said,
            },
        );
        if kind == FrameKind::Heard && !self.counted.heard {
            self.counted.heard = true;
            let packets = self.rtp.sources.counts().packets;
            self.tell(MediaHappening::Heard { packets }, cx);
        }
    }

    /// Lets the other end say its frame.
    fn speak(&mut self, at: Time, missed: u32, ends: &mut dyn Ends, cx: &mut Context<'_>) {
        let who = (cx.session, self.setup.stream);
        let Some(mut egress) = self.audio.egress.take() else {
            // What is said before the answer waits for it. What is said where
            // nothing may be is taken and forgotten, so that nobody waits for
            // ever.
            if !self.is_unanswered() {
                ends.say(who.0, who.1, &mut self.audio.quiet);
                self.audio.quiet.fill(0);
            }
            return;
        };
        self.audio.levels.said = egress.level();
        let mut way = self.way_out(at, &egress, cx);
        egress.tick(at, missed, who, ends, &mut |leaving| way.send(leaving));
        self.audio.egress = Some(egress);
    }

    /// Whether the peer has not answered yet for the first time.
    fn is_unanswered(&self) -> bool {
        let agreement = self.agreement.as_ref();
        agreement.is_none_or(|agreement| agreement.remote.is_none())
    }

    fn flush_packets(&mut self, now: Time, cx: &mut Context<'_>) {
        let Some(mut egress) = self.audio.egress.take() else {
            return;
        };
        let mut way = self.way_out(now, &egress, cx);
        egress.flush(now, &mut |leaving| way.send(leaving));
        self.audio.egress = Some(egress);
    }

    fn way_out<'a>(&'a mut self, at: Time, egress: &Egress, cx: &'a mut Context<'_>) -> WayOut<'a> {
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

/// Where payloads go: the sender numbers them, the outbox takes them.
struct WayOut<'a> {
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
    fn send(&mut self, leaving: Leaving<'_>) {
        let (number, samples, payload) = match leaving {
            Leaving::Silence { samples } => return self.sender.skip(self.ticks(samples)),
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

    fn ticks(&self, samples: usize) -> u32 {
        (samples as u64 * u64::from(self.clocks.0) / u64::from(self.clocks.1)) as u32
    }
}

/// How often a frame is heard and said.
const TICK: Duration = Duration::from_millis(20);
/// Late ticks that are made up for; the rest never happened.
const CATCH_UP: u32 = 2;
/// Keepalives that open the way: as many as a peer may want to see in sequence.
const OPENERS: u8 = 4;
/// When the first keepalive goes out if nothing was said till then.
const FIRST_KEEPALIVE: Duration = Duration::from_secs(1);
/// RFC 6263 §7: every 15 s if nobody says otherwise.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Bytes of an RTP header without extras.
const HEADER: usize = 12;
