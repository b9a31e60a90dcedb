//! Several channels into one.
//!
//! In: interleaved frames, as a file or a stereo codec has them. Out: one channel,
//! the mean of all, which cannot clip. Left out: the weights of surround sound.

/// Samples that do not make whole frames: the caller's fault.
///
/// ```
/// use talkpath_audio::{PartialFrame, downmix};
/// let error = downmix(&[1, 2, 3], 2, &mut [0; 2]);
/// assert_eq!(error, Err(PartialFrame { samples: 3, channels: 2 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{samples} samples are no whole frames of {channels} channels")]
pub struct PartialFrame {
    /// Samples of all channels that were given.
    pub samples: usize,
    /// Channels that they should be of.
    pub channels: u16,
}

/// Mixes interleaved channels down to one; returns the frames written.
///
/// As many as fit into `mono`; the others are left.
///
/// ```
/// let mut mono = [0; 2];
/// assert_eq!(talkpath_audio::downmix(&[100, 300, -7, -8], 2, &mut mono), Ok(2));
/// assert_eq!(mono, [200, -7]);
/// ```
///
/// # Errors
/// [`PartialFrame`] when the samples are no multiple of the channels, or there
/// are no channels.
pub fn downmix(pcm: &[i16], channels: u16, mono: &mut [i16]) -> Result<usize, PartialFrame> {
    let width = usize::from(channels);
    if width == 0 || !pcm.len().is_multiple_of(width) {
        return Err(PartialFrame {
            samples: pcm.len(),
            channels,
        });
    }
    let frames = pcm.chunks_exact(width);
    let len = frames.len().min(mono.len());
    for (slot, frame) in mono.iter_mut().zip(frames) {
        let sum: i32 = frame.iter().map(|&sample| i32::from(sample)).sum();
        *slot = (sum / i32::from(channels)) as i16; // a mean is no larger than its parts
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_channel_is_copied_and_no_channel_refused() {
        let mut mono = [0; 3];
        assert_eq!(downmix(&[1, i16::MIN, i16::MAX], 1, &mut mono), Ok(3));
        assert_eq!(mono, [1, i16::MIN, i16::MAX]);
        let error = PartialFrame {
            samples: 0,
            channels: 0,
        };
        assert_eq!(downmix(&[], 0, &mut mono), Err(error));
    }

    proptest! {
        #[test]
        fn equal_channels_give_themselves(
            pcm in proptest::collection::vec(any::<i16>(), 0..50),
            channels in 1u16..=40,
            room in 0usize..60,
        ) {
            let interleaved: Vec<i16> =
                pcm.iter().flat_map(|&s| std::iter::repeat_n(s, channels.into())).collect();
            let mut mono = vec![0; room];
            let len = downmix(&interleaved, channels, &mut mono).unwrap();
            prop_assert_eq!(len, room.min(pcm.len()));
            prop_assert_eq!(&mono[..len], &pcm[..len]);
        }

        #[test]
        fn nothing_overflows(pcm in proptest::collection::vec(any::<i16>(), 0..200)) {
            let width = pcm.len().max(1) as u16;
            let mut mono = [0; 1];
            downmix(&pcm, width, &mut mono).unwrap();
            if let (Some(&least), Some(&most)) = (pcm.iter().min(), pcm.iter().max()) {
                prop_assert!((least..=most).contains(&mono[0]));
            }
        }
    }
}
