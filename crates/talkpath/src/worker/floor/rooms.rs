//! Sessions that hear each other: their calls become one.

use talkpath_audio::mixer::Gain;
use talkpath_media::{RoomId, SessionId, StreamIndex};
use talkpath_wire::Time;

use super::Floor;

impl Floor {
    /// Lets a stream join a room: its call and that of the room become one.
    pub(crate) fn join(
        &mut self,
        now: Time,
        room: RoomId,
        (session, stream): (SessionId, StreamIndex),
    ) {
        let Some(from) = self.legs.seat(session) else {
            return;
        };
        let known = self.rooms.iter().find(|(known, _)| *known == room);
        let seat = known.map_or(from, |(_, seat)| *seat);
        if known.is_none() {
            self.rooms.push((room, seat));
        }
        if from != seat {
            self.merge(from, seat);
        }
        self.with_call(seat, |call, _, _| call.join(now, room, session, stream));
    }

    /// Makes a stream louder or quieter to the others of a room.
    pub(crate) fn set_gain(
        &mut self,
        now: Time,
        room: RoomId,
        (session, stream): (SessionId, StreamIndex),
        gain: Gain,
    ) {
        if let Some(seat) = self.legs.seat(session) {
            self.with_call(seat, |call, _, _| {
                call.set_gain(now, room, (session, stream), gain)
            });
        }
    }

    /// Lets a session leave a room.
    pub(crate) fn leave_room(&mut self, now: Time, room: RoomId, session: SessionId) {
        if let Some(seat) = self.legs.seat(session) {
            self.with_call(seat, |call, _, _| {
                let streams: Vec<_> = call
                    .setups(session)
                    .map(|(setup, _)| setup.stream)
                    .collect();
                for stream in streams {
                    call.leave(now, room, session, stream);
                }
            });
        }
    }

    pub(crate) fn end_room(&mut self, now: Time, room: RoomId) {
        let found = self.rooms.iter().position(|(known, _)| *known == room);
        if let Some(found) = found {
            let (room, seat) = self.rooms.swap_remove(found);
            self.with_call(seat, |call, _, _| call.end_room(now, room));
        }
    }

    /// Moves what sits on the seat `from` to another.
    fn merge(&mut self, from: usize, to: usize) {
        let Some(moved) = self.seats[from].take() else {
            return;
        };
        if let Some(Some(call)) = self.seats.get_mut(to) {
            call.merge(moved);
        }
        self.legs.reseat(from, to);
        self.sockets.reseat(from, to);
        for (_, seat) in self.rooms.iter_mut().filter(|(_, seat)| *seat == from) {
            *seat = to;
        }
        self.vacate_seat(from);
    }
}
