//! How long packets must wait, learned from how they came.
//!
//! In: the moment and the place on the time line of each packet. Out: how much
//! later it came than the fastest of late, and what follows for the delay: the
//! slack to start with, the slack below which the signal is lengthened, and the
//! delay above which it is shortened. All in microseconds.
//!
//! A frame is pulled at one moment, so the packet that its end needs waits for
//! its beginning: of a delay D, up to a frame serves the pulling, and only the
//! rest, the slack, absorbs jitter.

use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_wire::Time;

use super::Target;
use super::histogram::Histogram;
use super::losses::Losses;

/// What is known of the delays of one stream.
#[derive(Clone, Debug)]
pub(super) struct Delays {
    target: Target,
    fastest: Fastest,
    /// The same of the last half second only: what drift has done since.
    recent: Fastest,
    histogram: Histogram,
    peaks: Peaks,
    losses: Losses,
    /// Moment and transit of the packet seen last.
    counted: Option<(i64, i64)>,
}

/// What the delay should be, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Need {
    /// Slack to begin with, to be kept when the signal is shortened.
    pub(super) slack: i64,
    /// Slack below which the signal is lengthened.
    pub(super) low: i64,
    /// Slack below which even the fastest packets of late are lost.
    pub(super) least: i64,
    /// Delay above which it is shortened.
    pub(super) high: i64,
    /// What is told of it.
    pub(super) target: i64,
}

impl Delays {
    pub(super) fn new(target: Target) -> Self {
        Delays {
            target,
            fastest: Fastest::over(WINDOW),
            recent: Fastest::over(RECENT),
            histogram: Histogram::new(),
            peaks: Peaks::default(),
            losses: Losses::default(),
            counted: None,
        }
    }

    /// Another source: what its packets need from us is not known, how the
    /// network delays them is.
    pub(super) fn rebase(&mut self) {
        self.fastest = Fastest::over(WINDOW);
        self.recent = Fastest::over(RECENT);
        self.counted = None;
    }

    /// Notes a packet that came at `now` and lies at `at`; `packet` is how long
    /// it is.
    pub(super) fn observe(&mut self, now: Time, at: i64, packet: i64) {
        let now = micros(now);
        let transit = now.saturating_sub(at);
        self.recent.observe(now, transit);
        let slower = self.fastest.observe(now, transit);
        if slower >= LONGER_PATH {
            self.histogram.lower(slower);
        }
        let delay = self.over(transit);
        // What a stall held back comes at once: that is one delay, not many.
        let before = self.counted.replace((now, transit));
        if before.is_some_and(|(last, before)| now - last < packet / 4 && transit < before) {
            return;
        }
        let usual = self.histogram.exceeded_by(EXCEEDING);
        self.peaks.observe(now, delay, usual);
        self.histogram.add(delay);
    }

    /// Notes a packet that is played, before which so many are missing.
    pub(super) fn note_missing(&mut self, missing: u64) {
        self.losses.note(missing);
    }

    /// The delay of a packet that lies at `at` and is played at `now`.
    pub(super) fn added(&self, now: Time, at: i64) -> i64 {
        self.over(micros(now).saturating_sub(at))
    }

    /// By how much even the fastest packet of the last half second came later
    /// than the fastest: where the clock is slow, the slack is less by this.
    pub(super) fn sag(&self) -> i64 {
        self.recent.least.map_or(0, |least| self.over(least))
    }

    /// What the delay should be for frames and packets of these lengths.
    pub(super) fn need(&self, frame: i64, packet: i64) -> Need {
        match self.target {
            Target::Fixed(delay) => {
                let delay = span(delay.min(LONGEST));
                let slack = (delay - frame).max(0);
                Need {
                    slack,
                    low: (slack - FIXED_RANGE).max(0),
                    least: MARGIN.min(slack),
                    high: delay + FIXED_RANGE,
                    target: delay,
                }
            }
            Target::Adaptive { min, max } => {
                let jitter = self.histogram.exceeded_by(EXCEEDING);
                let jitter = jitter.max(self.peaks.height());
                // The next packet comes as much too late as any.
                let jitter = match self.wait_for_next(packet) {
                    0 => jitter,
                    wait => jitter.max(MARGIN) + wait,
                };
                let (min, max) = (span(min), span(max.min(LONGEST)));
                let within = |slack: i64| slack.max(min - frame).min(max - frame).max(0);
                let spare = (packet - SPARE).clamp(0, SPARE);
                let slack = within(jitter.max(spare).max(MARGIN));
                Need {
                    slack,
                    low: within(jitter).max(spare / 2).max(MARGIN / 2).min(slack),
                    least: (spare / 2).max(MARGIN / 2).min(slack),
                    high: within(slack.max(SPARE)) + frame,
                    target: slack + frame,
                }
            }
        }
    }

    /// How long the packet after a lost one is waited for.
    fn wait_for_next(&self, packet: i64) -> i64 {
        match self.losses.are_many() {
            true if packet <= LONGEST_WAIT => packet,
            _ => 0,
        }
    }

    fn over(&self, transit: i64) -> i64 {
        let fastest = self.fastest.least.unwrap_or(transit);
        transit.saturating_sub(fastest)
    }
}

/// The shortest transit of the last one or two windows: long enough to know the
/// fastest packet, short enough that drift is no jitter.
#[derive(Clone, Copy, Debug)]
struct Fastest {
    window: i64,
    least: Option<i64>,
    /// Of the window before, and of this one, which began then.
    before: Option<i64>,
    current: Option<(i64, i64)>,
}

impl Fastest {
    fn over(window: i64) -> Self {
        Fastest {
            window,
            least: None,
            before: None,
            current: None,
        }
    }

    /// Notes a transit; returns by how much the shortest one grew.
    fn observe(&mut self, now: i64, transit: i64) -> i64 {
        let current = match self.current {
            Some((began, least)) if now - began < self.window => (began, least.min(transit)),
            Some((_, least)) => {
                self.before = Some(least);
                (now, transit)
            }
            None => (now, transit),
        };
        self.current = Some(current);
        let least = current.1.min(self.before.unwrap_or(i64::MAX));
        let known = self.least.replace(least);
        least.saturating_sub(known.unwrap_or(least))
    }
}

/// Delays far above the usual, which come back now and then: a scan for
/// another access point, a queue that fills every few seconds.
#[derive(Clone, Copy, Default, Debug)]
struct Peaks {
    /// Moment and height of the last two.
    last: [Option<(i64, i64)>; 2],
    height: i64,
}

impl Peaks {
    fn observe(&mut self, now: i64, delay: i64, usual: i64) {
        let recent = |peak: &(i64, i64)| now - peak.0 < PEAK_MEMORY;
        if delay > usual.saturating_add(PEAK) {
            match &mut self.last[0] {
                Some((at, height)) if now - *at < PEAK_WIDTH => *height = delay.max(*height),
                _ => self.last = [Some((now, delay)), self.last[0]],
            }
        }
        self.height = match self.last.map(|peak| peak.filter(recent)) {
            [Some((_, a)), Some((_, b))] => a.min(b),
            _ => 0,
        };
    }

    /// What comes back: the lower of the last two, while both are recent.
    fn height(&self) -> i64 {
        self.height
    }
}

/// Samples of a time line in microseconds.
pub(super) fn at_micros(samples: i64, rate: SampleRate) -> i64 {
    let micros = (i128::from(samples) * 1_000_000).div_euclid(i128::from(rate.hz().max(1)));
    i64::try_from(micros).unwrap_or(if samples < 0 { i64::MIN } else { i64::MAX })
}

/// Microseconds in samples.
pub(super) fn in_samples(micros: i64, rate: SampleRate) -> i64 {
    let samples = i128::from(micros) * i128::from(rate.hz()) / 1_000_000;
    i64::try_from(samples).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

fn micros(time: Time) -> i64 {
    i64::try_from(time.as_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Share of the packets that may come too late.
const EXCEEDING: f32 = 0.02;
/// Half of the times over which the fastest packet counts.
const WINDOW: i64 = 1_500_000;
const RECENT: i64 = 250_000;
/// By how much more the fastest packet is no noise, but a longer path: what
/// was measured on the one before counts from the new one.
const LONGER_PATH: i64 = 10_000;
/// Slack that is nearly free: with it a clean stream is played within a packet
/// and 10 ms, and jitter of a few milliseconds is no event.
const SPARE: i64 = 10_000;
/// Slack that even packets of 10 ms get, for they never come on the dot.
const MARGIN: i64 = 500;
/// How far a fixed delay may be off before it is corrected.
const FIXED_RANGE: i64 = 20_000;
/// The longest delay that can be asked for.
const LONGEST: Duration = Duration::from_millis(500);
/// The longest packet that is waited for where others are lost.
const LONGEST_WAIT: i64 = 40_000;
/// How far above the usual a peak is.
const PEAK: i64 = 30_000;
/// What comes within this time is the same one.
const PEAK_WIDTH: i64 = 500_000;
/// How long one is remembered.
const PEAK_MEMORY: i64 = 15_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: i64 = 20_000;

    fn adaptive() -> Delays {
        Delays::new(Target::default())
    }

    /// Feeds packets every 20 ms, late by what `late` says.
    fn feed(delays: &mut Delays, numbers: std::ops::Range<i64>, late: impl Fn(i64) -> i64) {
        for n in numbers {
            let now = Time::from_nanos(((n * PACKET + late(n)) * 1_000) as u64);
            delays.observe(now, n * PACKET, PACKET);
        }
    }

    #[test]
    fn a_clean_stream_needs_a_frame_and_half_a_packet() {
        let mut delays = adaptive();
        feed(&mut delays, 0..500, |n| n % 3 * 300);
        let need = delays.need(20_000, 20_000);
        assert_eq!((need.slack, need.low, need.high), (10_000, 5_000, 30_000));
        assert_eq!(delays.need(20_000, 10_000).target, 20_500);
    }

    #[test]
    fn jitter_is_followed_to_its_edge() {
        let mut delays = adaptive();
        feed(&mut delays, 0..1_000, |n| (n * 7_919) % 60 * 1_000);
        let slack = delays.need(20_000, 20_000).slack;
        assert!((56_000..=62_000).contains(&slack), "{slack}");
    }

    #[test]
    fn one_stall_is_forgiven_and_one_that_comes_back_is_not() {
        let mut delays = adaptive();
        let stall = |at: i64| {
            move |n: i64| {
                if (at..at + 10).contains(&n) {
                    (at + 10 - n) * PACKET
                } else {
                    0
                }
            }
        };
        feed(&mut delays, 0..100, |_| 0);
        feed(&mut delays, 100..200, stall(120));
        assert_eq!(delays.need(20_000, 20_000).slack, 10_000);
        feed(&mut delays, 200..300, stall(220));
        assert!(delays.need(20_000, 20_000).slack >= 190_000);
        feed(&mut delays, 300..1_200, |_| 0);
        assert_eq!(delays.need(20_000, 20_000).slack, 10_000);
    }

    #[test]
    fn a_longer_path_is_the_new_measure_after_three_seconds() {
        let mut delays = adaptive();
        feed(&mut delays, 0..600, |_| 0);
        feed(&mut delays, 600..900, |_| 90_000);
        assert_eq!(delays.need(20_000, 20_000).slack, 10_000);
        let at = 900 * PACKET;
        let now = Time::from_nanos(((at + 90_000) * 1_000) as u64);
        assert_eq!(delays.added(now, at), 0);
    }

    #[test]
    fn limits_are_kept() {
        let ms = Duration::from_millis;
        let (min, max) = (ms(60), ms(100));
        let mut delays = Delays::new(Target::Adaptive { min, max });
        assert_eq!(delays.need(20_000, 20_000).target, 60_000);
        feed(&mut delays, 0..1_000, |n| n % 2 * 300_000);
        assert_eq!(delays.need(20_000, 20_000).target, 100_000);
        assert_eq!(
            Delays::new(Target::Fixed(ms(60)))
                .need(20_000, 20_000)
                .slack,
            40_000
        );
        assert_eq!(
            Delays::new(Target::Fixed(Duration::MAX))
                .need(20_000, 20_000)
                .target,
            500_000
        );
    }

    #[test]
    fn the_next_packet_is_waited_for_a_little_longer_than_it_takes() {
        let mut delays = adaptive();
        feed(&mut delays, 0..500, |_| 0);
        (0..3).for_each(|_| delays.note_missing(1));
        let need = delays.need(20_000, 20_000);
        assert_eq!((need.slack, need.low), (20_500, 20_500));
    }
}
