//! A Matroska file: sound as 16-bit PCM, and pictures as they came.
//!
//! In: interleaved samples, marks, and the track of the pictures. Out: bytes to
//! append and bytes to write over. Sound is what paces the file: pictures are
//! taken with each tick. Nothing is encoded.

use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_file::Patch;
use talkpath_file::mkv::{Keyframe, MkvInfo, MkvTrack, MkvWriter, Picture};
use talkpath_media::video::VideoCodec;

use super::container::Container;
use super::pictures::PictureTrack;

/// A Matroska file being written.
pub(super) struct MkvFile {
    mkv: Option<MkvWriter>,
    rate: SampleRate,
    channels: u16,
    pictures: Option<PictureTrack>,
    /// Since 1970.
    date: Duration,
    /// Frames of samples.
    pushed: u64,
    frame: Vec<u8>,
    seen: u64,
    size: Option<(u16, u16)>,
    patches: Vec<Patch>,
}

impl MkvFile {
    /// Sound at `rate`, and `pictures`; it was begun so long since 1970.
    pub(super) fn new(
        rate: SampleRate,
        channels: u16,
        pictures: Option<PictureTrack>,
        date: Duration,
    ) -> Self {
        MkvFile {
            mkv: None,
            rate,
            channels,
            pictures,
            date,
            pushed: 0,
            frame: Vec::new(),
            seen: 0,
            size: None,
            patches: Vec::new(),
        }
    }

    /// Takes the pictures that have come.
    fn see(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let (Some(mkv), Some(pictures)) = (&mut self.mkv, &mut self.pictures) else {
            return Ok(());
        };
        while let Some(picture) = pictures.next() {
            if let Some((width, height)) = picture.size
                && self.size.is_none()
            {
                self.size = picture.size;
                let picture = Picture {
                    width,
                    height,
                    parameter_sets: picture.parameter_sets,
                };
                // Sets that are too long leave a file that says no size.
                self.patches.extend(mkv.picture(PICTURES, &picture));
            }
            let keyframe = Keyframe::from(picture.size.is_some());
            mkv.frame(PICTURES, picture.at, keyframe, picture.data, out)
                .map_err(std::io::Error::other)?;
            self.seen += 1;
        }
        Ok(())
    }
}

impl Container for MkvFile {
    fn begin(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let sound = MkvTrack::Pcm16 {
            channels: self.channels,
            sample_rate: self.rate.hz(),
        };
        let pictures = self.pictures.as_ref().map(|track| match track.codec() {
            VideoCodec::Vp8 => MkvTrack::Vp8,
            VideoCodec::H264 => MkvTrack::H264,
        });
        let tracks: Vec<_> = [Some(sound), pictures].into_iter().flatten().collect();
        let info = MkvInfo {
            date: Some(self.date),
            ..MkvInfo::default()
        };
        let mkv = MkvWriter::new(&tracks, &info, out);
        self.mkv = Some(mkv.map_err(std::io::Error::other)?);
        Ok(())
    }

    fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> std::io::Result<()> {
        if let (Some(mkv), false) = (&mut self.mkv, samples.is_empty()) {
            let at = self.rate.duration_of(self.pushed);
            self.frame.clear();
            let bytes = samples.iter().flat_map(|sample| sample.to_le_bytes());
            self.frame.extend(bytes);
            mkv.frame(SOUND, at, Keyframe::Yes, &self.frame, out)
                .map_err(std::io::Error::other)?;
            self.pushed += samples.len() as u64 / u64::from(self.channels);
        }
        self.see(out)
    }

    fn mark(&mut self, name: &str) {
        let at = self.length();
        // There is room for some; the others are in `FileDone` alone.
        if let Some(Ok(patch)) = self.mkv.as_mut().map(|mkv| mkv.marker(at, name)) {
            self.patches.push(patch);
        }
    }

    fn written(&mut self, _: u64) {}

    fn patches(&mut self) -> Vec<Patch> {
        std::mem::take(&mut self.patches)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> std::io::Result<Vec<Patch>> {
        self.see(out)?;
        let length = self.length();
        let mut patches = std::mem::take(&mut self.patches);
        if let Some(mkv) = &mut self.mkv {
            let end = mkv.finish(length, out).map_err(std::io::Error::other)?;
            patches.extend(end);
        }
        Ok(patches)
    }

    fn length(&self) -> Duration {
        self.rate.duration_of(self.pushed)
    }

    fn pictures(&self) -> (u64, u64) {
        let lost = self.pictures.as_ref().map_or(0, PictureTrack::lost);
        (self.seen, lost)
    }
}

const SOUND: usize = 0;
const PICTURES: usize = 1;
