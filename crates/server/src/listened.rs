//! What playing a stream was like while packets came.
//!
//! In: statistics, now and then. Out: how much sound waited, and repairs and
//! quality as they were when the last packet came: what is made up after that,
//! because nobody knows yet that the other side is done, is no loss.

use std::time::Duration;

use serde_json::{Value, json};
use talkpath::StreamStats;

/// What playing was like so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listened {
    sum: Duration,
    looks: u32,
    most: Duration,
    /// What was aimed at when last something waited.
    target: Duration,
    /// As it was when the last packet came.
    last: Option<StreamStats>,
}

impl Listened {
    /// Looks at a stream.
    pub(crate) fn look(&mut self, stats: Option<&StreamStats>) {
        let Some(stats) = stats else { return };
        let seen = self.last.as_ref().map_or(0, |last| last.received.packets);
        if stats.received.packets == seen {
            return;
        }
        self.last = Some(stats.clone());
        if let Some(playout) = stats.playout.filter(|playout| !playout.depth.is_zero()) {
            self.sum += playout.depth;
            self.looks += 1;
            self.most = self.most.max(playout.depth);
            self.target = playout.target;
        }
    }

    /// Says of the repairs and the quality in `stats` what was last seen.
    pub(crate) fn correct(&self, stats: &mut StreamStats) {
        if let Some(last) = &self.last {
            stats.playout = last.playout;
            stats.quality = last.quality;
        }
    }

    /// How much sound waited: on average, at most, and what was aimed at; none
    /// if none was seen.
    pub(crate) fn depth(&self) -> Option<[Duration; 3]> {
        let mean = self.sum.checked_div(self.looks)?;
        Some([mean, self.most, self.target])
    }

    pub(crate) fn to_json(&self) -> Option<Value> {
        let [mean, most, target] = self.depth()?.map(|time| time.as_secs_f64() * 1000.0);
        Some(json!({"depth_ms": mean, "most_ms": most, "target_ms": target}))
    }
}
