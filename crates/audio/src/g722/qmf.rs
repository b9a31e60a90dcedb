//! The quadrature mirror filters of G.722: one signal into two halves of the
//! band, and back.
//!
//! In: pairs of 16 kHz samples, or one 8 kHz sample of each band. Out: the other
//! of the two. ITU-T G.722 §3.1 and §4.4, in the fixed point of §5, with samples
//! of 16 bits: the bands have 15.

/// Half of the impulse response; the other half mirrors it.
const HALF: [i16; 12] = [3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876];

/// Taps of the filter.
const TAPS: usize = 24;

/// Taps that fall on one of the two samples of a pair.
const PHASE: usize = TAPS / 2;

/// Pairs that are filtered in one go.
const BLOCK: usize = 80;

/// Splits a signal into its lower and its higher band.
#[derive(Clone, Debug)]
pub(super) struct Analysis {
    /// What was heard before, oldest first, and after it the block at hand.
    line: [i16; TAPS - 2 + 2 * BLOCK],
}

impl Analysis {
    /// Gives the lower and the higher sample of each pair in `pcm`.
    pub(super) fn split(&mut self, pcm: &[i16], mut each: impl FnMut(i32, i32)) {
        for block in pcm.chunks(2 * BLOCK) {
            self.line[TAPS - 2..][..block.len()].copy_from_slice(block);
            for window in self.line[..TAPS - 2 + block.len()].windows(TAPS).step_by(2) {
                let low = dot(window, &LOW_PASS);
                let high = dot(window, &HIGH_PASS);
                each(limit(low >> 14), limit(high >> 14));
            }
            self.line
                .copy_within(block.len()..block.len() + TAPS - 2, 0);
        }
    }
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            line: [0; TAPS - 2 + 2 * BLOCK],
        }
    }
}

/// Joins a lower and a higher band into one signal.
#[derive(Clone, Debug)]
pub(super) struct Synthesis {
    /// Differences of the bands, oldest first, and after them the block's.
    differences: [i16; PHASE - 1 + BLOCK],
    /// The same for their sums.
    sums: [i16; PHASE - 1 + BLOCK],
}

impl Synthesis {
    /// Fills `pcm` with two samples for each pair of `bands`: the lower and the
    /// higher, of 15 bits each.
    pub(super) fn join(&mut self, mut bands: impl Iterator<Item = (i32, i32)>, pcm: &mut [i16]) {
        for block in pcm.chunks_mut(2 * BLOCK) {
            let pairs = block.len() / 2;
            let new = self.differences[PHASE - 1..].iter_mut();
            let new = new.zip(&mut self.sums[PHASE - 1..]).take(pairs);
            for ((difference, sum), (low, high)) in new.zip(&mut bands) {
                // Two numbers of 15 bits: neither overflows.
                *difference = (low - high) as i16;
                *sum = (low + high) as i16;
            }
            for (at, pair) in block.chunks_exact_mut(2).enumerate() {
                let first = dot(&self.differences[at..at + PHASE], &ODD_TAPS);
                let second = dot(&self.sums[at..at + PHASE], &EVEN_TAPS);
                pair[0] = saturate(first >> 11);
                pair[1] = saturate(second >> 11);
            }
            self.differences.copy_within(pairs..pairs + PHASE - 1, 0);
            self.sums.copy_within(pairs..pairs + PHASE - 1, 0);
        }
    }
}

impl Default for Synthesis {
    fn default() -> Self {
        Self {
            differences: [0; PHASE - 1 + BLOCK],
            sums: [0; PHASE - 1 + BLOCK],
        }
    }
}

/// The low-pass filter, symmetric.
const LOW_PASS: [i16; TAPS] = {
    let mut taps = [0; TAPS];
    let mut at = 0;
    while at < TAPS {
        taps[at] = if at < 12 {
            HALF[at]
        } else {
            HALF[TAPS - 1 - at]
        };
        at += 1;
    }
    taps
};

/// Its mirror image in frequency: every second sign is turned.
const HIGH_PASS: [i16; TAPS] = {
    let mut taps = LOW_PASS;
    let mut at = 0;
    while at < TAPS {
        taps[at] = -taps[at];
        at += 2;
    }
    taps
};

const EVEN_TAPS: [i16; PHASE] = every_second(0);
const ODD_TAPS: [i16; PHASE] = every_second(1);

const fn every_second(first: usize) -> [i16; PHASE] {
    let mut taps = [0; PHASE];
    let mut at = 0;
    while at < PHASE {
        taps[at] = LOW_PASS[2 * at + first];
        at += 1;
    }
    taps
}

/// At most 2 × 6,482 × 2^15 in magnitude, which is under 2^29.
#[inline]
fn dot<const N: usize>(window: &[i16], taps: &[i16; N]) -> i32 {
    let products = window.iter().zip(taps);
    products
        .map(|(&x, &tap)| i32::from(x) * i32::from(tap))
        .sum()
}

// G.722 §5.2: LIMIT.
fn limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

fn saturate(value: i32) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
