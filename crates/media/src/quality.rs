//! How good a call sounds: the E-model's judgement of what was measured.
//!
//! In: the delay from mouth to ear, the share of speech that was lost and how
//! it clustered, and the codec. Out: a [`Rating`] R with its mean opinion score,
//! by ITU-T G.107 with the values of G.113; and bursts and gaps as RFC 3611
//! §4.7.2 counts them. Pure: numbers in, numbers out.
//!
//! Wide-band codecs are judged on the narrow-band scale, on which a clean call
//! has 93.2. So ratings of all codecs compare, and none is praised for its
//! bandwidth; the wide-band scale of G.107.1 is left out.

mod bursts;
mod impairment;
mod pattern;
mod rating;

pub use bursts::{BurstMetrics, Bursts, GMIN};
pub use impairment::Impairment;
pub use pattern::{Fate, LossPattern};
pub use rating::{Conditions, Rating};

use core::time::Duration;

/// The judgement of one direction of a call, and what it is made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// Transmission rating and opinion score.
    pub rating: Rating,
    /// Share of the speech that the ear missed, 0..=1: lost, or too late, and
    /// not recovered.
    pub loss: f64,
    /// How much more the losses cluster than chance would have it, 1..=8.
    pub burst_ratio: f64,
    /// From mouth to ear, as far as it is known.
    pub delay: Duration,
}

impl Quality {
    /// Judges speech of a codec under these conditions.
    ///
    /// ```
    /// use core::time::Duration;
    /// use talkpath_media::quality::{Conditions, Impairment, Quality};
    /// let quality = Quality::of(&Conditions {
    ///     codec: Impairment::G711,
    ///     delay: Duration::from_millis(80),
    ///     loss: 0.01,
    ///     burst_ratio: 1.0,
    /// });
    /// assert_eq!(format!("{:.2}", quality.rating.mos()), "4.27");
    /// ```
    pub fn of(conditions: &Conditions) -> Self {
        Quality {
            rating: Rating::of(conditions),
            loss: conditions.loss.clamp(0.0, 1.0),
            burst_ratio: conditions.burst_ratio,
            delay: conditions.delay,
        }
    }
}
