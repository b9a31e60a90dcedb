//! Frames as a Matroska file that is whole up to its last cluster.
//!
//! In: frames of several tracks, each with its time since the beginning of the
//! file. Out: bytes to be appended, and patches over what was reserved: sizes of
//! pictures, markers, and at the end the length and where the index is. Times are
//! kept to a millisecond; where there is no frame, nothing stands.

use std::time::Duration;

use super::cluster::{ClusterDraft, KEYFRAME};
use super::ebml::{UNKNOWN_SIZE, date, float, parent, put_id, size8, text, uint, void};
use super::error::MkvWriteError;
use super::id;
use super::index::{Chapters, Cues, seek_head};
use super::track::{MkvTrack, Picture};
use crate::Patch;

/// What a file says of itself.
///
/// ```
/// use std::time::Duration;
/// use talkpath_file::mkv::MkvInfo;
/// let info = MkvInfo { title: "A call", ..MkvInfo::default() };
/// assert_eq!(info.date, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MkvInfo<'a> {
    /// Its title; empty for none.
    pub title: &'a str,
    /// When it was begun, since the Unix epoch.
    pub date: Option<Duration>,
    /// Names of the tracks, in their order; missing ones have none.
    pub track_names: &'a [&'a str],
}

/// Whether a frame can be shown without those before it.
///
/// ```
/// use talkpath_file::mkv::Keyframe;
/// assert_eq!(Keyframe::from(true), Keyframe::Yes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyframe {
    /// It needs no other. All frames of sound are such.
    Yes,
    /// It is a change of earlier ones.
    No,
}

impl From<bool> for Keyframe {
    fn from(key: bool) -> Self {
        if key { Self::Yes } else { Self::No }
    }
}

/// Writes a Matroska file.
///
/// ```
/// use std::time::Duration;
/// use talkpath_file::mkv::{Keyframe, MkvInfo, MkvTrack, MkvWriter, Picture};
/// use talkpath_file::ogg::OpusHead;
///
/// let tracks = [MkvTrack::Opus(OpusHead::new(1, 312)), MkvTrack::Vp8];
/// let mut file = Vec::new();
/// let mut writer = MkvWriter::new(&tracks, &MkvInfo::default(), &mut file)?;
/// let mut patches = vec![writer.picture(1, &Picture {
///     width: 640,
///     height: 480,
///     parameter_sets: None,
/// })?];
/// for n in 0..50 {
///     let time = Duration::from_millis(20) * n;
///     writer.frame(0, time, Keyframe::Yes, &[0xf8, 0xff, 0xfe], &mut file)?;
/// }
/// patches.extend(writer.finish(Duration::from_secs(1), &mut file)?);
/// for patch in patches {
///     file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
/// }
/// # Ok::<(), talkpath_file::mkv::MkvWriteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MkvWriter {
    tracks: Vec<Entry>,
    places: Places,
    cluster: ClusterDraft,
    cues: Cues,
    chapters: Chapters,
    /// Bytes that were given to be appended.
    len: u64,
    /// Milliseconds of the latest frame.
    latest: u64,
    ended: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    track: MkvTrack,
    /// Where its picture stands.
    picture_at: Option<u64>,
}

/// Where in the file what is patched stands.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    segment_size: u64,
    seek_head: u64,
    info: u64,
    duration: u64,
    tracks: u64,
    chapters: u64,
}

impl Places {
    /// Where the body of the segment begins: positions count from there.
    fn segment(&self) -> u64 {
        self.segment_size + 8
    }
}

impl MkvWriter {
    /// Begins a file: appends its header to `out`.
    ///
    /// # Errors
    /// [`MkvWriteError::Tracks`] unless 1 to 16.
    pub fn new(
        tracks: &[MkvTrack],
        info: &MkvInfo<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Self, MkvWriteError> {
        if tracks.is_empty() || tracks.len() > MAX_TRACKS {
            let tracks = tracks.len();
            return Err(MkvWriteError::Tracks { tracks });
        }
        let mut writer = Self {
            tracks: Vec::with_capacity(tracks.len()),
            places: Places::default(),
            cluster: ClusterDraft::default(),
            cues: Cues::new(),
            chapters: Chapters::default(),
            len: 0,
            latest: 0,
            ended: false,
        };
        let mut header = Vec::new();
        writer.write_header(tracks, info, &mut header);
        writer.len = header.len() as u64;
        out.extend_from_slice(&header);
        Ok(writer)
    }

    /// Adds a frame of a track, counted from 0; appends a cluster when one is full.
    ///
    /// Frames of one track come in their order; tracks may be apart by less than
    /// 15 s. `time` is since the beginning of the file.
    ///
    /// # Errors
    /// [`MkvWriteError::Track`], [`MkvWriteError::FrameTooLong`] or
    /// [`MkvWriteError::Finished`]. Nothing is written then.
    pub fn frame(
        &mut self,
        track: usize,
        time: Duration,
        keyframe: Keyframe,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), MkvWriteError> {
        self.entry(track)?;
        let len = data.len();
        if len > MAX_FRAME {
            return Err(MkvWriteError::FrameTooLong { len });
        }
        if self.ended {
            return Err(MkvWriteError::Finished);
        }
        let time = millis(time);
        if self.cluster.ends_before(time, len) {
            self.flush(out);
        }
        let flags = match keyframe {
            Keyframe::Yes => KEYFRAME,
            Keyframe::No => 0,
        };
        self.cluster.push(time, track as u8 + 1, flags, data);
        self.latest = self.latest.max(time);
        Ok(())
    }

    /// Appends the cluster that is being collected to `out`, if there is one.
    ///
    /// Clusters are written by themselves, with the frame that would be behind
    /// their 500 ms: this is for moments after which no frame may come for long.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        self.cluster.write(out);
        let position = self.len - self.places.segment();
        let pictures = self.tracks.iter().any(|entry| entry.track.is_video());
        let seekable = self.cluster.blocks().iter().find(|block| {
            let entry = &self.tracks[usize::from(block.track) - 1];
            block.flags == KEYFRAME && entry.track.is_video() == pictures
        });
        if let Some(block) = seekable {
            self.cues.push(block.time, block.track, position);
        }
        self.cluster.clear();
        self.len += (out.len() - before) as u64;
    }

    /// Tells the size of a track's pictures, with its first keyframe.
    ///
    /// Until the patch is applied the file says 16 × 16.
    ///
    /// # Errors
    /// [`MkvWriteError::Track`], [`MkvWriteError::NoPicture`] or
    /// [`MkvWriteError::ParameterSets`].
    pub fn picture(&self, track: usize, picture: &Picture<'_>) -> Result<Patch, MkvWriteError> {
        let entry = self.entry(track)?;
        let offset = entry.picture_at.ok_or(MkvWriteError::NoPicture { track })?;
        let bytes = entry.track.picture(track, picture)?;
        Ok(Patch { offset, bytes })
    }

    /// Marks a moment, as a chapter with a name.
    ///
    /// The patch may be applied now or with the end of the file, where a later
    /// one replaces an earlier one.
    ///
    /// # Errors
    /// [`MkvWriteError::MarkersFull`].
    pub fn marker(&mut self, time: Duration, name: &str) -> Result<Patch, MkvWriteError> {
        if !self.chapters.mark(time, name) {
            let markers = self.chapters.len();
            return Err(MkvWriteError::MarkersFull { markers });
        }
        let mut bytes = Vec::new();
        self.chapters.write(&mut bytes);
        Ok(Patch {
            offset: self.places.chapters,
            bytes,
        })
    }

    /// Appends what is left and the index; what is to be patched after that.
    ///
    /// `length` is how long the file lasts: to the end of its last frame. Where
    /// it is shorter than the time of that, the latter counts.
    ///
    /// # Errors
    /// [`MkvWriteError::Finished`] when it already is.
    pub fn finish(
        &mut self,
        length: Duration,
        out: &mut Vec<u8>,
    ) -> Result<Vec<Patch>, MkvWriteError> {
        if self.ended {
            return Err(MkvWriteError::Finished);
        }
        self.flush(out);
        self.ended = true;
        let places = self.places;
        let position = |at: u64| at - places.segment();
        let mut entries = vec![
            (id::INFO, position(places.info)),
            (id::TRACKS, position(places.tracks)),
        ];
        if self.chapters.len() > 0 {
            entries.push((id::CHAPTERS, position(places.chapters)));
        }
        if !self.cues.is_empty() {
            entries.push((id::CUES, position(self.len)));
            let before = out.len();
            self.cues.write(out);
            self.len += (out.len() - before) as u64;
        }
        let (mut seek, mut duration) = (Vec::new(), Vec::new());
        seek_head(&entries, &mut seek);
        let length = millis(length).max(self.latest);
        float(&mut duration, id::DURATION, length as f64);
        let patch = |offset, bytes| Patch { offset, bytes };
        Ok(vec![
            patch(places.duration, duration),
            patch(places.seek_head, seek),
            patch(places.segment_size, size8(position(self.len)).to_vec()),
        ])
    }

    /// The time of the latest frame.
    #[must_use]
    pub fn latest(&self) -> Duration {
        Duration::from_millis(self.latest)
    }

    fn entry(&self, track: usize) -> Result<&Entry, MkvWriteError> {
        let tracks = self.tracks.len();
        let none = MkvWriteError::Track { track, tracks };
        self.tracks.get(track).ok_or(none)
    }

    fn write_header(&mut self, tracks: &[MkvTrack], info: &MkvInfo<'_>, out: &mut Vec<u8>) {
        write_ebml(out);
        put_id(out, id::SEGMENT);
        self.places.segment_size = out.len() as u64;
        out.extend_from_slice(&UNKNOWN_SIZE);
        self.places.seek_head = out.len() as u64;
        seek_head(&[], out);
        self.places.info = out.len() as u64;
        self.places.duration = write_info(info, out) as u64;
        self.places.tracks = out.len() as u64;
        parent(out, id::TRACKS, |out| {
            for (n, track) in tracks.iter().enumerate() {
                let name = info.track_names.get(n).copied().unwrap_or_default();
                let picture_at = track.write(n as u64 + 1, name, out);
                self.tracks.push(Entry {
                    track: *track,
                    picture_at: picture_at.map(|at| at as u64),
                });
            }
        });
        self.places.chapters = out.len() as u64;
        self.chapters.write(out);
    }
}

fn write_ebml(out: &mut Vec<u8>) {
    parent(out, id::EBML, |out| {
        uint(out, id::EBML_VERSION, 1);
        uint(out, id::EBML_READ_VERSION, 1);
        uint(out, id::EBML_MAX_ID_LENGTH, 4);
        uint(out, id::EBML_MAX_SIZE_LENGTH, 8);
        text(out, id::DOC_TYPE, "matroska");
        // Version 4 has CodecDelay; SimpleBlock can be read since 2.
        uint(out, id::DOC_TYPE_VERSION, 4);
        uint(out, id::DOC_TYPE_READ_VERSION, 2);
    });
}

/// Appends Info; where in `out` the place of the duration is.
fn write_info(info: &MkvInfo<'_>, out: &mut Vec<u8>) -> usize {
    let mut duration_at = 0;
    parent(out, id::INFO, |out| {
        uint(out, id::TIMESTAMP_SCALE, 1_000_000);
        duration_at = out.len();
        void(out, DURATION_LEN);
        text(out, id::MUXING_APP, APP);
        text(out, id::WRITING_APP, APP);
        if !info.title.is_empty() {
            text(out, id::TITLE, info.title);
        }
        if let Some(since_1970) = info.date {
            let nanos = since_1970.as_nanos() as i64;
            date(out, id::DATE_UTC, nanos.saturating_sub(YEAR_2001));
        }
    });
    duration_at
}

fn millis(time: Duration) -> u64 {
    // Half a millisecond up, and never near the end of 64 bits.
    ((time.as_micros() + 500) / 1_000).min(MAX_MILLIS) as u64
}

/// A Duration element: identifier, size and 8 bytes.
pub(super) const DURATION_LEN: usize = 11;
const MAX_TRACKS: usize = 16;
const MAX_FRAME: usize = 16 << 20;
const MAX_MILLIS: u128 = 1 << 48;
const APP: &str = "Talkpath";
/// Nanoseconds from 1970 to 2001, where dates of Matroska begin.
const YEAR_2001: i64 = 978_307_200 * 1_000_000_000;
