//! Sessions that hear each other, and see each other if they are two.
//!
//! A [`Bridge`] is a handle: dropping it changes nothing. It lasts until it is
//! ended, or its last session leaves or closes.

use std::fmt;
use std::sync::Arc;

use talkpath_audio::mixer::Gain;
use talkpath_media::RoomId;

use crate::error::SessionError;
use crate::manager::Shared;
use crate::session::{Core, SessionRef};
use crate::worker::Command;

/// Two or more sessions that hear each other; the video of two that have the
/// same codec passes between them as it is. See
/// [`MediaManager::bridge`](crate::MediaManager::bridge).
#[derive(Clone)]
pub struct Bridge {
    shared: Arc<Shared>,
    room: RoomId,
    /// Where their video passes.
    pictures: RoomId,
    worker: usize,
}

impl Bridge {
    pub(crate) fn between(
        shared: &Arc<Shared>,
        a: &SessionRef,
        b: &SessionRef,
    ) -> Result<Self, SessionError> {
        let bridge = Bridge {
            shared: Arc::clone(shared),
            room: shared.next_room(),
            pictures: shared.next_room(),
            worker: a.core().worker(),
        };
        // Nothing has changed if the second cannot be had.
        let second = bridge.joining(b)?;
        (bridge.joining(a)?)();
        second();
        Ok(bridge)
    }

    /// Lets one more session hear the others, and them hear it. One that is in
    /// another bridge leaves that. For a session that is in this one and got a
    /// video stream since: lets that pass too.
    ///
    /// # Errors
    /// [`SessionError::NoSuchStream`] without an audio stream,
    /// [`SessionError::Apart`], [`SessionError::Closed`].
    pub fn add(&self, session: &SessionRef) -> Result<(), SessionError> {
        self.joining(session).map(|join| join())
    }

    /// Lets a session leave: the application alone is at its other end again.
    ///
    /// # Errors
    /// [`SessionError::Closed`]
    pub fn remove(&self, session: &SessionRef) -> Result<(), SessionError> {
        let core = session.core();
        let places = [core.reserve()?, core.reserve()?];
        drop(core.open_state()?);
        for (place, room) in places.into_iter().zip([self.room, self.pictures]) {
            let session = core.id;
            place.send(Command::Leave { room, session });
        }
        Ok(())
    }

    /// Makes a session louder or quieter to the others: `0.0` dB leaves it as
    /// it is, at most 18 dB are added, and `f32::NEG_INFINITY` mutes it.
    ///
    /// # Errors
    /// [`SessionError::Closed`]
    pub fn set_gain(&self, session: &SessionRef, db: f32) -> Result<(), SessionError> {
        let core = session.core();
        let place = core.reserve()?;
        drop(core.open_state()?);
        place.send(Command::Gain {
            room: self.room,
            session: core.id,
            stream: session.first_audio()?,
            gain: Gain::from_db(db),
        });
        Ok(())
    }

    /// Its number: events name it.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// Lets everybody leave.
    ///
    /// # Errors
    /// [`SessionError::Overloaded`]
    pub fn end(&self) -> Result<(), SessionError> {
        let place = || Core::reserve_at(&self.shared, self.worker);
        let (sound, pictures) = (place()?, place()?);
        sound.send(Command::EndRoom { room: self.room });
        let room = self.pictures;
        pictures.send(Command::EndRoom { room });
        Ok(())
    }

    /// What lets a session join, if it may.
    fn joining(&self, session: &SessionRef) -> Result<impl FnOnce() + use<>, SessionError> {
        let core = session.core();
        if core.worker() != self.worker {
            return Err(SessionError::Apart);
        }
        let sound = (core.reserve()?, self.room, session.first_audio()?);
        let pictures = match session.first_video() {
            Some(video) => Some((core.reserve()?, self.pictures, video)),
            None => None,
        };
        drop(core.open_state()?);
        let session = core.id;
        Ok(move || {
            for (place, room, stream) in [Some(sound), pictures].into_iter().flatten() {
                place.send(Command::Join {
                    room,
                    session,
                    stream,
                });
            }
        })
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bridge").field(&self.room.0).finish()
    }
}
