//! The sequence parameter set of H.264, as far as the size of the picture.
//!
//! In: an SPS as a NAL unit. Out: width and height. ITU-T H.264 §7.3.2.1.1, with
//! the emulation prevention of §7.4.1 undone on the way. All that stands behind
//! the cropping is not read.

/// Why the size of the picture cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpsError {
    /// The unit is something else.
    #[error("a NAL unit of type {kind} is no sequence parameter set")]
    NotSps {
        /// Its type; 0 where it is empty.
        kind: u8,
    },
    /// It ends before its fields do.
    #[error("a sequence parameter set of {len} bytes ends inside of its fields")]
    Truncated {
        /// Its length.
        len: usize,
    },
    /// A number has more than 32 bits, or a count is not possible.
    #[error("field {field} of a sequence parameter set has an impossible value")]
    Value {
        /// Its name in ITU-T H.264.
        field: &'static str,
    },
    /// It comes to no pixels, or to more than 16 bits can say.
    #[error("a picture of {width} × {height} pixels is not possible")]
    Size {
        /// In pixels.
        width: u64,
        /// In pixels.
        height: u64,
    },
}

/// Width and height, in pixels, of the pictures of a sequence parameter set.
///
/// # Errors
/// [`SpsError`] when it is no such unit or says nothing possible.
///
/// ```
/// use talkpath_wire::h264::picture_size;
/// let sps = [
///     0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x3d, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01,
///     0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2e, 0x48,
/// ];
/// assert_eq!(picture_size(&sps), Ok((640, 480)));
/// ```
pub fn picture_size(sps: &[u8]) -> Result<(u16, u16), SpsError> {
    let kind = sps.first().map_or(0, |header| header & 0x1f);
    let Some([_, profile, _, _, body @ ..]) = (kind == 7).then_some(sps) else {
        return Err(match kind {
            7 => SpsError::Truncated { len: sps.len() },
            _ => SpsError::NotSps { kind },
        });
    };
    let mut bits = Bits::new(body, sps.len());
    bits.exp_golomb("seq_parameter_set_id")?;
    let chroma = match profile {
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135 => {
            high_profile(&mut bits)?
        }
        _ => Chroma::Half,
    };
    bits.exp_golomb("log2_max_frame_num_minus4")?;
    picture_order(&mut bits)?;
    bits.exp_golomb("max_num_ref_frames")?;
    bits.bit()?; // gaps_in_frame_num_value_allowed_flag
    let macroblocks = u64::from(bits.exp_golomb("pic_width_in_mbs_minus1")?) + 1;
    let map_units = u64::from(bits.exp_golomb("pic_height_in_map_units_minus1")?) + 1;
    // Fields of two interlaced halves, or frames.
    let fields = if bits.bit()? { 1 } else { 2 };
    if fields == 2 {
        bits.bit()?; // mb_adaptive_frame_field_flag
    }
    bits.bit()?; // direct_8x8_inference_flag
    let crop = if bits.bit()? {
        crop(&mut bits)?
    } else {
        [0; 4]
    };
    let [left, right, top, bottom] = crop.map(u64::from);
    let (unit_x, unit_y) = chroma.crop_units();
    let (whole_x, whole_y) = (macroblocks * 16, map_units * 16 * fields);
    let width = whole_x.saturating_sub((left + right) * unit_x);
    let height = whole_y.saturating_sub((top + bottom) * unit_y * fields);
    match (u16::try_from(width), u16::try_from(height)) {
        (Ok(w), Ok(h)) if w > 0 && h > 0 => Ok((w, h)),
        _ => Err(SpsError::Size { width, height }),
    }
}

/// How colour is sampled: in which steps a picture can be cropped.
#[derive(Clone, Copy)]
enum Chroma {
    /// None, three planes, or full resolution.
    Full,
    /// Half as many columns.
    Columns,
    /// Half as many columns and lines: nearly always.
    Half,
}

impl Chroma {
    const fn crop_units(self) -> (u64, u64) {
        match self {
            Self::Full => (1, 1),
            Self::Columns => (2, 1),
            Self::Half => (2, 2),
        }
    }
}

fn high_profile(bits: &mut Bits<'_>) -> Result<Chroma, SpsError> {
    let format = bits.exp_golomb("chroma_format_idc")?;
    let chroma = match format {
        0 | 3 => Chroma::Full,
        1 => Chroma::Half,
        2 => Chroma::Columns,
        _ => {
            return Err(SpsError::Value {
                field: "chroma_format_idc",
            });
        }
    };
    if format == 3 {
        bits.bit()?; // separate_colour_plane_flag
    }
    bits.exp_golomb("bit_depth_luma_minus8")?;
    bits.exp_golomb("bit_depth_chroma_minus8")?;
    bits.bit()?; // qpprime_y_zero_transform_bypass_flag
    if bits.bit()? {
        let lists = if format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.bit()? {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(chroma)
}

// H.264 §7.3.2.1.1.1
fn scaling_list(bits: &mut Bits<'_>, len: usize) -> Result<(), SpsError> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..len {
        if next != 0 {
            let delta = signed(bits.exp_golomb("delta_scale")?);
            next = last.wrapping_add(delta).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Ok(())
}

fn picture_order(bits: &mut Bits<'_>) -> Result<(), SpsError> {
    match bits.exp_golomb("pic_order_cnt_type")? {
        0 => {
            bits.exp_golomb("log2_max_pic_order_cnt_lsb_minus4")?;
        }
        1 => {
            bits.bit()?; // delta_pic_order_always_zero_flag
            bits.exp_golomb("offset_for_non_ref_pic")?;
            bits.exp_golomb("offset_for_top_to_bottom_field")?;
            let field = "num_ref_frames_in_pic_order_cnt_cycle";
            let count = bits.exp_golomb(field)?;
            if count > 255 {
                return Err(SpsError::Value { field });
            }
            for _ in 0..count {
                bits.exp_golomb("offset_for_ref_frame")?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Left, right, top and bottom, in the units of the chroma.
fn crop(bits: &mut Bits<'_>) -> Result<[u32; 4], SpsError> {
    Ok([
        bits.exp_golomb("frame_crop_left_offset")?,
        bits.exp_golomb("frame_crop_right_offset")?,
        bits.exp_golomb("frame_crop_top_offset")?,
        bits.exp_golomb("frame_crop_bottom_offset")?,
    ])
}

/// H.264 §9.1.1: 0, 1, −1, 2, −2 and so on.
fn signed(code: u32) -> i32 {
    let half = (code / 2) as i32;
    if code % 2 == 1 {
        half.wrapping_add(1)
    } else {
        -half
    }
}

/// The bits of a NAL unit, without the bytes that keep start codes out of it.
struct Bits<'a> {
    bytes: &'a [u8],
    len: usize,
    byte: u8,
    left: u8,
    zeros: u8,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], len: usize) -> Self {
        Self {
            bytes,
            len,
            byte: 0,
            left: 0,
            zeros: 0,
        }
    }

    fn bit(&mut self) -> Result<bool, SpsError> {
        if self.left == 0 {
            self.byte = self.next_byte()?;
            self.left = 8;
        }
        self.left -= 1;
        Ok(self.byte >> self.left & 1 == 1)
    }

    // H.264 §7.4.1: a 3 behind two zeros is not part of the data.
    fn next_byte(&mut self) -> Result<u8, SpsError> {
        let mut byte = self.raw_byte()?;
        if self.zeros == 2 && byte == 3 {
            self.zeros = 0;
            byte = self.raw_byte()?;
        }
        self.zeros = if byte == 0 {
            (self.zeros + 1).min(2)
        } else {
            0
        };
        Ok(byte)
    }

    fn raw_byte(&mut self) -> Result<u8, SpsError> {
        let truncated = SpsError::Truncated { len: self.len };
        let (&byte, rest) = self.bytes.split_first().ok_or(truncated)?;
        self.bytes = rest;
        Ok(byte)
    }

    /// H.264 §9.1: as many bits behind a 1 as zeros before it.
    fn exp_golomb(&mut self, field: &'static str) -> Result<u32, SpsError> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return Err(SpsError::Value { field });
            }
        }
        let mut value = 1u64;
        for _ in 0..zeros {
            value = value << 1 | u64::from(self.bit()?);
        }
        Ok((value - 1) as u32) // at most 2^32 − 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Xorshift, bytes_of};

    /// Sets of an encoder that we did not write, for pictures of known sizes.
    const SETS: [(&str, (u16, u16)); 7] = [
        // Constrained baseline; high, cropped from 1088 lines; main.
        (
            "6742c01ed900a03db011000003000100000300320f162e48",
            (640, 480),
        ),
        (
            "67640028acd940780227e5c044000003000400000300c83c60c658",
            (1920, 1080),
        ),
        ("674d400beca162760220000003002000000641e28532c0", (176, 144)),
        // High, cropped both ways; 4:2:2; 4:4:4; main, interlaced.
        (
            "6764000dacd94150878888c044000003000400000300c83c50a658",
            (322, 242),
        ),
        (
            "677a0028bcd940780227e27011000003000100000300320f183196",
            (1920, 1080),
        ),
        (
            "67f4000d919b28283f6022000003000200000300641e28532c",
            (320, 240),
        ),
        (
            "674d401eeca05a126c0440000003004000000c87c50a6580",
            (720, 576),
        ),
    ];

    #[test]
    fn sizes_of_another_encoders_sets_are_read() {
        for (hex, size) in SETS {
            assert_eq!(picture_size(&bytes_of(hex)), Ok(size), "{hex}");
        }
    }

    #[test]
    fn a_set_cut_anywhere_is_truncated() {
        let sps = bytes_of(SETS[0].0);
        let needed = (0..sps.len()).find(|&len| picture_size(&sps[..len]).is_ok());
        for len in 1..needed.unwrap_or(sps.len()) {
            assert_eq!(picture_size(&sps[..len]), Err(SpsError::Truncated { len }));
        }
        assert_eq!(picture_size(&[]), Err(SpsError::NotSps { kind: 0 }));
        assert_eq!(picture_size(&[0x68]), Err(SpsError::NotSps { kind: 8 }));
    }

    #[test]
    fn twenty_thousand_mutations_do_not_panic() {
        let (mut chance, mut read) = (Xorshift::new(0x264), 0);
        for n in 0..20_000 {
            let sps = chance.mutate(&bytes_of(SETS[n % SETS.len()].0));
            if let Ok((width, height)) = picture_size(&sps) {
                assert!(width > 0 && height > 0);
                read += 1;
            }
        }
        assert!(read > 2_000, "only {read} were read: mutate less");
    }
}
