//! The containers that sound is recorded into, behind one face.
//!
//! In: interleaved samples, marks. Out: bytes to append and bytes to write over.
//! [`WavFile`] is a header that is patched as it goes; [`OpusFile`] encodes, and
//! its pages are whole by themselves. Another container is another
//! implementation of [`Container`].

use std::time::Duration;

use talkpath_audio::opus::OPUS;
use talkpath_audio::{Codec, Encoder, Parameters, SampleRate};
use talkpath_file::Patch;
use talkpath_file::ogg::{OggWriter, OpusHead};
use talkpath_file::wav::{Mark, WavError, WavWriter};

/// A file of sound being written.
pub(super) trait Container: Send {
    /// Appends what stands before the sound to `out`.
    fn begin(&mut self, out: &mut Vec<u8>) -> std::io::Result<()>;

    /// Appends what interleaved samples become to `out`.
    fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> std::io::Result<()>;

    /// Gives the moment that has been pushed last a name.
    fn mark(&mut self, name: &str);

    /// So many bytes of what was appended to `out` have reached the file.
    fn written(&mut self, bytes: u64);

    /// What makes the file valid up to what has reached it, since asked last.
    fn patches(&mut self) -> Vec<Patch>;

    /// The sound is over: appends what ends it to `out`. The patches are to be
    /// written before that.
    fn finish(&mut self, out: &mut Vec<u8>) -> std::io::Result<Vec<Patch>>;

    /// How long the sound is that has been pushed.
    fn length(&self) -> Duration;

    /// Frames of video in the file, and those that are not.
    fn pictures(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// 16-bit PCM.
pub(super) struct WavFile {
    wav: WavWriter,
    rate: SampleRate,
    pushed: u64,
    marks: Vec<Mark>,
}

impl WavFile {
    /// # Errors
    /// [`WavError`] for a rate or channels that no WAV has.
    pub(super) fn new(rate: SampleRate, channels: u16) -> Result<Self, WavError> {
        Ok(WavFile {
            wav: WavWriter::new(channels, rate.hz())?,
            rate,
            pushed: 0,
            marks: Vec::new(),
        })
    }

    fn header(&self) -> Vec<Patch> {
        vec![Patch {
            offset: 0,
            bytes: self.wav.header().to_vec(),
        }]
    }
}

impl Container for WavFile {
    fn begin(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        out.extend(self.wav.header());
        Ok(())
    }

    fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> std::io::Result<()> {
        self.pushed += samples.len() as u64 / u64::from(self.wav.format().channels);
        self.wav.encode(samples, out).map_err(std::io::Error::other)
    }

    fn mark(&mut self, name: &str) {
        if self.marks.len() < MOST_MARKS {
            self.marks.push(Mark {
                frame: self.pushed,
                label: name.into(),
            });
        }
    }

    fn written(&mut self, bytes: u64) {
        self.wav.written(bytes);
    }

    fn patches(&mut self) -> Vec<Patch> {
        self.header()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> std::io::Result<Vec<Patch>> {
        out.extend(self.wav.mark(&self.marks));
        Ok(self.header())
    }

    fn length(&self) -> Duration {
        self.rate.duration_of(self.pushed)
    }
}

/// Opus in Ogg (RFC 7845), in packets of 20 ms.
pub(super) struct OpusFile {
    head: OpusHead,
    serial: u32,
    ogg: Option<OggWriter>,
    encoder: Box<dyn Encoder>,
    rate: SampleRate,
    /// Interleaved samples of the next packet.
    frame: Vec<i16>,
    frame_len: usize,
    packet: Vec<u8>,
    pushed: u64,
    /// Marks since the last patch of the comment header.
    marks: Option<Patch>,
}

impl OpusFile {
    /// Encodes at `rate`, one that Opus has, and at most `bitrate`.
    pub(super) fn new(
        rate: SampleRate,
        channels: u16,
        bitrate: Option<u32>,
        serial: u32,
    ) -> Option<Self> {
        let codec = OPUS.shaped(rate, channels as u8)?;
        if codec.sample_rate() != rate || u16::from(codec.channels()) != channels {
            return None;
        }
        let limit = bitrate.map(|bits| format!(";maxaveragebitrate={bits}"));
        let wants = format!("stereo=1{}", limit.unwrap_or_default());
        let head = OpusHead {
            input_rate: rate.hz(),
            ..OpusHead::new(channels as u8, LOOK_AHEAD)
        };
        Some(OpusFile {
            head,
            serial,
            ogg: None,
            encoder: codec.encoder(Parameters::new(wants.as_bytes())),
            rate,
            frame: Vec::new(),
            frame_len: rate.frame_len() * usize::from(channels),
            packet: vec![0; codec.max_payload_len(rate.frame_len())],
            pushed: 0,
            marks: None,
        })
    }

    /// Encodes the whole frame that has been collected.
    fn encode(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let Some(ogg) = &mut self.ogg else {
            return Ok(());
        };
        let encoded = self.encoder.encode(&self.frame, &mut self.packet);
        self.frame.clear();
        match encoded.map_err(std::io::Error::other)? {
            0 => ogg.gap(PACKET, out),
            len => ogg.packet(&self.packet[..len], out),
        }
        .map_err(std::io::Error::other)
    }

    fn frames(&self, samples: usize) -> u64 {
        samples as u64 / u64::from(self.head.channels)
    }
}

impl Container for OpusFile {
    fn begin(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let comments = [("ENCODER", "talkpath")];
        let ogg = OggWriter::new(self.head, self.serial, &comments, out);
        self.ogg = Some(ogg.map_err(std::io::Error::other)?);
        Ok(())
    }

    fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> std::io::Result<()> {
        self.pushed += self.frames(samples.len());
        let mut rest = samples;
        while !rest.is_empty() {
            let taken = rest.len().min(self.frame_len - self.frame.len());
            self.frame.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if self.frame.len() == self.frame_len {
                self.encode(out)?;
            }
        }
        Ok(())
    }

    fn mark(&mut self, name: &str) {
        // There is room for about sixty; the others are in `FileDone` alone.
        if let Some(Ok(patch)) = self.ogg.as_mut().map(|ogg| ogg.marker(name)) {
            self.marks = Some(patch);
        }
    }

    fn written(&mut self, _: u64) {}

    fn patches(&mut self) -> Vec<Patch> {
        Vec::new()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> std::io::Result<Vec<Patch>> {
        // What the encoder still holds is drawn out, and what that is too much
        // is told to be trimmed (RFC 7845 §4.4).
        let wanted = self.pushed * 48_000 / u64::from(self.rate.hz()) + u64::from(LOOK_AHEAD);
        while self.ogg.as_ref().is_some_and(|ogg| ogg.position() < wanted) {
            self.frame.resize(self.frame_len, 0);
            self.encode(out)?;
        }
        if let Some(ogg) = &mut self.ogg {
            let trim = ogg.position().saturating_sub(wanted) as u32;
            ogg.finish(trim, out).map_err(std::io::Error::other)?;
        }
        Ok(self.marks.take().into_iter().collect())
    }

    fn length(&self) -> Duration {
        self.rate.duration_of(self.pushed)
    }
}

/// What an encoder for speech looks ahead, in samples at 48 kHz: 6.5 ms.
const LOOK_AHEAD: u16 = 312;
/// A packet's samples at 48 kHz.
const PACKET: u64 = 960;
/// Marks of a file at most.
const MOST_MARKS: usize = 10_000;
