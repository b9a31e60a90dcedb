//! Numbers of packets that came and hold no sound: digits (RFC 4733 §2.6 has
//! them in the numbers of the speech), keepalives, what nobody can read.
//!
//! In: their numbers on the line, in any order. Out: how many there are between
//! two packets of sound, so that no gap is taken for loss that is none. What is
//! more than 128 behind the newest is forgotten.

use talkpath_wire::ExtSeq;

/// The newest of them. Bit n is of the number n below the newest.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Soundless {
    newest: Option<ExtSeq>,
    came: u128,
}

impl Soundless {
    /// Notes one.
    pub(super) fn note(&mut self, seq: ExtSeq) {
        let Some(newest) = self.newest else {
            *self = Soundless {
                newest: Some(seq),
                came: 1,
            };
            return;
        };
        let ahead = seq.distance_from(newest);
        match u32::try_from(ahead.unsigned_abs()) {
            Ok(bits) if ahead > 0 => {
                self.came = self.came.checked_shl(bits).unwrap_or(0) | 1;
                self.newest = Some(seq);
            }
            Ok(bits) => self.came |= 1u128.checked_shl(bits).unwrap_or(0),
            // Another stream.
            Err(_) => {
                *self = Soundless::default();
                self.note(seq);
            }
        }
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, seq: ExtSeq) -> bool {
        let back = self.newest.map(|newest| newest.distance_from(seq));
        let bit = back.and_then(|back| u32::try_from(back).ok());
        bit.is_some_and(|bit| self.came.checked_shr(bit).unwrap_or(0) & 1 == 1)
    }

    /// How many lie between two numbers, those left out.
    pub(super) fn between(&self, after: ExtSeq, before: ExtSeq) -> u64 {
        let Some(newest) = self.newest else { return 0 };
        let bits = i64::from(u128::BITS);
        // Bits from `first` up to `end`.
        let first = (newest.distance_from(before) + 1).clamp(0, bits);
        let end = newest.distance_from(after).clamp(first, bits);
        let below = |bit: i64| match u32::try_from(bit) {
            Ok(bit) if bit < u128::BITS => (1u128 << bit) - 1,
            _ => u128::MAX,
        };
        u64::from((self.came & below(end) & !below(first)).count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_noted_is_known_in_any_order(
            noted in proptest::collection::vec(1_000u64..1_120, 0..60),
            after in 990u64..1_130,
            before in 990u64..1_130,
        ) {
            let mut soundless = Soundless::default();
            noted.iter().for_each(|n| soundless.note(ExtSeq::new(*n)));
            let known: std::collections::BTreeSet<u64> = noted.into_iter().collect();
            for n in 990..1_130 {
                prop_assert_eq!(soundless.has(ExtSeq::new(n)), known.contains(&n));
            }
            let expected = known.iter().filter(|n| (after + 1..before).contains(n)).count();
            let between = soundless.between(ExtSeq::new(after), ExtSeq::new(before));
            prop_assert_eq!(between, expected as u64);
        }
    }

    #[test]
    fn what_is_far_behind_is_forgotten() {
        let mut soundless = Soundless::default();
        for n in [10, 200, u64::MAX / 4, 300] {
            soundless.note(ExtSeq::new(n));
        }
        assert!(soundless.has(ExtSeq::new(300)));
        assert!(!soundless.has(ExtSeq::new(200)) && !soundless.has(ExtSeq::new(10)));
    }
}
