//! Bursts and gaps: how losses cluster.
//!
//! In: what became of each packet, in the order of their numbers. Out: how long
//! and how dense bursts and gaps are. A burst begins and ends with a loss and
//! has never [`GMIN`] packets in a row that were played; a loss that stands
//! alone among those belongs to a gap. RFC 3611 §4.7.2.

use core::time::Duration;

/// Packets in a row that end a burst (RFC 3611 §4.7.2, the recommended value).
pub const GMIN: u8 = 16;

/// Counts bursts and gaps.
///
/// ```
/// use core::time::Duration;
/// use talkpath_media::quality::Bursts;
/// let mut bursts = Bursts::default();
/// for n in 0..100 {
///     match n {
///         40 | 42 => bursts.lose(),
///         _ => bursts.play(1),
///     }
/// }
/// let metrics = bursts.metrics(Duration::from_millis(20));
/// assert_eq!(metrics.burst_duration, Duration::from_millis(60));
/// assert_eq!((metrics.losses, metrics.packets), (2, 100));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bursts {
    in_bursts: Span,
    in_gaps: Span,
    bursts: u64,
    gaps: u64,
    /// Whether what was settled last belongs to a gap.
    gap_is_open: bool,
    /// From the first to the last loss of what may become a burst.
    cluster: Option<Span>,
    /// Packets played since.
    played: u64,
    /// Runs of losses, of any length.
    runs: u64,
}

/// Packets, and how many of them were missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Span {
    packets: u64,
    losses: u64,
}

impl Span {
    fn add(&mut self, other: Span) {
        self.packets += other.packets;
        self.losses += other.losses;
    }

    fn density(self) -> f64 {
        match self.packets {
            0 => 0.0,
            packets => self.losses as f64 / packets as f64,
        }
    }
}

impl Bursts {
    /// The next `packets` were played.
    pub fn play(&mut self, packets: u64) {
        self.played += packets;
    }

    /// The next packet was lost, or came too late.
    pub fn lose(&mut self) {
        let run = self.played;
        if run > 0 || self.cluster.is_none() {
            self.runs += 1;
        }
        self.played = 0;
        if let Some(cluster) = &mut self.cluster {
            if run < u64::from(GMIN) {
                cluster.add(Span {
                    packets: run + 1,
                    losses: 1,
                });
                return;
            }
            let cluster = *cluster;
            self.settle(cluster);
        }
        self.gap(Span {
            packets: run,
            losses: 0,
        });
        self.cluster = Some(Span {
            packets: 1,
            losses: 1,
        });
    }

    /// What was counted, if packets hold `packet` of sound.
    pub fn metrics(&self, packet: Duration) -> BurstMetrics {
        let mut all = *self;
        if let Some(cluster) = all.cluster.take() {
            all.settle(cluster);
        }
        all.gap(Span {
            packets: all.played,
            losses: 0,
        });
        let mean = |span: Span, count: u64| match count {
            0 => Duration::ZERO,
            count => packet.mul_f64(span.packets as f64 / count as f64),
        };
        let mut sum = all.in_bursts;
        sum.add(all.in_gaps);
        BurstMetrics {
            packets: sum.packets,
            losses: sum.losses,
            burst_density: all.in_bursts.density(),
            gap_density: all.in_gaps.density(),
            burst_duration: mean(all.in_bursts, all.bursts),
            gap_duration: mean(all.in_gaps, all.gaps),
            burst_ratio: burst_ratio(sum, all.runs),
        }
    }

    /// One loss alone belongs to a gap.
    fn settle(&mut self, cluster: Span) {
        if cluster.losses == 1 {
            return self.gap(cluster);
        }
        self.in_bursts.add(cluster);
        self.bursts += 1;
        self.gap_is_open = false;
    }

    fn gap(&mut self, span: Span) {
        if span.packets == 0 {
            return;
        }
        self.in_gaps.add(span);
        if !self.gap_is_open {
            self.gaps += 1;
            self.gap_is_open = true;
        }
    }
}

/// The mean run of losses over 1/(1−p), which independent losses would make
/// (G.107 §7.5); 1 while there are too few runs to tell.
fn burst_ratio(all: Span, runs: u64) -> f64 {
    if runs < ENOUGH_RUNS {
        return 1.0;
    }
    let mean_run = all.losses as f64 / runs as f64;
    (mean_run * (1.0 - all.density())).clamp(1.0, 8.0)
}

const ENOUGH_RUNS: u64 = 8;

/// Bursts and gaps of a stream (RFC 3611 §4.7.2).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct BurstMetrics {
    /// Packets that should have come.
    pub packets: u64,
    /// Packets of those that were lost or came too late.
    pub losses: u64,
    /// Share of the packets in bursts that were missed, 0..=1.
    pub burst_density: f64,
    /// Share of the packets in gaps that were missed, 0..=1.
    pub gap_density: f64,
    /// Mean length of a burst.
    pub burst_duration: Duration,
    /// Mean length of a gap.
    pub gap_duration: Duration,
    /// How much more losses cluster than chance would have it, 1..=8
    /// (ITU-T G.107 §7.5).
    pub burst_ratio: f64,
}

impl BurstMetrics {
    /// Share of all packets that were missed, 0..=1.
    pub fn loss(&self) -> f64 {
        match self.packets {
            0 => 0.0,
            packets => self.losses as f64 / packets as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACKET: Duration = Duration::from_millis(10);

    /// `1` was played, anything else was not.
    fn count(pattern: &str) -> BurstMetrics {
        let mut bursts = Bursts::default();
        for fate in pattern.chars() {
            match fate {
                '1' => bursts.play(1),
                _ => bursts.lose(),
            }
        }
        bursts.metrics(PACKET)
    }

    // RFC 3611 §4.7.2: the example's burst of twelve packets with four losses
    // between gaps of 23 and 19 packets with one loss each: 120 ms, 0.33; 0.04
    // in the gaps, which together last 420 ms.
    #[test]
    fn the_example_of_the_standard() {
        let gap_before = "11110111111111111111111";
        let burst = "X111X1011110";
        let gap_after = "111111111111111111X";
        let metrics = count(&[gap_before, burst, gap_after].concat());
        assert_eq!(metrics.burst_duration, Duration::from_millis(120));
        assert_eq!(metrics.gap_duration * 2, Duration::from_millis(420));
        assert!((metrics.burst_density - 4.0 / 12.0).abs() < 1e-9);
        assert!((metrics.gap_density - 2.0 / 42.0).abs() < 1e-9);
        assert_eq!((metrics.packets, metrics.losses), (54, 6));
    }

    #[test]
    fn fifteen_played_between_two_losses_are_a_burst_and_sixteen_are_not() {
        let between = |n: usize| count(&format!("111X{}X1", "1".repeat(n)));
        assert_eq!(between(15).burst_duration, PACKET * 17);
        assert_eq!(between(16).burst_duration, Duration::ZERO);
        assert_eq!(between(16).gap_duration, PACKET * 22);
    }

    #[test]
    fn without_loss_there_is_one_gap_and_without_packets_nothing() {
        assert_eq!(count("11111").gap_duration, PACKET * 5);
        assert_eq!(count(""), Bursts::default().metrics(PACKET));
        assert_eq!(count("").burst_ratio, 1.0);
        let all_lost = count("XXXX");
        assert_eq!(all_lost.burst_duration, PACKET * 4);
        assert_eq!(all_lost.gap_duration, Duration::ZERO);
    }

    #[test]
    fn clustered_losses_have_a_burst_ratio_above_one() {
        let single = "X111111111".repeat(20);
        let clustered = "XXX111111111111111111111111111".repeat(20);
        assert_eq!(count(&single).burst_ratio, 1.0);
        let ratio = count(&clustered).burst_ratio;
        assert!((2.6..2.8).contains(&ratio), "{ratio}");
    }

    proptest! {
        #[test]
        fn every_packet_is_in_a_burst_or_in_a_gap(pattern in "[1X]{0,400}") {
            let metrics = count(&pattern);
            let losses = pattern.matches('X').count() as u64;
            prop_assert_eq!(metrics.packets, pattern.len() as u64);
            prop_assert_eq!(metrics.losses, losses);
            prop_assert!((0.0..=1.0).contains(&metrics.gap_density));
            prop_assert!(metrics.burst_density == 0.0 || metrics.burst_density >= 2.0 / 17.0);
        }
    }
}
