//! What is attached to one stream: the application, players, recorders, taps.
//!
//! Players speak before the application, which waits for them; any number may
//! listen.

use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_media::{Picture, Tick, Waiting, Watching};

use super::command::End;
use super::players::Players;
use super::speech::SpeechWatch;
use crate::event::Happening;
use crate::files::{PictureWriter, TrackWriter};
use crate::rings::{HearWriter, SayReader, TapWriter};

/// The ends of one stream.
#[derive(Default)]
pub(crate) struct Desk {
    application: Option<(SayReader, HearWriter)>,
    players: Players,
    recorders: Vec<TrackWriter>,
    taps: Vec<TapWriter>,
    watches: Vec<SpeechWatch>,
    pictures: Vec<PictureWriter>,
}

impl Desk {
    /// Seats `end`; a second application takes the place of the first.
    pub(crate) fn attach(&mut self, end: End) {
        match end {
            End::Application { say, hear } => self.application = Some((say, hear)),
            End::Player { track, over } => self.players.begin(track, over),
            End::Recorder(track) => self.recorders.push(track),
            End::Pictures(pictures) => self.pictures.push(pictures),
            End::Tap(tap) => self.taps.push(tap),
            End::Speech(watch) => self.watches.push(*watch),
            // Captured below the streams.
            End::Packets(_) => {}
        }
    }

    /// Whether anybody is still there.
    pub(crate) fn is_occupied(&self) -> bool {
        let speaks = self.application.is_some() || !self.players.is_empty();
        let listens = self.recorders.len() + self.taps.len() + self.watches.len() > 0;
        speaks || listens
    }

    /// Whether anybody is there who watches.
    pub(crate) fn is_watched(&self) -> bool {
        !self.pictures.is_empty()
    }

    /// Hands a frame of video to whoever watches; tells what they need next.
    pub(crate) fn see(&mut self, picture: &Picture<'_>) -> Watching {
        let mut all = Watching::Over;
        self.pictures.retain_mut(|writer| {
            let one = writer.write(picture);
            match (one, all) {
                (Watching::Over, _) => return false,
                (Watching::Blind, _) => all = Watching::Blind,
                (Watching::Clear, Watching::Blind) => {}
                (Watching::Clear, _) => all = Watching::Clear,
            }
            true
        });
        all
    }

    pub(crate) fn has_words(&mut self) -> bool {
        self.players.has_words()
            || self
                .application
                .as_mut()
                .is_some_and(|(say, _)| say.has_words())
    }

    pub(crate) fn say(&mut self, frame: &mut [i16]) -> usize {
        if !self.players.is_empty()
            && let Some(said) = self.players.say(frame)
        {
            return said;
        }
        self.application
            .as_mut()
            .map_or(0, |(say, _)| say.pop(frame))
    }

    /// Hands a tick to whoever listens; tells `tell` what that led to.
    pub(crate) fn hear(&mut self, tick: Tick<'_>, tell: &mut dyn FnMut(Happening)) {
        self.players.tidy();
        if let Some((say, _)) = &mut self.application {
            say.report();
        }
        // Both halves were dropped, and what was said has left.
        let left = |(say, hear): &mut (SayReader, HearWriter)| {
            hear.is_closed() && say.is_closed() && say.is_empty()
        };
        self.application.take_if(left);
        if let Some((_, hear)) = &mut self.application {
            hear.push(tick.kind, tick.heard);
        }
        self.recorders
            .retain_mut(|track| track.write(tick.number, tick.heard, tick.said));
        self.taps.retain_mut(|tap| tap.write(&tick));
        self.watches.retain(|watch| watch.is_wanted());
        let heard = self
            .watches
            .iter_mut()
            .filter_map(|watch| watch.hear(&tick));
        heard.for_each(tell);
    }

    /// What waits at this end, for the statistics.
    pub(crate) fn waiting(&self, rate: SampleRate) -> Waiting {
        let application = self.application.as_ref();
        let say = application.map_or(0, |(say, _)| say.len());
        let hear = application.map_or(0, |(_, hear)| hear.len());
        Waiting {
            said: rate.duration_of(say as u64),
            heard: TICK * u32::try_from(hear).unwrap_or(u32::MAX),
        }
    }
}

const TICK: Duration = Duration::from_millis(20);
