//! What tests of several containers share: seeded mutations.

/// Marsaglia's xorshift: enough chance for mutations, the same on every run.
pub(crate) struct XorShift(u64);

impl XorShift {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// One to four flips, overwrites, cuts, copies or growths.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.below(256) as u8),
                2 => {
                    // The numbers that break arithmetic: all zeros, all ones.
                    let end = bytes.len().min(at + (1 << self.below(4)));
                    let filling = [0, 0xff][self.below(2)];
                    bytes[at..end].fill(filling);
                }
                3 => {
                    let end = bytes.len().min(at + self.below(200));
                    bytes.extend_from_within(at..end);
                }
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
    }
}
