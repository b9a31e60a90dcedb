//! What is attached to one stream: the application, a player, recorders.
//!
//! Exactly one source speaks into a stream at a time, a player before the
//! application; any number may listen.

use talkpath_media::Tick;

use super::command::End;
use crate::files::{TrackReader, TrackWriter};
use crate::rings::{HearWriter, SayReader};

/// The ends of one stream.
#[derive(Default)]
pub(crate) struct Desk {
    application: Option<(SayReader, HearWriter)>,
    player: Option<TrackReader>,
    recorders: Vec<TrackWriter>,
}

impl Desk {
    /// Seats `end`; a second player or application takes the place of the
    /// first.
    pub(crate) fn attach(&mut self, end: End) {
        match end {
            End::Application { say, hear } => self.application = Some((say, hear)),
            End::Player(track) => self.player = Some(track),
            End::Recorder(track) => self.recorders.push(track),
            // Captured below the streams.
            End::Packets(_) => {}
        }
    }

    /// Whether anybody is still there.
    pub(crate) fn is_occupied(&self) -> bool {
        self.application.is_some() || self.player.is_some() || !self.recorders.is_empty()
    }

    pub(crate) fn has_words(&mut self) -> bool {
        let playing = self.player.as_ref().is_some_and(TrackReader::has_words);
        playing
            || self
                .application
                .as_ref()
                .is_some_and(|(say, _)| !say.is_empty())
    }

    pub(crate) fn say(&mut self, frame: &mut [i16]) -> usize {
        if let Some(player) = &mut self.player {
            if let Some(said) = player.read(frame) {
                return said;
            }
            self.player = None;
        }
        self.application
            .as_mut()
            .map_or(0, |(say, _)| say.pop(frame))
    }

    pub(crate) fn hear(&mut self, tick: Tick<'_>) {
        self.player.take_if(|player| player.is_over());
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
