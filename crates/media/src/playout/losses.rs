//! Whether so many packets are lost that it pays to wait for the next one.
//!
//! In: how many are missing before each that is played. Out: a verdict with
//! hysteresis. A gap whose other side is known is concealed better, and a codec
//! with in-band FEC repairs it from there; that costs the delay of one packet,
//! which a stream without loss need not pay.

/// The share of lost packets, the old forgotten little by little.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Losses {
    share: f32,
    are_many: bool,
}

impl Losses {
    /// Notes a packet before which so many are missing.
    pub(super) fn note(&mut self, missing: u64) {
        let lost = missing.min(MOST) as f32;
        self.share += (lost - self.share) * MEMORY;
        self.are_many = match self.are_many {
            true => self.share > FEW,
            false => self.share > MANY,
        };
    }

    /// Whether it pays to wait.
    pub(super) fn are_many(&self) -> bool {
        self.are_many
    }
}

/// More in a row cannot be repaired from one side or the other.
const MOST: u64 = 3;
/// What one packet weighs: five seconds of 20 ms packets are remembered.
const MEMORY: f32 = 1.0 / 256.0;
/// Three packets in five seconds.
const MANY: f32 = 0.01;
const FEW: f32 = 0.002;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_loss_is_not_many_and_three_soon_after_are_until_they_stop() {
        let mut losses = Losses::default();
        losses.note(1);
        assert!(!losses.are_many());
        (0..2).for_each(|_| losses.note(1));
        assert!(losses.are_many());
        (0..300).for_each(|_| losses.note(0));
        assert!(losses.are_many());
        (0..200).for_each(|_| losses.note(0));
        assert!(!losses.are_many());
    }
}
