//! Legs: what a worker keeps of each session beside its media.
//!
//! Where its call sits, who is at the other ends of its streams, and when its
//! statistics were published. Legs are a call's [`Ends`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use talkpath_media::{
    Call, Ends, Path, Picture, SessionId, SessionStats, SocketKey, StreamIndex, Tick, Watching,
};
use talkpath_wire::Time;

use super::command::End;
use super::desk::Desk;
use super::published::Published;
use super::sockets::User;
use crate::event::Happening;
use crate::files::{FileCommand, PacketTap};
use crate::mailbox::Permit;

/// The legs of all sessions of a worker.
#[derive(Default)]
pub(crate) struct Legs {
    legs: BTreeMap<SessionId, Leg>,
    /// How many taps there are: mostly none, and then nobody looks for them.
    taps: usize,
    /// What was heard that is to be told.
    happened: Vec<(SessionId, Happening)>,
}

/// One session's.
pub(crate) struct Leg {
    /// The place of its call on the floor.
    pub(crate) seat: usize,
    pub(crate) published: Arc<Published>,
    last_published: Option<Time>,
    desks: Vec<(StreamIndex, Desk)>,
    /// Where its datagrams are captured or watched.
    taps: Vec<PacketTap>,
    sockets: Vec<(SocketKey, User)>,
    /// The way to the files task, once it had a file.
    pub(crate) farewell: Option<Permit<FileCommand>>,
}

impl Legs {
    pub(crate) fn add(&mut self, session: SessionId, seat: usize, published: Arc<Published>) {
        let leg = Leg {
            seat,
            published,
            last_published: None,
            desks: Vec::new(),
            taps: Vec::new(),
            sockets: Vec::new(),
            farewell: None,
        };
        self.legs.insert(session, leg);
    }

    pub(crate) fn remove(&mut self, session: SessionId) -> Option<Leg> {
        let leg = self.legs.remove(&session)?;
        self.taps -= leg.taps.len();
        Some(leg)
    }

    /// Notes that a session uses a socket.
    pub(crate) fn uses(&mut self, session: SessionId, key: SocketKey, user: User) {
        if let Some(leg) = self.legs.get_mut(&session) {
            leg.sockets.push((key, user));
        }
    }

    /// The sockets that a session uses.
    pub(crate) fn sockets(&self, session: SessionId) -> Vec<(SocketKey, User)> {
        let leg = self.legs.get(&session);
        leg.map(|leg| leg.sockets.clone()).unwrap_or_default()
    }

    /// Takes those sockets from a session that `which` names.
    pub(crate) fn uses_no_more(
        &mut self,
        session: SessionId,
        which: impl Fn(&Path) -> bool,
    ) -> Vec<(SocketKey, User)> {
        let Some(leg) = self.legs.get_mut(&session) else {
            return Vec::new();
        };
        let gone = leg.sockets.extract_if(.., |(_, user)| which(&user.path));
        gone.collect()
    }

    /// Keeps a way to the files task for when the session closes; one is
    /// enough.
    pub(crate) fn will_say_farewell(
        &mut self,
        session: SessionId,
        farewell: Option<Permit<FileCommand>>,
    ) {
        if let Some(leg) = self.legs.get_mut(&session)
            && leg.farewell.is_none()
        {
            leg.farewell = farewell;
        }
    }

    /// What was heard that is to be told.
    pub(crate) fn drain_happened(&mut self) -> impl Iterator<Item = (SessionId, Happening)> + '_ {
        self.happened.drain(..)
    }

    /// Those who sat on the seat `from` sit on another.
    pub(crate) fn reseat(&mut self, from: usize, to: usize) {
        for leg in self.legs.values_mut().filter(|leg| leg.seat == from) {
            leg.seat = to;
            for (_, user) in &mut leg.sockets {
                user.seat = to;
            }
        }
    }

    /// Whether the datagrams of any session are captured.
    pub(crate) fn are_tapped(&self) -> bool {
        self.taps > 0
    }

    /// The place of a session's call.
    pub(crate) fn seat(&self, session: SessionId) -> Option<usize> {
        self.legs.get(&session).map(|leg| leg.seat)
    }

    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        self.legs.keys().copied().collect()
    }

    /// The sessions of the call at `seat`.
    pub(crate) fn of_seat(&self, seat: usize) -> Vec<SessionId> {
        let here = self.legs.iter().filter(|(_, leg)| leg.seat == seat);
        here.map(|(session, _)| *session).collect()
    }

    pub(crate) fn attach(&mut self, session: SessionId, stream: StreamIndex, end: End) {
        if let Some(leg) = self.legs.get_mut(&session) {
            match end {
                End::Packets(tap) => {
                    leg.taps.push(tap);
                    self.taps += 1;
                }
                end => leg.desk(stream).attach(end),
            }
        }
    }

    /// Captures a datagram of a session, if its datagrams are captured.
    pub(crate) fn capture(
        &mut self,
        now: Time,
        session: SessionId,
        (from, to): (SocketAddr, SocketAddr),
        bytes: &[u8],
    ) {
        if let Some(leg) = self.legs.get_mut(&session) {
            let before = leg.taps.len();
            leg.taps.retain_mut(|tap| tap.write(now, from, to, bytes));
            self.taps -= before - leg.taps.len();
        }
    }

    /// Whether anybody sits at a stream's other end.
    pub(crate) fn is_occupied(&mut self, session: SessionId, stream: StreamIndex) -> bool {
        self.desk(session, stream)
            .is_some_and(|desk| desk.is_occupied())
    }

    /// Whether anybody there watches.
    pub(crate) fn is_watched(&mut self, session: SessionId, stream: StreamIndex) -> bool {
        self.desk(session, stream)
            .is_some_and(|desk| desk.is_watched())
    }

    pub(crate) fn clear_desk(&mut self, session: SessionId, stream: StreamIndex) {
        if let Some(leg) = self.legs.get_mut(&session) {
            leg.desks.retain(|(index, _)| *index != stream);
        }
    }

    /// Publishes the statistics of a call's sessions, each at most every
    /// 20 ms; tells when it wants to be asked again.
    pub(crate) fn publish(&mut self, now: Time, call: &Call) -> Option<Time> {
        call.sessions()
            .filter_map(|session| self.publish_one(now, call, session))
            .min()
    }

    /// The same for one session.
    pub(crate) fn publish_one(
        &mut self,
        now: Time,
        call: &Call,
        session: SessionId,
    ) -> Option<Time> {
        let leg = self.legs.get_mut(&session)?;
        let due = leg.last_published.map_or(now, |last| last + PUBLISH_EVERY);
        if now < due {
            return Some(due);
        }
        if !leg.published.publish(|stats| {
            call.stats_into(now, session, stats);
            leg.add_waiting(call, session, stats);
        }) {
            return Some(now + RETRY);
        }
        leg.last_published = Some(now);
        None
    }

    fn desk(&mut self, session: SessionId, stream: StreamIndex) -> Option<&mut Desk> {
        self.legs.get_mut(&session)?.known(stream)
    }
}

impl Leg {
    /// The desk of `stream`, if there is one.
    fn known(&mut self, stream: StreamIndex) -> Option<&mut Desk> {
        let mut desks = self.desks.iter_mut();
        let found = desks.find(|(index, _)| *index == stream);
        found.map(|(_, desk)| desk)
    }

    /// Adds to the statistics of a call what waits at its ends.
    fn add_waiting(&self, call: &Call, session: SessionId, stats: &mut SessionStats) {
        for (index, desk) in &self.desks {
            let setup = call
                .setups(session)
                .find(|(setup, _)| setup.stream == *index);
            let found = stats
                .streams
                .iter_mut()
                .find(|stats| stats.stream == *index);
            if let (Some(stats), Some((setup, _))) = (found, setup) {
                stats.waiting = desk.waiting(setup.rate);
            }
        }
    }

    /// The desk of `stream`, made if there is none.
    fn desk(&mut self, stream: StreamIndex) -> &mut Desk {
        let found = self.desks.iter().position(|(index, _)| *index == stream);
        let index = found.unwrap_or_else(|| {
            self.desks.push((stream, Desk::default()));
            self.desks.len() - 1
        });
        &mut self.desks[index].1
    }
}

impl Ends for Legs {
    fn has_words(&mut self, session: SessionId, stream: StreamIndex) -> bool {
        self.desk(session, stream)
            .is_some_and(|desk| desk.has_words())
    }

    fn say(&mut self, session: SessionId, stream: StreamIndex, frame: &mut [i16]) -> usize {
        self.desk(session, stream).map_or(0, |desk| desk.say(frame))
    }

    fn is_attended(&mut self, session: SessionId, stream: StreamIndex) -> bool {
        self.is_occupied(session, stream)
    }

    fn hear(&mut self, session: SessionId, stream: StreamIndex, tick: Tick<'_>) {
        let Legs { legs, happened, .. } = self;
        let desk = legs.get_mut(&session).and_then(|leg| leg.known(stream));
        if let Some(desk) = desk {
            desk.hear(tick, &mut |what| happened.push((session, what)));
        }
    }

    fn see(&mut self, session: SessionId, stream: StreamIndex, picture: Picture<'_>) -> Watching {
        let desk = self.desk(session, stream);
        desk.map_or(Watching::Over, |desk| desk.see(&picture))
    }
}

/// How old published statistics may be.
const PUBLISH_EVERY: Duration = Duration::from_millis(20);
/// When to try again after a reader was in the way.
const RETRY: Duration = Duration::from_millis(1);
