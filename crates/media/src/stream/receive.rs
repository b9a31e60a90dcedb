//! The way in: datagrams to sources, reports and the jitter buffer.

use core::net::SocketAddr;

use talkpath_transport::{Component, DropReason, Incoming};
use talkpath_wire::rtcp::{Compound, CompoundMode};
use talkpath_wire::{RtpPacket, Time};

use super::{Rtp, Stream};
use crate::MediaHappening;
use crate::call::Context;
use crate::playout;
use crate::rtp::{Arrival, Conflict, Continuity, Reception, RtcpEvent, Timing};
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
        let receives = self
            .agreement
            .as_ref()
            .is_some_and(|a| a.direction.receives());
        if !receives {
            return self.count_drop(now, DropReason::DirectionForbids);
        }
        let number = packet.payload_type();
        let Some(format) = self.formats.iter().position(|known| known.number == number) else {
            return self.count_drop(now, DropReason::UnknownPayloadType);
        };
        let clock = self.formats[format].format.clock_rate;
        // RFC 4733 §2.1: the timestamp of an event stands.
        let is_event = self.formats[format].format.is_telephone_event();
        let timing = if is_event {
            Timing::Stands
        } else {
            Timing::Advances
        };
        let arrival = Arrival::of(&packet, clock, timing);
        let placement = match self.rtp.sources.receive(packet.ssrc(), from, &arrival, now) {
            Reception::Known(placement) | Reception::First(placement) => placement,
            Reception::Own(conflict) => {
                self.count_drop(now, DropReason::OwnSsrc);
                return self.resolve(now, conflict, cx);
            }
        };
        self.sight(now, packet.ssrc(), from, cx);
        let Stream {
            formats,
            counted,
            audio,
            transport,
            ..
        } = self;
        let format = &formats[format];
        if !counted
            .receiving
            .as_ref()
            .is_some_and(|known| std::sync::Arc::ptr_eq(known, &format.format))
        {
            counted.receiving = Some(format.format.clone());
        }
        let (Some(codec), Some(ingress)) = (format.codec, &mut audio.ingress) else {
            return;
        };
        let drops = transport.drops_mut();
        if placement.continuity == Continuity::NewStream {
            ingress.flush(now, drops);
        }
        let arrival = playout::Arrival {
            ssrc: packet.ssrc(),
            seq: placement.ext_seq,
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            payload: packet.payload(),
        };
        ingress.push(now, codec, &arrival, drops);
    }

    fn sight(
        &mut self,
        now: Time,
        ssrc: talkpath_wire::Ssrc,
        from: SocketAddr,
        cx: &mut Context<'_>,
    ) {
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
        let mut conflict = None;
        let (session, stream) = (cx.session, self.setup.stream);
        let Rtp {
            sources,
            sender,
            reports,
        } = &mut self.rtp;
        let drops = self.transport.drops_mut();
        reports.handle(now, from, &compound, sender, sources, |event| match event {
            RtcpEvent::Heard(_) | RtcpEvent::RoundTrip(_) => {}
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
            RtcpEvent::Malformed(_) => drops.count(now, DropReason::MalformedRtcp),
        });
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
