//! What lets a player jump: cues, chapters and the seek head.
//!
//! In: where clusters begin, and named moments. Out: the elements Cues, Chapters
//! and SeekHead (RFC 9559 §5.1.5, §5.1.7, §5.1.1). Bounded: cues beyond a limit
//! are thinned out.

use std::time::Duration;

use super::ebml::{binary, parent, put_id, text, uint, void};
use super::id;

/// Where in the file moments are.
#[derive(Clone, Debug)]
pub(super) struct Cues {
    cues: Vec<Cue>,
    /// Milliseconds between two at least.
    spacing: u64,
}

#[derive(Clone, Copy, Debug)]
struct Cue {
    time: u64,
    track: u8,
    /// Of the cluster, from the start of the segment's body.
    position: u64,
}

impl Cues {
    pub(super) fn new() -> Self {
        Self {
            cues: Vec::with_capacity(USUAL_CUES),
            spacing: 1_000,
        }
    }

    pub(super) fn push(&mut self, time: u64, track: u8, position: u64) {
        let due = |last: &Cue| time >= last.time + self.spacing;
        if !self.cues.last().is_none_or(due) {
            return;
        }
        if self.cues.len() == MAX_CUES {
            let mut n = 0;
            self.cues.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.spacing *= 2;
        }
        self.cues.push(Cue {
            time,
            track,
            position,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cues.is_empty()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        parent(out, id::CUES, |out| {
            for cue in &self.cues {
                parent(out, id::CUE_POINT, |out| {
                    uint(out, id::CUE_TIME, cue.time);
                    parent(out, id::CUE_TRACK_POSITIONS, |out| {
                        uint(out, id::CUE_TRACK, cue.track.into());
                        uint(out, id::CUE_CLUSTER_POSITION, cue.position);
                    });
                });
            }
        });
    }
}

/// Named moments, in a place of one length for ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Chapters {
    atoms: Vec<u8>,
    count: usize,
}

impl Chapters {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a chapter; false where it does not fit.
    pub(super) fn mark(&mut self, at: Duration, name: &str) -> bool {
        let before = self.atoms.len();
        let (uid, nanos) = (self.count as u64 + 1, at.as_nanos() as u64);
        parent(&mut self.atoms, id::CHAPTER_ATOM, |out| {
            uint(out, id::CHAPTER_UID, uid);
            uint(out, id::CHAPTER_TIME_START, nanos);
            parent(out, id::CHAPTER_DISPLAY, |out| {
                text(out, id::CHAP_STRING, name);
                text(out, id::CHAP_LANGUAGE, "und");
            });
        });
        if self.atoms.len() + CHAPTERS_OVERHEAD > CHAPTERS_ROOM {
            self.atoms.truncate(before);
            return false;
        }
        self.count += 1;
        true
    }

    /// Appends them and the room that is left.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let before = out.len();
        if self.count > 0 {
            parent(out, id::CHAPTERS, |out| {
                parent(out, id::EDITION_ENTRY, |out| {
                    out.extend_from_slice(&self.atoms);
                });
            });
        }
        void(out, CHAPTERS_ROOM - (out.len() - before));
    }
}

/// Appends a SeekHead of elements and their positions, and the room that is left.
pub(super) fn seek_head(entries: &[(u32, u64)], out: &mut Vec<u8>) {
    let before = out.len();
    if !entries.is_empty() {
        parent(out, id::SEEK_HEAD, |out| {
            for &(id, position) in entries {
                parent(out, id::SEEK, |out| {
                    let mut bytes = Vec::with_capacity(4);
                    put_id(&mut bytes, id);
                    binary(out, id::SEEK_ID, &bytes);
                    uint(out, id::SEEK_POSITION, position);
                });
            }
        });
    }
    void(out, SEEK_ROOM - (out.len() - before));
}

/// Four entries of at most 28 bytes, their parent and a void.
const SEEK_ROOM: usize = 160;
/// Bytes for chapters: with the header before them, a page of memory.
const CHAPTERS_ROOM: usize = 3_072;
/// Chapters, EditionEntry and the void behind them.
const CHAPTERS_OVERHEAD: usize = 12 + 10 + 9;
/// Cues of a quarter of an hour: room for them is there from the beginning.
const USUAL_CUES: usize = 900;
/// Cues of nine hours, a second apart.
const MAX_CUES: usize = 32_768;
