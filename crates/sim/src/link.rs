//! One direction of a way between two hosts: how it delays, loses, reorders,
//! repeats and throttles.
//!
//! In: the length and moment of a datagram, chance. Out: when it arrives, and
//! its copy, or why not. Jitter alone never reorders, because queues do not:
//! only [`Link::with_reorder`] does. Who may send where is the network's.

use core::time::Duration;
use std::sync::Arc;

use talkpath_wire::Time;

use crate::Rng;

/// One direction of a way between two hosts.
///
/// ```
/// use core::time::Duration;
/// use talkpath_sim::{Jitter, Link, Loss};
/// let mobile = Link::after(Duration::from_millis(60))
///     .with_jitter(Jitter::Normal { deviation: Duration::from_millis(12) })
///     .with_loss(Loss::bursts(0.03, 4.0));
/// # let _ = mobile;
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    way: Way,
    delay: Duration,
    jitter: Jitter,
    loss: Loss,
    reorder: Reorder,
    duplicates: f64,
    throttle: Option<Throttle>,
    filter: Option<Filter>,
}

/// By how much a delay varies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Jitter {
    /// Not at all.
    None,
    /// Adds anything from nothing to `most`.
    Uniform {
        /// The most it adds.
        most: Duration,
    },
    /// Adds to or takes from the delay, nearly normally distributed; never
    /// takes more than the delay.
    Normal {
        /// The standard deviation.
        deviation: Duration,
    },
    /// Adds `height` now and then, as a busy access point does. What follows
    /// queues behind it.
    Spikes {
        /// How probable one is per datagram, 0.0..=1.0.
        probability: f64,
        /// What it adds.
        height: Duration,
    },
}

/// Which datagrams are lost.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Loss {
    /// None.
    None,
    /// Each with this probability, 0.0..=1.0.
    Random(f64),
    /// Gilbert-Elliott: a good and a bad state, each with its own loss.
    Bursts {
        /// How probable the good state turns bad, per datagram.
        enter: f64,
        /// How probable the bad state turns good, per datagram.
        leave: f64,
        /// Loss in the good state.
        good: f64,
        /// Loss in the bad state.
        bad: f64,
    },
}

impl Loss {
    /// Bursts of `mean_length` datagrams (at least 1) in a row that make up
    /// `rate` (0.0..1.0) of all.
    pub fn bursts(rate: f64, mean_length: f64) -> Self {
        let leave = 1.0 / mean_length.max(1.0);
        let rate = rate.clamp(0.0, 0.99);
        Loss::Bursts {
            enter: (leave * rate / (1.0 - rate)).min(1.0),
            leave,
            good: 0.0,
            bad: 1.0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Open,
    Cut,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Reorder {
    probability: f64,
    by: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Throttle {
    bits_per_second: u64,
    queue: Duration,
}

impl Link {
    /// Everything arrives at once.
    pub fn perfect() -> Self {
        Link::after(Duration::ZERO)
    }

    /// Everything arrives, `delay` after it was sent.
    pub fn after(delay: Duration) -> Self {
        Link {
            way: Way::Open,
            delay,
            jitter: Jitter::None,
            loss: Loss::None,
            reorder: Reorder {
                probability: 0.0,
                by: Duration::ZERO,
            },
            duplicates: 0.0,
            throttle: None,
            filter: None,
        }
    }

    /// Nothing arrives: the blocked half of a one-way path.
    pub fn cut() -> Self {
        Link {
            way: Way::Cut,
            ..Link::perfect()
        }
    }

    /// With a delay that varies.
    pub fn with_jitter(self, jitter: Jitter) -> Self {
        Link { jitter, ..self }
    }

    /// With loss.
    pub fn with_loss(self, loss: Loss) -> Self {
        Link { loss, ..self }
    }

    /// Holds datagrams back with `probability`, for `by`, so that those sent
    /// within that time overtake them.
    pub fn with_reorder(self, probability: f64, by: Duration) -> Self {
        Link {
            reorder: Reorder { probability, by },
            ..self
        }
    }

    /// Delivers datagrams twice with `probability`.
    pub fn with_duplicates(self, probability: f64) -> Self {
        Link {
            duplicates: probability,
            ..self
        }
    }

    /// Carries `bits_per_second` (IP and UDP headers are not counted), and
    /// drops what would wait longer than `queue`.
    pub fn with_rate(self, bits_per_second: u64, queue: Duration) -> Self {
        Link {
            throttle: Some(Throttle {
                bits_per_second,
                queue,
            }),
            ..self
        }
    }

    /// Loses what `filter` says, such as all but one packet of a digit. It is
    /// asked in the order of sending, and must not use the world.
    pub fn with_filter(self, filter: impl Fn(&[u8]) -> Verdict + Send + Sync + 'static) -> Self {
        Link {
            filter: Some(Filter(Arc::new(filter))),
            ..self
        }
    }
}

/// What a test decides about datagrams one by one.
#[derive(Clone)]
struct Filter(Arc<Judge>);

type Judge = dyn Fn(&[u8]) -> Verdict + Send + Sync;

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl core::fmt::Debug for Filter {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Filter")
    }
}

/// What a filter says of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It goes on, and may still be lost.
    Pass,
    /// It is lost.
    Lose,
}

/// A link in use: what it remembers from datagram to datagram.
#[derive(Debug)]
pub(crate) struct Path {
    link: Link,
    rng: Rng,
    burst: Burst,
    last_arrival: Time,
    free_at: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Burst {
    Good,
    Bad,
}

/// What becomes of a datagram on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Passage {
    /// It arrives, and perhaps a second time.
    Arrives { at: Time, again: Option<Time> },
    /// It is lost.
    Lost,
    /// The queue of a throttled link was full.
    Overflowed,
    /// The way is cut.
    Cut,
}

impl Path {
    pub(crate) fn new(link: Link, rng: Rng) -> Self {
        Path {
            link,
            rng,
            burst: Burst::Good,
            last_arrival: Time::ZERO,
            free_at: Time::ZERO,
        }
    }

    /// Changes the link; what is on its way stays on its way.
    pub(crate) fn change(&mut self, link: Link) {
        self.link = link;
    }

    /// Decides on a datagram that is sent now.
    pub(crate) fn pass(&mut self, now: Time, bytes: &[u8]) -> Passage {
        if self.link.way == Way::Cut {
            return Passage::Cut;
        }
        if self.filters_out(bytes) || self.loses() {
            return Passage::Lost;
        }
        let Some(departs) = self.departs(now, bytes.len()) else {
            return Passage::Overflowed;
        };
        let at = self.arrives(departs);
        let again = self.rng.chance(self.link.duplicates);
        Passage::Arrives {
            at,
            again: again.then(|| self.arrives(departs)),
        }
    }

    fn filters_out(&self, bytes: &[u8]) -> bool {
        let filter = self.link.filter.as_ref();
        filter.is_some_and(|Filter(verdict)| verdict(bytes) == Verdict::Lose)
    }

    fn loses(&mut self) -> bool {
        match self.link.loss {
            Loss::None => false,
            Loss::Random(rate) => self.rng.chance(rate),
            Loss::Bursts {
                enter,
                leave,
                good,
                bad,
            } => {
                self.burst = match self.burst {
                    Burst::Good if self.rng.chance(enter) => Burst::Bad,
                    Burst::Bad if self.rng.chance(leave) => Burst::Good,
                    same => same,
                };
                let rate = if self.burst == Burst::Bad { bad } else { good };
                self.rng.chance(rate)
            }
        }
    }

    /// When the last bit has left, or none when the queue is full.
    fn departs(&mut self, now: Time, len: usize) -> Option<Time> {
        let Some(Throttle {
            bits_per_second,
            queue,
        }) = self.link.throttle
        else {
            return Some(now);
        };
        let begins = self.free_at.max(now);
        if begins - now > queue {
            return None;
        }
        let nanos = len as u128 * 8 * 1_000_000_000 / u128::from(bits_per_second.max(1));
        self.free_at = begins + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some(self.free_at)
    }

    fn arrives(&mut self, departs: Time) -> Time {
        let at = departs + self.delay();
        if self.rng.chance(self.link.reorder.probability) {
            return at + self.link.reorder.by;
        }
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }

    fn delay(&mut self) -> Duration {
        let delay = self.link.delay;
        match self.link.jitter {
            Jitter::None => delay,
            Jitter::Uniform { most } => delay + self.rng.up_to(most),
            Jitter::Normal { deviation } => {
                let by = self.rng.normal();
                let change = deviation.mul_f64(by.abs());
                if by < 0.0 {
                    delay.saturating_sub(change)
                } else {
                    delay + change
                }
            }
            Jitter::Spikes {
                probability,
                height,
            } => {
                if self.rng.chance(probability) {
                    delay + height
                } else {
                    delay
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: u64 = 20_000;

    /// Sends a datagram of 172 bytes every 20 ms.
    fn send(link: Link) -> Vec<(Time, Passage)> {
        let mut path = Path::new(link, Rng::new(3));
        let every_20_ms = (0..N).map(|i| Time::from_millis(1_000 + 20 * i));
        every_20_ms
            .map(|now| (now, path.pass(now, &[0; 172])))
            .collect()
    }

    fn share(passages: &[(Time, Passage)], of: impl Fn(&Passage) -> bool) -> f64 {
        passages.iter().filter(|(_, passage)| of(passage)).count() as f64 / N as f64
    }

    fn arrivals(passages: &[(Time, Passage)]) -> Vec<(Time, Time)> {
        let at = |(sent, passage): &(Time, Passage)| match passage {
            Passage::Arrives { at, .. } => Some((*sent, *at)),
            _ => None,
        };
        passages.iter().filter_map(at).collect()
    }

    #[test]
    fn random_loss_is_near_its_rate() {
        let lost = share(&send(Link::perfect().with_loss(Loss::Random(0.05))), |p| {
            *p == Passage::Lost
        });
        assert!((lost - 0.05).abs() < 0.006, "{lost}");
    }

    #[test]
    fn bursts_have_their_rate_and_their_length() {
        let passages = send(Link::perfect().with_loss(Loss::bursts(0.05, 4.0)));
        let lost: Vec<bool> = passages.iter().map(|(_, p)| *p == Passage::Lost).collect();
        let rate = lost.iter().filter(|lost| **lost).count() as f64 / N as f64;
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        let length = rate * N as f64 / bursts as f64;
        assert!((rate - 0.05).abs() < 0.015, "{rate}");
        assert!((length - 4.0).abs() < 0.6, "{length}");
    }

    #[test]
    fn jitter_varies_the_delay_and_keeps_the_order() {
        let base = Duration::from_millis(50);
        for jitter in [
            Jitter::Uniform {
                most: Duration::from_millis(60),
            },
            Jitter::Normal {
                deviation: Duration::from_millis(15),
            },
            Jitter::Spikes {
                probability: 0.01,
                height: Duration::from_millis(200),
            },
        ] {
            let arrivals = arrivals(&send(Link::after(base).with_jitter(jitter)));
            assert_eq!(arrivals.len() as u64, N);
            assert!(
                arrivals.windows(2).all(|pair| pair[0].1 <= pair[1].1),
                "{jitter:?}"
            );
            let delays: Vec<_> = arrivals.iter().map(|(sent, at)| *at - *sent).collect();
            let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            assert!(
                *most - *least > Duration::from_millis(50),
                "{jitter:?} {least:?} {most:?}"
            );
        }
    }

    #[test]
    fn reordering_lets_later_datagrams_overtake() {
        let link = Link::after(Duration::from_millis(10));
        let arrivals = arrivals(&send(link.with_reorder(0.03, Duration::from_millis(45))));
        let overtaken = arrivals
            .windows(2)
            .filter(|pair| pair[0].1 > pair[1].1)
            .count();
        let share = overtaken as f64 / N as f64;
        assert!((share - 0.03).abs() < 0.006, "{share}");
    }

    #[test]
    fn duplicates_come_with_their_rate() {
        let passages = send(Link::perfect().with_duplicates(0.1));
        let twice = share(&passages, |p| {
            matches!(p, Passage::Arrives { again: Some(_), .. })
        });
        assert!((twice - 0.1).abs() < 0.01, "{twice}");
    }

    #[test]
    fn a_throttled_link_queues_and_then_drops() {
        // 172 bytes every 20 ms are 68.8 kbit/s; half of that gets through.
        let link = Link::perfect().with_rate(34_400, Duration::from_millis(100));
        let passages = send(link);
        let dropped = share(&passages, |p| *p == Passage::Overflowed);
        assert!((dropped - 0.5).abs() < 0.01, "{dropped}");
        let longest = arrivals(&passages)
            .iter()
            .map(|(sent, at)| *at - *sent)
            .max();
        assert!(longest <= Some(Duration::from_millis(140)), "{longest:?}");
    }

    #[test]
    fn a_filter_decides_one_by_one() {
        let odd = |bytes: &[u8]| {
            if bytes[0] % 2 == 1 {
                Verdict::Lose
            } else {
                Verdict::Pass
            }
        };
        let mut path = Path::new(Link::perfect().with_filter(odd), Rng::new(3));
        let lost = [1, 2, 3].map(|byte| path.pass(Time::ZERO, &[byte]) == Passage::Lost);
        assert_eq!(lost, [true, false, true]);
    }

    #[test]
    fn nothing_passes_a_cut_link() {
        assert_eq!(share(&send(Link::cut()), |p| *p == Passage::Cut), 1.0);
    }
}
