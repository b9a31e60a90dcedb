//! Calls and streams that changed since they were looked after.
//!
//! What a call wants next is asked once for all that a turn did to it, not for
//! each datagram: to ask costs as much as the call has streams. Where a datagram
//! changed one stream alone, that one is asked. In: seats and streams, each as
//! often as it likes. Out: each seat once; streams as they came.

use talkpath_media::{SessionId, StreamIndex};

/// Seats whose calls changed, and streams of others.
#[derive(Debug, Default)]
pub(super) struct Touched {
    seats: Vec<usize>,
    /// For each seat, whether it is among them.
    marks: Vec<bool>,
    streams: Vec<(usize, SessionId, StreamIndex)>,
}

impl Touched {
    pub(super) fn mark(&mut self, seat: usize) {
        if self.marks.len() <= seat {
            self.marks.resize(seat + 1, false);
        }
        if !std::mem::replace(&mut self.marks[seat], true) {
            self.seats.push(seat);
        }
    }

    /// One stream alone changed.
    pub(super) fn mark_stream(&mut self, seat: usize, session: SessionId, stream: StreamIndex) {
        self.streams.push((seat, session, stream));
    }

    /// Takes out a stream; those of calls that changed as a whole are left out.
    pub(super) fn next_stream(&mut self) -> Option<(usize, SessionId, StreamIndex)> {
        let marks = &self.marks;
        let alone = |seat: usize| !marks.get(seat).copied().unwrap_or(false);
        while let Some(touched) = self.streams.pop() {
            if alone(touched.0) {
                return Some(touched);
            }
        }
        None
    }

    /// Takes one of the seats out.
    pub(super) fn next(&mut self) -> Option<usize> {
        let seat = self.seats.pop()?;
        self.marks[seat] = false;
        Some(seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seat_comes_out_once_until_it_is_touched_again() {
        let mut touched = Touched::default();
        for seat in [4, 1, 4, 4, 1] {
            touched.mark(seat);
        }
        assert_eq!([touched.next(), touched.next()], [Some(1), Some(4)]);
        assert_eq!(touched.next(), None);
        touched.mark(4);
        assert_eq!(touched.next(), Some(4));
    }

    #[test]
    fn streams_of_a_call_that_changed_as_a_whole_are_not_asked_alone() {
        let mut touched = Touched::default();
        let (session, stream) = (SessionId(7), StreamIndex(0));
        touched.mark_stream(3, session, stream);
        touched.mark_stream(5, session, stream);
        touched.mark(3);
        assert_eq!(touched.next_stream(), Some((5, session, stream)));
        assert_eq!(touched.next_stream(), None);
        assert_eq!(touched.next(), Some(3));
    }
}
