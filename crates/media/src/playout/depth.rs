//! How much waits, and when that is too much.
//!
//! In: the depth of the buffer at each pull. Out: how many samples to give
//! up. A clock that runs fast shows as a lowest depth that creeps up, and
//! costs one packet now and then; what a stall of up to 200 ms leaves is
//! drained packet by packet in 1.5 seconds; a longer one is cut at once.
//!
//! Fixed for now: the target does not follow jitter, and nothing is
//! time-scaled.

/// The lowest depth of late, and the limits, all in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthWatch {
    lowest: i64,
    pulls: u32,
    pace: Pace,
}

/// How much is known of the depth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pace {
    /// It may be jitter that fills the buffer.
    Watch,
    /// It has stayed too deep: what is more goes soon.
    Drain,
}

/// What to give up, in samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Excess {
    None,
    /// One packet.
    Packet,
    /// Everything above the target.
    Burst,
}

/// What is normal, in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The delay to be kept.
    pub(super) target: i64,
    /// The longer of a packet and a frame.
    pub(super) step: i64,
    /// 20 ms.
    pub(super) frame: i64,
}

impl DepthWatch {
    pub(super) fn new() -> Self {
        DepthWatch {
            lowest: i64::MAX,
            pulls: 0,
            pace: Pace::Watch,
        }
    }

    /// Notes the depth before a pull.
    pub(super) fn observe(&mut self, depth: i64, limits: Limits) -> Excess {
        if depth > limits.target + limits.step + BURST_FRAMES * limits.frame {
            *self = DepthWatch::new();
            return Excess::Burst;
        }
        self.lowest = self.lowest.min(depth);
        self.pulls += 1;
        let over = self.lowest - limits.target - limits.step;
        let patience = match self.pace {
            Pace::Drain if over >= limits.frame => DRAIN_PULLS,
            Pace::Watch if over > FAR_FRAMES * limits.frame => SHORT_PULLS,
            Pace::Watch | Pace::Drain => LONG_PULLS,
        };
        if self.pulls < patience {
            return Excess::None;
        }
        *self = DepthWatch::new();
        if over > 0 {
            self.pace = Pace::Drain;
            Excess::Packet
        } else {
            Excess::None
        }
    }
}

/// Depth above the target that no jitter explains: 200 ms.
const BURST_FRAMES: i64 = 10;
/// Depth above the target that needs little proof: 60 ms.
const FAR_FRAMES: i64 = 3;
/// Pulls over which the lowest depth counts: one second, or a fifth.
const LONG_PULLS: u32 = 50;
const SHORT_PULLS: u32 = 10;
/// Pulls between two packets when a frame or more is to be drained.
const DRAIN_PULLS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        target: 320,
        step: 160,
        frame: 160,
    };

    fn feed(depths: impl IntoIterator<Item = i64>) -> Vec<Excess> {
        let mut watch = DepthWatch::new();
        depths
            .into_iter()
            .map(|depth| watch.observe(depth, LIMITS))
            .collect()
    }

    #[test]
    fn a_depth_that_dips_to_the_target_each_second_is_left_alone() {
        let depths = (0..200).map(|n| if n % 40 == 0 { 480 } else { 900 });
        assert!(feed(depths).iter().all(|excess| *excess == Excess::None));
    }

    #[test]
    fn a_depth_that_stays_above_costs_a_packet_a_second() {
        let given = feed([500; 150]);
        assert_eq!(
            given
                .iter()
                .filter(|excess| **excess == Excess::Packet)
                .count(),
            3
        );
    }

    #[test]
    fn far_above_it_drains_ten_times_faster_and_a_burst_goes_at_once() {
        let given = feed([1000; 55]);
        assert_eq!(
            given
                .iter()
                .filter(|excess| **excess == Excess::Packet)
                .count(),
            10
        );
        assert_eq!(feed([320 + 160 + 1601]), [Excess::Burst]);
    }

    #[test]
    fn a_depth_proved_too_much_for_a_second_drains_to_the_last_frame() {
        let (mut watch, mut depth) = (DepthWatch::new(), 480 + 3 * 160);
        let drained = (0..200).find(|_| {
            if watch.observe(depth, LIMITS) == Excess::Packet {
                depth -= 160;
            }
            depth <= 480
        });
        assert_eq!(drained, Some(59));
    }
}
