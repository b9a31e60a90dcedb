//! Tracks: what a file says of each before the first frame (RFC 9559 §5.1.4).
//!
//! In: a codec and its numbers. Out: a TrackEntry. The size of a picture is known
//! with its first keyframe only, so room for it is reserved and patched then.

use super::ebml::{binary, float, parent, text, uint, void};
use super::error::MkvWriteError;
use super::id;
use crate::ogg::OpusHead;

/// What a track of a file holds.
///
/// ```
/// use talkpath_file::mkv::MkvTrack;
/// use talkpath_file::ogg::OpusHead;
/// let tracks = [MkvTrack::Opus(OpusHead::new(2, 312)), MkvTrack::Vp8];
/// assert!(tracks[1].is_video());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MkvTrack {
    /// `A_OPUS`: a frame is an Opus packet.
    Opus(OpusHead),
    /// `A_PCM/INT/LIT`: a frame is any number of interleaved samples, signed
    /// 16-bit little-endian.
    Pcm16 {
        /// Channels.
        channels: u16,
        /// Frames per second.
        sample_rate: u32,
    },
    /// `V_VP8`: a frame is one of VP8.
    Vp8,
    /// `V_MPEG4/ISO/AVC`: a frame is an access unit of H.264, each NAL unit with
    /// its length before it in four bytes, big-endian.
    H264,
}

/// What a first keyframe says of all pictures of its track.
///
/// ```
/// use talkpath_file::mkv::Picture;
/// let picture = Picture { width: 640, height: 480, parameter_sets: None };
/// assert_eq!(picture.width, 640);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture<'a> {
    /// In pixels.
    pub width: u16,
    /// In pixels.
    pub height: u16,
    /// For H.264, and only there: one sequence and one picture parameter set, as
    /// NAL units without start codes.
    pub parameter_sets: Option<(&'a [u8], &'a [u8])>,
}

impl MkvTrack {
    /// Whether it holds pictures.
    #[must_use]
    pub const fn is_video(&self) -> bool {
        matches!(self, Self::Vp8 | Self::H264)
    }

    const fn codec_id(&self) -> &'static str {
        match self {
            Self::Opus(_) => "A_OPUS",
            Self::Pcm16 { .. } => "A_PCM/INT/LIT",
            Self::Vp8 => "V_VP8",
            Self::H264 => "V_MPEG4/ISO/AVC",
        }
    }

    /// Appends the TrackEntry of track `number`; where in `out` its picture
    /// stands, if it has one.
    pub(super) fn write(&self, number: u64, name: &str, out: &mut Vec<u8>) -> Option<usize> {
        let mut picture_at = None;
        parent(out, id::TRACK_ENTRY, |out| {
            uint(out, id::TRACK_NUMBER, number);
            uint(out, id::TRACK_UID, number);
            uint(out, id::TRACK_TYPE, if self.is_video() { 1 } else { 2 });
            uint(out, id::FLAG_LACING, 0);
            if !name.is_empty() {
                text(out, id::NAME, name);
            }
            text(out, id::CODEC_ID, self.codec_id());
            match self {
                Self::Opus(head) => write_opus(head, out),
                Self::Pcm16 {
                    channels,
                    sample_rate,
                } => write_pcm(*channels, *sample_rate, out),
                Self::Vp8 | Self::H264 => {
                    picture_at = Some(out.len());
                    out.extend_from_slice(&self.no_picture());
                }
            }
        });
        picture_at
    }

    /// The part of a TrackEntry that waits for a keyframe.
    fn no_picture(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // RFC 9559 §5.1.4.1.28.6: it may not be 0.
        write_size(16, 16, &mut out);
        if *self == Self::H264 {
            void(&mut out, PARAMETER_ROOM);
        }
        out
    }

    /// The same part with a picture, of the same length.
    ///
    /// # Errors
    /// [`MkvWriteError::NoPicture`] when it does not fit the codec of `track`, and
    /// [`MkvWriteError::ParameterSets`].
    pub(super) fn picture(
        &self,
        track: usize,
        picture: &Picture<'_>,
    ) -> Result<Vec<u8>, MkvWriteError> {
        let mut out = Vec::new();
        write_size(picture.width, picture.height, &mut out);
        match (self, picture.parameter_sets) {
            (Self::Vp8, None) => {}
            (Self::H264, Some((sps, pps))) => {
                let before = out.len();
                binary(&mut out, id::CODEC_PRIVATE, &avc_configuration(sps, pps)?);
                let used = out.len() - before;
                void(&mut out, PARAMETER_ROOM - used);
            }
            _ => return Err(MkvWriteError::NoPicture { track }),
        }
        Ok(out)
    }
}

fn write_opus(head: &OpusHead, out: &mut Vec<u8>) {
    binary(out, id::CODEC_PRIVATE, &head.to_bytes());
    let delay = u64::from(head.pre_skip) * 1_000_000_000 / 48_000;
    uint(out, id::CODEC_DELAY, delay);
    // RFC 7845 §4.6: 80 ms until a decoder that starts anywhere is right.
    uint(out, id::SEEK_PRE_ROLL, 80_000_000);
    parent(out, id::AUDIO, |out| {
        float(out, id::SAMPLING_FREQUENCY, 48_000.0);
        uint(out, id::CHANNELS, head.channels.into());
    });
}

fn write_pcm(channels: u16, sample_rate: u32, out: &mut Vec<u8>) {
    parent(out, id::AUDIO, |out| {
        float(out, id::SAMPLING_FREQUENCY, sample_rate.into());
        uint(out, id::CHANNELS, channels.into());
        uint(out, id::BIT_DEPTH, 16);
    });
}

/// Width and height, always in two bytes each.
fn write_size(width: u16, height: u16, out: &mut Vec<u8>) {
    parent(out, id::VIDEO, |out| {
        binary(out, id::PIXEL_WIDTH, &width.to_be_bytes());
        binary(out, id::PIXEL_HEIGHT, &height.to_be_bytes());
    });
}

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1), lengths of 4 bytes.
fn avc_configuration(sps: &[u8], pps: &[u8]) -> Result<Vec<u8>, MkvWriteError> {
    let (len, max) = (sps.len() + pps.len(), PARAMETER_ROOM - 40);
    let [_, profile, compatibility, level, ..] = *sps else {
        return Err(MkvWriteError::ParameterSets { len, max });
    };
    if len > max || pps.is_empty() {
        return Err(MkvWriteError::ParameterSets { len, max });
    }
    let mut record = vec![1, profile, compatibility, level, 0xfc | 3];
    for (count, set) in [(0xe0 | 1, sps), (1, pps)] {
        record.push(count);
        record.extend((set.len() as u16).to_be_bytes());
        record.extend(set);
    }
    if profile == HIGH {
        // 4:2:0 and 8 bits, all that this profile has in calls; no extensions.
        record.extend([0xfc | 1, 0xf8, 0xf8, 0]);
    }
    Ok(record)
}

const HIGH: u8 = 100;
/// Bytes of a TrackEntry that are kept for parameter sets: usual are 50.
const PARAMETER_ROOM: usize = 512;
