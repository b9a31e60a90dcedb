//! Comfort noise: what the room sounds like while nobody speaks (RFC 3389).
//!
//! In: a payload, or the frames in which nobody spoke. Out: noise of that level
//! and spectrum ([`Generator`]), or a payload ([`Analyser`]). A payload is a level
//! in -dBov and, as far as the sender likes, the reflection coefficients of an
//! all-pole filter, one byte each. Its spectrum is relative to the sample rate of
//! the codec beside which it is sent. Left out: when to send one, and the voice
//! detector that says so.

mod analyser;
mod generator;

pub use analyser::Analyser;
pub use generator::Generator;

use crate::level::Dbov;

/// The payload type that RFC 3551 §6 gives it beside codecs of 8 kHz.
pub const PAYLOAD_TYPE: u8 = 13;

/// Reflection coefficients that are kept; those after them count as 0.
///
/// RFC 3389 §3 lets a receiver do so.
pub const MAX_ORDER: usize = 10;

/// The encoding name in SDP, at the clock rate of the codec beside it.
pub const NAME: &str = "CN";

/// Level and spectrum of background noise: the content of one payload.
///
/// ```
/// use talkpath_audio::comfort_noise::Description;
/// let noise = Description::parse(&[63, 20, 140])?;
/// assert_eq!(noise.level().0, -63.0);
/// assert!((noise.reflections().nth(1).expect("there are two") - 0.102).abs() < 0.001);
///
/// let mut payload = [0; Description::MAX_LEN];
/// let len = noise.write(&mut payload)?;
/// assert_eq!(payload[..len], [63, 20, 140]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// -dBov, 0 to 127.
    level: u8,
    /// Quantized as in the payload, 0 to 254; those from `order` on are [`ZERO`].
    indices: [u8; MAX_ORDER],
    order: u8,
}

/// A payload of comfort noise without a level: the peer's fault.
///
/// ```
/// use talkpath_audio::comfort_noise::{Description, NoLevel};
/// assert_eq!(Description::parse(&[]), Err(NoLevel));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a comfort noise payload of 0 bytes has no level")]
pub struct NoLevel;

/// No room for a payload of comfort noise: the caller's fault.
///
/// ```
/// use talkpath_audio::comfort_noise::{Description, NoRoom};
/// let noise = Description::parse(&[63, 20])?;
/// assert_eq!(noise.write(&mut [0; 1]), Err(NoRoom { needed: 2, room: 1 }));
/// # Ok::<(), talkpath_audio::comfort_noise::NoLevel>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a comfort noise payload of {needed} bytes does not fit into {room}")]
pub struct NoRoom {
    /// Bytes that the payload takes.
    pub needed: usize,
    /// Bytes that there were.
    pub room: usize,
}

impl Description {
    /// The longest payload that [`Description::write`] makes, in bytes.
    pub const MAX_LEN: usize = 1 + MAX_ORDER;

    /// Describes noise by its level and its reflection coefficients.
    ///
    /// The level is rounded to whole decibels, 0 to -127 dBov, coefficients to
    /// steps of 1/127. The sign is that of a filter 1/(1 + Σ aᵢ z⁻ⁱ): noise that
    /// is strongest at low frequencies has a negative first coefficient. Those
    /// after the first [`MAX_ORDER`] are left out.
    ///
    /// ```
    /// use talkpath_audio::{Dbov, comfort_noise::Description};
    /// let hum = Description::new(Dbov(-55.0), &[-0.8]);
    /// assert_eq!((hum.level(), hum.reflections().len()), (Dbov(-55.0), 1));
    /// ```
    #[must_use]
    pub fn new(level: Dbov, reflections: &[f32]) -> Self {
        let mut indices = [ZERO; MAX_ORDER];
        for (index, &value) in indices.iter_mut().zip(reflections) {
            // RFC 3389 §3.2; the cast saturates, and takes NaN to 0.
            let steps = (value / STEP).round().clamp(-127.0, 127.0);
            *index = (steps + 127.0) as u8;
        }
        Self {
            level: level.minus_dbov(),
            indices,
            order: reflections.len().min(MAX_ORDER) as u8,
        }
    }

    /// Reads a payload.
    ///
    /// The unused bit of the level is ignored. At the reserved index 255 the
    /// spectrum is taken to end, as it is after [`MAX_ORDER`] coefficients.
    ///
    /// # Errors
    /// [`NoLevel`] when there is no byte at all.
    pub fn parse(payload: &[u8]) -> Result<Self, NoLevel> {
        // RFC 3389 §3.1, figure 1.
        let (&level, spectrum) = payload.split_first().ok_or(NoLevel)?;
        let mut indices = [ZERO; MAX_ORDER];
        let known = spectrum.iter().take_while(|&&index| index != RESERVED);
        let mut order = 0;
        for (slot, &index) in indices.iter_mut().zip(known) {
            *slot = index;
            order += 1;
        }
        Ok(Self {
            level: level & 0x7f,
            indices,
            order,
        })
    }

    /// Writes the payload and returns its length in bytes.
    ///
    /// # Errors
    /// [`NoRoom`]; nothing is then written.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, NoRoom> {
        let (needed, room) = (1 + usize::from(self.order), out.len());
        let Some((level, spectrum)) = out.get_mut(..needed).and_then(<[u8]>::split_first_mut)
        else {
            return Err(NoRoom { needed, room });
        };
        *level = self.level;
        spectrum.copy_from_slice(&self.indices[..needed - 1]);
        Ok(needed)
    }

    /// The power of the noise.
    #[must_use]
    pub fn level(&self) -> Dbov {
        Dbov(-f32::from(self.level))
    }

    /// The reflection coefficients, each between -1 and 1; none is white noise.
    pub fn reflections(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.indices[..usize::from(self.order)]
            .iter()
            .map(|&index| reflection(index))
    }

    /// Whether a listener would hardly tell the two apart, so that one need not
    /// be sent after the other (RFC 3389 §4).
    ///
    /// ```
    /// use talkpath_audio::{Dbov, comfort_noise::Description};
    /// let room = Description::new(Dbov(-60.0), &[-0.7, 0.2]);
    /// assert!(room.resembles(&Description::new(Dbov(-61.0), &[-0.6, 0.1])));
    /// assert!(!room.resembles(&Description::new(Dbov(-55.0), &[-0.7, 0.2])));
    /// ```
    #[must_use]
    pub fn resembles(&self, other: &Self) -> bool {
        let pairs = self.indices.iter().zip(&other.indices);
        let furthest = pairs.map(|(&one, &two)| one.abs_diff(two)).max();
        self.level.abs_diff(other.level) <= LIKE_DB && furthest.is_none_or(|far| far <= LIKE_STEPS)
    }
}

/// RFC 3389 §3.2: the coefficient of an index; 255 is not used.
fn reflection(index: u8) -> f32 {
    (f32::from(index) - 127.0) * STEP
}

/// RFC 3389 §3.2: the distance of two coefficients with neighbouring indices.
const STEP: f32 = 258.0 / 32_768.0;

/// The index of a coefficient of 0.
const ZERO: u8 = 127;

/// RFC 3389 §3.2: for future use.
const RESERVED: u8 = 255;

/// Steps of level, and of each coefficient, that are hardly heard: 2 dB, and
/// 0.2, which is eight times the spread of an estimate from 1,600 samples.
const LIKE_DB: u8 = 2;
const LIKE_STEPS: u8 = 25;

#[cfg(test)]
mod tests;
