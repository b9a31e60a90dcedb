//! The files task: players and recorders, apart from the media.
//!
//! One task of a manager reads and writes every file. Between it and a worker
//! are tracks of one second; a slow disk leaves a gap in a recording or a pause
//! in a playback, never a stalled packet.

#[cfg(feature = "symphonia")]
mod compressed;
mod container;
mod control;
mod decode;
mod mkv_file;
mod opus_file;
mod packets;
mod pictures;
mod place;
mod plan;
mod player;
mod recorder;
mod reshape;
mod sound;
mod target;
mod ticks;
mod track;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use talkpath_audio::Loudness;
use talkpath_file::wav::WavError;
use talkpath_media::SessionId;

use crate::driver::{Io, Next, Task};
use crate::event::{CloseReason, Event, Happening, Trouble};
use crate::events::Broadcast;
use crate::mailbox::Inbox;
use crate::wait::Completer;

pub(crate) use control::{Control, Duty};
pub use control::{RecordingId, RecordingState};
pub use opus_file::OpusError;
pub(crate) use packets::{PacketTap, PacketWriter, packet_track, read_datagram};
pub(crate) use pictures::{PictureWriter, picture_track};
pub use place::{Pause, Pausing};
pub(crate) use plan::{Form, Plan};
pub(crate) use player::Player;
pub(crate) use recorder::Recorder;
pub(crate) use sound::{Piece, Times, What};
pub(crate) use target::PART;
pub use ticks::Sides;
pub(crate) use ticks::TrackWriter;
pub(crate) use track::TrackReader;
#[cfg(test)]
pub(crate) use track::player_track;

/// Why a file cannot be played or recorded to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened or created.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// The file is not a WAV that can be read.
    #[error("{path}: {error}", path = path.display())]
    Wav {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        error: WavError,
    },
    /// The file is an Ogg file that cannot be played.
    #[error("{path}: {error}", path = path.display())]
    Opus {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        error: OpusError,
    },
    /// A sample rate that cannot be turned into the session's, or is none that
    /// recordings have.
    #[error("{path}: a rate of {hz} Hz can be neither played nor recorded", path = path.display())]
    Rate {
        /// The file.
        path: PathBuf,
        /// Its rate.
        hz: u32,
    },
    /// The name is a folder's, a device's or none, or it ends in `.part`, as
    /// unfinished recordings do.
    #[error("{path}: that is no name for a recording", path = path.display())]
    Name {
        /// What was asked for.
        path: PathBuf,
    },
    /// There is a file, and it was not said that it may be replaced.
    #[error("{path}: there is such a file already", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Somebody records there, or a crash left an unfinished recording.
    #[error("{part}: a recording goes on there, or was left by a crash and can be recovered", part = part.display())]
    Unfinished {
        /// The unfinished file.
        part: PathBuf,
    },
}

impl FileError {
    fn name(path: &Path) -> Self {
        FileError::Name { path: path.into() }
    }

    fn exists(path: &Path) -> Self {
        FileError::Exists { path: path.into() }
    }

    fn unfinished(part: &Path) -> Self {
        FileError::Unfinished { part: part.into() }
    }

    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        FileError::Io {
            path: path.into(),
            error,
        }
    }
}

/// What became of a file, once it is done with. A disk that filled up is no
/// reason to lose what was written before: look at [`FileDone::error`].
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct FileDone {
    /// The file.
    pub path: PathBuf,
    /// How much sound was played from it or recorded into it.
    pub length: Duration,
    /// How much of that is a gap: lost to a slow disk or a stalled machine.
    pub gaps: Duration,
    /// Datagrams that a capture lost, because they came faster than the disk
    /// takes them.
    pub lost_datagrams: u64,
    /// Frames of video in the recording.
    pub pictures: u64,
    /// Frames of video that are not in it: they came faster than the disk takes
    /// them, or in another codec than the one that was agreed on at first.
    pub lost_pictures: u64,
    /// How loud what was recorded is, of each channel of the file; gaps and
    /// pauses are not counted. Empty for a playback and a capture.
    pub levels: Vec<Loudness>,
    /// When it was paused, in order; a capture does not tell.
    pub pauses: Vec<Pause>,
    /// What went wrong, if anything did. What was recorded before is kept:
    /// under its name if that can still be had, else as `NAME.part`.
    pub error: Option<FileFault>,
}

impl FileDone {
    /// A file of which there is nothing to tell.
    pub(crate) fn of(path: &Path) -> Self {
        FileDone {
            path: path.into(),
            length: Duration::ZERO,
            gaps: Duration::ZERO,
            lost_datagrams: 0,
            pictures: 0,
            lost_pictures: 0,
            levels: Vec::new(),
            pauses: Vec::new(),
            error: None,
        }
    }
}

/// What the system said of a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct FileFault {
    /// Its kind, such as [`StorageFull`](std::io::ErrorKind::StorageFull).
    pub kind: std::io::ErrorKind,
    /// The same in words.
    pub message: String,
}

impl From<std::io::Error> for FileFault {
    fn from(error: std::io::Error) -> Self {
        FileFault {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

/// Asks a player or recorder to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// One file being played or recorded.
pub(crate) struct Job {
    pub(crate) session: SessionId,
    pub(crate) work: Work,
    pub(crate) told: Told,
}

/// Who is told when a file is done with.
pub(crate) enum Told {
    Waiter(Completer<FileDone>),
    /// Whoever has a handle of the recording.
    Recording(Duty),
}

impl Told {
    fn complete(self, done: FileDone) {
        match self {
            Told::Waiter(waiter) => waiter.complete(done),
            Told::Recording(duty) => duty.complete(done),
        }
    }
}

/// What a job does.
pub(crate) enum Work {
    Play(Box<Player>),
    Record(Box<Recorder>),
    Packets(Box<PacketWriter>),
}

/// What handles ask of the files task.
pub(crate) enum FileCommand {
    Begin(Job),
    /// A session is gone: its files are finished, then it is said.
    Farewell {
        session: SessionId,
        reason: CloseReason,
        done: Option<Completer<()>>,
    },
    Stop,
}

/// Reads and writes the files of all sessions.
pub(crate) struct Files {
    inbox: Inbox<FileCommand>,
    events: Arc<Broadcast<Event>>,
    jobs: Vec<Job>,
}

impl Files {
    pub(crate) fn new(inbox: Inbox<FileCommand>, events: Arc<Broadcast<Event>>) -> Self {
        Files {
            inbox,
            events,
            jobs: Vec::new(),
        }
    }

    /// Lets every job work; those that are done are reported and let go.
    /// Those for which `is_over` holds end now.
    fn work(&mut self, io: &dyn Io, is_over: impl Fn(&Job) -> bool) {
        for mut job in std::mem::take(&mut self.jobs) {
            let ending = match is_over(&job) {
                true => Ending::Now,
                false => Ending::InTime,
            };
            match job.work.guarded_step(ending) {
                None => self.jobs.push(job),
                Some(done) => {
                    let what = job.work.happening(&done);
                    // Who is told that it is done with finds it closed.
                    drop(job.work);
                    self.say(io, job.session, what);
                    job.told.complete(done);
                }
            }
        }
    }

    fn say(&self, io: &dyn Io, session: SessionId, what: Happening) {
        let at = io.now();
        self.events.send(Event { at, session, what });
    }
}

/// When a job ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// When it is done.
    InTime,
    /// Now, with what there is.
    Now,
}

impl Work {
    /// Moves what can be moved now; what it came to, once it is over.
    fn step(&mut self, ending: Ending) -> Option<FileDone> {
        match self {
            Work::Play(player) => player.step(ending),
            Work::Record(recorder) => recorder.step(ending),
            Work::Packets(packets) => packets.step(ending),
        }
    }

    /// The same; a defect of ours ends this file and no other.
    fn guarded_step(&mut self, ending: Ending) -> Option<FileDone> {
        let step = catch_unwind(AssertUnwindSafe(|| self.step(ending)));
        step.unwrap_or_else(|_| {
            Some(FileDone {
                error: Some(std::io::Error::other("a defect of Talkpath").into()),
                ..FileDone::of(self.path())
            })
        })
    }

    fn path(&self) -> &Path {
        match self {
            Work::Play(player) => player.path(),
            Work::Record(recorder) => recorder.path(),
            Work::Packets(packets) => packets.path(),
        }
    }

    fn happening(&self, done: &FileDone) -> Happening {
        if let Some(fault) = done.error.clone() {
            let path = done.path.clone();
            return Happening::Error(Trouble::File { path, fault });
        }
        let (path, length) = (done.path.clone(), done.length);
        match self {
            Work::Play(_) => Happening::Played { path, length },
            Work::Record(_) | Work::Packets(_) => Happening::Recorded { path, length },
        }
    }
}

impl Task for Files {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        let mut ending = false;
        while let Some(command) = self.inbox.next() {
            match command {
                FileCommand::Begin(job) => self.jobs.push(job),
                FileCommand::Farewell {
                    session,
                    reason,
                    done,
                } => {
                    self.work(io, |job| job.session == session);
                    self.say(io, session, Happening::Closed { reason });
                    if let Some(done) = done {
                        done.complete(());
                    }
                }
                FileCommand::Stop => ending = true,
            }
        }
        self.work(io, |_| ending);
        match (ending, self.jobs.is_empty()) {
            (true, _) => Next::Finished,
            (false, true) => Next::WhenWoken,
            (false, false) => Next::At(io.now() + TURN),
        }
    }
}

/// How often files are looked after: a fraction of what a track holds.
const TURN: Duration = Duration::from_millis(40);
