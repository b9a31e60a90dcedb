//! What the tests of this crate share: bytes from hex, and mutations.
//!
//! Seeded: the same seed mutates the same way on every machine.

use alloc::vec::Vec;

/// The bytes of `hex`, spaces aside.
pub(crate) fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// Marsaglia's xorshift of 64 bits.
pub(crate) struct Xorshift(u64);

impl Xorshift {
    pub(crate) fn new(seed: u64) -> Self {
        Xorshift(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// `seed` after one to four flips, overwrites, cuts, copies or growths.
    pub(crate) fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|b| *b ^= 1 << (at % 8)),
                1 => {
                    let value = self.next() as u8;
                    bytes.iter_mut().skip(at).take(1).for_each(|b| *b = value);
                }
                2 => bytes.truncate(at),
                3 => bytes.extend_from_within(at..),
                4 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = 0xff),
                _ => {
                    let value = self.next() as u8;
                    bytes.insert(at.min(bytes.len()), value);
                }
            }
        }
        bytes
    }
}
