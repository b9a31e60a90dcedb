//! Playing: files, samples and tones into a stream, one over the other.
//!
//! In: a [`Play`], which says what, how often and from where. Out: a
//! [`Playback`] that can be stopped and waited for. Its handle detaches when
//! dropped: it goes on until it is stopped, over, or its session closes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::{SampleRate, Tone};
use talkpath_media::StreamIndex;

use super::core::Core;
use super::file::prepare;
use crate::error::SessionError;
use crate::files::{FileDone, Piece, Player, Stop, Times, What, Work};
use crate::wait::Pending;
use crate::worker::End;

/// What is to be played: one sound, or several in a row.
///
/// What [`Play::repeat`] and the like say holds for the sound named last.
///
/// ```no_run
/// use std::time::Duration;
/// use talkpath::audio::Tone;
/// use talkpath::Play;
/// # use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// let music = caller.play(Play::file("music.opus").for_ever().from(Duration::from_secs(12)))?;
/// // Heard over the music, which is played softly meanwhile.
/// caller.play(Play::file("you-are-next.wav").then(Play::tone(Tone::ringback()).for_ever()))?;
/// music.stop().wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is played by Session::play"]
pub struct Play {
    pieces: Vec<Piece>,
    over: Over,
}

/// What becomes of that which is played already when something else is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Over {
    /// It goes on, 15 dB softer, and comes back when the other is over.
    #[default]
    Duck,
    /// It goes on as it is: both are heard.
    Mix,
    /// It ends.
    Replace,
}

/// A playback that goes on; dropped, it goes on all the same.
#[derive(Debug)]
pub struct Playback {
    stop: Stop,
    done: Pending<FileDone>,
}

impl Play {
    /// A sound file: WAV or Ogg Opus, whatever its name says; MP3 and FLAC too
    /// with the feature `symphonia`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::what(What::File(path.into()))
    }

    /// A sound file's bytes, kept in memory.
    ///
    /// ```
    /// use talkpath::Play;
    /// static GREETING: &[u8] = b"RIFF..."; // include_bytes!("greeting.wav")
    /// let play = Play::bytes(GREETING).repeat(3);
    /// # let _ = play;
    /// ```
    pub fn bytes(file: impl Into<Arc<[u8]>>) -> Self {
        Self::what(What::Bytes(file.into()))
    }

    /// Mono samples, kept in memory.
    pub fn samples(samples: impl Into<Arc<[i16]>>, rate: SampleRate) -> Self {
        Self::what(What::Samples(samples.into(), rate))
    }

    /// A tone, for ever unless [`Play::lasting`] is said.
    ///
    /// ```
    /// use std::time::Duration;
    /// use talkpath::{Play, audio::Tone};
    /// let busy = Play::tone(Tone::busy()).lasting(Duration::from_secs(5));
    /// # let _ = busy;
    /// ```
    pub fn tone(tone: Tone) -> Self {
        Self::what(What::Tone(tone))
    }

    /// Silence, as between two announcements.
    pub fn silence(length: Duration) -> Self {
        Self::what(What::Silence).lasting(length)
    }

    /// Plays it so many times in all, without a gap; 0 is as good as 1.
    pub fn repeat(self, times: u32) -> Self {
        self.last(|piece| piece.times = Times::More(times.saturating_sub(1)))
    }

    /// Plays it again and again until it is stopped.
    pub fn for_ever(self) -> Self {
        self.last(|piece| piece.times = Times::ForEver)
    }

    /// Begins so far into it, every time.
    pub fn from(self, offset: Duration) -> Self {
        self.last(|piece| piece.from = offset)
    }

    /// Ends it after this time in all, however often it is repeated.
    pub fn lasting(self, length: Duration) -> Self {
        self.last(|piece| piece.limit = Some(length))
    }

    /// Plays it louder or softer, by so many decibels.
    pub fn gain(self, db: f32) -> Self {
        let factor = 10_f32.powf(db / 20.0);
        self.last(|piece| piece.gain = factor)
    }

    /// Plays `next` after it, without a gap.
    pub fn then(mut self, next: impl Into<Play>) -> Self {
        self.pieces.extend(next.into().pieces);
        self
    }

    /// What becomes of that which is played already; ducked if not said.
    pub fn over(mut self, over: Over) -> Self {
        self.over = over;
        self
    }

    fn what(what: What) -> Self {
        Play {
            pieces: vec![Piece::new(what)],
            over: Over::default(),
        }
    }

    fn last(mut self, change: impl FnOnce(&mut Piece)) -> Self {
        if let Some(piece) = self.pieces.last_mut() {
            change(piece);
        }
        self
    }
}

impl From<&Path> for Play {
    fn from(path: &Path) -> Self {
        Play::file(path)
    }
}

impl From<PathBuf> for Play {
    fn from(path: PathBuf) -> Self {
        Play::file(path)
    }
}

impl From<&PathBuf> for Play {
    fn from(path: &PathBuf) -> Self {
        Play::file(path)
    }
}

impl From<&str> for Play {
    fn from(path: &str) -> Self {
        Play::file(path)
    }
}

impl From<String> for Play {
    fn from(path: String) -> Self {
        Play::file(path)
    }
}

impl From<Tone> for Play {
    fn from(tone: Tone) -> Self {
        Play::tone(tone)
    }
}

impl Playback {
    /// Stops playing; the value says how far it came.
    pub fn stop(self) -> Pending<FileDone> {
        self.stop.ask();
        self.done
    }

    /// Whether it is over: all has been said, or cannot be.
    pub fn is_over(&self) -> bool {
        self.done.is_ready()
    }

    /// What becomes of it, when all has been said. Its path is that of the
    /// file played last; a tone has none.
    pub fn done(self) -> Pending<FileDone> {
        self.done
    }
}

pub(super) fn play(core: &Core, stream: StreamIndex, play: Play) -> Result<Playback, SessionError> {
    let (places, rate) = prepare(core, stream)?;
    let stop = Stop::default();
    let (player, track) = Player::open(&core.shared.driver, play.pieces, rate, stop.clone())?;
    let work = Work::Play(Box::new(player));
    let end = End::Player {
        track,
        over: play.over,
    };
    let done = places.begin(core, stream, work, end);
    Ok(Playback { stop, done })
}
