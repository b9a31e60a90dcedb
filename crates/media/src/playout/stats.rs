//! What playout has done and holds.

use std::time::Duration;

use talkpath_audio::SampleRate;

/// What playout has done and holds.
///
/// Samples are counted at the rate of the codec that was heard then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlayoutStats {
    /// Audio that waits now.
    pub depth: Duration,
    /// Most delay that is meant to be added; zero before the first packet.
    pub target: Duration,
    /// Packets decoded.
    pub packets: u64,
    /// Packets that came after their moment, whether they could still be
    /// played or not.
    pub late: u64,
    /// Samples played as received, those that are `recovered` among them.
    pub played: u64,
    /// Samples made up for lost ones.
    pub concealed: u64,
    /// Samples of lost packets that the packet after them carried too.
    pub recovered: u64,
    /// Samples of silence or comfort noise, because nothing was being said.
    pub silent: u64,
    /// Time taken out of the signal, to lower the delay.
    pub accelerated: Duration,
    /// Time put into the signal, to raise the delay.
    pub expanded: Duration,
    /// Times that playout started afresh: a new source, a jump, lateness.
    pub resyncs: u64,
}

impl PlayoutStats {
    pub(super) fn accelerate(&mut self, rate: SampleRate, samples: usize) {
        self.accelerated += rate.duration_of(samples as u64);
    }

    pub(super) fn expand(&mut self, rate: SampleRate, samples: usize) {
        self.expanded += rate.duration_of(samples as u64);
    }
}
