//! One party of the demo: its session, and what is read back from it.

use std::net::SocketAddr;

use talkpath::{Session, SessionId, SessionRef};

use crate::failure::Failure;
use crate::words;

/// A caller or a callee.
pub(super) struct Party {
    pub(super) name: &'static str,
    pub(super) session: Session,
    /// Looks on after the session is closed.
    pub(super) watch: SessionRef,
    pub(super) local: SocketAddr,
    /// Its offer or its answer.
    pub(super) description: String,
}

/// What is kept of a party whose session is closed.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) name: &'static str,
    pub(super) id: SessionId,
    pub(super) local: SocketAddr,
    pub(super) remote: Option<SocketAddr>,
    pub(super) description: String,
}

impl Party {
    pub(super) fn new(
        name: &'static str,
        session: Session,
        description: String,
    ) -> Result<Self, Failure> {
        let streams = session.streams();
        let local = streams
            .iter()
            .find_map(|stream| Some(stream.local.as_ref()?.rtp));
        let local = local.ok_or_else(|| Failure::new(format!("the {name} got no port")))?;
        Ok(Party {
            name,
            watch: SessionRef::clone(&session),
            session,
            local,
            description,
        })
    }

    /// What was agreed, in words.
    pub(super) fn agreement(&self) -> String {
        let streams = self.session.streams();
        let Some(stream) = streams.first() else {
            return "nothing".into();
        };
        let codec = stream.send.first().map(|codec| codec.format.to_string());
        let remote = stream.send_to().map(|remote| remote.to_string());
        let way = words::direction(stream.direction);
        let (codec, remote) = (codec.as_deref(), remote.as_deref());
        let (codec, remote) = (codec.unwrap_or("nothing"), remote.unwrap_or("nobody"));
        format!("{} talks to {remote}, {codec}, {way}", self.local)
    }

    /// Takes the session out, so that it can be closed.
    pub(super) fn keep(self) -> (Remembered, Session) {
        let streams = self.session.streams();
        let remote = streams
            .iter()
            .find_map(|stream| stream.remote.as_ref()?.last);
        let remembered = Remembered {
            name: self.name,
            id: self.session.id(),
            local: self.local,
            remote,
            description: self.description,
        };
        (remembered, self.session)
    }
}
