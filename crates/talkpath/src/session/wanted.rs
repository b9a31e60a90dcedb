//! What a session wants now: constraints with their m-lines, and the hold.
//!
//! In: constraints, changes, and which m-lines negotiation gave to which wish.
//! Out: the [`Wants`] of the next offer or answer.

use std::time::Duration;

use talkpath_audio::comfort_noise::NAME as NOISE;
use talkpath_media::playout::Target as Playout;
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Kind, MediaWants, Slot, Stream, Wants};
use talkpath_wire::Format;

use crate::change::Change;
use crate::codec::Codec;
use crate::constraints::{Audio, Constraints, Silence};
use crate::error::SessionError;
use crate::video::Video;

/// The wishes of a session.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) constraints: Constraints,
    lines: Vec<Wish>,
    /// Every codec that was ever wanted: what was agreed may be an earlier one.
    known: Vec<Codec>,
    hold: Hold,
}

/// One wanted stream.
#[derive(Clone, Debug)]
struct Wish {
    media: Media,
    place: Place,
    noise: Noise,
}

/// Whether the peer takes comfort noise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Noise {
    Unknown,
    /// It does: later offers do not take it away.
    Taken,
}

/// What is wanted of it.
#[derive(Clone, Debug)]
enum Media {
    Audio(Audio),
    Video(Video),
}

/// Where a wish stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Our next offer asks for it.
    New,
    /// At this m-line.
    At(usize),
    /// It was refused or never offered: only an offer of the peer's brings it.
    Waiting,
}

/// What the wants are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Offer,
    Answer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hold {
    Off,
    On,
}

impl Wanted {
    /// Checks constraints and takes them in.
    pub(crate) fn new(constraints: Constraints) -> Result<Self, SessionError> {
        constraints.audio.iter().try_for_each(check)?;
        let wish = |media: Media| Wish {
            media,
            place: Place::New,
            noise: Noise::Unknown,
        };
        let audio = constraints.audio.iter().cloned().map(Media::Audio);
        let video = constraints.video.iter().cloned().map(Media::Video);
        let lines = audio.chain(video).map(wish).collect();
        let known = constraints.audio.iter().flat_map(|audio| &audio.codecs);
        Ok(Wanted {
            known: known.cloned().collect(),
            constraints,
            lines,
            hold: Hold::Off,
        })
    }

    /// What to offer.
    pub(crate) fn to_offer(&self) -> Wants {
        self.wants(|wish| wish.place != Place::Waiting, Step::Offer)
    }

    /// What to answer an offer with.
    pub(crate) fn to_answer(&self) -> Wants {
        self.wants(|_| true, Step::Answer)
    }

    fn wants(&self, which: impl Fn(&&Wish) -> bool, step: Step) -> Wants {
        let wishes = self.lines.iter().filter(which);
        let media: Vec<_> = wishes.map(|wish| self.media(wish, step)).collect();
        Wants::new(media).with_preference(self.constraints.preference)
    }

    /// The same after `change`.
    pub(crate) fn changed(&self, change: Change) -> Result<Self, SessionError> {
        let mut next = self.clone();
        match change {
            Change::Nothing => {}
            Change::Hold => next.hold = Hold::On,
            Change::Resume => next.hold = Hold::Off,
            Change::Direction(stream, direction) => {
                *next.wish(stream.0)?.media.direction() = direction
            }
            Change::Codecs(stream, codecs) => {
                next.know(&codecs);
                next.audio(stream.0)?.codecs = codecs;
            }
            Change::Add(audio) => {
                check(&audio)?;
                next.know(&audio.codecs);
                next.lines.push(Wish {
                    media: Media::Audio(audio),
                    place: Place::New,
                    noise: Noise::Unknown,
                });
            }
            Change::AddVideo(video) => next.lines.push(Wish {
                media: Media::Video(video),
                place: Place::New,
                noise: Noise::Unknown,
            }),
            Change::Remove(stream) => {
                next.wish(stream.0)?;
                next.lines
                    .retain(|wish| wish.place != Place::At(usize::from(stream.0)));
            }
        }
        Ok(next)
    }

    /// Learns which m-lines the wishes got.
    pub(crate) fn settle(&mut self, streams: &[Stream]) {
        let is_live = |line: usize, kind: &Kind| {
            let stream = streams.get(line);
            stream.is_some_and(|stream| stream.kind == *kind && stream.is_live())
        };
        for wish in &mut self.lines {
            wish.place = match wish.place {
                Place::At(line) if is_live(line, &wish.media.kind()) => Place::At(line),
                Place::New | Place::At(_) | Place::Waiting => Place::Waiting,
            };
        }
        for line in 0..streams.len() {
            let taken = |wish: &Wish| wish.place == Place::At(line);
            if self.lines.iter().any(taken) {
                continue;
            }
            let waits = |wish: &&mut Wish| {
                wish.place == Place::Waiting && is_live(line, &wish.media.kind())
            };
            if let Some(wish) = self.lines.iter_mut().find(waits) {
                wish.place = Place::At(line);
            }
        }
        for wish in &mut self.lines {
            let Place::At(line) = wish.place else {
                continue;
            };
            let mut sent = streams.iter().skip(line).take(1).flat_map(|it| &it.send);
            wish.noise = match sent.any(|codec| codec.format.is(NOISE)) {
                true => Noise::Taken,
                false => Noise::Unknown,
            };
        }
    }

    /// What encodes and decodes a format that was wanted.
    pub(crate) fn codec_of(&self, format: &Format) -> Option<&'static dyn talkpath_audio::Codec> {
        let is_it = |codec: &&Codec| {
            let ours = codec.format();
            // RFC 7587 §7: peers that leave Opus' two channels out mean them.
            let channels = ours.channels == format.channels || ours.is("opus");
            ours.is(&format.encoding) && ours.clock_rate == format.clock_rate && channels
        };
        self.known.iter().find(is_it)?.entry()
    }

    fn know(&mut self, codecs: &[Codec]) {
        for codec in codecs {
            if !self.known.contains(codec) {
                self.known.push(codec.clone());
            }
        }
    }

    /// The sound that is wanted at an m-line.
    pub(crate) fn at(&self, line: usize) -> Option<&Audio> {
        let here = |wish: &&Wish| wish.place == Place::At(line);
        match &self.lines.iter().find(here)?.media {
            Media::Audio(audio) => Some(audio),
            Media::Video(_) => None,
        }
    }

    fn audio(&mut self, line: u8) -> Result<&mut Audio, SessionError> {
        match &mut self.wish(line)?.media {
            Media::Audio(audio) => Ok(audio),
            Media::Video(_) => Err(SessionError::NoSuchStream { line }),
        }
    }

    fn wish(&mut self, line: u8) -> Result<&mut Wish, SessionError> {
        let here = |wish: &&mut Wish| wish.place == Place::At(usize::from(line));
        let found = self.lines.iter_mut().find(here);
        found.ok_or(SessionError::NoSuchStream { line })
    }

    fn media(&self, wish: &Wish, step: Step) -> MediaWants {
        let mut media = match &wish.media {
            Media::Audio(audio) => {
                let mut media = self.sound(audio);
                let suppresses = self.constraints.silence == Silence::Suppress;
                if step == Step::Answer || suppresses || wish.noise == Noise::Taken {
                    add_noise(&mut media.formats, &audio.codecs);
                }
                media
            }
            Media::Video(video) => self.pictures(video),
        };
        media.slot = match wish.place {
            Place::At(line) => Slot::At(line),
            Place::New | Place::Waiting => Slot::Any,
        };
        media
    }

    fn pictures(&self, video: &Video) -> MediaWants {
        let formats = video.codecs.iter().flat_map(|codec| codec.formats());
        MediaWants::video(formats.collect::<Vec<_>>())
            .with_direction(self.held(video.direction))
            .with_rtcp(video.rtcp_mux)
    }

    fn sound(&self, audio: &Audio) -> MediaWants {
        let Audio {
            codecs,
            direction,
            ptime,
            rtcp_mux,
            digits,
            voip_reports,
            ..
        } = audio;
        let formats: Vec<_> = codecs.iter().map(|codec| self.format(codec)).collect();
        let mut media = MediaWants::audio(formats)
            .with_direction(self.held(*direction))
            .with_rtcp(*rtcp_mux)
            .with_telephone_event(*digits);
        media.ptime = *ptime;
        media.voip_reports = *voip_reports;
        media
    }

    /// What is said of a codec. One that leaves silence out by itself is asked
    /// to where pauses are to be left out.
    fn format(&self, codec: &Codec) -> Format {
        let format = codec.format();
        let parameter = codec.entry().and_then(|entry| entry.silence_parameter());
        match (self.constraints.silence, parameter) {
            (Silence::Suppress, Some(parameter)) => {
                let said = [&format.fmtp, parameter.as_bytes()];
                let said = said.into_iter().filter(|said| !said.is_empty());
                let said = said.collect::<Vec<_>>().join(&b';');
                format.with_fmtp(&said)
            }
            _ => format,
        }
    }

    /// RFC 3264 §8.4: what we hold, we do not receive.
    fn held(&self, direction: Direction) -> Direction {
        match self.hold {
            Hold::Off => direction,
            Hold::On => Direction::new(direction.sends(), false),
        }
    }
}

impl Media {
    fn kind(&self) -> Kind {
        match self {
            Media::Audio(_) => Kind::Audio,
            Media::Video(_) => Kind::Video,
        }
    }

    fn direction(&mut self) -> &mut Direction {
        match self {
            Media::Audio(audio) => &mut audio.direction,
            Media::Video(video) => &mut video.direction,
        }
    }
}

/// Adds the comfort noise that goes beside codecs, on the clock of each (RFC
/// 3389 §5). One that fills its pauses by itself needs none.
fn add_noise(formats: &mut Vec<Format>, codecs: &[Codec]) {
    for codec in codecs {
        let entry = codec.entry();
        let fills = entry.is_some_and(|entry| entry.silence_parameter().is_some());
        let noise = Format::new(NOISE, codec.format().clock_rate);
        if !fills && !formats.contains(&noise) {
            formats.push(noise);
        }
    }
}

fn check(audio: &Audio) -> Result<(), SessionError> {
    check_playout(audio.playout)?;
    if !matches!(audio.rate.hz(), 8000 | 16000 | 24000 | 48000) {
        return Err(SessionError::Rate {
            hz: audio.rate.hz(),
        });
    }
    match audio.ptime {
        Some(ptime) if !(MIN_PACKET..=MAX_PACKET).contains(&ptime) => {
            Err(SessionError::PacketTime {
                millis: ptime.as_millis(),
            })
        }
        _ => Ok(()),
    }
}

/// The delays that a jitter buffer can be asked for.
fn check_playout(playout: Playout) -> Result<(), SessionError> {
    let (min, max) = match playout {
        Playout::Adaptive { min, max } => (min, max),
        Playout::Fixed(delay) => (delay, delay),
    };
    match min <= max && (MIN_PLAYOUT..=MAX_PLAYOUT).contains(&max) {
        true => Ok(()),
        false => Err(SessionError::PlayoutDelay {
            min: min.as_millis(),
            max: max.as_millis(),
        }),
    }
}

/// A frame is heard at once.
const MIN_PLAYOUT: Duration = Duration::from_millis(20);
const MAX_PLAYOUT: Duration = Duration::from_millis(500);
const MIN_PACKET: Duration = Duration::from_millis(10);
const MAX_PACKET: Duration = Duration::from_millis(60);
