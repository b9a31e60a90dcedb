//! What is drawn: a stream at moments 100 ms apart.
//!
//! In: the course of a stream in a capture, or the statistics of a call while
//! it goes on. Out: points with counts of everything up to then.

use std::time::Duration;

use talkpath::probe::Moment;
use talkpath::{DropReason, StreamStats};

/// What is drawn of one stream.
pub(crate) struct Course {
    pub(crate) title: String,
    pub(crate) points: Vec<Point>,
}

/// A stream at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(super) at: Duration,
    pub(super) jitter: Duration,
    /// The most that waited since the point before.
    pub(super) depth: Duration,
    pub(super) target: Duration,
    pub(super) packets: u64,
    pub(super) lost: u64,
    pub(super) late: u64,
}

impl From<&Moment> for Point {
    fn from(moment: &Moment) -> Self {
        Point {
            at: moment.at,
            jitter: moment.jitter,
            depth: moment.depth,
            target: moment.target,
            packets: moment.packets,
            lost: moment.lost,
            late: moment.discarded,
        }
    }
}

/// Watches a call.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    points: Vec<Point>,
    next: Duration,
    depth: Duration,
}

impl Watch {
    /// Looks at what is received, `at` so long after the beginning.
    pub(crate) fn look(&mut self, at: Duration, stats: Option<&StreamStats>) {
        let Some(stats) = stats else { return };
        let playout = stats.playout.unwrap_or_default();
        self.depth = self.depth.max(playout.depth);
        if at < self.next {
            return;
        }
        self.next = at + APART;
        let late = [DropReason::Late, DropReason::BufferFull];
        let late = late.map(|reason| stats.drops.of(reason).packets);
        self.points.push(Point {
            at,
            jitter: stats.received.jitter,
            depth: std::mem::take(&mut self.depth),
            target: playout.target,
            packets: stats.received.packets,
            lost: u64::try_from(stats.received.lost).unwrap_or(0),
            late: late.iter().sum(),
        });
    }

    /// What was seen.
    pub(crate) fn course(self, title: impl Into<String>) -> Course {
        Course {
            title: title.into(),
            points: self.points,
        }
    }
}

const APART: Duration = Duration::from_millis(100);
