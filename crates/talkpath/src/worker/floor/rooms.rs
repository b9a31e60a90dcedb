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
        self.forget_rooms(seat);
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
            self.forget_rooms(seat);
        }
    }

    pub(crate) fn end_room(&mut self, now: Time, room: RoomId) {
        let found = self.rooms.iter().position(|(known, _)| *known == room);
        if let Some(found) = found {
            let (room, seat) = self.rooms.swap_remove(found);
            self.with_call(seat, |call, _, _| call.end_room(now, room));
        }
    }

    /// Forgets the rooms of a call that nobody sits in any more.
    pub(super) fn forget_rooms(&mut self, seat: usize) {
        if let Some(Some(call)) = self.seats.get(seat) {
            self.rooms
                .retain(|(room, of)| *of != seat || call.has_room(*room));
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use talkpath_audio::SampleRate;
    use talkpath_media::playout::Target;
    use talkpath_media::rtp::{Cname, NtpAnchor};
    use talkpath_media::{
        Call, CallSetup, Pause, SocketKey, StreamSetup, StreamSockets, Transmit, Transmits,
    };
    use talkpath_transport::{AddressRules, SourcePolicy};
    use talkpath_wire::NtpTime;

    use super::*;
    use crate::driver::{Batch, Io, Socket};
    use crate::event::CloseReason;

    /// Takes everything and brings nothing.
    struct Nowhere;

    impl Io for Nowhere {
        fn now(&self) -> Time {
            Time::ZERO
        }

        fn adopt(&mut self, _: SocketKey, _: Socket) -> std::io::Result<()> {
            Ok(())
        }

        fn release(&mut self, _: SocketKey) {}

        fn receive(&mut self, _: &mut Batch) {}

        fn send(&mut self, _: &Transmits, _: &mut dyn FnMut(Transmit<'_>, std::io::ErrorKind)) {}
    }

    const AUDIO: StreamIndex = StreamIndex(0);

    /// Opens a session with a stream, in a call of its own.
    fn open(floor: &mut Floor, session: SessionId) {
        let mut call = Call::new(CallSetup {
            seed: session.0,
            anchor: NtpAnchor {
                at: Time::ZERO,
                ntp: NtpTime::from_unix(Duration::ZERO),
            },
            cname: Cname::from_random([1; 12]),
        });
        let own = SocketAddr::from(([192, 0, 2, 1], 5000));
        let setup = StreamSetup {
            stream: AUDIO,
            policy: SourcePolicy::Signalled,
            rules: AddressRules::for_local(own.ip()),
            rate: SampleRate::HZ_8000,
            media_timeout: Duration::from_secs(20),
            pause: Pause::SendNothing,
            playout: Target::default(),
        };
        let sockets = StreamSockets {
            rtp: SocketKey(session.0 as _),
            rtcp: None,
            own: [own].into(),
        };
        call.add_session(session);
        call.add_stream(Time::ZERO, session, setup, sockets);
        floor.open(session, call, Default::default());
    }

    #[test]
    fn a_thousand_rooms_beside_one_session_leave_nothing() {
        let (now, long) = (Time::ZERO, SessionId(0));
        let mut floor = Floor::new(now);
        open(&mut floor, long);
        for n in 1..=1000 {
            let (room, other) = (RoomId(n), SessionId(n));
            open(&mut floor, other);
            floor.join(now, room, (long, AUDIO));
            floor.join(now, room, (other, AUDIO));
            assert_eq!(floor.rooms.len(), 1);
            match n % 3 {
                // The next room takes the long one out, and the other closes.
                0 => floor.close(now, other, CloseReason::Application, None),
                1 => {
                    floor.leave_room(now, room, long);
                    floor.leave_room(now, room, other);
                    assert!(floor.rooms.is_empty());
                    floor.close(now, other, CloseReason::Application, None);
                }
                _ => {
                    floor.end_room(now, room);
                    floor.close(now, other, CloseReason::Application, None);
                }
            }
            floor.vacate(now, &mut Nowhere);
            floor.part(&mut |_, _| {});
            floor.look_after(now);
        }
        floor.leave_room(now, RoomId(999), long);
        assert!(floor.rooms.is_empty());
        assert!(floor.seats.len() <= 2, "{}", floor.seats.len());
        assert_eq!(floor.seats.iter().flatten().count(), 1);
        assert_eq!(floor.legs.sessions(), [long]);
    }
}
