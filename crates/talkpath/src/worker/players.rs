//! The players of one stream: the newest on top, those beneath it softer.
//!
//! In: their tracks. Out: frames in which all that play are summed. A player
//! that is ducked fades within a frame and comes back within a frame. Leaves
//! out where the samples come from.

use crate::files::TrackReader;
use crate::session::Over;

/// What is played into one stream, oldest first.
#[derive(Default)]
pub(crate) struct Players {
    players: Vec<Player>,
    /// A frame of one of them.
    scratch: Vec<i16>,
}

struct Player {
    track: TrackReader,
    over: Over,
    /// The factor that its last sample had.
    gain: f32,
}

impl Players {
    /// Begins to play; of more than [`MOST`] the oldest ends.
    pub(crate) fn begin(&mut self, track: TrackReader, over: Over) {
        if over == Over::Replace {
            self.players.clear();
        } else if self.players.len() >= MOST {
            self.players.remove(0);
        }
        self.players.push(Player {
            track,
            over,
            gain: 1.0,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.players.is_empty()
    }

    pub(crate) fn has_words(&self) -> bool {
        self.players.iter().any(|player| player.track.has_words())
    }

    /// Lets go of those that are over.
    pub(crate) fn tidy(&mut self) {
        self.players.retain(|player| !player.track.is_over());
    }

    /// Fills `frame` from the front and tells how many samples that were; none
    /// when nobody plays any more.
    pub(crate) fn say(&mut self, frame: &mut [i16]) -> Option<usize> {
        self.scratch.resize(frame.len(), 0);
        let (mut said, mut ducked) = (0, false);
        let scratch = &mut self.scratch;
        frame.fill(0);
        for player in self.players.iter_mut().rev() {
            let Some(read) = player.track.read(scratch) else {
                continue;
            };
            let gain = if ducked { DUCKED } else { 1.0 };
            player.add(&scratch[..read], gain, frame);
            said = said.max(read);
            ducked |= player.over == Over::Duck;
        }
        self.tidy();
        (said > 0 || !self.players.is_empty()).then_some(said)
    }
}

impl Player {
    /// Adds its samples to `frame`, its loudness on the way to `gain`.
    fn add(&mut self, samples: &[i16], gain: f32, frame: &mut [i16]) {
        let step = (gain - self.gain) / samples.len().max(1) as f32;
        for (sum, sample) in frame.iter_mut().zip(samples) {
            self.gain += step;
            *sum = sum.saturating_add((f32::from(*sample) * self.gain) as i16);
        }
        self.gain = gain;
    }
}

/// How many play into one stream at once.
const MOST: usize = 8;
/// -15 dB.
const DUCKED: f32 = 0.177_827_94;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Stop, player_track};

    fn said(players: &mut Players) -> Option<i16> {
        let mut frame = [0; 160];
        players.say(&mut frame).map(|_| frame[159])
    }

    fn track(level: i16, frames: usize) -> TrackReader {
        let (mut player, reader) = player_track(8000, Stop::default());
        player.push(&vec![level; frames * 160]);
        player.end();
        reader
    }

    #[test]
    fn the_newest_ducks_the_others_until_it_is_over() {
        let mut players = Players::default();
        players.begin(track(10_000, 8), Over::Duck);
        assert_eq!(said(&mut players), Some(10_000));
        players.begin(track(500, 2), Over::Duck);
        for _ in 0..2 {
            let said = said(&mut players).unwrap();
            assert!((2277..=2279).contains(&said), "{said}");
        }
        assert_eq!(said(&mut players), Some(10_000));
        players.begin(track(500, 2), Over::Mix);
        assert_eq!(said(&mut players), Some(10_500));
        players.begin(track(7, 1), Over::Replace);
        assert_eq!(said(&mut players), Some(7));
        assert_eq!(said(&mut players), None);
        assert!(players.is_empty());
    }

    #[test]
    fn loud_sounds_together_clip_instead_of_wrapping() {
        let mut players = Players::default();
        players.begin(track(30_000, 1), Over::Mix);
        players.begin(track(30_000, 1), Over::Mix);
        assert_eq!(said(&mut players), Some(i16::MAX));
    }

    #[test]
    fn a_player_too_many_ends_the_oldest() {
        let mut players = Players::default();
        for level in 0..=MOST as i16 {
            players.begin(track(1 << level, 1), Over::Mix);
        }
        assert_eq!(said(&mut players), Some((2 << MOST) - 2));
    }
}
