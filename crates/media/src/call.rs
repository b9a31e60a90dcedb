//! A call: sessions whose media belong together, and the unit of ownership.
//!
//! In: datagrams by [`Path`], agreements, `now`. Out: an [`Outbox`], PCM through
//! [`Ends`], statistics. Built from a seed and a wall-clock anchor, it does the
//! same whenever it is told the same. A session has the application at its other
//! end, or the others of a room.

mod digits;
mod rooms;
mod streams;

use core::net::SocketAddr;

use talkpath_transport::{DropReason, Fit};
use talkpath_wire::Time;

use crate::egress::Mute;
use crate::ends::Ends;
use crate::passing::Passing;
use crate::room::Room;
use crate::rtp::{Chance, Cname, NtpAnchor};
use crate::setup::{Agreement, StreamSetup, StreamSockets};
use crate::stats::SessionStats;
use crate::stream::Stream;
use crate::{Outbox, Path, SessionId, StreamIndex};

pub(crate) use streams::Streams;

/// Sessions whose media belong together.
pub struct Call {
    chance: Chance,
    anchor: NtpAnchor,
    cname: Cname,
    /// Ordered by their ids.
    sessions: Vec<Session>,
    rooms: Vec<Room>,
    passing: Passing,
}

/// What a call is made of.
#[derive(Clone, Debug)]
pub struct CallSetup {
    /// Where its chance comes from: SSRCs, first numbers, report intervals.
    pub seed: u64,
    /// The wall clock, for sender reports.
    pub anchor: NtpAnchor,
    /// The name in its reports (RFC 7022).
    pub cname: Cname,
}

/// How far what happened to one stream of a call reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// No deadline but that stream's may have come nearer.
    Stream,
    /// Any may have.
    Call,
}

/// One party's streams, by m-line.
struct Session {
    id: SessionId,
    streams: Vec<Stream>,
    mute: Mute,
}

/// What a stream needs of its call.
pub(crate) struct Context<'a> {
    pub(crate) session: SessionId,
    pub(crate) chance: &'a mut Chance,
    pub(crate) anchor: &'a NtpAnchor,
    pub(crate) cname: &'a Cname,
    pub(crate) out: &'a mut Outbox,
    pub(crate) passing: &'a mut Passing,
}

impl Call {
    /// A call without sessions.
    pub fn new(setup: CallSetup) -> Self {
        let chance = Chance::from_seed(setup.seed);
        Call {
            chance,
            anchor: setup.anchor,
            cname: setup.cname,
            sessions: Vec::new(),
            rooms: Vec::new(),
            passing: Passing::default(),
        }
    }

    /// Takes in a session without streams; one that is there already stays.
    pub fn add_session(&mut self, session: SessionId) {
        if !self.sessions.iter().any(|known| known.id == session) {
            self.sessions.push(Session {
                id: session,
                streams: Vec::new(),
                mute: Mute::Off,
            });
            self.sessions.sort_by_key(|known| known.id);
        }
    }

    /// The sessions of the call.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sessions.iter().map(|session| session.id)
    }

    /// Whether no session is left.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Adds a stream that nothing is agreed about yet; one that is at its
    /// m-line already goes on with other sockets.
    pub fn add_stream(
        &mut self,
        now: Time,
        session: SessionId,
        setup: StreamSetup,
        sockets: StreamSockets,
    ) {
        let mut none = Outbox::new();
        let Some((session, mut cx)) = self.session(session, &mut none) else {
            return;
        };
        let index = setup.stream;
        match session
            .streams
            .iter_mut()
            .find(|known| known.index() == index)
        {
            Some(known) => known.move_to(sockets),
            None => {
                let mut stream = Stream::new(now, setup, sockets, &mut cx);
                stream.mute(session.mute);
                session.streams.push(stream);
                session.streams.sort_by_key(Stream::index);
            }
        }
    }

    /// Tells a stream what was agreed about it.
    pub fn agree(
        &mut self,
        now: Time,
        session: SessionId,
        stream: StreamIndex,
        agreement: Agreement,
        out: &mut Outbox,
    ) {
        self.with(session, stream, out, |stream, cx| {
            stream.agree(now, agreement, cx)
        });
        self.rearrange(now, session, stream);
        self.pass_on(now, out);
    }

    /// RTCP of a stream shares the port of RTP; its own socket goes.
    pub fn free_rtcp(&mut self, session: SessionId, stream: StreamIndex) {
        self.with(session, stream, &mut Outbox::new(), |stream, _| {
            stream.free_rtcp()
        });
    }

    /// Ends a stream: it says goodbye if it ever said anything.
    pub fn remove_stream(
        &mut self,
        now: Time,
        session: SessionId,
        stream: StreamIndex,
        out: &mut Outbox,
    ) {
        self.with(session, stream, out, |stream, cx| stream.close(now, cx));
        if let Some(session) = self.sessions.iter_mut().find(|known| known.id == session) {
            session.streams.retain(|known| known.index() != stream);
        }
        self.rearrange(now, session, stream);
    }

    /// Lets every stream of a session say goodbye. The session stays, for its
    /// last statistics, until [`Call::remove_session`].
    pub fn close_session(&mut self, now: Time, session: SessionId, out: &mut Outbox) {
        if let Some((session, mut cx)) = self.session(session, out) {
            session
                .streams
                .iter_mut()
                .for_each(|stream| stream.close(now, &mut cx));
        }
        self.pass_on(now, out);
    }

    /// Forgets a session.
    pub fn remove_session(&mut self, now: Time, session: SessionId) {
        let found = self.sessions.iter().find(|known| known.id == session);
        let streams = found.map(|session| session.streams.iter().map(Stream::index).collect());
        let streams: Vec<_> = streams.unwrap_or_default();
        for stream in streams {
            self.leave_all(now, session, stream);
        }
        self.sessions.retain(|known| known.id != session);
    }

    /// Begins to exchange PCM with the stream's [`Ends`], every 20 ms.
    pub fn listen(&mut self, now: Time, session: SessionId, stream: StreamIndex) {
        self.with(session, stream, &mut Outbox::new(), |stream, _| {
            stream.listen(now)
        });
        self.rearrange(now, session, stream);
    }

    /// Begins to give the whole frames of a video stream to its [`Ends`], and
    /// asks for a keyframe.
    pub fn watch(&mut self, session: SessionId, stream: StreamIndex) {
        self.with(session, stream, &mut Outbox::new(), |stream, _| {
            stream.watch()
        });
    }

    /// Lets silence leave a session in place of what is said, or not; streams
    /// that it gets later, too.
    pub fn mute(&mut self, now: Time, session: SessionId, mute: Mute) {
        if let Some((session, _)) = self.session(session, &mut Outbox::new()) {
            session.mute = mute;
            session
                .streams
                .iter_mut()
                .for_each(|stream| stream.mute(mute));
            let streams: Vec<_> = session.streams.iter().map(Stream::index).collect();
            let id = session.id;
            for stream in streams {
                self.rearrange(now, id, stream);
            }
        }
    }

    /// Whether silence leaves a session in place of what is said.
    pub fn muted(&self, session: SessionId) -> Mute {
        let found = self.sessions.iter().find(|known| known.id == session);
        found.map_or(Mute::Off, |session| session.mute)
    }

    /// What a session's streams were set up with.
    pub fn setups(
        &self,
        session: SessionId,
    ) -> impl Iterator<Item = (&StreamSetup, &StreamSockets)> {
        let found = self.sessions.iter().find(|known| known.id == session);
        let streams = found.into_iter().flat_map(|session| &session.streams);
        streams.map(Stream::parts)
    }

    /// How well the sender of a datagram fits the peer of that stream.
    pub fn fit(&self, path: Path, from: SocketAddr) -> Fit {
        let found = self.sessions.iter().find(|known| known.id == path.session);
        let mut streams = found.into_iter().flat_map(|session| session.streams.iter());
        let stream = streams.find(|stream| stream.index() == path.stream);
        stream.map_or(Fit::Stranger, |stream| stream.fit(path.component, from))
    }

    /// Takes one datagram from the network. It is worked on in place. Tells how
    /// much of the call may want something else, or at another time, now.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        path: Path,
        from: SocketAddr,
        bytes: &mut [u8],
        out: &mut Outbox,
    ) -> Reach {
        self.with(path.session, path.stream, out, |stream, cx| {
            stream.handle_datagram(now, path.component, from, bytes, cx);
        });
        self.pass_on(now, out)
    }

    /// Counts a datagram that was lost before it came here.
    pub fn count_drop(
        &mut self,
        now: Time,
        session: SessionId,
        stream: StreamIndex,
        reason: DropReason,
    ) {
        self.with(session, stream, &mut Outbox::new(), |stream, _| {
            stream.count_drop(now, reason)
        });
    }

    /// Counts a datagram that the network did not take.
    pub fn count_send_error(&mut self, now: Time, session: SessionId, stream: StreamIndex) {
        self.with(session, stream, &mut Outbox::new(), |stream, _| {
            stream.count_send_error(now)
        });
    }

    /// When [`Call::handle_timeout`] is due for one stream.
    pub fn stream_timeout(&self, session: SessionId, stream: StreamIndex) -> Option<Time> {
        let found = self
            .sessions
            .binary_search_by_key(&session, |known| known.id);
        let streams = &self.sessions[found.ok()?].streams;
        let stream = streams.iter().find(|known| known.index() == stream)?;
        stream.poll_timeout()
    }

    /// When [`Call::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let streams = self.sessions.iter().flat_map(|session| &session.streams);
        let streams = streams.filter_map(Stream::poll_timeout);
        let rooms = self.rooms.iter().filter_map(Room::poll_timeout);
        streams.chain(rooms).min()
    }

    /// Does whatever is due: ticks, reports, timeouts.
    pub fn handle_timeout(&mut self, now: Time, ends: &mut dyn Ends, out: &mut Outbox) {
        let (rooms, mut streams) = self.split(out);
        for room in rooms {
            room.tick(now, ends, &mut streams);
        }
        streams.for_each(|stream, cx| stream.handle_timeout(now, ends, cx));
        self.pass_on(now, out);
    }

    /// Writes a session's statistics over `stats`, whose memory is used again.
    pub fn stats_into(&self, now: Time, session: SessionId, stats: &mut SessionStats) {
        stats.at = now;
        stats.streams.clear();
        if let Some(session) = self.sessions.iter().find(|known| known.id == session) {
            stats
                .streams
                .extend(session.streams.iter().map(|stream| stream.stats()));
        }
    }

    /// A session with what its streams need of the call.
    fn session<'a>(
        &'a mut self,
        session: SessionId,
        out: &'a mut Outbox,
    ) -> Option<(&'a mut Session, Context<'a>)> {
        let Call {
            chance,
            anchor,
            cname,
            sessions,
            passing,
            ..
        } = self;
        let found = sessions.iter_mut().find(|known| known.id == session)?;
        Some((
            found,
            Context {
                session,
                chance,
                anchor,
                cname,
                out,
                passing,
            },
        ))
    }

    /// Lets `work` change a stream, if it is there.
    fn with(
        &mut self,
        session: SessionId,
        stream: StreamIndex,
        out: &mut Outbox,
        work: impl FnOnce(&mut Stream, &mut Context<'_>),
    ) {
        let Some((session, mut cx)) = self.session(session, out) else {
            return;
        };
        let found = session
            .streams
            .iter_mut()
            .find(|known| known.index() == stream);
        if let Some(stream) = found {
            work(stream, &mut cx);
        }
    }
}

impl core::fmt::Debug for Call {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sessions: Vec<_> = self.sessions().collect();
        f.debug_struct("Call")
            .field("sessions", &sessions)
            .finish_non_exhaustive()
    }
}
