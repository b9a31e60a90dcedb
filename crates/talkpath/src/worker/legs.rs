//! Legs: what a worker keeps of each session beside its media.
//!
//! Where its call sits, who is at the other ends of its streams, and when its
//! statistics were published. Legs are a call's [`Ends`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use talkpath_media::{Call, Ends, SessionId, StreamIndex, Tick};
use talkpath_wire::Time;

use super::command::End;
use super::desk::Desk;
use super::published::Published;
use crate::files::PacketTap;

/// The legs of all sessions of a worker.
#[derive(Default)]
pub(crate) struct Legs {
    legs: BTreeMap<SessionId, Leg>,
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
}

impl Legs {
    pub(crate) fn add(&mut self, session: SessionId, seat: usize, published: Arc<Published>) {
        let leg = Leg {
            seat,
            published,
            last_published: None,
            desks: Vec::new(),
            taps: Vec::new(),
        };
        self.legs.insert(session, leg);
    }

    pub(crate) fn remove(&mut self, session: SessionId) -> Option<Leg> {
        self.legs.remove(&session)
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
                End::Packets(tap) => leg.taps.push(tap),
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
            leg.taps.retain_mut(|tap| tap.write(now, from, to, bytes));
        }
    }

    /// Whether anybody sits at a stream's other end.
    pub(crate) fn is_occupied(&mut self, session: SessionId, stream: StreamIndex) -> bool {
        self.desk(session, stream).is_some()
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

    fn publish_one(&mut self, now: Time, call: &Call, session: SessionId) -> Option<Time> {
        let leg = self.legs.get_mut(&session)?;
        let due = leg.last_published.map_or(now, |last| last + PUBLISH_EVERY);
        if now < due {
            return Some(due);
        }
        if !leg
            .published
            .publish(|stats| call.stats_into(now, session, stats))
        {
            return Some(now + RETRY);
        }
        leg.last_published = Some(now);
        None
    }

    fn desk(&mut self, session: SessionId, stream: StreamIndex) -> Option<&mut Desk> {
        let leg = self.legs.get_mut(&session)?;
        leg.desks
            .iter_mut()
            .find(|(index, _)| *index == stream)
            .map(|(_, desk)| desk)
    }
}

impl Leg {
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

    fn hear(&mut self, session: SessionId, stream: StreamIndex, tick: Tick<'_>) {
        if let Some(desk) = self.desk(session, stream) {
            desk.hear(tick);
        }
    }
}

/// How old published statistics may be.
const PUBLISH_EVERY: Duration = Duration::from_millis(20);
/// When to try again after a reader was in the way.
const RETRY: Duration = Duration::from_millis(1);
