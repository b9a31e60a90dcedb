//! When a keyframe is asked for.
//!
//! In: that one is needed, or came. Out: when to ask, at once but not more often
//! than every half second (the sender needs a round trip and the time of a large
//! frame to obey), again and again for those who see nothing meanwhile. Left
//! out: how it is asked (PLI, FIR).

use std::time::Duration;

use talkpath_wire::Time;

/// Whether a keyframe is wanted of a source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asking {
    need: Need,
    last: Option<Time>,
    asked: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Need {
    #[default]
    None,
    /// Somebody else waits for it, and asks again if need be.
    Once,
    /// We do.
    UntilItComes,
}

impl Asking {
    /// Asks once, for somebody who asked.
    pub(crate) fn pass_on(&mut self) {
        if self.need == Need::None {
            self.need = Need::Once;
        }
    }

    /// Asks until a keyframe comes.
    pub(crate) fn want(&mut self) {
        self.need = Need::UntilItComes;
    }

    /// A keyframe came, or nobody needs one any more.
    pub(crate) fn rest(&mut self) {
        self.need = Need::None;
    }

    /// We see all that comes; what somebody else asked for is asked for still.
    pub(crate) fn see(&mut self) {
        if self.need == Need::UntilItComes {
            self.need = Need::None;
        }
    }

    /// When to ask next.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match self.need {
            Need::None => None,
            Need::Once | Need::UntilItComes => {
                Some(self.last.map_or(Time::ZERO, |last| last + EVERY))
            }
        }
    }

    /// Whether to ask `now`; then the number of the request, from 1.
    pub(crate) fn take(&mut self, now: Time) -> Option<u64> {
        self.poll_timeout().filter(|due| *due <= now)?;
        if self.need == Need::Once {
            self.need = Need::None;
        }
        self.last = Some(now);
        self.asked += 1;
        Some(self.asked)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u64 {
        self.asked
    }
}

/// The least time between two requests.
const EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn it_asks_at_once_and_then_every_half_second_until_one_comes() {
        let mut asking = Asking::default();
        assert_eq!((asking.poll_timeout(), asking.take(at(5))), (None, None));
        asking.want();
        assert_eq!(asking.take(at(10)), Some(1));
        assert_eq!(asking.poll_timeout(), Some(at(510)));
        assert_eq!(
            (asking.take(at(509)), asking.take(at(510))),
            (None, Some(2))
        );
        asking.rest();
        assert_eq!(asking.take(at(5000)), None);
    }

    #[test]
    fn what_is_passed_on_is_asked_once_and_waits_its_turn() {
        let mut asking = Asking::default();
        asking.pass_on();
        assert_eq!((asking.take(at(1)), asking.take(at(1000))), (Some(1), None));
        asking.pass_on();
        asking.pass_on();
        assert_eq!(
            (asking.take(at(400)), asking.take(at(501))),
            (None, Some(2))
        );
        assert_eq!((asking.poll_timeout(), asking.asked()), (None, 2));
        asking.pass_on();
        asking.see();
        assert_eq!(asking.take(at(2000)), Some(3));
    }
}
