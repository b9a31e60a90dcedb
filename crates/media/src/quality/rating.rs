//! The E-model: from impairments to a transmission rating.
//!
//! In: delay, loss, codec. Out: R and its mean opinion score. ITU-T G.107 §7.1
//! (R), §7.4 (delay, talker and listener echo), §7.5 (codec and loss), Annex B
//! (opinion). All that a media endpoint cannot measure has its default value
//! of §7.7: echo is cancelled to 65 dB, rooms are quiet, the handsets usual.

use core::fmt;
use core::time::Duration;

use super::Impairment;

/// What is known of one direction of a call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Conditions {
    /// What the codec costs.
    pub codec: Impairment,
    /// From mouth to ear: one way through the network, packetization, playout.
    pub delay: Duration,
    /// Share of the speech that is lost or comes too late, 0..=1.
    pub loss: f64,
    /// Mean length of a run of losses over what chance would make of as many:
    /// 1 when they are independent.
    pub burst_ratio: f64,
}

/// A transmission rating R (ITU-T G.107): 93.2 is a perfect narrow-band call,
/// 80 satisfies, 70 is the least that was called toll quality, 50 is poor.
///
/// ```
/// use talkpath_media::quality::Rating;
/// let best = Rating::BEST;
/// assert_eq!(best.to_string(), "R 93.2, MOS 4.41");
/// assert_eq!(best.mos_tenths(), 44);
/// ```
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Rating(f64);

impl Rating {
    /// What no impairment leaves: a clean narrow-band call without delay.
    pub const BEST: Rating = Rating(RO - IS - IDLE_AT_REST);

    /// The rating under `conditions`.
    pub fn of(conditions: &Conditions) -> Self {
        let equipment = effective_equipment_impairment(
            conditions.codec,
            conditions.loss,
            conditions.burst_ratio,
        );
        let delay = delay_impairment(conditions.delay);
        // G.107 (7-1): R = Ro − Is − Id − Ie,eff + A, with A = 0.
        Rating((RO - IS - delay - equipment).clamp(0.0, 100.0))
    }

    /// R, 0..=100.
    pub fn r(self) -> f64 {
        self.0
    }

    /// The mean opinion score of a conversation (MOS-CQE), 1.0..=4.5.
    pub fn mos(self) -> f64 {
        let r = self.0;
        // G.107 (B-4). The cubic dips below 1 before R reaches 0.
        let mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
        mos.clamp(1.0, 4.5)
    }

    /// The same in tenths, 10..=45, as RTCP carries it (RFC 3611 §4.7.5).
    pub fn mos_tenths(self) -> u8 {
        (self.mos() * 10.0).round() as u8
    }

    /// R in whole numbers, 0..=100, as RTCP carries it (RFC 3611 §4.7.5).
    pub fn r_whole(self) -> u8 {
        self.0.round() as u8
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R {:.1}, MOS {:.2}", self.r(), self.mos())
    }
}

/// Ie,eff: what the codec and its losses cost (G.107 (7-29)).
fn effective_equipment_impairment(codec: Impairment, loss: f64, burst_ratio: f64) -> f64 {
    let percent = 100.0 * clamped(loss, 0.0, 1.0);
    let burst_ratio = clamped(burst_ratio, 1.0, MOST_BURSTY);
    let Impairment {
        equipment,
        robustness,
    } = codec;
    equipment + (95.0 - equipment) * percent / (percent / burst_ratio + robustness)
}

/// Id: what delay costs, by echo to the talker and to the listener, and by
/// itself (G.107 (7-18)).
fn delay_impairment(one_way: Duration) -> f64 {
    let ms = (one_way.as_secs_f64() * 1000.0).min(LONGEST_MS);
    talker_echo(ms) + listener_echo(2.0 * ms) + absolute_delay(ms)
}

/// Idte (G.107 (7-19) to (7-22)).
fn talker_echo(ms: f64) -> f64 {
    let distance = (1.0 + ms / 10.0) / (1.0 + ms / 150.0);
    let terv = TELR - 40.0 * distance.log10() + 6.0 * (-0.3 * ms * ms).exp();
    let re = 80.0 + 2.5 * (terv - 14.0);
    let roe = -1.5 * (NO - RLR);
    let half = (roe - re) / 2.0;
    (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-ms).exp())
}

/// Idle (G.107 (7-25), (7-26)), of the round trip.
fn listener_echo(round_trip_ms: f64) -> f64 {
    let rle = 10.5 * (WEPL + 7.0) * (round_trip_ms + 1.0).powf(-0.25);
    let half = (RO - rle) / 2.0;
    half + (half * half + 169.0).sqrt()
}

/// Idd (G.107 (7-27), (7-28)), for the usual sensitivity to delay.
fn absolute_delay(ms: f64) -> f64 {
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let sixth = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// `value` between the two; the lower one for what is no number.
fn clamped(value: f64, least: f64, most: f64) -> f64 {
    match value.is_nan() {
        true => least,
        false => value.clamp(least, most),
    }
}

/// Ro: signal to noise, of the default values (G.107 §7.2).
const RO: f64 = 94.768_822;
/// Is: what happens together with speech, of the default values (§7.3).
const IS: f64 = 1.413_568;
/// Idle without delay.
const IDLE_AT_REST: f64 = 0.149_046;
/// No: noise at the 0 dBr point in dBm0p, of the default values (§7.2).
const NO: f64 = -61.179_214;
/// Receive loudness rating, in dB (§7.7).
const RLR: f64 = 2.0;
/// Talker echo loudness rating, in dB (§7.7).
const TELR: f64 = 65.0;
/// Weighted echo path loss, in dB (§7.7).
const WEPL: f64 = 110.0;
/// The burst ratio beyond which the model was never fitted.
const MOST_BURSTY: f64 = 8.0;
/// Nobody talks over more.
const LONGEST_MS: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rating(codec: Impairment, ms: u64, loss: f64, burst_ratio: f64) -> Rating {
        Rating::of(&Conditions {
            codec,
            delay: Duration::from_millis(ms),
            loss,
            burst_ratio,
        })
    }

    fn near(actual: f64, expected: f64, within: f64) {
        assert!(
            (actual - expected).abs() < within,
            "{actual}, not {expected}"
        );
    }

    // G.107 §7.7: all defaults make 93.2; Annex B: 4.41.
    #[test]
    fn a_perfect_call_is_rated_93_2() {
        let perfect = rating(Impairment::G711, 0, 0.0, 1.0);
        near(perfect.r(), 93.206, 0.001);
        near(perfect.r(), Rating::BEST.r(), 1e-5);
        near(perfect.mos(), 4.409, 0.001);
        assert_eq!((perfect.r_whole(), perfect.mos_tenths()), (93, 44));
    }

    // Worked by hand from G.107 (7-18) to (7-28): at 150 ms TERV = 28.88,
    // Idte = 2.812, Idle = 0.841, Idd = 0.164.
    #[test]
    fn delay_costs_what_the_formulas_say() {
        for (ms, r) in [(100, 90.664), (150, 89.539), (250, 79.177)] {
            near(rating(Impairment::G711, ms, 0.0, 1.0).r(), r, 0.001);
        }
        near(absolute_delay(200.0), 3.044, 0.001);
        near(talker_echo(150.0), 2.812, 0.001);
        near(listener_echo(300.0), 0.841, 0.001);
    }

    // G.107 (7-29), with the values of G.113: 95·1/(1+25.1) = 3.64,
    // 95·5/(5+25.1) = 15.78, 95·5/(5/2+25.1) = 17.21, 11+84·2/(2+19) = 19.
    #[test]
    fn loss_costs_what_the_formula_says() {
        for (codec, loss, burst_ratio, ie) in [
            (Impairment::G711, 0.01, 1.0, 3.6398),
            (Impairment::G711, 0.05, 1.0, 15.7807),
            (Impairment::G711, 0.05, 2.0, 17.2101),
            (Impairment::G711_UNCONCEALED, 0.05, 1.0, 51.0753),
            (Impairment::G729, 0.02, 1.0, 19.0),
        ] {
            let r = rating(codec, 0, loss, burst_ratio).r();
            near(r, Rating::BEST.r() - ie, 0.001);
        }
    }

    // G.107 Annex B, table B.1.
    #[test]
    fn opinions_are_those_of_annex_b() {
        for (r, mos) in [
            (90.0, 4.339),
            (80.0, 4.024),
            (70.0, 3.597),
            (60.0, 3.1),
            (50.0, 2.575),
        ] {
            near(Rating(r).mos(), mos, 0.001);
        }
        near(Rating(0.0).mos(), 1.0, 1e-9);
        near(Rating(3.0).mos(), 1.0, 1e-9);
        near(Rating(100.0).mos(), 4.5, 1e-9);
    }

    #[test]
    fn what_is_no_number_is_rated_all_the_same() {
        let odd = [f64::NAN, f64::INFINITY, -1.0, f64::MAX];
        for (loss, burst_ratio) in odd.iter().flat_map(|a| odd.map(|b| (*a, b))) {
            let rating = rating(Impairment::G711, u64::MAX, loss, burst_ratio);
            assert!((0.0..=100.0).contains(&rating.r()), "{loss} {burst_ratio}");
        }
    }

    proptest! {
        #[test]
        fn more_of_anything_bad_is_never_better(
            ms in 0u64..3000, loss in 0.0..1.0f64, burst in 1.0..8.0f64, more in 0.0..1.0f64,
        ) {
            let base = rating(Impairment::G711, ms, loss, burst);
            let later = rating(Impairment::G711, ms + (more * 500.0) as u64, loss, burst);
            let lossier = rating(Impairment::G711, ms, (loss + more).min(1.0), burst);
            let burstier = rating(Impairment::G711, ms, loss, (burst + more).min(8.0));
            for worse in [later, lossier, burstier] {
                prop_assert!(worse.r() <= base.r() + 1e-6);
                prop_assert!(worse.mos() <= base.mos() + 1e-6);
            }
            prop_assert!((1.0..=4.5).contains(&base.mos()));
            prop_assert!((10..=45).contains(&base.mos_tenths()));
        }
    }
}
