//! Who of a conference speaks.
//!
//! In: the power of each party, round by round. Out: the active speaker. Another
//! must be clearly louder for a while to become it, so that a cough does not;
//! while all are silent, nobody does.

use super::Party;
use crate::rate::SampleRate;

/// How loud a party is: mean squares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Power {
    /// Smoothed over about 100 ms.
    pub(super) of_late: f32,
    /// In this round alone.
    pub(super) now: f32,
}

impl Power {
    /// Learns the power of another round, which weighs `share`.
    pub(super) fn learn(&mut self, now: f32, share: f32) {
        self.now = now;
        self.of_late += (now - self.of_late) * share;
    }
}

/// Picks the active speaker.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    rate: SampleRate,
    speaker: Option<Party>,
    /// Who is louder than the speaker, and how many samples it spoke since.
    challenger: Option<(Party, usize)>,
}

impl Judge {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            speaker: None,
            challenger: None,
        }
    }

    pub(super) fn rate(&self) -> SampleRate {
        self.rate
    }

    pub(super) fn speaker(&self) -> Option<Party> {
        self.speaker
    }

    /// The weight of a round of `len` samples in a power smoothed over 100 ms.
    pub(super) fn share(&self, len: usize) -> f32 {
        1.0 - (-10.0 * len as f32 / self.rate.hz() as f32).exp()
    }

    /// Forgets a party that left.
    pub(super) fn forget(&mut self, party: Party) {
        self.speaker = self.speaker.filter(|&speaker| speaker != party);
        self.challenger = self.challenger.filter(|&(other, _)| other != party);
    }

    /// Looks at the powers after a round of `len` samples. The same powers in
    /// another order give the same speaker, unless two are alike.
    pub(super) fn decide(&mut self, powers: impl Iterator<Item = (Party, Power)>, len: usize) {
        let mut loudest: Option<(Party, Power)> = None;
        let mut to_beat = SILENCE;
        for (party, power) in powers {
            if Some(party) == self.speaker {
                to_beat = to_beat.max(power.of_late * LOUDER);
            } else if loudest.is_none_or(|(_, most)| power.of_late > most.of_late) {
                loudest = Some((party, power));
            }
        }
        let Some((party, power)) = loudest.filter(|(_, power)| power.of_late > to_beat) else {
            self.challenger = None;
            return;
        };
        let before = self.challenger.filter(|&(other, _)| other == party);
        // What fades away is not spoken.
        let spoken = if power.now > SILENCE { len } else { 0 };
        let samples = before.map_or(0, |(_, samples)| samples) + spoken;
        if samples >= (self.rate.hz() / 5) as usize {
            self.speaker = Some(party);
            self.challenger = None;
        } else {
            self.challenger = Some((party, samples));
        }
    }
}

/// The power from which on there is speech: -50 dBov.
const SILENCE: f32 = 10_737.0;

/// How much more power takes over: 3 dB.
const LOUDER: f32 = 2.0;
