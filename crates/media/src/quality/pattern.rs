//! What became of each packet of a source, once it is certain.
//!
//! In: the numbers of the packets that came, in any order, and which of them
//! came too late to be played. Out: bursts and gaps. A packet is taken for lost
//! when the newest is 64 ahead of it: until then it may still come.

use core::time::Duration;

use talkpath_wire::ExtSeq;

use super::{BurstMetrics, Bursts};

/// What became of a packet that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It was in time.
    Played,
    /// It came too late to be played, or there was no room for it.
    Discarded,
}

/// The losses of one source, and how they cluster.
///
/// ```
/// use core::time::Duration;
/// use talkpath_media::quality::{Fate, LossPattern};
/// use talkpath_wire::ExtSeq;
/// let mut pattern = LossPattern::default();
/// for n in [0, 1, 3, 2, 5] {
///     pattern.note(ExtSeq::new(n), Fate::Played);
/// }
/// let metrics = pattern.metrics(Duration::from_millis(20));
/// assert_eq!((metrics.packets, metrics.losses), (6, 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LossPattern {
    window: Option<Window>,
    certain: Bursts,
    /// Packets that never came, of those that are certain.
    lost: u64,
    /// Packets that came too late, of those that are certain.
    discarded: u64,
}

/// The newest packets, whose fate may still change. Bit n is of the packet n
/// before the newest.
#[derive(Clone, Copy, Debug)]
struct Window {
    newest: ExtSeq,
    /// How many of the 64 there are.
    len: u32,
    came: u64,
    discarded: u64,
}

impl LossPattern {
    /// A packet came. One that was noted as played may be noted again as
    /// discarded; what is older than 64 packets changes nothing.
    pub fn note(&mut self, seq: ExtSeq, fate: Fate) {
        let Some(mut window) = self.window else {
            self.window = Some(Window::begin(seq, fate));
            return;
        };
        let ahead = seq.distance_from(window.newest);
        if ahead > LONGEST_GAP {
            // Another stream: between the two nothing was lost.
            self.restart(seq, fate);
            return;
        }
        for _ in 0..ahead.max(0) {
            if window.len == u64::BITS {
                self.settle(&window, u64::BITS - 1);
            }
            window.advance();
        }
        if let Ok(back) = u32::try_from(-ahead.min(0)) {
            window.mark(back, fate);
        }
        self.window = Some(window);
    }

    /// The source begins anew at `seq`: what is missing up to there was never
    /// sent.
    pub fn restart(&mut self, seq: ExtSeq, fate: Fate) {
        if let Some(window) = self.window.take() {
            self.settle_all(&window);
        }
        self.window = Some(Window::begin(seq, fate));
    }

    /// Bursts and gaps up to now, if packets hold `packet` of sound.
    pub fn metrics(&self, packet: Duration) -> BurstMetrics {
        self.settled().certain.metrics(packet)
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.settled().lost
    }

    /// Packets that came too late to be played.
    pub fn discarded(&self) -> u64 {
        self.settled().discarded
    }

    /// The same, as if nothing were to come any more.
    fn settled(&self) -> Self {
        let mut all = *self;
        if let Some(window) = all.window.take() {
            all.settle_all(&window);
        }
        all
    }

    fn settle_all(&mut self, window: &Window) {
        (0..window.len)
            .rev()
            .for_each(|back| self.settle(window, back));
    }

    fn settle(&mut self, window: &Window, back: u32) {
        let bit = 1u64 << back.min(u64::BITS - 1);
        match (window.came & bit != 0, window.discarded & bit != 0) {
            (true, false) => self.certain.play(1),
            (true, true) => {
                self.discarded += 1;
                self.certain.lose();
            }
            (false, _) => {
                self.lost += 1;
                self.certain.lose();
            }
        }
    }
}

impl Window {
    fn begin(seq: ExtSeq, fate: Fate) -> Self {
        Window {
            newest: seq,
            len: 1,
            came: 1,
            discarded: u64::from(fate == Fate::Discarded),
        }
    }

    fn advance(&mut self) {
        self.newest = self.newest.plus(1);
        self.came <<= 1;
        self.discarded <<= 1;
        self.len = (self.len + 1).min(u64::BITS);
    }

    fn mark(&mut self, back: u32, fate: Fate) {
        // What came before the first packet was sent before we listened.
        if back >= self.len {
            return;
        }
        let bit = 1u64 << back;
        self.came |= bit;
        if fate == Fate::Discarded {
            self.discarded |= bit;
        }
    }
}

/// Steps ahead that are still loss (RFC 3550 A.1, MAX_DROPOUT).
const LONGEST_GAP: i64 = 3000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACKET: Duration = Duration::from_millis(20);

    fn pattern(numbers: impl IntoIterator<Item = u64>) -> LossPattern {
        let mut pattern = LossPattern::default();
        for n in numbers {
            pattern.note(ExtSeq::new(n), Fate::Played);
        }
        pattern
    }

    #[test]
    fn what_comes_out_of_order_is_not_lost() {
        let shuffled = (0..1000).map(|n| if n % 10 < 5 { n + 5 } else { n - 5 });
        assert_eq!(pattern(shuffled).lost(), 0);
    }

    #[test]
    fn what_comes_too_late_is_missed_once() {
        let mut pattern = pattern(0..100);
        pattern.note(ExtSeq::new(90), Fate::Discarded);
        pattern.note(ExtSeq::new(90), Fate::Discarded);
        let metrics = pattern.metrics(PACKET);
        assert_eq!((pattern.lost(), pattern.discarded()), (0, 1));
        assert_eq!((metrics.losses, metrics.packets), (1, 100));
    }

    #[test]
    fn a_new_stream_loses_nothing_on_the_way_to_it() {
        let mut pattern = pattern(0..50);
        pattern.note(ExtSeq::new(70_000), Fate::Played);
        pattern.restart(ExtSeq::new(70_100), Fate::Played);
        assert_eq!((pattern.lost(), pattern.metrics(PACKET).packets), (0, 52));
    }

    #[test]
    fn the_longest_gap_is_loss() {
        let pattern = pattern([0, 3000]);
        assert_eq!(pattern.lost(), 2999);
        assert_eq!(pattern.metrics(PACKET).burst_duration, PACKET * 2999);
    }

    proptest! {
        #[test]
        fn losses_are_those_that_never_came(lost in proptest::collection::btree_set(1u64..400, 0..80)) {
            let came = (0..=400u64).filter(|n| !lost.contains(n));
            let pattern = pattern(came);
            prop_assert_eq!(pattern.lost(), lost.len() as u64);
            prop_assert_eq!(pattern.metrics(PACKET).packets, 401);
        }

        #[test]
        fn any_numbers_are_survived(numbers in proptest::collection::vec(0u64..100_000, 0..200)) {
            let pattern = pattern(numbers);
            let metrics = pattern.metrics(PACKET);
            prop_assert!(metrics.losses <= metrics.packets);
        }
    }
}
