//! How what an application says waits: live, or stored.
//!
//! In: a wish. Out: the size of the ring between the application and a worker,
//! and what keeps it short.

use std::time::Duration;

use talkpath_audio::SampleRate;

use crate::rings::Elastic;

/// How what the application says waits to be said.
///
/// ```
/// use std::time::Duration;
/// use talkpath::Feed;
/// // A microphone whose clock is not ours: 10 ms are always in hand.
/// let microphone = Feed::live().cushion(Duration::from_millis(10));
/// // Speech that is made faster than it is said.
/// let synthesis = Feed::stored(Duration::from_secs(60));
/// # let _ = (microphone, synthesis);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Feed {
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Live { budget: Duration, cushion: Duration },
    Stored { capacity: Duration },
}

impl Feed {
    /// What is spoken now: a microphone, another call.
    ///
    /// 200 ms fit. While more than the budget waits all the time, words are
    /// shortened by whole pitch periods until it is kept. Words that
    /// [`Say::send_all`](crate::Say::send_all) waited with are left as they are: who can wait is not
    /// late.
    #[must_use]
    pub fn live() -> Self {
        Feed {
            kind: Kind::Live {
                budget: BUDGET,
                cushion: Duration::ZERO,
            },
        }
    }

    /// What was made before, or is made faster than it is said: a file, speech
    /// synthesis. So much fits, at most ten minutes, and is never altered.
    #[must_use]
    pub fn stored(capacity: Duration) -> Self {
        Feed {
            kind: Kind::Stored { capacity },
        }
    }

    /// How much may wait all the time in a live feed: 60 ms if not said.
    #[must_use]
    pub fn budget(mut self, most: Duration) -> Self {
        if let Kind::Live { budget, .. } = &mut self.kind {
            *budget = most.min(LONGEST_BUDGET);
        }
        self
    }

    /// How much of a live feed is kept in hand, by speaking a little more
    /// slowly when less waits: for words from another clock, or that come at
    /// uneven times. Nothing if not said, at most 100 ms.
    #[must_use]
    pub fn cushion(mut self, least: Duration) -> Self {
        if let Kind::Live { cushion, .. } = &mut self.kind {
            *cushion = least.min(LONGEST_CUSHION);
        }
        self
    }

    pub(super) fn capacity(self, rate: SampleRate) -> usize {
        let time = match self.kind {
            Kind::Live { budget, cushion } => SHORTEST.max(2 * budget.max(cushion)),
            Kind::Stored { capacity } => capacity.clamp(SHORTEST, LONGEST_STORE),
        };
        rate.samples_in(time)
    }

    pub(super) fn elastic(self, rate: SampleRate) -> Option<Elastic> {
        match self.kind {
            Kind::Live { budget, cushion } => Some(Elastic::new(rate, cushion, budget)),
            Kind::Stored { .. } => None,
        }
    }
}

impl Default for Feed {
    fn default() -> Self {
        Feed::live()
    }
}

/// What fits any feed.
const SHORTEST: Duration = Duration::from_millis(200);
const BUDGET: Duration = Duration::from_millis(60);
const LONGEST_BUDGET: Duration = Duration::from_secs(2);
const LONGEST_CUSHION: Duration = Duration::from_millis(100);
const LONGEST_STORE: Duration = Duration::from_secs(600);
