//! Why a Matroska file cannot be written or repaired.

/// Why something cannot be written into a Matroska file: the caller's fault.
///
/// ```
/// use talkpath_file::mkv::{MkvInfo, MkvWriter};
/// let error = MkvWriter::new(&[], &MkvInfo::default(), &mut Vec::new()).unwrap_err();
/// assert_eq!(error.to_string(), "0 tracks are not between 1 and 16");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MkvWriteError {
    /// No track, or too many.
    #[error("{tracks} tracks are not between 1 and 16")]
    Tracks {
        /// Tracks.
        tracks: usize,
    },
    /// There is no such track.
    #[error("track {track} is none of {tracks}")]
    Track {
        /// Its index, from 0.
        track: usize,
        /// Tracks that there are.
        tracks: usize,
    },
    /// A picture for a track of sound, or of another codec.
    #[error("track {track} does not hold such pictures")]
    NoPicture {
        /// Its index, from 0.
        track: usize,
    },
    /// The parameter sets of H.264 are none, or longer than what is reserved.
    #[error("{len} bytes of parameter sets are not between 4 and {max}")]
    ParameterSets {
        /// Bytes that they have.
        len: usize,
        /// Bytes that they may have.
        max: usize,
    },
    /// A frame is longer than any.
    #[error("a frame of {len} bytes is longer than 16 MiB")]
    FrameTooLong {
        /// Its length.
        len: usize,
    },
    /// No more markers fit into the place that is reserved for them.
    #[error("no room for another marker after {markers}")]
    MarkersFull {
        /// Markers that there are.
        markers: usize,
    },
    /// The file has ended.
    #[error("the file is finished")]
    Finished,
}

/// Why a Matroska file cannot be repaired.
///
/// ```
/// let error = talkpath_file::mkv::repair(b"RIFF and so on").unwrap_err();
/// assert_eq!(error.to_string(), "not a Matroska file: it starts with 0x52494646");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MkvError {
    /// The file is something else.
    #[error("not a Matroska file: it starts with {found:#010x}")]
    NotMatroska {
        /// Its first four bytes, the first one being the most significant.
        found: u32,
    },
    /// The file ends before its tracks are told.
    #[error("the file ends after {len} bytes, inside of its header")]
    HeaderTruncated {
        /// Bytes that there were.
        len: u64,
    },
}
