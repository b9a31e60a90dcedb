//! How sessions leave: a goodbye, the last packets, the sockets, the files, and
//! the event that says so, in this order.

use std::sync::Arc;

use talkpath_media::SessionId;
use talkpath_wire::Time;

use super::Floor;
use crate::driver::Io;
use crate::event::{CloseReason, Happening};
use crate::files::FileCommand;
use crate::mailbox::Permit;
use crate::wait::Completer;
use crate::worker::legs::Leg;

pub(super) struct Leaving {
    pub(super) session: SessionId,
    pub(super) reason: CloseReason,
    pub(super) done: Option<Completer<()>>,
}

pub(super) struct Parted {
    pub(super) session: SessionId,
    pub(super) reason: CloseReason,
    pub(super) done: Option<Completer<()>>,
    /// The way to the files task, if files are to be finished.
    farewell: Option<Permit<FileCommand>>,
}

impl Floor {
    /// Lets a session say goodbye; [`Floor::vacate`] ends it after the flush.
    pub(crate) fn close(
        &mut self,
        now: Time,
        session: SessionId,
        reason: CloseReason,
        done: Option<Completer<()>>,
    ) {
        let is_leaving = self
            .leaving
            .iter()
            .any(|leaving| leaving.session == session);
        self.leaving.push(Leaving {
            session,
            reason,
            done,
        });
        if let (Some(seat), false) = (self.legs.seat(session), is_leaving) {
            self.with_call(seat, |call, _, outbox| {
                call.close_session(now, session, outbox)
            });
        }
    }

    pub(crate) fn close_all(&mut self, now: Time, reason: CloseReason) {
        for session in self.legs.sessions() {
            self.close(now, session, reason, None);
        }
    }

    /// Ends the sessions that have said goodbye.
    pub(crate) fn vacate(&mut self, now: Time, io: &mut dyn Io) {
        for Leaving {
            session,
            reason,
            done,
        } in std::mem::take(&mut self.leaving)
        {
            self.leave(io, session, |_| true);
            let Some(mut leg) = self.legs.remove(session) else {
                // It had left before.
                if let Some(done) = done {
                    done.complete(());
                }
                continue;
            };
            let farewell = leg.farewell.take();
            let published = Arc::clone(&leg.published);
            self.diallings.retain(|(known, _), _| *known != session);
            self.retire(now, session, leg);
            published.end();
            self.parted.push(Parted {
                session,
                reason,
                done,
                farewell,
            });
        }
    }

    /// Says last what is said last: that sessions are closed. Where files are
    /// to be finished first, the files task says it.
    pub(crate) fn part(&mut self, say: &mut dyn FnMut(SessionId, Happening)) {
        for Parted {
            session,
            reason,
            done,
            farewell,
        } in self.parted.drain(..)
        {
            if let Some(farewell) = farewell {
                farewell.send(FileCommand::Farewell {
                    session,
                    reason,
                    done,
                });
                continue;
            }
            if reason != CloseReason::NeverBegan {
                say(session, Happening::Closed { reason });
            }
            if let Some(done) = done {
                done.complete(());
            }
        }
    }

    /// Takes a session that is over out of its call, and an empty call away.
    fn retire(&mut self, now: Time, session: SessionId, leg: Leg) {
        let Some(Some(call)) = self.seats.get_mut(leg.seat) else {
            return;
        };
        leg.published
            .publish_last(|stats| call.stats_into(now, session, stats));
        call.remove_session(now, session);
        if call.is_empty() {
            self.vacate_seat(leg.seat);
        } else {
            self.forget_rooms(leg.seat);
            self.touched.mark(leg.seat);
        }
    }
}
