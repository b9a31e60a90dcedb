//! Bytes that belong over others: how writers and repairs change a file.
//!
//! Whoever owns the file applies them, in the order in which they were given.

/// Bytes that belong at an offset of the file.
///
/// ```
/// use talkpath_file::wav::{WavWriter, repair};
/// let header = WavWriter::new(1, 8_000)?.header();
/// let repair = repair(&header, 80 + 16_000)?.expect("its sizes still say 0");
/// let places: Vec<u64> = repair.patches.iter().map(|patch| patch.offset).collect();
/// assert_eq!(places, [4, 76]); // of the RIFF and of the sound
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// In bytes from the start of the file.
    pub offset: u64,
    /// What to write there.
    pub bytes: Vec<u8>,
}
