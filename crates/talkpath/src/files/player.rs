//! Sounds on their way to a worker's track, one after the other.
//!
//! In: the sounds of one playback, opened. Out: samples at the session's rate,
//! as long as the track has room. A sound that cannot be read to its end ends
//! the playback, and says so.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use talkpath_audio::SampleRate;

use super::sound::{Piece, Sound};
use super::track::{PlayerTrack, TrackReader, player_track};
use super::{Ending, FileDone, FileError, FileFault, Stop};
use crate::driver::Driver;

/// One playback.
pub(crate) struct Player {
    /// The sound that is read, and those after it.
    sounds: VecDeque<Sound>,
    /// The file that was read last.
    path: PathBuf,
    rate: SampleRate,
    track: PlayerTrack,
    stop: Stop,
    /// Samples that the track had no room for.
    ready: Vec<i16>,
    pushed: u64,
}

impl Player {
    /// Opens all the sounds, so that what is wrong with one is known at once.
    ///
    /// # Errors
    /// [`FileError`] when one is not there, cannot be understood, or is of an
    /// odd rate.
    pub(crate) fn open(
        driver: &Arc<dyn Driver>,
        pieces: Vec<Piece>,
        rate: SampleRate,
        stop: Stop,
    ) -> Result<(Self, TrackReader), FileError> {
        let open = |piece| Sound::open(Arc::clone(driver), piece, rate);
        let sounds: VecDeque<_> = pieces.into_iter().map(open).collect::<Result<_, _>>()?;
        let (track, reader) = player_track(rate.hz(), stop.clone());
        let mut player = Player {
            path: sounds
                .front()
                .map(Sound::path)
                .unwrap_or(Path::new(""))
                .into(),
            sounds,
            rate,
            track,
            stop,
            ready: Vec::new(),
            pushed: 0,
        };
        let filled = player.fill(PIECES_AT_ONCE / 8);
        filled.map_err(|error| FileError::io(&player.path, error))?;
        Ok((player, reader))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refills the track; what it came to, once all has been said.
    pub(super) fn step(&mut self, ending: Ending) -> Option<FileDone> {
        let failed = self.fill(PIECES_AT_ONCE).err();
        let over = self.sounds.is_empty() && self.ready.is_empty();
        if over || failed.is_some() || self.stop.is_asked() {
            self.track.end();
        }
        let stopped = ending == Ending::Now || self.stop.is_asked() || failed.is_some();
        if stopped || self.track.is_abandoned() || (over && self.track.is_over()) {
            return Some(self.done(failed));
        }
        None
    }

    fn done(&self, failed: Option<std::io::Error>) -> FileDone {
        let said = self.pushed.saturating_sub(self.track.unread() as u64);
        FileDone {
            length: self.rate.duration_of(said),
            error: failed.map(FileFault::from),
            ..FileDone::of(&self.path)
        }
    }

    /// Reads until the track is full or all is read, but no more than `pieces`:
    /// others wait for their turn.
    fn fill(&mut self, pieces: usize) -> std::io::Result<()> {
        for _ in 0..pieces {
            let pushed = self.track.push(&self.ready);
            self.pushed += pushed as u64;
            self.ready.drain(..pushed);
            if !self.ready.is_empty() || self.track.room() == 0 {
                return Ok(());
            }
            let Some(sound) = self.sounds.front_mut() else {
                return Ok(());
            };
            if self.path != sound.path() {
                self.path = sound.path().into();
            }
            sound.read(&mut self.ready)?;
            if sound.is_over() {
                self.sounds.pop_front();
            }
        }
        Ok(())
    }
}

/// Pieces of a file read in one turn at most: a megabyte, of which a track
/// takes no more than a tenth unless there is something to be skipped.
const PIECES_AT_ONCE: usize = 256;
