//! The way in: datagrams to sources, reports and the jitter buffer.

use core::net::SocketAddr;
use std::sync::Arc;

use talkpath_transport::{Component, DropReason, Incoming};
use talkpath_wire::rtcp::{Compound, CompoundMode};
use talkpath_wire::{ExtSeq, RtpPacket, Ssrc, Time};

use super::{Rtp, Stream};
use crate::MediaHappening;
use crate::call::Context;
use crate::playout;
use crate::rtp::{Arrival, Conflict, Reception, RtcpEvent, Timing};
use crate::watch::Sighting;

impl Stream {
    /// Takes one datagram from the network.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Time,
        component: Component,
        from: SocketAddr,
        bytes: &mut [u8],
        cx: &mut Context<'_>,
    ) {
        match self.transport.handle_datagram(now, component, from, bytes) {
            Incoming::Rtp(packet) => self.receive_rtp(now, from, packet, cx),
            Incoming::Rtcp(compound) => self.receive_rtcp(now, from, compound, cx),
            Incoming::Held => self.release_held(now, cx),
            Incoming::Dropped(_) => {}
        }
        self.tell_changes(cx);
    }

    /// Takes what was held and is accepted now, oldest first.
    pub(super) fn release_held(&mut self, now: Time, cx: &mut Context<'_>) {
        while let Some(held) = self.transport.next_held(now) {
            let (at, from) = (held.at, held.from);
            // Only media that came before the answer is copied.
            match held.incoming {
                Incoming::Rtp(packet) => {
                    let packet = packet.to_vec();
                    self.receive_rtp(at, from, &packet, cx);
                }
                Incoming::Rtcp(compound) => {
                    let compound = compound.to_vec();
                    self.receive_rtcp(at, from, &compound, cx);
                }
                Incoming::Held | Incoming::Dropped(_) => {}
            }
        }
        self.tell_changes(cx);
    }

    fn receive_rtp(&mut self, now: Time, from: SocketAddr, bytes: &[u8], cx: &mut Context<'_>) {
        let Ok(packet) = RtpPacket::parse(bytes) else {
            return self.count_drop(now, DropReason::MalformedRtp);
        };
        let admitted = self.admit(&packet);
        // What is not played is no loss either: it counts for its source.
        let arrival = match admitted {
            Ok(format) => self.formats[format].arrival(&packet),
            Err(_) => Arrival::of(&packet, self.rtp.sender.clock_rate(), Timing::Stands),
        };
        let seq = match self.rtp.sources.receive(packet.ssrc(), from, &arrival, now) {
            Reception::Known(placement) | Reception::First(placement) => placement.ext_seq,
            Reception::Own(conflict) => {
                self.watch.sign_of_life(now);
                self.count_drop(now, DropReason::OwnSsrc);
                return self.resolve(now, conflict, cx);
            }
        };
        match admitted {
            Ok(format) => {
                self.sight(now, packet.ssrc(), from, cx);
                let numbered = &self.formats[format].numbered;
                let clock_rate = numbered.format.clock_rate;
                let is_event = numbered.format.is_telephone_event();
                if is_event {
                    self.pass_over(packet.ssrc(), seq);
                    self.hear_event(now, (&packet, seq, clock_rate), cx);
                }
                self.see(now, format, &packet, seq);
                if !self.pass(now, (format, &packet), bytes, cx) && !is_event {
                    self.queue(now, format, &packet, seq);
                }
                self.rejudge(now, format);
            }
            Err(reason) => {
                self.pass_over(packet.ssrc(), seq);
                self.watch.sign_of_life(now);
                self.count_drop(now, reason);
            }
        }
    }

    /// What came and holds no sound is not missing from it.
    fn pass_over(&mut self, ssrc: Ssrc, seq: ExtSeq) {
        if let Some(ingress) = &mut self.audio.ingress {
            ingress.pass(ssrc, seq);
        }
    }

    /// Which of the negotiated formats a packet has, if it may come at all.
    fn admit(&self, packet: &RtpPacket<'_>) -> Result<usize, DropReason> {
        let agreement = self.agreement.as_ref();
        if !agreement.is_some_and(|agreement| agreement.direction.receives()) {
            return Err(DropReason::DirectionForbids);
        }
        let number = packet.payload_type();
        let found = self
            .formats
            .iter()
            .position(|known| known.number() == number);
        found.ok_or(match packet.payload() {
            // RFC 6263 §4.6.
            [] => DropReason::Keepalive,
            _ => DropReason::UnknownPayloadType,
        })
    }

    /// Puts a packet into the jitter buffer, if somebody listens.
    fn queue(&mut self, now: Time, format: usize, packet: &RtpPacket<'_>, seq: ExtSeq) {
        let format = &self.formats[format];
        let known = self.counted.receiving.as_ref();
        let is_known = known.is_some_and(|known| Arc::ptr_eq(known, &format.numbered.format));
        // What fills its pauses does not change what is received.
        if !is_known && !format.numbered.is_noise() {
            self.counted.receiving = Some(Arc::clone(&format.numbered.format));
        }
        let Some(ingress) = &mut self.audio.ingress else {
            return;
        };
        let arrival = playout::Arrival {
            ssrc: packet.ssrc(),
            seq,
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            codec: format.codec.unwrap_or(ingress.codec()),
            payload: packet.payload(),
        };
        let drops = self.transport.drops_mut();
        if format.codec.is_some() {
            let pushed = ingress.push(now, &arrival, drops);
            self.judge(packet.ssrc(), seq, pushed);
        } else if format.numbered.is_noise() {
            ingress.push_noise(now, &arrival, drops);
        }
    }

    fn sight(&mut self, now: Time, ssrc: Ssrc, from: SocketAddr, cx: &mut Context<'_>) {
        match self.watch.saw(now) {
            Sighting::Usual => {}
            Sighting::First => self.tell(MediaHappening::FirstMedia { ssrc, from }, cx),
            Sighting::Resumed => self.tell(MediaHappening::MediaResumed, cx),
        }
    }

    fn receive_rtcp(&mut self, now: Time, from: SocketAddr, bytes: &[u8], cx: &mut Context<'_>) {
        let Ok(compound) = Compound::parse(bytes, CompoundMode::Full) else {
            return self.count_drop(now, DropReason::MalformedRtcp);
        };
        self.watch.sign_of_life(now);
        let (mut conflict, mut lost, mut wanted) = (None, None, false);
        let (session, stream) = (cx.session, self.setup.stream);
        let Rtp {
            sources,
            sender,
            reports,
        } = &mut self.rtp;
        let drops = self.transport.drops_mut();
        reports.handle(now, from, &compound, sender, sources, |event| match event {
            RtcpEvent::Heard(report) => lost = Some(report.fraction_lost),
            RtcpEvent::RoundTrip(_) => {}
            RtcpEvent::Bye(ssrc) => {
                let what = MediaHappening::Bye { ssrc };
                cx.out.events.push(crate::MediaEvent {
                    session,
                    stream,
                    what,
                });
            }
            RtcpEvent::Own(found) => {
                drops.count(now, DropReason::OwnSsrc);
                conflict = Some(found);
            }
            // Nothing here encodes pictures: who relays them passes it on.
            RtcpEvent::KeyframeWanted => wanted = true,
            RtcpEvent::Malformed(_) => drops.count(now, DropReason::MalformedRtcp),
        });
        if let Some(lost) = lost {
            self.expect_loss(lost);
        }
        if wanted {
            self.is_asked_for_keyframe(cx);
        }
        self.rejudge_peer();
        if let Some(conflict) = conflict {
            self.resolve(now, conflict, cx);
        }
    }

    /// Our own SSRC came in: another's, then ours changes; our own packets
    /// looped, then they are dropped (RFC 3550 §8.2).
    fn resolve(&mut self, now: Time, conflict: Conflict, cx: &mut Context<'_>) {
        if conflict == Conflict::Loop {
            return;
        }
        self.say_bye(now, b"SSRC collision", cx);
        let ssrc = self.rtp.sender.renew(cx.chance);
        self.rtp.sources.set_local(self.rtp.sender.ssrc());
        self.tell(MediaHappening::SsrcCollision { ssrc }, cx);
    }

    fn tell_changes(&mut self, cx: &mut Context<'_>) {
        let agreed = self
            .agreement
            .as_ref()
            .and_then(|agreement| agreement.remote);
        let agreed = agreed.map(|remote| talkpath_transport::canonical(remote.rtp));
        while let Some(change) = self.transport.poll_change() {
            // That the peer sends from where it said is no change.
            if change.from.is_none() && Some(change.to) == agreed {
                continue;
            }
            self.tell(MediaHappening::SourceChanged(change), cx);
        }
    }
}
