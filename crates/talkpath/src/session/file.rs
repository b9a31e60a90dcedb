//! What a file of a session needs before it begins: places for its commands.

use std::sync::Arc;

use talkpath_audio::SampleRate;
use talkpath_media::StreamIndex;

use super::core::{Core, unreserved};
use crate::error::SessionError;
use crate::files::{FileCommand, FileDone, Job, Told, Work};
use crate::mailbox::Permit;
use crate::wait::{Pending, pending};
use crate::worker::{Command, End};

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
    state.check_heard(usize::from(stream.0))?;
    Ok((Places::reserve(core)?, rate))
}

impl Places {
    pub(super) fn reserve(core: &Core) -> Result<Self, SessionError> {
        let files = || core.shared.files.reserve().map_err(unreserved);
        Ok(Places {
            worker: core.reserve()?,
            files: files()?,
            farewell: files()?,
        })
    }

    /// Begins a file; the value comes when it is done with.
    pub(super) fn begin(
        self,
        core: &Core,
        stream: StreamIndex,
        work: Work,
        end: End,
    ) -> Pending<FileDone> {
        let (done, waited) = pending(Arc::clone(&core.shared.driver));
        self.begin_told(core, stream, (work, Told::Waiter(done)), end);
        waited
    }

    /// Begins a file, and tells `told` when it is done with.
    pub(super) fn begin_told(
        self,
        core: &Core,
        stream: StreamIndex,
        (work, told): (Work, Told),
        end: End,
    ) {
        self.files.send(FileCommand::Begin(Job {
            session: core.id,
            work,
            told,
        }));
        self.worker.send(Command::Attach {
            session: core.id,
            stream,
            end,
            farewell: Some(self.farewell),
        });
    }
}
