//! The two ADPCM coders of G.722, one for each half of the band.
//!
//! In: samples of 15 bits at 8 kHz, or codewords of six and two bits. Out: the
//! other of the two. ITU-T G.722 §3 and §4, by the sub-blocks of §6, whose names
//! stand above the lines that compute them. Arithmetic is that of §6: 16 bits,
//! saturated, products cut off after 15 bits.

/// The lower band, in six bits of which four adapt.
#[derive(Clone, Debug)]
pub(super) struct LowerBand {
    predictor: Predictor,
    scale: Scale,
}

/// The higher band, in two bits.
#[derive(Clone, Debug)]
pub(super) struct HigherBand {
    predictor: Predictor,
    scale: Scale,
}

impl LowerBand {
    /// Encodes one sample into six bits.
    #[inline]
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        // SUBTRA, QUANTL
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let level = self.level(magnitude as u16);
        let code = LOWER_CODES[usize::from(error < 0)][usize::from(level & 31)];
        self.adapt(code);
        code
    }

    /// Decodes six bits into one sample.
    #[inline]
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        // INVQBL, RECONS, LIMIT
        let difference = product(SIX_BITS[usize::from(code & 0x3f)], self.scale.step);
        let sample = saturate(self.predictor.estimate + difference).clamp(-16_384, 16_383);
        self.adapt(code);
        sample
    }

    /// How many of the levels lie under `magnitude`, 0 to 29.
    #[inline]
    fn level(&self, magnitude: u16) -> u8 {
        let step = self.scale.step as u32;
        let ends = LOWER_LEVELS
            .iter()
            .map(|&end| ((u32::from(end) * step) >> 16) as u16);
        let below: u16 = ends.map(|end| u16::from(end <= magnitude)).sum();
        below.min(29) as u8
    }

    fn adapt(&mut self, code: u8) {
        // INVQAL: the two lowest bits do not adapt, because the modes of 56 and
        // 48 kbit/s steal them.
        let code = usize::from(code >> 2 & 0x0f);
        let difference = product(FOUR_BITS[code], self.scale.step);
        // LOGSCL, SCALEL
        self.scale.adapt(LOWER_WEIGHTS[code], 18_432, 8);
        self.predictor.update(difference);
    }
}

impl HigherBand {
    /// Encodes one sample into two bits.
    #[inline]
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        // SUBTRA, QUANTH
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let outer = magnitude >= (HIGHER_LEVEL * self.scale.step) >> 12;
        let code = HIGHER_CODES[usize::from(error < 0)][usize::from(outer)];
        self.adapt(code);
        code
    }

    /// Decodes two bits into one sample.
    #[inline]
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let before = self.predictor.estimate;
        // INVQAH, RECONS, LIMIT
        let difference = self.adapt(code);
        saturate(before + difference).clamp(-16_384, 16_383)
    }

    fn adapt(&mut self, code: u8) -> i32 {
        let code = usize::from(code & 0x03);
        // INVQAH
        let difference = product(TWO_BITS[code], self.scale.step);
        // LOGSCH, SCALEH
        self.scale.adapt(HIGHER_WEIGHTS[code], 22_528, 10);
        self.predictor.update(difference);
        difference
    }
}

impl Default for LowerBand {
    fn default() -> Self {
        let (predictor, scale) = (Predictor::default(), Scale { log: 0, step: 32 });
        Self { predictor, scale }
    }
}

impl Default for HigherBand {
    fn default() -> Self {
        let (predictor, scale) = (Predictor::default(), Scale { log: 0, step: 8 });
        Self { predictor, scale }
    }
}

/// The quantizer's scale factor (§3.5): NB and DET.
#[derive(Clone, Debug)]
struct Scale {
    /// Its logarithm to the base 2, in units of 1/2048.
    log: i32,
    step: i32,
}

impl Scale {
    #[inline]
    fn adapt(&mut self, weight: i32, highest: i32, shift: i32) {
        // LOGSCL, LOGSCH
        self.log = (product(self.log, 32_512) + weight).clamp(0, highest);
        // SCALEL, SCALEH: `highest` keeps the power at most one over `shift`.
        let mantissa = POWERS[(self.log >> 6 & 31) as usize];
        self.step = ((mantissa << 1) >> (shift + 1 - (self.log >> 11))) << 2;
    }
}

/// Two poles and six zeros (§3.6) that say what comes next.
#[derive(Clone, Debug, Default)]
struct Predictor {
    /// AL1, AL2: in units of 2^-14.
    poles: [i32; 2],
    /// BL1 to BL6: in units of 2^-14.
    zeros: [i32; 6],
    /// DLT1 to DLT6: the latest quantized differences, newest first, doubled
    /// as FILTEZ wants them.
    doubled: [i32; 6],
    /// PLT1, PLT2: the latest partial reconstructions, newest first.
    partials: [i32; 2],
    /// RLT1: the latest reconstruction.
    reconstruction: i32,
    /// SZL: the part of the zeros in the estimate.
    from_zeros: i32,
    /// SL: what the next sample is thought to be.
    estimate: i32,
}

impl Predictor {
    /// Learns the difference of the sample that was estimated.
    #[inline]
    fn update(&mut self, difference: i32) {
        // RECONS, PARREC
        let reconstruction = saturate(self.estimate + difference);
        let partial = saturate(self.from_zeros + difference);
        self.adapt_poles(partial);
        self.from_zeros = self.adapt_zeros(difference);
        // FILTEP, PREDIC
        let [first, second] = self.poles;
        let newest = product(first, saturate(2 * reconstruction));
        let older = product(second, saturate(2 * self.reconstruction));
        let from_poles = saturate(newest + older);
        self.reconstruction = reconstruction;
        self.estimate = saturate(from_poles + self.from_zeros);
    }

    #[inline]
    fn adapt_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let [last, before] = self.partials;
        // All bits set where the signs differ, so that it is 0 or -1.
        let (turned, turned_twice) = ((partial ^ last) >> 31, (partial ^ before) >> 31);
        // UPPOL2
        let pull = saturate(4 * first);
        let pull = if turned == 0 { saturate(-pull) } else { pull };
        let push = if turned_twice == 0 { 128 } else { -128 };
        let second = (pull >> 7) + push + product(second, 32_512);
        let second = second.clamp(-12_288, 12_288);
        // UPPOL1
        let push = if turned == 0 { 192 } else { -192 };
        let most = 15_360 - second;
        let first = (push + product(first, 32_640)).clamp(-most, most);
        self.poles = [first, second];
        self.partials = [partial, last];
    }

    /// Returns SZL, the new estimate of the zeros.
    #[inline]
    fn adapt_zeros(&mut self, difference: i32) -> i32 {
        // UPZERO, with the differences as they were before this one
        let push = if difference == 0 { 0 } else { 128 };
        for (zero, &before) in self.zeros.iter_mut().zip(&self.doubled) {
            let turned = (difference ^ before) >> 31;
            let leak = (*zero + 255) >> 8; // as the product with 32,640 has it
            *zero += ((push ^ turned) - turned) - leak;
        }
        // DELAYA
        self.doubled.copy_within(..5, 1);
        self.doubled[0] = saturate(2 * difference);
        // FILTEZ
        let mut terms = [0; 6];
        for (term, (&zero, &doubled)) in terms.iter_mut().zip(self.zeros.iter().zip(&self.doubled))
        {
            *term = product(zero, doubled);
        }
        sum(&terms)
    }
}

/// The sum from the last to the first, each saturated.
#[inline]
fn sum(terms: &[i32; 6]) -> i32 {
    let most: i32 = terms.iter().map(|term| term.abs()).sum();
    if most <= i32::from(i16::MAX) {
        return terms.iter().sum(); // nothing can saturate
    }
    terms.iter().rev().fold(0, |sum, term| saturate(sum + term))
}

/// Two numbers of 16 bits, the product cut off after 15 bits.
#[inline]
fn product(a: i32, b: i32) -> i32 {
    (a * b) >> 15
}

#[inline]
fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// Q6: where the levels of the lower band end, in units of 1/16 of its table; the
/// last one is open. Filled up to whole vectors with ends above all of them.
static LOWER_LEVELS: [u16; 32] = {
    let levels: [u16; 29] = [
        35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940,
        1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
    ];
    let mut ends = [u16::MAX; 32];
    let mut at = 0;
    while at < levels.len() {
        ends[at] = levels[at] << 4;
        at += 1;
    }
    ends
};

/// ILP and ILN: the codewords of the levels, of positive and of negative values.
static LOWER_CODES: [[u8; 32]; 2] = {
    let mut codes = [[0; 32]; 2];
    let mut level = 0;
    while level < 30 {
        codes[0][level] = 61 - level as u8;
        codes[1][level] = if level < 2 { 63 } else { 33 } - level as u8;
        level += 1;
    }
    codes
};

/// IHP and IHN: the same for the higher band.
static HIGHER_CODES: [[u8; 2]; 2] = [[3, 2], [1, 0]];

/// Q2: where the inner level of the higher band ends.
const HIGHER_LEVEL: i32 = 564;

/// QQ6: the middle of each of the lower band's levels, by codeword. The first
/// four do not occur in 64 kbit/s, but the network may send them.
static SIX_BITS: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// QQ4: the same without the two lowest bits.
static FOUR_BITS: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];

/// QQ2: the same for the higher band.
static TWO_BITS: [i32; 4] = [-7408, -1616, 7408, 1616];

/// WL: how each codeword of four bits moves the scale of the lower band.
static LOWER_WEIGHTS: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];

/// WH: the same for the higher band.
static HIGHER_WEIGHTS: [i32; 4] = [798, -214, 798, -214];

/// ILB: 2^(11 + i/32).
static POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
