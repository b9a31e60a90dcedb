//! Every stream of a call at once, for what concerns several: rooms, digits
//! that are carried, packets that pass.

use super::{Call, Context, Session};
use crate::Outbox;
use crate::passing::Passing;
use crate::room::{Member, Room};
use crate::rtp::{Chance, Cname, NtpAnchor};
use crate::stream::Stream;

/// Every stream of a call, with what they need of it.
pub(crate) struct Streams<'a> {
    chance: &'a mut Chance,
    anchor: &'a NtpAnchor,
    cname: &'a Cname,
    sessions: &'a mut [Session],
    out: &'a mut Outbox,
    passing: &'a mut Passing,
}

impl Call {
    /// Rooms and streams, to work on both.
    pub(super) fn split<'a>(&'a mut self, out: &'a mut Outbox) -> (&'a mut Vec<Room>, Streams<'a>) {
        let Call {
            chance,
            anchor,
            cname,
            sessions,
            rooms,
            passing,
        } = self;
        let streams = Streams {
            chance,
            anchor,
            cname,
            sessions,
            out,
            passing,
        };
        (rooms, streams)
    }
}

impl Streams<'_> {
    /// The stream of a member of a room.
    pub(crate) fn stream(&mut self, member: Member) -> Option<&mut Stream> {
        Some(self.with_context(member)?.0)
    }

    /// The same with what it needs of the call.
    pub(crate) fn with_context(&mut self, member: Member) -> Option<(&mut Stream, Context<'_>)> {
        let Member { session, stream } = member;
        let found = self
            .sessions
            .binary_search_by_key(&session, |known| known.id);
        let streams = &mut self.sessions[found.ok()?].streams;
        let stream = streams.iter_mut().find(|known| known.index() == stream)?;
        let cx = Context {
            session,
            chance: self.chance,
            anchor: self.anchor,
            cname: self.cname,
            out: self.out,
            passing: self.passing,
        };
        Some((stream, cx))
    }

    pub(super) fn for_each(&mut self, mut work: impl FnMut(&mut Stream, &mut Context<'_>)) {
        for session in &mut *self.sessions {
            let mut cx = Context {
                session: session.id,
                chance: self.chance,
                anchor: self.anchor,
                cname: self.cname,
                out: self.out,
                passing: self.passing,
            };
            session
                .streams
                .iter_mut()
                .for_each(|stream| work(stream, &mut cx));
        }
    }
}
