//! Chance from a seed: xoshiro256++, and what the world draws from it.
//!
//! In: a seed, and a label for each independent stream, so that one link's luck
//! does not depend on how often another was asked. Out: numbers that are the
//! same on every machine: no function here leaves its result to a libm.
//! Not for keys: whoever knows the seed knows every byte.

use core::time::Duration;

/// A stream of numbers that looks random and is decided by its seed.
///
/// ```
/// use talkpath_sim::Rng;
/// let (mut one, mut same) = (Rng::new(7), Rng::new(7));
/// assert_eq!(one.next_u64(), same.next_u64());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut mixer = seed;
        Rng {
            state: core::array::from_fn(|_| split_mix(&mut mixer)),
        }
    }

    /// One of many independent streams of `seed`, named by `label`.
    pub fn stream(seed: u64, label: u64) -> Self {
        let mut mixer = label;
        Rng::new(seed ^ split_mix(&mut mixer))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let out = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        out
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }

    /// A number in `0..bound`; 0 when `bound` is 0. The bias is below
    /// `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with `probability`, 0.0..=1.0. Draws nothing when it is 0.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// Nearly normal, mean 0 and deviation 1, within ±6: the sum of twelve
    /// uniform numbers, which every machine adds up alike.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// A duration in `0..=most`.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }
}

/// SplitMix64, which the authors of xoshiro name for seeding it.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ() {
        assert_ne!(Rng::stream(1, 1).next_u64(), Rng::stream(1, 2).next_u64());
        assert_ne!(Rng::stream(1, 1).next_u64(), Rng::stream(2, 1).next_u64());
    }

    #[test]
    fn the_published_generator_comes_out() {
        // The first outputs of xoshiro256++ from the state 1, 2, 3, 4.
        let mut rng = Rng {
            state: [1, 2, 3, 4],
        };
        let first: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        assert_eq!(
            first,
            [41943041, 58720359, 3588806011781223, 3591011842654386]
        );
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::new(11);
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        let hits = (0..n).filter(|_| rng.chance(0.05)).count();
        assert!((900..1100).contains(&hits), "{hits}");
        assert!((0..n).all(|_| rng.below(3) < 3));
    }

    #[test]
    fn every_length_is_filled() {
        for len in 0..20 {
            let mut bytes = vec![0; len];
            (0..64).for_each(|i| Rng::new(i).fill(&mut bytes));
            assert!(len < 8 || bytes.iter().any(|b| *b != 0));
        }
    }
}
