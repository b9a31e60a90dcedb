//! The files task: players and recorders, apart from the media.
//!
//! One task of a manager reads and writes every file. Between it and a worker
//! are tracks of one second; a slow disk leaves a gap in a recording or a pause
//! in a playback, never a stalled packet.

mod decode;
mod packets;
mod player;
mod recorder;
mod sound;
mod track;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use talkpath_file::wav::WavError;
use talkpath_media::SessionId;

use crate::driver::{Io, Next, Task};
use crate::event::{CloseReason, Event, Happening, Trouble};
use crate::events::Broadcast;
use crate::mailbox::Inbox;
use crate::wait::Completer;

pub(crate) use packets::{PacketTap, PacketWriter, packet_track, read_datagram};
pub(crate) use player::Player;
pub(crate) use recorder::Recorder;
pub(crate) use sound::{Piece, Times, What};
pub(crate) use track::Sides;
#[cfg(test)]
pub(crate) use track::player_track;
pub(crate) use track::{TrackReader, TrackWriter};

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
    /// The file's sample rate cannot be turned into the session's.
    #[error("{path}: a rate of {hz} Hz cannot be played", path = path.display())]
    Rate {
        /// The file.
        path: PathBuf,
        /// Its rate.
        hz: u32,
    },
}

impl FileError {
    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        FileError::Io {
            path: path.into(),
            error,
        }
    }
}

/// What became of a file, once it is done with. A disk that filled up is no
/// reason to lose what was written before: look at [`FileDone::error`].
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// What went wrong, if anything did.
    pub error: Option<FileFault>,
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
    pub(crate) done: Completer<FileDone>,
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
                    self.say(io, job.session, job.work.happening(&done));
                    job.done.complete(done);
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
                path: self.path().into(),
                length: Duration::ZERO,
                gaps: Duration::ZERO,
                lost_datagrams: 0,
                error: Some(std::io::Error::other("a defect of Talkpath").into()),
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
