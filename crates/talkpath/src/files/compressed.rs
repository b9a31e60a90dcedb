//! MP3 and FLAC files into mono samples, by symphonia.
//!
//! In: a file whose first bytes have been read. Out: samples at the file's rate,
//! a packet at a time. A packet that makes no sense is passed over. Only with
//! the feature `symphonia`, whose licence (MPL-2.0) not everybody takes.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use talkpath_audio::downmix;

use crate::driver::ReadFile;

/// A compressed file being decoded.
pub(super) struct Compressed {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    /// A packet, decoded, of all channels.
    pcm: Vec<i16>,
}

impl Compressed {
    /// Whether a file that begins with `bytes` is one of these.
    pub(super) fn knows(bytes: &[u8]) -> bool {
        let is_frame = |bytes: &[u8]| bytes[0] == 0xff && bytes[1] & 0xe0 == 0xe0;
        let tagged = bytes.starts_with(b"fLaC") || bytes.starts_with(b"ID3");
        tagged || (bytes.len() > 1 && is_frame(bytes))
    }

    /// Reads the header of a file, of which `bytes` have been read; also tells
    /// the rate of its samples.
    pub(super) fn open(bytes: Vec<u8>, file: Box<dyn ReadFile>) -> io::Result<(Self, u32)> {
        let rest = Rest {
            bytes,
            taken: 0,
            file: Mutex::new(file),
        };
        let source = Box::new(ReadOnlySource::new(rest));
        let stream = MediaSourceStream::new(source, Default::default());
        let (format, tags) = (FormatOptions::default(), MetadataOptions::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, format, tags)
            .map_err(other)?;
        let unknown = || io::Error::new(io::ErrorKind::Unsupported, "no sound in it");
        let track = format.default_track(TrackType::Audio).ok_or_else(unknown)?;
        let params = track
            .codec_params
            .as_ref()
            .and_then(|params| params.audio());
        let params = params.ok_or_else(unknown)?;
        let rate = params.sample_rate.ok_or_else(unknown)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(other)?;
        let track = track.id;
        let compressed = Compressed {
            format,
            decoder,
            track,
            pcm: Vec::new(),
        };
        Ok((compressed, rate))
    }

    /// Appends what the next packet sounds; false once there is none.
    pub(super) fn read(&mut self, mono: &mut Vec<i16>) -> io::Result<bool> {
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            // A file that is cut short ends where it is cut.
            Ok(None) | Err(Error::ResetRequired) => return Ok(false),
            Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(false);
            }
            Err(error) => return Err(other(error)),
        };
        if packet.track_id != self.track {
            return Ok(true);
        }
        match self.decoder.decode(&packet) {
            Ok(sound) => {
                let channels = sound.num_planes().max(1);
                sound.copy_to_vec_interleaved(&mut self.pcm);
                let start = mono.len();
                mono.resize(start + self.pcm.len() / channels, 0);
                // Whole frames, as many as there is room for.
                let _ = downmix(&self.pcm, channels as u16, &mut mono[start..]);
                Ok(true)
            }
            Err(Error::DecodeError(_) | Error::IoError(_)) => Ok(true),
            Err(error) => Err(other(error)),
        }
    }
}

fn other(error: Error) -> io::Error {
    match error {
        Error::IoError(error) => error,
        error => io::Error::other(error),
    }
}

/// A file, and what was read of it before.
struct Rest {
    bytes: Vec<u8>,
    taken: usize,
    /// Never contended: symphonia wants what can be shared.
    file: Mutex<Box<dyn ReadFile>>,
}

impl Read for Rest {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let before = &self.bytes[self.taken..];
        if before.is_empty() {
            let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
            return file.read(into);
        }
        let count = before.len().min(into.len());
        into[..count].copy_from_slice(&before[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl ReadFile for Nothing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    fn crc(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
        bytes.iter().fold(0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte) << (bits - 8), |crc, _| {
                let carry = crc >> (bits - 1) & 1;
                (crc << 1 & ((1 << bits) - 1)) ^ (carry * polynomial)
            })
        })
    }

    /// FLAC at 8 kHz, mono (RFC 9639 §8.2, §9): each frame 160 times its level.
    fn flac(levels: &[i16]) -> Vec<u8> {
        let mut file = b"fLaC\x80\0\0\x22".to_vec();
        file.extend([0, 160, 0, 160, 0, 0, 0, 0, 0, 0]);
        // 20 bits of rate, 3 of channels, 5 of bits per sample, 36 of length.
        let info = (8_000u64 << 44) | (15 << 36) | (levels.len() as u64 * 160);
        file.extend(info.to_be_bytes());
        file.extend([0; 16]);
        for (number, level) in (0u8..).zip(levels) {
            let mut frame = vec![0xff, 0xf8, 0x64, 0x08, number, 159];
            frame.push(crc(&frame, 8, 0x07) as u8);
            frame.push(0);
            frame.extend(level.to_be_bytes());
            let check = crc(&frame, 16, 0x8005) as u16;
            frame.extend(check.to_be_bytes());
            file.extend(frame);
        }
        file
    }

    fn sound(file: &[u8]) -> (u32, Vec<i16>) {
        assert!(Compressed::knows(file));
        let (mut sound, rate) = Compressed::open(file.to_vec(), Box::new(Nothing)).unwrap();
        let mut mono = Vec::new();
        while sound.read(&mut mono).unwrap() {}
        (rate, mono)
    }

    #[test]
    fn flac_is_what_it_was() {
        let (rate, mono) = sound(&flac(&[1000, -2000, 3000]));
        let expected = [1000i16, -2000, 3000]
            .iter()
            .flat_map(|level| [*level; 160]);
        assert_eq!((rate, mono), (8_000, expected.collect()));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_or_less_sound() {
        assert!(!Compressed::knows(b"RIFF") && !Compressed::knows(b"OggS"));
        let noise = Compressed::open(b"fLaC and then nothing".to_vec(), Box::new(Nothing));
        assert!(noise.is_err());
        let whole = flac(&[1000; 50]);
        let (_, mono) = sound(&whole[..whole.len() - 100]);
        assert!(
            (40 * 160..=50 * 160).contains(&mono.len()),
            "{}",
            mono.len()
        );
    }
}
