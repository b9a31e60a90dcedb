//! One m-line of a session: its way in and its way out.
//!
//! In: datagrams, agreements, ticks. Out: datagrams, events, PCM heard. It ties
//! the transport (who may send to us), RTP and RTCP (what is counted and
//! reported) and the two audio paths together; each of them knows nothing of
//! the others.

mod count;
mod digits;
mod judge;
mod keepalive;
mod pictures;
mod receive;
mod relay;
mod tick;
mod way_out;

use std::sync::Arc;

use talkpath_audio::SampleRate;
use talkpath_sdp::negotiate::Hold;
use talkpath_transport::{Component, Config, DropReason, Fit, RtcpHome, Sending, StreamTransport};
use talkpath_wire::{Format, PayloadType, RtpPacket, Time};

use crate::call::Context;
use crate::egress::{Egress, Mute, Pause};
use crate::ends::Ends;
use crate::ingress::Ingress;
use crate::place::Place;
use crate::playout::FrameKind;
use crate::rtp::{Arrival, Reports, RtcpMinimum, Sender, SourceTable, Timing};
use crate::setup::{Agreement, Answer, Numbered, StreamSetup, StreamSockets};
use crate::stats::Levels;
use crate::ticker::{TickCount, Ticker};
use crate::watch::Watch;
use crate::{MediaEvent, MediaHappening, StreamIndex};
use digits::Digits;
use pictures::Pictures;

/// One m-line.
pub(crate) struct Stream {
    setup: StreamSetup,
    sockets: StreamSockets,
    agreement: Option<Agreement>,
    formats: Vec<Incoming>,
    transport: StreamTransport,
    rtp: Rtp,
    audio: Audio,
    digits: Digits,
    pictures: Pictures,
    watch: Watch,
    /// Since when the peer has agreed to something.
    agreed_at: Option<Time>,
    counted: Counted,
}

/// The RTP session of a stream.
struct Rtp {
    sources: SourceTable,
    sender: Sender,
    reports: Reports,
}

/// Both audio paths, and the clock they share.
struct Audio {
    ingress: Option<Ingress>,
    egress: Option<Egress>,
    /// Ticks while somebody listens or speaks, and there is no room.
    ticker: Option<Ticker>,
    /// Which tick of its it is, whoever ticks.
    count: TickCount,
    /// Where it sits, if others hear it.
    place: Option<Place>,
    /// Whether somebody listens or speaks beside those.
    attended: bool,
    /// The share of our packets that the peer loses, in percent.
    loss: u8,
    /// How true the last frame was that was heard.
    kind: FrameKind,
    /// A frame of silence at the application's rate.
    quiet: Box<[i16]>,
    mute: Mute,
    levels: Levels,
}

/// A format that may arrive.
struct Incoming {
    numbered: Numbered,
    /// Its codec, in the shape that is of use.
    codec: Option<&'static dyn talkpath_audio::Codec>,
}

/// What no part counts for itself.
#[derive(Default)]
struct Counted {
    send_errors: u64,
    last_send_error: Option<Time>,
    receiving: Option<Arc<Format>>,
    /// The speech among what was received.
    speech: Option<Arc<Format>>,
    judged: judge::Judged,
    /// Whether the first heard frame was reported.
    heard: bool,
    /// Keepalives that opened the way.
    openers: u8,
}

impl Stream {
    /// A stream that nothing is agreed about yet.
    pub(crate) fn new(
        now: Time,
        setup: StreamSetup,
        sockets: StreamSockets,
        cx: &mut Context<'_>,
    ) -> Self {
        let mut transport = StreamTransport::new(Config {
            policy: setup.policy,
            rules: setup.rules,
            own: sockets.own.clone(),
        });
        transport.set_rtcp_home(home_of_rtcp(&sockets));
        let sender = Sender::new(DEFAULT_CLOCK, cx.chance);
        let audio = Audio {
            ingress: None,
            egress: None,
            ticker: None,
            count: TickCount::default(),
            place: None,
            attended: false,
            loss: 0,
            kind: FrameKind::Silence,
            quiet: vec![0; setup.rate.frame_len()].into(),
            mute: Mute::Off,
            levels: Levels::default(),
        };
        Stream {
            agreement: None,
            formats: Vec::new(),
            transport,
            rtp: Rtp {
                sources: SourceTable::new(sender.ssrc()),
                sender,
                reports: reports(now, cx),
            },
            audio,
            digits: Digits::new(),
            pictures: Pictures::default(),
            watch: Watch::new(setup.media_timeout),
            agreed_at: None,
            counted: Counted::default(),
            setup,
            sockets,
        }
    }

    /// Its m-line.
    pub(crate) fn index(&self) -> StreamIndex {
        self.setup.stream
    }

    /// What is agreed about it.
    pub(crate) fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// What it was set up with.
    pub(crate) fn parts(&self) -> (&StreamSetup, &StreamSockets) {
        (&self.setup, &self.sockets)
    }

    /// Goes on with other sockets: everything else stays as it is.
    pub(crate) fn move_to(&mut self, sockets: StreamSockets) {
        self.transport.set_own(&sockets.own);
        self.transport.set_rtcp_home(home_of_rtcp(&sockets));
        self.sockets = sockets;
    }

    /// Takes what negotiation agreed on.
    pub(crate) fn agree(&mut self, now: Time, agreement: Agreement, cx: &mut Context<'_>) {
        self.know(&agreement);
        let had_remote = self
            .agreement
            .as_ref()
            .is_some_and(|known| known.remote.is_some());
        match (agreement.answer, &agreement.remote) {
            (Answer::Awaited, _) => self.transport.expect_answer(),
            (Answer::Settled, Some(remote)) => self.transport.set_remote(now, remote),
            // The peer has said nothing new.
            (Answer::Settled, None) | (Answer::Withdrawn, _) => self.transport.abandon_offer(),
        }
        let sends = agreement.sends();
        self.transport.set_sending(match sends {
            true => Sending::Allowed,
            false => Sending::Held,
        });
        // Who holds may be silent for as long as he likes.
        let expects = agreement.direction.receives() && agreement.hold == Hold::No;
        match expects && agreement.remote.is_some() {
            true => self.watch.expect(now),
            false => self.watch.expect_nothing(),
        }
        if agreement.remote.is_some() {
            self.agreed_at.get_or_insert(now);
        }
        self.agreement = Some(agreement);
        self.set_first_clock();
        if !had_remote && self.transport.rtcp_destination().is_ok() {
            // RFC 3550 §6.2: the first interval begins with the session.
            self.rtp.reports = reports(now, cx);
        }
        if self.setup.pause == Pause::SendSilence && sends {
            self.listen(now);
        }
        if let Some(place) = &mut self.audio.place {
            place.turned = false;
        }
        self.fit_audio();
        self.release_held(now, cx);
    }

    /// Before anything is said, keepalives count on the clock of what will be.
    fn set_first_clock(&mut self) {
        let agreement = self.agreement.as_ref();
        let send = agreement.and_then(|agreement| agreement.send.as_ref());
        if let Some(send) = send.filter(|_| !self.rtp.sender.has_spoken()) {
            self.rtp.sender.set_clock_rate(send.format.clock_rate);
        }
    }

    /// RFC 3264 §8.3.2: what is on its way may be of an earlier agreement. A
    /// number never changes its meaning, so it is still understood.
    fn know(&mut self, agreement: &Agreement) {
        let earlier = core::mem::take(&mut self.formats);
        let rate = self.rate_of_use();
        let incoming = |numbered| Incoming::of(numbered, rate);
        self.formats = agreement.receive.iter().map(incoming).collect();
        for format in earlier {
            if self
                .formats
                .iter()
                .all(|known| known.number() != format.number())
            {
                self.formats.push(format);
            }
        }
    }

    /// RTCP shares the port of RTP from now on; its own socket goes.
    pub(crate) fn free_rtcp(&mut self) {
        self.sockets.rtcp = None;
        self.transport.set_rtcp_home(RtcpHome::Shared);
    }

    /// Ends: says goodbye and accounts for what was still held.
    pub(crate) fn close(&mut self, now: Time, cx: &mut Context<'_>) {
        self.finish_digits(now, cx);
        self.say_bye(now, b"", cx);
        self.transport.close(now);
    }

    /// Says goodbye, if it ever said anything (RFC 3550 §6.6).
    pub(crate) fn say_bye(&mut self, now: Time, reason: &[u8], cx: &mut Context<'_>) {
        let Ok(to) = self.transport.rtcp_destination() else {
            return;
        };
        let socket = self.rtcp_socket();
        let Rtp {
            sources,
            sender,
            reports,
        } = &mut self.rtp;
        let from = (cx.session, self.setup.stream, socket);
        cx.out.transmits.push_with(from, to, Reports::ROOM, |room| {
            reports
                .write_bye(now, sender, sources, reason, room)
                .unwrap_or(0)
        });
    }

    pub(crate) fn mute(&mut self, mute: Mute) {
        self.audio.mute = mute;
        if let Some(egress) = &mut self.audio.egress {
            egress.mute = mute;
        }
    }

    /// How well the sender of a datagram fits the peer.
    pub(crate) fn fit(&self, component: Component, from: core::net::SocketAddr) -> Fit {
        self.transport.fit(component, from)
    }

    pub(crate) fn count_drop(&mut self, now: Time, reason: DropReason) {
        self.transport.drops_mut().count(now, reason);
    }

    pub(crate) fn count_send_error(&mut self, now: Time) {
        self.counted.send_errors += 1;
        self.counted.last_send_error = Some(now);
    }

    /// The next deadline of any part.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let reports = self.transport.rtcp_destination().is_ok();
        let reports = reports.then(|| self.rtp.reports.deadline());
        let packet = self.audio.egress.as_ref().and_then(Egress::poll_timeout);
        let tick = self.audio.ticker.as_ref().map(Ticker::next);
        let packet = packet.filter(|_| tick.is_some() || self.audio.place.is_some());
        let all = [
            self.transport.poll_timeout(),
            self.watch.poll_timeout(),
            self.digits.poll_timeout(),
            self.pictures.poll_timeout(),
            self.next_request(),
            reports,
            tick,
            packet,
            self.keepalive().map(|keepalive| keepalive.due),
        ];
        all.into_iter().flatten().min()
    }

    /// Does whatever is due.
    pub(crate) fn handle_timeout(&mut self, now: Time, ends: &mut dyn Ends, cx: &mut Context<'_>) {
        self.transport.handle_timeout(now);
        self.release_held(now, cx);
        if let Some(silent_for) = self.watch.handle_timeout(now) {
            self.tell(MediaHappening::MediaTimeout { silent_for }, cx);
        }
        self.expire_digits(now, cx);
        self.tick(now, ends, cx);
        self.show(now, ends, cx);
        self.ask(now, cx);
        self.report(now, cx);
        self.keep_alive(now, cx);
    }

    fn report(&mut self, now: Time, cx: &mut Context<'_>) {
        let Ok(to) = self.transport.rtcp_destination() else {
            return;
        };
        let socket = self.rtcp_socket();
        if now >= self.rtp.reports.deadline() {
            let metrics = self.voip_metrics();
            self.rtp.reports.set_voip_metrics(metrics);
            let Rtp {
                sources,
                sender,
                reports,
            } = &mut self.rtp;
            let from = (cx.session, self.setup.stream, socket);
            cx.out.transmits.push_with(from, to, Reports::ROOM, |room| {
                reports
                    .handle_timeout(now, sender, sources, room)
                    .unwrap_or(0)
            });
        }
    }

    /// The socket that RTCP goes out from (RFC 4961).
    fn rtcp_socket(&self) -> crate::SocketKey {
        match self.transport.rtcp_component() {
            Component::Rtp => self.sockets.rtp,
            Component::Rtcp => self.sockets.rtcp.unwrap_or(self.sockets.rtp),
        }
    }

    pub(crate) fn tell(&self, what: MediaHappening, cx: &mut Context<'_>) {
        let event = MediaEvent {
            session: cx.session,
            stream: self.index(),
            what,
        };
        cx.out.events.push(event);
    }
}

impl Incoming {
    fn of(numbered: &Numbered, rate: SampleRate) -> Self {
        Incoming {
            numbered: numbered.clone(),
            codec: numbered.codec_at(rate),
        }
    }

    fn number(&self) -> PayloadType {
        self.numbered.number
    }

    /// What a packet of this format is to its source.
    fn arrival(&self, packet: &RtpPacket<'_>) -> Arrival {
        // RFC 4733 §2.1: the timestamp of an event stands.
        let timing = match self.numbered.format.is_telephone_event() {
            true => Timing::Stands,
            false => Timing::Advances,
        };
        Arrival::of(packet, self.numbered.format.clock_rate, timing)
    }
}

fn home_of_rtcp(sockets: &StreamSockets) -> RtcpHome {
    match sockets.rtcp {
        Some(_) => RtcpHome::Own,
        None => RtcpHome::Shared,
    }
}

fn reports(now: Time, cx: &mut Context<'_>) -> Reports {
    let (cname, anchor) = (cx.cname.clone(), *cx.anchor);
    Reports::new(
        cname,
        anchor,
        BANDWIDTH,
        RtcpMinimum::Standard,
        now,
        cx.chance,
    )
}

/// The RTP clock before anything is agreed.
const DEFAULT_CLOCK: u32 = 8000;
/// Bits per second of two G.711 streams, headers included: 5 % of it is more
/// than the five seconds' minimum lets RTCP use (RFC 3550 §6.2).
const BANDWIDTH: u32 = 160_000;
