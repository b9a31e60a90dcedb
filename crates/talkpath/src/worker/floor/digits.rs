//! Digits: dialled for those who wait for it, and listened for.

use talkpath_media::dtmf::{DialEnd, DialId, Dtmf, Inband};
use talkpath_media::{SessionId, StreamIndex};
use talkpath_wire::Time;

use super::Floor;
use crate::wait::Completer;

impl Floor {
    /// Dials into a stream. Where there is none, or no more, it is over at once.
    pub(crate) fn dial(
        &mut self,
        now: Time,
        (session, stream): (SessionId, StreamIndex),
        (id, dtmf): (DialId, Dtmf),
        done: Completer<DialEnd>,
    ) {
        let Some(seat) = self.legs.seat(session) else {
            return;
        };
        if !self.has_stream(seat, (session, stream)) {
            return done.complete(DialEnd::Stopped);
        }
        self.diallings.insert((session, id), done);
        self.with_call(seat, |call, _, outbox| {
            call.dial(now, (session, stream), (id, dtmf), outbox);
        });
    }

    fn has_stream(&self, seat: usize, (session, stream): (SessionId, StreamIndex)) -> bool {
        let call = self.seats.get(seat).and_then(Option::as_ref);
        let mut setups = call.into_iter().flat_map(|call| call.setups(session));
        setups.any(|(setup, _)| setup.stream == stream)
    }

    pub(crate) fn stop_dialling(
        &mut self,
        (session, stream): (SessionId, StreamIndex),
        id: DialId,
    ) {
        if let Some(seat) = self.legs.seat(session) {
            self.with_call(seat, |call, _, outbox| {
                call.stop_dialling(session, stream, id, outbox);
            });
        }
    }

    /// Listens for keys in the sound of a stream, or no more.
    pub(crate) fn listen_for_digits(
        &mut self,
        now: Time,
        who: (SessionId, StreamIndex),
        inband: Inband,
    ) {
        if let Some(seat) = self.legs.seat(who.0) {
            self.with_call(seat, |call, _, outbox| {
                call.listen_for_digits(now, who, inband, outbox);
            });
        }
    }
}
