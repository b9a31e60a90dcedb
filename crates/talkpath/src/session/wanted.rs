//! What a session wants now: constraints with their m-lines, and the hold.
//!
//! In: constraints, changes, and which m-lines negotiation gave to which wish.
//! Out: the [`Wants`] of the next offer or answer.

use std::time::Duration;

use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Kind, MediaWants, Slot, Stream, Wants};
use talkpath_wire::Format;

use crate::change::Change;
use crate::codec::Codec;
use crate::constraints::{Audio, Constraints};
use crate::error::SessionError;

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
    audio: Audio,
    place: Place,
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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hold {
    Off,
    On,
}

impl Wanted {
    /// Checks constraints and takes them in.
    pub(crate) fn new(constraints: Constraints) -> Result<Self, SessionError> {
        constraints.audio.iter().try_for_each(check)?;
        let wish = |audio: &Audio| Wish {
            audio: audio.clone(),
            place: Place::New,
        };
        let lines = constraints.audio.iter().map(wish).collect();
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
        self.wants(|wish| wish.place != Place::Waiting)
    }

    /// What to answer an offer with.
    pub(crate) fn to_answer(&self) -> Wants {
        self.wants(|_| true)
    }

    fn wants(&self, which: impl Fn(&&Wish) -> bool) -> Wants {
        let wishes = self.lines.iter().filter(which);
        let media: Vec<_> = wishes.map(|wish| self.media(wish)).collect();
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
                next.wish(stream.0)?.audio.direction = direction
            }
            Change::Codecs(stream, codecs) => {
                next.know(&codecs);
                next.wish(stream.0)?.audio.codecs = codecs;
            }
            Change::Add(audio) => {
                check(&audio)?;
                next.know(&audio.codecs);
                next.lines.push(Wish {
                    audio,
                    place: Place::New,
                });
            }
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
        let is_live = |line: usize| {
            let stream = streams.get(line);
            stream.is_some_and(|stream| stream.kind == Kind::Audio && stream.is_live())
        };
        for wish in &mut self.lines {
            wish.place = match wish.place {
                Place::At(line) if is_live(line) => Place::At(line),
                Place::New | Place::At(_) | Place::Waiting => Place::Waiting,
            };
        }
        for line in (0..streams.len()).filter(|line| is_live(*line)) {
            if self.at(line).is_some() {
                continue;
            }
            let waits = |wish: &&mut Wish| wish.place == Place::Waiting;
            if let Some(wish) = self.lines.iter_mut().find(waits) {
                wish.place = Place::At(line);
            }
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

    /// The wish at an m-line.
    pub(crate) fn at(&self, line: usize) -> Option<&Audio> {
        let here = |wish: &&Wish| wish.place == Place::At(line);
        self.lines.iter().find(here).map(|wish| &wish.audio)
    }

    fn wish(&mut self, line: u8) -> Result<&mut Wish, SessionError> {
        let here = |wish: &&mut Wish| wish.place == Place::At(usize::from(line));
        let found = self.lines.iter_mut().find(here);
        found.ok_or(SessionError::NoSuchStream { line })
    }

    fn media(&self, wish: &Wish) -> MediaWants {
        let Audio {
            codecs,
            direction,
            ptime,
            rtcp_mux,
            digits,
            voip_reports,
            ..
        } = &wish.audio;
        let formats: Vec<_> = codecs.iter().map(|codec| codec.format()).collect();
        let mut media = MediaWants::audio(formats)
            .with_direction(self.held(*direction))
            .with_rtcp(*rtcp_mux)
            .with_telephone_event(*digits);
        media.ptime = *ptime;
        media.voip_reports = *voip_reports;
        media.slot = match wish.place {
            Place::At(line) => Slot::At(line),
            Place::New | Place::Waiting => Slot::Any,
        };
        media
    }

    /// RFC 3264 §8.4: what we hold, we do not receive.
    fn held(&self, direction: Direction) -> Direction {
        match self.hold {
            Hold::Off => direction,
            Hold::On => Direction::new(direction.sends(), false),
        }
    }
}

fn check(audio: &Audio) -> Result<(), SessionError> {
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

const MIN_PACKET: Duration = Duration::from_millis(10);
const MAX_PACKET: Duration = Duration::from_millis(60);
