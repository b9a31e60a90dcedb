//! Which source is heard when packets of several come.
//!
//! In: source and number of each packet, and whether it continues the time
//! line. Out: that it belongs to the source that is heard, comes from one that
//! was left, is not believed yet, or begins another. While the source is heard
//! another one is believed with its second packet in sequence; after a silence
//! with its first.
//!
//! RFC 3550 Appendix A.1 (probation). Not mixed: one source is heard at a time.

use std::time::Duration;

use talkpath_wire::{ExtSeq, Ssrc, Time};

use super::Arrival;

/// The source that is heard, the one before, and those that may come next.
#[derive(Clone, Copy)]
pub(super) struct Sources {
    heard: Option<(Ssrc, Time)>,
    left: Option<(Ssrc, Time)>,
    /// Sources and numbers of packets that were not believed, newest first.
    doubted: [Option<(Ssrc, ExtSeq)>; CANDIDATES],
}

/// Whether number and timestamp of a packet fit the time line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    Fits,
    /// Too far off for loss, reordering or a pause.
    Jumps,
}

/// Whether a packet continues the time line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Continuity {
    Same,
    /// It may be of another stream: one more will tell.
    Doubtful,
    /// It is of the source that was heard before.
    Straggler,
    /// It begins another stream.
    New,
}

impl Sources {
    /// None is heard yet.
    pub(super) fn new() -> Self {
        Sources {
            heard: None,
            left: None,
            doubted: [None; CANDIDATES],
        }
    }

    /// Where a packet that came at `now` belongs.
    pub(super) fn judge(&mut self, now: Time, arrival: &Arrival<'_>, fit: Fit) -> Continuity {
        let recent = |at: Time| now.saturating_since(at) < RECENT;
        match (self.heard, &mut self.left) {
            (Some((ssrc, _)), _) if ssrc == arrival.ssrc => match fit {
                Fit::Fits => {
                    self.hear(now, arrival.ssrc);
                    Continuity::Same
                }
                Fit::Jumps => self.doubt(now, arrival),
            },
            (None, _) => {
                self.hear(now, arrival.ssrc);
                Continuity::Same
            }
            (Some((_, heard)), _) if !recent(heard) => self.believe(now, arrival.ssrc),
            // As long as both go on, it does not take over again.
            (_, Some((ssrc, last))) if *ssrc == arrival.ssrc && recent(*last) => {
                *last = now;
                Continuity::Straggler
            }
            _ => self.doubt(now, arrival),
        }
    }

    /// Whether this source is the one that is heard.
    pub(super) fn hears(&self, ssrc: Ssrc) -> bool {
        self.heard.is_some_and(|(heard, _)| heard == ssrc)
    }

    fn doubt(&mut self, now: Time, arrival: &Arrival<'_>) -> Continuity {
        let follows = |(ssrc, seq): &(Ssrc, ExtSeq)| {
            *ssrc == arrival.ssrc && arrival.seq.distance_from(*seq) == 1
        };
        if self.doubted.iter().flatten().any(follows) {
            return self.believe(now, arrival.ssrc);
        }
        self.doubted.rotate_right(1);
        self.doubted[0] = Some((arrival.ssrc, arrival.seq));
        Continuity::Doubtful
    }

    fn believe(&mut self, now: Time, ssrc: Ssrc) -> Continuity {
        self.left = self.heard.filter(|(heard, _)| *heard != ssrc);
        self.hear(now, ssrc);
        Continuity::New
    }

    fn hear(&mut self, now: Time, ssrc: Ssrc) {
        self.heard = Some((ssrc, now));
        if self.doubted[0].is_some() {
            self.doubted = [None; CANDIDATES];
        }
    }
}

/// A source that was not heard for this long is silent, or gone.
const RECENT: Duration = Duration::from_millis(200);
/// Sources that may be in doubt at once.
const CANDIDATES: usize = 16;
