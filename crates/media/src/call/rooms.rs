//! Sessions of a call that hear each other: who joins, leaves, passes and dials
//! what to whom. What a room does is in `room.rs`.

use talkpath_audio::mixer::Gain;
use talkpath_wire::Time;

use super::{Call, Context, Reach};
use crate::room::{Member, Room};
use crate::stream::Stream;
use crate::{Outbox, RoomId, SessionId, StreamIndex};

impl Call {
    /// Takes in the sessions and rooms of another call, so that they can be
    /// routed together.
    pub fn merge(&mut self, other: Call) {
        self.sessions.extend(other.sessions);
        self.sessions.sort_by_key(|known| known.id);
        self.rooms.extend(other.rooms);
    }

    /// Whether anybody sits in a room.
    pub fn has_room(&self, room: RoomId) -> bool {
        self.rooms.iter().any(|known| known.id() == room)
    }

    /// Lets a stream hear the others of a room, and them hear it. A room begins
    /// with its first stream; a stream that is in another one leaves that.
    pub fn join(&mut self, now: Time, room: RoomId, session: SessionId, stream: StreamIndex) {
        let member = Member { session, stream };
        let mut out = Outbox::new();
        let (rooms, mut streams) = self.split(&mut out);
        if streams.stream(member).is_none() {
            return;
        }
        for other in rooms.iter_mut().filter(|other| other.id() != room) {
            if other.has(member) {
                other.leave(now, member, &mut streams);
            }
        }
        let known = rooms.iter().position(|known| known.id() == room);
        let known = known.unwrap_or_else(|| {
            rooms.push(Room::new(room));
            rooms.len() - 1
        });
        rooms[known].join(now, member, &mut streams);
        rooms.retain(|room| !room.is_empty());
    }

    /// Lets a stream leave a room; one that is elsewhere by now stays there.
    pub fn leave(&mut self, now: Time, room: RoomId, session: SessionId, stream: StreamIndex) {
        self.leave_where(now, Member { session, stream }, |known| known == room);
    }

    /// Lets a stream leave whatever room it is in.
    pub(super) fn leave_all(&mut self, now: Time, session: SessionId, stream: StreamIndex) {
        self.leave_where(now, Member { session, stream }, |_| true);
    }

    fn leave_where(&mut self, now: Time, member: Member, which: impl Fn(RoomId) -> bool) {
        let mut out = Outbox::new();
        let (rooms, mut streams) = self.split(&mut out);
        for room in rooms
            .iter_mut()
            .filter(|room| which(room.id()) && room.has(member))
        {
            room.leave(now, member, &mut streams);
        }
        rooms.retain(|room| !room.is_empty());
    }

    /// Ends a room: each stream has the application alone at its other end.
    pub fn end_room(&mut self, now: Time, room: RoomId) {
        let mut out = Outbox::new();
        let (rooms, mut streams) = self.split(&mut out);
        if let Some(room) = rooms.iter_mut().find(|known| known.id() == room) {
            room.end(now, &mut streams);
        }
        rooms.retain(|room| !room.is_empty());
    }

    /// Makes a stream louder or quieter to the others of a room, or mutes it.
    pub fn set_gain(
        &mut self,
        now: Time,
        room: RoomId,
        (session, stream): (SessionId, StreamIndex),
        gain: Gain,
    ) {
        let member = Member { session, stream };
        let mut rooms = self.rooms.iter_mut();
        if let Some(room) = rooms.find(|known| known.id() == room && known.has(member)) {
            room.set_gain(member, gain);
        }
        self.rearrange(now, session, stream);
    }

    /// Arranges the room of a stream anew.
    pub(super) fn rearrange(&mut self, now: Time, session: SessionId, stream: StreamIndex) {
        let member = Member { session, stream };
        let mut out = Outbox::new();
        let (rooms, mut streams) = self.split(&mut out);
        for room in rooms.iter_mut().filter(|room| room.has(member)) {
            room.arrange(now, &mut streams);
        }
        rooms.retain(|room| !room.is_empty());
    }

    /// Lets digits that were heard in a room be dialled by its others.
    pub(super) fn carry(&mut self, now: Time, out: &mut Outbox) {
        while let Some((by, press)) = self.passing.next_press() {
            let (rooms, mut streams) = self.split(out);
            if let Some(room) = rooms.iter_mut().find(|room| room.has(by)) {
                room.carry(now, (by, press), &mut streams);
            }
        }
    }

    /// Hands on whatever passes from one stream to others.
    pub(super) fn pass_on(&mut self, now: Time, out: &mut Outbox) -> Reach {
        if self.passing.is_empty() {
            return Reach::Stream;
        }
        let reach = match self.passing.holds_packets_only() {
            true => Reach::Stream,
            false => Reach::Call,
        };
        let mut passing = core::mem::take(&mut self.passing);
        while let Some(Member { session, stream }) = passing.next_misfit() {
            self.rearrange(now, session, stream);
        }
        while let Some(for_whom) = passing.next_request() {
            self.with_other(for_whom, out, |stream, _| stream.pass_keyframe_request());
        }
        passing.drain(|from, number, bytes| {
            self.with_other(from, out, |stream, cx| {
                stream.send_on(now, number, bytes, cx)
            });
        });
        // Digits came meanwhile, if any did.
        let mut came = core::mem::replace(&mut self.passing, passing);
        while let Some((by, press)) = came.next_press() {
            self.passing.press(by, press);
        }
        self.carry(now, out);
        reach
    }

    /// Lets `work` change the stream of the only other one in a member's room.
    fn with_other(
        &mut self,
        member: Member,
        out: &mut Outbox,
        work: impl FnOnce(&mut Stream, &mut Context<'_>),
    ) {
        let other = self.rooms.iter().find_map(|room| room.other(member));
        if let Some(Member { session, stream }) = other {
            self.with(session, stream, out, work);
        }
    }
}
