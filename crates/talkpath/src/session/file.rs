//! Files of a session: recordings and captures.
//!
//! Their handles detach when dropped: the file goes on until it is stopped,
//! over, or its session closes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use talkpath_audio::SampleRate;
use talkpath_media::StreamIndex;

use super::core::{Core, unreserved};
use crate::error::SessionError;
use crate::files::{
    FileCommand, FileDone, Job, PacketWriter, Recorder, Sides, Stop, Work, packet_track,
};
use crate::mailbox::Permit;
use crate::wait::{Pending, pending};
use crate::worker::{Command, End};

/// What a recording is to be.
///
/// ```no_run
/// # use talkpath::{Audio, Codec, MediaManager, Wav};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25600..=25700).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # caller.apply_answer(&answer)?;
/// let playback = callee.play("hello.wav")?;
/// let recording = caller.record(Wav::stereo("call.wav"))?;
/// playback.done().wait()?;
/// let done = recording.finish().wait()?;
/// println!("{} s in {}", done.length.as_secs(), done.path.display());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wav {
    path: PathBuf,
    sides: Sides,
}

impl Wav {
    /// What is heard, mono.
    pub fn heard(path: impl Into<PathBuf>) -> Self {
        Wav {
            path: path.into(),
            sides: Sides::Heard,
        }
    }

    /// What is said, mono.
    pub fn said(path: impl Into<PathBuf>) -> Self {
        Wav {
            path: path.into(),
            sides: Sides::Said,
        }
    }

    /// What is heard on the left, what is said on the right.
    pub fn stereo(path: impl Into<PathBuf>) -> Self {
        Wav {
            path: path.into(),
            sides: Sides::Both,
        }
    }
}

/// A recording that goes on; dropped, it goes on all the same.
#[derive(Debug)]
pub struct Recording {
    stop: Stop,
    done: Pending<FileDone>,
}

impl Recording {
    /// Stops recording; the value comes when the file is in place.
    pub fn finish(self) -> Pending<FileDone> {
        self.stop.ask();
        self.done
    }

    /// What becomes of it, when its session has closed.
    pub fn done(self) -> Pending<FileDone> {
        self.done
    }
}

pub(super) fn record(
    core: &Core,
    stream: StreamIndex,
    wav: Wav,
) -> Result<Recording, SessionError> {
    let (places, rate) = prepare(core, stream)?;
    let (stop, driver) = (Stop::default(), Arc::clone(&core.shared.driver));
    let (recorder, track) = Recorder::create(driver, &wav.path, wav.sides, rate, stop.clone())?;
    let work = Work::Record(Box::new(recorder));
    let done = places.begin(core, stream, work, End::Recorder(track));
    Ok(Recording { stop, done })
}

pub(super) fn capture(core: &Core, path: &Path) -> Result<Recording, SessionError> {
    drop(core.open_state()?);
    let places = Places::reserve(core)?;
    let (stop, (tap, track)) = (Stop::default(), packet_track());
    let track = (track, tap.lost());
    let writer = PacketWriter::create(&core.shared.driver, path, track, stop.clone())?;
    let work = Work::Packets(Box::new(writer));
    let done = places.begin(core, StreamIndex(0), work, End::Packets(tap));
    Ok(Recording { stop, done })
}

/// Places for the two commands that begin a file.
pub(super) struct Places {
    worker: Permit<Command>,
    files: Permit<FileCommand>,
    /// To finish the file when the session closes.
    farewell: Permit<FileCommand>,
}

/// What a file needs before it is opened: places, and the stream's rate.
pub(super) fn prepare(
    core: &Core,
    stream: StreamIndex,
) -> Result<(Places, SampleRate), SessionError> {
    let state = core.open_state()?;
    let audio = state.wanted.at(usize::from(stream.0));
    let rate = audio.map(|audio| audio.rate);
    let rate = rate.ok_or(SessionError::NoSuchStream { line: stream.0 })?;
    Ok((Places::reserve(core)?, rate))
}

impl Places {
    fn reserve(core: &Core) -> Result<Self, SessionError> {
        let files = || core.shared.files.reserve().map_err(unreserved);
        Ok(Places {
            worker: core.reserve()?,
            files: files()?,
            farewell: files()?,
        })
    }

    pub(super) fn begin(
        self,
        core: &Core,
        stream: StreamIndex,
        work: Work,
        end: End,
    ) -> Pending<FileDone> {
        let (done, waited) = pending(Arc::clone(&core.shared.driver));
        self.files.send(FileCommand::Begin(Job {
            session: core.id,
            work,
            done,
        }));
        self.worker.send(Command::Attach {
            session: core.id,
            stream,
            end,
            farewell: Some(self.farewell),
        });
        waited
    }
}
