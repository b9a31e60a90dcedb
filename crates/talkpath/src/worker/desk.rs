//! What is attached to one stream: the application, players, recorders.
//!
//! Players speak before the application, which waits for them; any number may
//! listen.

use talkpath_media::Tick;

use super::command::End;
use super::players::Players;
use crate::files::TrackWriter;
use crate::rings::{HearWriter, SayReader};

/// The ends of one stream.
#[derive(Default)]
pub(crate) struct Desk {
    application: Option<(SayReader, HearWriter)>,
    players: Players,
    recorders: Vec<TrackWriter>,
}

impl Desk {
    /// Seats `end`; a second application takes the place of the first.
    pub(crate) fn attach(&mut self, end: End) {
        match end {
            End::Application { say, hear } => self.application = Some((say, hear)),
            End::Player { track, over } => self.players.begin(track, over),
            End::Recorder(track) => self.recorders.push(track),
            // Captured below the streams.
            End::Packets(_) => {}
        }
    }

    /// Whether anybody is still there.
    pub(crate) fn is_occupied(&self) -> bool {
        self.application.is_some() || !self.players.is_empty() || !self.recorders.is_empty()
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

    pub(crate) fn hear(&mut self, tick: Tick<'_>) {
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
    }
}
