//! Calls that changed since they were looked after.
//!
//! What a call wants next is asked once for all that a turn did to it, not for
//! each datagram: to ask costs as much as the call has streams. In: seats, each
//! as often as it likes. Out: each once.

/// Seats whose calls changed.
#[derive(Debug, Default)]
pub(super) struct Touched {
    seats: Vec<usize>,
    /// For each seat, whether it is among them.
    marks: Vec<bool>,
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

    /// Takes one of them out.
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
}
