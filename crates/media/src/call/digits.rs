//! Digits of a call's streams: dialled, and listened for.

use talkpath_wire::Time;

use super::Call;
use crate::dtmf::{DialId, Dtmf, Inband, Wish};
use crate::{Outbox, SessionId, StreamIndex};

impl Call {
    /// Dials into a stream, when all before it is dialled.
    pub fn dial(
        &mut self,
        now: Time,
        (session, stream): (SessionId, StreamIndex),
        (id, dtmf): (DialId, Dtmf),
        out: &mut Outbox,
    ) {
        self.with(session, stream, out, |stream, cx| {
            stream.dial(now, id, dtmf, cx)
        });
        self.rearrange(now, session, stream);
    }

    /// Stops dialling into a stream: a key that is down is let go.
    pub fn stop_dialling(
        &mut self,
        session: SessionId,
        stream: StreamIndex,
        id: DialId,
        out: &mut Outbox,
    ) {
        self.with(session, stream, out, |stream, cx| {
            stream.stop_dialling(id, cx)
        });
    }

    /// Listens for keys in the sound of a stream, or no more. It listens while
    /// somebody hears the stream.
    pub fn listen_for_digits(
        &mut self,
        now: Time,
        (session, stream): (SessionId, StreamIndex),
        inband: Inband,
        out: &mut Outbox,
    ) {
        self.with(session, stream, out, |stream, cx| {
            stream.listen_for_digits(now, (Wish::Application, inband), cx)
        });
    }
}
