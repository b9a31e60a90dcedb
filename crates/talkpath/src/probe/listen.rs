//! One stream of a capture, received and played out.
//!
//! In: its packets, and what its payload types stand for. Out: what the
//! receiver of a call would have counted and heard, on the capture's own time:
//! packets are pushed when they were captured, samples pulled every 20 ms.

use std::collections::BTreeMap;
use std::time::Duration;

use talkpath_audio::{Codec, SampleRate, codec};
use talkpath_media::dtmf::{Carriage, EventPacket, Press, Pressing, Receiver};
use talkpath_media::playout::{self, FrameKind, Playout, Pushed, Target};
use talkpath_media::quality::{BurstMetrics, Conditions, Impairment, Quality};
use talkpath_media::rtp::{Arrival, Placement, Source, Timing};
use talkpath_transport::{DropReason, Drops};
use talkpath_wire::{Format, PayloadType, RtpPacket, Time};

use super::names::{Names, clock};
use super::rtcp::Told;
use super::sift::{Candidate, Heard};
use super::tones::Tones;
use super::{Moment, Payload, Stream};

/// Ticks that all streams of a capture may take together.
pub(super) struct Budget {
    ticks: u64,
}

impl Budget {
    pub(super) fn new() -> Self {
        Budget { ticks: ALL_TICKS }
    }

    fn take(&mut self) -> bool {
        let is_left = self.ticks > 0;
        self.ticks = self.ticks.saturating_sub(1);
        is_left
    }
}

/// Receives a stream from its first packet to its last.
pub(super) fn listen(
    stream: &Candidate<'_>,
    names: &Names,
    told: Told,
    budget: &mut Budget,
    heard: &mut dyn FnMut(&[i16], SampleRate),
) -> Stream {
    let mut ear = Ear::new(stream, names);
    for packet in &stream.heard {
        ear.tick_until(packet.at, budget, heard);
        ear.receive(packet);
    }
    ear.drain(budget, heard);
    ear.conclude(stream, told)
}

/// The receiver of one stream.
struct Ear {
    kinds: BTreeMap<u8, Kind>,
    default_clock: u32,
    source: Option<Source>,
    receiver: Receiver,
    digits: Vec<Press>,
    tones: Tones,
    playout: Option<Playout>,
    drops: Drops,
    frame: Vec<i16>,
    /// When the next 20 ms are pulled.
    next: Time,
    ticks: u64,
    /// Ticks in a row in which nothing was to be heard.
    idle: u64,
    is_cut_short: bool,
    most_jitter: Duration,
    /// Since the last moment of the course.
    most_depth: Duration,
    course: Vec<Moment>,
    began: Time,
    speech: Option<Format>,
}

/// What a payload type is to the receiver.
struct Kind {
    payload: Payload,
    codec: Option<&'static dyn Codec>,
}

impl Ear {
    fn new(stream: &Candidate<'_>, names: &Names) -> Self {
        let began = stream.heard.first().map_or(Time::ZERO, |heard| heard.at);
        Ear {
            kinds: kinds(stream, names),
            default_clock: clock(stream).unwrap_or(8000),
            source: None,
            receiver: Receiver::new(),
            digits: Vec::new(),
            tones: Tones::default(),
            playout: None,
            drops: Drops::new(),
            frame: Vec::new(),
            next: began,
            ticks: 0,
            idle: 0,
            is_cut_short: false,
            most_jitter: Duration::ZERO,
            most_depth: Duration::ZERO,
            course: Vec::new(),
            began,
            speech: None,
        }
    }

    fn receive(&mut self, heard: &Heard<'_>) {
        let (at, packet) = (heard.at, &heard.packet);
        let kind = self.kinds.get(&packet.payload_type().value());
        let format = kind.and_then(|kind| kind.payload.format.as_ref());
        let is_event = format.is_some_and(Format::is_telephone_event);
        let clock_rate = format.map_or(self.default_clock, |format| format.clock_rate);
        let is_noise = format.is_some_and(|format| format.is("CN"));
        let codec = kind.and_then(|kind| kind.codec);
        if let Some(format) = format
            && self.speech.is_none()
            && Impairment::of(format).is_some()
        {
            self.speech = Some(format.clone());
        }
        let timing = match is_event {
            true => Timing::Stands,
            false => Timing::Advances,
        };
        let arrival = Arrival::of(packet, clock_rate, timing);
        let placement = self.place(&arrival, packet, at);
        if is_event {
            self.press(at, packet, placement, clock_rate);
        } else if let Some(codec) = codec {
            self.push(at, packet, placement, codec);
        } else if is_noise && let Some(playout) = &mut self.playout {
            self.idle = 0;
            let arrival = arrival_at(packet, placement, playout.codec());
            playout.push_noise(at, &arrival, &mut self.drops);
        }
    }

    fn place(&mut self, arrival: &Arrival, packet: &RtpPacket<'_>, at: Time) -> Placement {
        let placement = match &mut self.source {
            Some(source) => source.receive(arrival, at),
            None => {
                let (source, placement) = Source::begin(packet.ssrc(), arrival, at);
                self.source = Some(source);
                placement
            }
        };
        let jitter = self
            .source
            .as_ref()
            .map(|source| source.jitter().duration());
        self.most_jitter = self.most_jitter.max(jitter.unwrap_or_default());
        placement
    }

    fn press(&mut self, at: Time, packet: &RtpPacket<'_>, place: Placement, clock_rate: u32) {
        let header = EventPacket {
            ssrc: packet.ssrc(),
            seq: place.ext_seq,
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            clock_rate,
        };
        let digits = &mut self.digits;
        // What is too short to be an event is none.
        let _ = self
            .receiver
            .receive(at, header, packet.payload(), &mut |what| note(digits, what));
    }

    fn push(
        &mut self,
        at: Time,
        packet: &RtpPacket<'_>,
        place: Placement,
        codec: &'static dyn Codec,
    ) {
        let playout = self
            .playout
            .get_or_insert_with(|| Playout::new(codec, Target::default()));
        let arrival = arrival_at(packet, place, codec);
        self.idle = 0;
        let pushed = playout.push(at, &arrival, &mut self.drops);
        let late = matches!(
            pushed,
            Pushed::Dropped(DropReason::Late | DropReason::BufferFull | DropReason::TooLong)
        );
        if let Some(source) = self.source.as_mut().filter(|_| late) {
            source.discard(place.ext_seq);
        }
    }

    /// Pulls what is due before `at`; of a silence longer than ten seconds, the
    /// beginning.
    fn tick_until(
        &mut self,
        at: Time,
        budget: &mut Budget,
        heard: &mut dyn FnMut(&[i16], SampleRate),
    ) {
        while self.next < at && !self.is_cut_short {
            if self.idle >= IDLE_TICKS {
                let behind = at - self.next;
                let part = (behind.as_nanos() % TICK.as_nanos()) as u64;
                self.next += behind - Duration::from_nanos(part);
                self.idle = 0;
                if self.next >= at {
                    break;
                }
            }
            self.tick(budget, heard);
        }
    }

    fn tick(
        &mut self,
        budget: &mut Budget,
        heard: &mut dyn FnMut(&[i16], SampleRate),
    ) -> FrameKind {
        if self.ticks >= MOST_TICKS || !budget.take() {
            self.is_cut_short = true;
            return FrameKind::Silence;
        }
        let mut kind = FrameKind::Silence;
        if let Some(playout) = &mut self.playout {
            let rate = playout.codec().sample_rate();
            self.frame.resize(rate.frame_len(), 0);
            self.most_depth = self.most_depth.max(playout.stats().depth);
            // Once it has been silent for a while, it stays so until a packet.
            if self.idle < SURELY_IDLE {
                kind = playout.pull(self.next, &mut self.frame, &mut self.drops);
                self.tones.hear(self.next, &self.frame, rate);
            } else {
                self.frame.fill(0);
            }
            heard(&self.frame, rate);
        }
        let is_silent = kind == FrameKind::Silence && self.frame.iter().all(|&it| it == 0);
        self.idle = if is_silent { self.idle + 1 } else { 0 };
        if self.ticks.is_multiple_of(TICKS_PER_MOMENT) {
            self.remember();
        }
        self.ticks += 1;
        self.next += TICK;
        kind
    }

    fn remember(&mut self) {
        let Some(source) = &self.source else {
            return;
        };
        let playout = self.playout.as_ref();
        let rate = playout.map_or(SampleRate::HZ_8000, |it| it.codec().sample_rate());
        let stats = playout.map(Playout::stats).unwrap_or_default();
        let losses = source.losses();
        self.course.push(Moment {
            at: self.next - self.began,
            jitter: source.jitter().duration(),
            depth: std::mem::take(&mut self.most_depth).max(stats.depth),
            target: stats.target,
            packets: source.counts().packets,
            lost: losses.lost(),
            discarded: losses.discarded(),
            concealed: rate.duration_of(stats.concealed),
        });
    }

    /// Plays what still waits.
    fn drain(&mut self, budget: &mut Budget, heard: &mut dyn FnMut(&[i16], SampleRate)) {
        for _ in 0..LAST_TICKS {
            let waits = self.playout.as_ref().map(|it| it.stats().depth);
            if self.is_cut_short || waits.unwrap_or_default().is_zero() {
                break;
            }
            self.tick(budget, heard);
        }
        self.remember();
        let digits = &mut self.digits;
        self.receiver.finish(&mut |what| note(digits, what));
    }

    fn conclude(self, stream: &Candidate<'_>, told: Told) -> Stream {
        let source = self.source.as_ref();
        let counts = source.map(Source::counts).unwrap_or_default();
        let packet_time = source.and_then(Source::packet_time);
        let losses = source.map(Source::losses).copied().unwrap_or_default();
        let bursts = losses.metrics(packet_time.unwrap_or(TICK));
        let last = stream.heard.last().map_or(self.began, |heard| heard.at);
        let quality = self.quality(packet_time.unwrap_or(TICK), &bursts);
        let jitter = source.map(|it| it.jitter().duration()).unwrap_or_default();
        let playout = self.playout.as_ref().map(Playout::stats);
        let payloads: Vec<_> = self.kinds.into_values().map(|kind| kind.payload).collect();
        let (digits, carriage) = match has_events(&payloads) {
            true => (self.digits, Carriage::Event),
            false => (self.tones.finish(), Carriage::Sound),
        };
        Stream {
            from: stream.from,
            to: stream.to,
            ssrc: stream.ssrc,
            began: self.began.since_start(),
            lasted: last - self.began,
            payloads: by_frequency(payloads),
            packets: counts.packets,
            payload_bytes: counts.payload_bytes,
            lost: losses.lost(),
            duplicates: counts.duplicates,
            reordered: counts.late,
            discarded: losses.discarded(),
            restarts: counts.restarts + counts.jumps,
            packet_time,
            jitter,
            most_jitter: self.most_jitter,
            losses: bursts,
            quality,
            playout,
            digits,
            carriage,
            told,
            course: self.course,
            is_cut_short: self.is_cut_short,
        }
    }

    /// How good it sounds, where it was heard or at least is speech.
    fn quality(&self, packet: Duration, losses: &BurstMetrics) -> Option<Quality> {
        let codec = Impairment::of(self.speech.as_ref()?)?;
        let playout = self.playout.as_ref().map(Playout::stats);
        let missed = playout.filter(|it| it.played > 0);
        let missed = missed.map(|it| it.concealed as f64 / (it.played + it.concealed) as f64);
        Some(Quality::of(&Conditions {
            codec,
            delay: packet + playout.unwrap_or_default().target,
            loss: missed.unwrap_or(losses.loss()),
            burst_ratio: losses.burst_ratio,
        }))
    }
}

fn has_events(payloads: &[Payload]) -> bool {
    let mut formats = payloads.iter().filter_map(|it| it.format.as_ref());
    formats.any(Format::is_telephone_event)
}

fn by_frequency(mut payloads: Vec<Payload>) -> Vec<Payload> {
    payloads.sort_by_key(|payload| std::cmp::Reverse(payload.packets));
    payloads
}

fn arrival_at<'a>(
    packet: &RtpPacket<'a>,
    place: Placement,
    codec: &'static dyn Codec,
) -> playout::Arrival<'a> {
    playout::Arrival {
        ssrc: packet.ssrc(),
        seq: place.ext_seq,
        timestamp: packet.timestamp(),
        marker: packet.marker(),
        codec,
        payload: packet.payload(),
    }
}

/// A press is noted when it ends: only then is known how long it was.
fn note(digits: &mut Vec<Press>, what: Pressing) {
    if let Pressing::Ended(press) = what {
        digits.push(press);
    }
}

/// The payload types of a stream.
fn kinds(stream: &Candidate<'_>, names: &Names) -> BTreeMap<u8, Kind> {
    let mut kinds: BTreeMap<u8, Kind> = BTreeMap::new();
    for heard in &stream.heard {
        let number = heard.packet.payload_type();
        let kind = kinds
            .entry(number.value())
            .or_insert_with(|| kind(stream, names, number));
        kind.payload.packets += 1;
    }
    kinds
}

fn kind(stream: &Candidate<'_>, names: &Names, number: PayloadType) -> Kind {
    let (format, named) = names.name(stream, number);
    let codec = format.as_ref().and_then(|format| {
        let found = codec::find(&format.encoding, format.clock_rate, format.channels)?;
        Some(found.shaped(found.sample_rate(), 1).unwrap_or(found))
    });
    Kind {
        payload: Payload {
            number,
            format,
            named,
            packets: 0,
        },
        codec,
    }
}

const TICK: Duration = Duration::from_millis(20);
const TICKS_PER_MOMENT: u64 = 5;
/// Of a silence, so much is played: 10 s.
const IDLE_TICKS: u64 = 500;
/// Ticks of silence after which nothing is left to fade: 200 ms.
const SURELY_IDLE: u64 = 10;
/// Half a second more than playout ever holds.
const LAST_TICKS: u64 = 75;
/// A day of one stream.
const MOST_TICKS: u64 = 24 * 3600 * 50;
/// Two days of all.
const ALL_TICKS: u64 = 2 * MOST_TICKS;
