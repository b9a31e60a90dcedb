//! The floor: the seats of a worker's sessions, their sockets and timers.
//!
//! In: datagrams, deadlines and the effects of commands. Out: the outbox and
//! events. A panic in one call ends that call alone.

mod digits;
mod parting;
mod rooms;
mod touched;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use talkpath_media::dtmf::{DialEnd, DialId};
use talkpath_media::{
    Call, MediaHappening, Mute, Outbox, Path, Reach, RoomId, SessionId, SocketKey, StreamIndex,
    StreamSockets,
};
use talkpath_transport::{Component, DropReason};
use talkpath_wire::Time;

use super::command::{End, NewStream, Step};
use super::legs::Legs;
use super::published::Published;
use super::sockets::{Sockets, User};
use super::wheel::Wheel;
use crate::driver::{Batch, Datagram, Io};
use crate::event::{CloseReason, Happening, Trouble};
use crate::files::FileCommand;
use crate::mailbox::Permit;
use crate::ports::LeasedSocket;
use crate::wait::Completer;
use parting::{Leaving, Parted};
use touched::Touched;

/// Seats, sockets and timers.
pub(crate) struct Floor {
    /// One call each; a seat's number is its key in the wheel.
    seats: Vec<Option<Call>>,
    free: Vec<usize>,
    /// In which call a room is.
    rooms: Vec<(RoomId, usize)>,
    legs: Legs,
    sockets: Sockets,
    wheel: Wheel,
    /// Calls that are to be looked after.
    touched: Touched,
    due: Vec<(Time, usize)>,
    outbox: Outbox,
    happenings: Vec<(SessionId, Happening)>,
    /// Sessions whose goodbye is in the outbox.
    leaving: Vec<Leaving>,
    /// Sessions that are gone, and nobody was told yet.
    parted: Vec<Parted>,
    /// Who waits for what is dialled.
    diallings: BTreeMap<(SessionId, DialId), Completer<DialEnd>>,
}

impl Floor {
    pub(crate) fn new(now: Time) -> Self {
        Floor {
            seats: Vec::new(),
            free: Vec::new(),
            rooms: Vec::new(),
            legs: Legs::default(),
            sockets: Sockets::default(),
            wheel: Wheel::new(now),
            touched: Touched::default(),
            due: Vec::new(),
            outbox: Outbox::with_capacity(DATAGRAMS, BYTES),
            happenings: Vec::new(),
            leaving: Vec::new(),
            parted: Vec::new(),
            diallings: BTreeMap::new(),
        }
    }

    /// Takes in a call with one session that has no streams yet.
    pub(crate) fn open(&mut self, session: SessionId, call: Call, published: Arc<Published>) {
        let seat = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        self.seats[seat] = Some(call);
        self.legs.add(session, seat, published);
    }

    /// Hands every datagram of `batch` to its call.
    pub(crate) fn take(&mut self, now: Time, batch: &mut Batch) {
        batch.drain(|datagram| self.take_one(now, datagram));
    }

    fn take_one(&mut self, now: Time, datagram: Datagram<'_>) {
        let Some(user) = self.user_of(&datagram) else {
            return;
        };
        self.sockets.mark_used(datagram.socket);
        if self.legs.are_tapped()
            && let (Some(bytes), Some(local)) =
                (&datagram.bytes, self.sockets.local(datagram.socket))
        {
            let session = user.path.session;
            self.legs
                .capture(now, session, (datagram.from, local), bytes);
        }
        let Path {
            session, stream, ..
        } = user.path;
        let mut reach = Reach::Stream;
        self.work_on(user.seat, |call, _, outbox| match datagram.bytes {
            Some(bytes) => {
                reach = call.handle_datagram(now, user.path, datagram.from, bytes, outbox);
            }
            None => call.count_drop(now, session, stream, DropReason::Truncated),
        });
        match reach {
            Reach::Stream => self.touched.mark_stream(user.seat, session, stream),
            Reach::Call => self.touched.mark(user.seat),
        }
    }

    /// Whose a datagram is: of several forks on one socket, the one whose peer
    /// its source fits best.
    fn user_of(&self, datagram: &Datagram<'_>) -> Option<User> {
        let users = self.sockets.users(datagram.socket);
        let fit = |user: &&User| {
            let call = self.seats.get(user.seat).and_then(Option::as_ref);
            call.map(|call| call.fit(user.path, datagram.from))
        };
        match users {
            [] => None,
            [only] => Some(*only),
            // Of equals, the first.
            several => several.iter().rev().max_by_key(fit).copied(),
        }
    }

    /// Does what is due.
    pub(crate) fn expire(&mut self, now: Time) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.expire(now, &mut due);
        for (_, seat) in &due {
            self.with_call(*seat, |call, legs, outbox| {
                call.handle_timeout(now, legs, outbox);
            });
        }
        self.due = due;
    }

    /// Carries out a committed step of negotiation.
    pub(crate) fn negotiated(
        &mut self,
        now: Time,
        io: &mut dyn Io,
        session: SessionId,
        mut step: Step,
    ) {
        let Some(seat) = self.legs.seat(session) else {
            return;
        };
        self.tell(session, std::mem::take(&mut step.tell));
        for &stream in &step.end {
            self.with_call(seat, |call, legs, outbox| {
                call.remove_stream(now, session, stream, outbox);
                legs.clear_desk(session, stream);
            });
            self.leave(io, session, |path| path.stream == stream);
            self.forget_rooms(seat);
        }
        for new in std::mem::take(&mut step.begin) {
            if let Err(error) = self.begin(now, io, (session, seat), new) {
                let kind = error.kind();
                self.tell(session, [Happening::Error(Trouble::Socket { kind })]);
                self.close(now, session, CloseReason::Internal, None);
                return;
            }
        }
        self.settle(now, io, (session, seat), step);
    }

    /// Tells a session's streams what is agreed, and frees what that leaves.
    fn settle(
        &mut self,
        now: Time,
        io: &mut dyn Io,
        (session, seat): (SessionId, usize),
        step: Step,
    ) {
        self.with_call(seat, |call, _, outbox| {
            for (stream, agreement) in step.agree {
                call.agree(now, session, stream, agreement, outbox);
            }
            for stream in &step.free_rtcp {
                call.free_rtcp(session, *stream);
            }
        });
        for stream in step.free_rtcp {
            self.leave(io, session, |path| {
                path.stream == stream && path.component == Component::Rtcp
            });
        }
    }

    fn begin(
        &mut self,
        now: Time,
        io: &mut dyn Io,
        (session, seat): (SessionId, usize),
        new: NewStream,
    ) -> std::io::Result<()> {
        let NewStream {
            setup,
            own,
            rtp,
            rtcp,
        } = new;
        let stream = setup.stream;
        let user = |component| User {
            seat,
            path: Path {
                session,
                stream,
                component,
            },
        };
        // Ports that the stream had before are replaced.
        self.leave(io, session, |path| path.stream == stream);
        let rtp = self.adopt(io, rtp, user(Component::Rtp))?;
        let rtcp = match rtcp {
            Some(rtcp) => Some(self.adopt(io, rtcp, user(Component::Rtcp))?),
            None => None,
        };
        self.with_call(seat, |call, legs, _| {
            call.add_stream(now, session, setup, StreamSockets { rtp, rtcp, own });
            if legs.is_occupied(session, stream) {
                call.listen(now, session, stream);
            }
            if legs.is_watched(session, stream) {
                call.watch(session, stream);
            }
        });
        Ok(())
    }

    fn adopt(
        &mut self,
        io: &mut dyn Io,
        leased: LeasedSocket,
        user: User,
    ) -> std::io::Result<SocketKey> {
        let key = self.sockets.adopt(io, leased, user)?;
        self.legs.uses(user.path.session, key, user);
        Ok(key)
    }

    /// Lets a fork, already open, share the sockets of the session `of`.
    pub(crate) fn fork(
        &mut self,
        now: Time,
        io: &mut dyn Io,
        (session, of): (SessionId, SessionId),
        mut step: Step,
    ) {
        let Some(seat) = self.legs.seat(session) else {
            return;
        };
        self.tell(session, std::mem::take(&mut step.tell));
        let parent = self
            .legs
            .seat(of)
            .and_then(|seat| self.seats[seat].as_ref());
        let Some(parent) = parent else {
            // The ports went with the session that had them.
            return self.close(now, session, CloseReason::Internal, None);
        };
        let mute = parent.muted(of);
        let parts: Vec<_> = parent
            .setups(of)
            .map(|(setup, sockets)| (setup.clone(), sockets.clone()))
            .collect();
        for (key, user) in self.legs.sockets(of) {
            let path = Path {
                session,
                ..user.path
            };
            self.sockets.share(key, User { seat, path });
            self.legs.uses(session, key, User { seat, path });
        }
        self.with_call(seat, |call, _, _| {
            call.mute(now, session, mute);
            for (setup, sockets) in parts {
                call.add_stream(now, session, setup, sockets);
            }
        });
        self.settle(now, io, (session, seat), step);
    }

    /// Attaches an end to a stream.
    pub(crate) fn attach(
        &mut self,
        now: Time,
        (session, stream): (SessionId, StreamIndex),
        end: End,
        farewell: Option<Permit<FileCommand>>,
    ) {
        let Some(seat) = self.legs.seat(session) else {
            return;
        };
        self.with_call(seat, |call, legs, _| {
            legs.attach(session, stream, end);
            legs.will_say_farewell(session, farewell);
            if legs.is_occupied(session, stream) {
                call.listen(now, session, stream);
            }
            if legs.is_watched(session, stream) {
                call.watch(session, stream);
            }
        });
    }

    pub(crate) fn mute(&mut self, now: Time, session: SessionId, mute: Mute) {
        if let Some(seat) = self.legs.seat(session) {
            self.with_call(seat, |call, _, _| call.mute(now, session, mute));
        }
    }

    /// Sends what is in the outbox.
    pub(crate) fn flush(&mut self, io: &mut dyn Io) {
        let now = io.now();
        let Floor {
            outbox,
            sockets,
            seats,
            legs,
            ..
        } = self;
        if legs.are_tapped() {
            for transmit in outbox.transmits.iter() {
                if let (Some((session, _)), Some(local)) =
                    (transmit.owner, sockets.local(transmit.socket))
                {
                    legs.capture(now, session, (local, transmit.to), transmit.bytes);
                }
            }
        }
        io.send(&outbox.transmits, &mut |transmit, _| {
            let Some((session, stream)) = transmit.owner else {
                return;
            };
            let seat = legs.seat(session);
            if let Some(Some(call)) = seat.and_then(|seat| seats.get_mut(seat)) {
                call.count_send_error(now, session, stream);
            }
        });
        outbox.transmits.clear();
    }

    fn vacate_seat(&mut self, seat: usize) {
        self.seats[seat] = None;
        self.rooms.retain(|(_, of)| *of != seat);
        self.free.push(seat);
        self.wheel.set(seat, None);
    }

    /// What happened since asked last.
    pub(crate) fn drain_events(&mut self) -> impl Iterator<Item = (SessionId, Happening)> + '_ {
        self.happenings.drain(..)
    }

    /// When the next deadline is of all that were looked after.
    pub(crate) fn next(&self) -> Option<Time> {
        if !self.leaving.is_empty() {
            // Whose call broke while it was looked after leaves at once.
            return Some(Time::ZERO);
        }
        self.wheel.next()
    }

    /// Gives up those sockets of a session that `which` names, once what was
    /// to be sent from them has left.
    fn leave(&mut self, io: &mut dyn Io, session: SessionId, which: impl Fn(&Path) -> bool) {
        self.flush(io);
        for (key, user) in self.legs.uses_no_more(session, which) {
            self.sockets.leave(io, key, user);
        }
    }

    fn tell(&mut self, session: SessionId, what: impl IntoIterator<Item = Happening>) {
        let told = what.into_iter().map(|what| (session, what));
        self.happenings.extend(told);
    }

    /// Lets `work` change a call, which is to be looked after then.
    fn with_call(&mut self, seat: usize, work: impl FnOnce(&mut Call, &mut Legs, &mut Outbox)) {
        self.touched.mark(seat);
        self.work_on(seat, work);
    }

    /// Lets `work` change a call, and hears its events. A panic ends that call.
    fn work_on(&mut self, seat: usize, work: impl FnOnce(&mut Call, &mut Legs, &mut Outbox)) {
        let Some(Some(call)) = self.seats.get_mut(seat) else {
            return;
        };
        let (legs, outbox) = (&mut self.legs, &mut self.outbox);
        let survived = catch_unwind(AssertUnwindSafe(|| work(call, legs, outbox)));
        for event in outbox.events.drain(..) {
            if let MediaHappening::Dialled { id, end } = event.what {
                if let Some(done) = self.diallings.remove(&(event.session, id)) {
                    done.complete(end);
                }
                continue;
            }
            let what = Happening::from_media(event.stream, event.what);
            let told = what.map(|what| (event.session, what));
            self.happenings.extend(told);
        }
        self.happenings.extend(self.legs.drain_happened());
        if survived.is_err() {
            self.collapse(seat);
        }
    }

    /// Looks after the calls that changed: their statistics, their next
    /// deadlines. Nobody sleeps before that.
    pub(crate) fn look_after(&mut self, now: Time) {
        while let Some((seat, session, stream)) = self.touched.next_stream() {
            let Some(Some(call)) = self.seats.get(seat) else {
                continue;
            };
            let legs = &mut self.legs;
            let deadline = catch_unwind(AssertUnwindSafe(|| {
                let publish = legs.publish_one(now, call, session);
                earlier(call.stream_timeout(session, stream), publish)
            }));
            match deadline {
                Ok(deadline) => self.wheel.bring_forward(seat, deadline),
                Err(_) => self.collapse(seat),
            }
        }
        while let Some(seat) = self.touched.next() {
            let Some(Some(call)) = self.seats.get(seat) else {
                continue;
            };
            let legs = &mut self.legs;
            let deadline = catch_unwind(AssertUnwindSafe(|| {
                earlier(call.poll_timeout(), legs.publish(now, call))
            }));
            match deadline {
                Ok(deadline) => self.wheel.set(seat, deadline),
                Err(_) => self.collapse(seat),
            }
        }
    }

    /// A defect of ours broke a call: its sessions end, whatever state it is in.
    fn collapse(&mut self, seat: usize) {
        self.vacate_seat(seat);
        for session in self.legs.of_seat(seat) {
            self.leaving.push(Leaving {
                session,
                reason: CloseReason::Internal,
                done: None,
            });
        }
    }
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Datagrams and bytes that an outbox has memory for from the beginning: a tick
/// of a few hundred streams. A busier worker's grows once.
const DATAGRAMS: usize = 256;
const BYTES: usize = 64 * 1024;
