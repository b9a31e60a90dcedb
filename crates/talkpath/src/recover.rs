//! What a crash left of recordings, made whole again.
//!
//! In: a folder. Out: its unfinished recordings, repaired up to the last byte
//! that can be heard and given their names, and an account of each. What a file
//! is, its first bytes say, not its name. Leaves out folders within the folder.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use talkpath_file::Patch;
use talkpath_file::mkv::{MkvError, MkvRepairScan};
use talkpath_file::ogg::{OggError, OggRepairScan};
use talkpath_file::pcap::PcapScan;
use talkpath_file::wav::{self, WavError};

use crate::driver::{Driver, Existing, Os};
use crate::files::{FileError, FileFault, PART};

/// One unfinished recording, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The file that a crash left: `NAME.part`.
    pub part: PathBuf,
    /// What became of it.
    pub outcome: Recovery,
}

/// What became of an unfinished recording.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Recovery {
    /// It is whole, and has its name, or `NAME` with `.recovered` before its
    /// end where something else has that.
    Repaired {
        /// Where it is now.
        path: PathBuf,
        /// Bytes that were cut off its end: of something half written.
        cut: u64,
    },
    /// There is nothing in it to be heard or seen; it was put aside as
    /// `NAME.broken`.
    SetAside {
        /// Where it is now.
        path: PathBuf,
        /// Why.
        why: Unrepairable,
    },
    /// It is being recorded at this moment, and was left alone.
    InUse,
    /// It is none of our recordings, and was left alone.
    Foreign,
    /// The system would not have it repaired; it is still there.
    Failed {
        /// What the system says.
        fault: FileFault,
    },
}

/// Why a recording is beyond repair.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unrepairable {
    /// It ends before it says what it is.
    #[error("it ends after {len} bytes, inside of its header")]
    NoHeader {
        /// Bytes that there were.
        len: u64,
    },
    /// Its header is none of a WAV file.
    #[error(transparent)]
    Wav(#[from] WavError),
    /// Its headers are none of an Ogg Opus file.
    #[error(transparent)]
    Ogg(#[from] OggError),
    /// Its header is none of a Matroska file.
    #[error(transparent)]
    Mkv(#[from] MkvError),
}

/// Repairs the recordings that a crash left unfinished in `folder`.
///
/// A recording is written as `NAME.part`. Of one that nobody finished, all
/// that was written can be heard after this: at most the last second before the
/// crash is missing. To be called when a program begins; recordings that go on,
/// here or in another program, are seen by their locks and left alone, except on
/// file systems without locks (some network drives).
///
/// ```
/// use talkpath::{Recovery, recover};
/// # let folder = std::env::temp_dir().join(format!("talkpath-recover-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # std::fs::write(folder.join("call.wav.part"), [0; 0])?;
/// for found in recover(&folder)? {
///     match found.outcome {
///         Recovery::Repaired { path, .. } => println!("{} is whole", path.display()),
///         outcome => println!("{}: {outcome:?}", found.part.display()),
///     }
/// }
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`FileError::Io`] when the folder cannot be read.
pub fn recover(folder: impl AsRef<Path>) -> Result<Vec<Recovered>, FileError> {
    recover_in(&Os::new(), folder)
}

/// [`recover`] in another world, such as `talkpath-sim`'s.
///
/// # Errors
/// As [`recover`].
pub fn recover_in(
    driver: &dyn Driver,
    folder: impl AsRef<Path>,
) -> Result<Vec<Recovered>, FileError> {
    let folder = folder.as_ref();
    let files = driver.list(folder);
    let files = files.map_err(|error| FileError::io(folder, error))?;
    let is_part = |path: &PathBuf| path.extension() == Some(OsStr::new(PART));
    let parts = files.into_iter().filter(is_part);
    let recovered = |part: PathBuf| Recovered {
        outcome: recover_one(driver, &part).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Recovery::InUse,
            _ => Recovery::Failed {
                fault: error.into(),
            },
        }),
        part,
    };
    Ok(parts.map(recovered).collect())
}

fn recover_one(driver: &dyn Driver, part: &Path) -> io::Result<Recovery> {
    // Held while the file is looked at: nobody else repairs it meanwhile.
    let mut file = driver.edit(part)?;
    let name = part.with_extension("");
    match examine(driver, part)? {
        Finding::Foreign => Ok(Recovery::Foreign),
        Finding::Broken(why) => {
            let path = rename_free(driver, part, |n| aside(&name, n))?;
            Ok(Recovery::SetAside { path, why })
        }
        Finding::Whole { len, end, patches } => {
            for patch in patches {
                file.patch(patch.offset, &patch.bytes)?;
            }
            if end < len {
                file.truncate(end)?;
            }
            file.sync()?;
            let path = rename_free(driver, part, |n| named(&name, n))?;
            let cut = len.saturating_sub(end);
            Ok(Recovery::Repaired { path, cut })
        }
    }
}

/// What is to be done for a file.
enum Finding {
    Foreign,
    Broken(Unrepairable),
    /// Write the patches, and end it there.
    Whole {
        len: u64,
        end: u64,
        patches: Vec<Patch>,
    },
}

/// What a file turns out to be as its bytes come.
enum Examiner {
    Wav(Vec<u8>),
    Ogg(Box<OggRepairScan>),
    Mkv(Box<MkvRepairScan>),
    Pcap(PcapScan),
}

impl Examiner {
    /// For a file that begins so; none for one that is not ours.
    fn of(start: &[u8]) -> Option<Self> {
        Some(match start.first_chunk()? {
            b"RIFF" | b"RF64" => Examiner::Wav(Vec::new()),
            b"OggS" => Examiner::Ogg(Box::default()),
            [0x1a, 0x45, 0xdf, 0xa3] => Examiner::Mkv(Box::default()),
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => Examiner::Pcap(PcapScan::new()),
            _ => return None,
        })
    }

    fn push(&mut self, bytes: &[u8]) {
        match self {
            Examiner::Wav(start) => {
                let room = WAV_START.saturating_sub(start.len()).min(bytes.len());
                start.extend_from_slice(&bytes[..room]);
            }
            Examiner::Ogg(scan) => scan.push(bytes),
            Examiner::Mkv(scan) => scan.push(bytes),
            Examiner::Pcap(scan) => scan.push(bytes),
        }
    }

    /// Whether it has to see the rest of the file too.
    fn wants_more(&self) -> bool {
        !matches!(self, Examiner::Wav(start) if start.len() == WAV_START)
    }

    fn conclude(self, len: u64) -> Result<Finding, Unrepairable> {
        let (end, patches) = match self {
            Examiner::Wav(start) => match wav::repair(&start, len)? {
                Some(repair) => (repair.end, repair.patches),
                None => (len, Vec::new()),
            },
            Examiner::Ogg(scan) => match scan.finish()? {
                Some(repair) => (repair.len, repair.patches),
                None => (len, Vec::new()),
            },
            Examiner::Mkv(scan) => match scan.finish()? {
                Some(repair) => (repair.len, repair.patches),
                None => (len, Vec::new()),
            },
            Examiner::Pcap(scan) => {
                let whole = scan.whole();
                (whole.ok_or(Unrepairable::NoHeader { len })?, Vec::new())
            }
        };
        Ok(Finding::Whole { len, end, patches })
    }
}

/// Reads as much of a file as it takes to know what it needs.
fn examine(driver: &dyn Driver, part: &Path) -> io::Result<Finding> {
    let mut file = driver.open(part)?;
    let len = file.length()?;
    let mut piece = vec![0; PIECE];
    let mut filled = 0;
    while filled < MAGIC {
        match file.read(&mut piece[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    if filled < MAGIC {
        let ours = looks_like_ours(&piece[..filled], part);
        return Ok(match ours {
            true => Finding::Broken(Unrepairable::NoHeader { len }),
            false => Finding::Foreign,
        });
    }
    let Some(mut examiner) = Examiner::of(&piece[..filled]) else {
        return Ok(Finding::Foreign);
    };
    while filled > 0 {
        examiner.push(&piece[..filled]);
        filled = match examiner.wants_more() {
            true => file.read(&mut piece)?,
            false => 0,
        };
    }
    Ok(examiner.conclude(len).unwrap_or_else(Finding::Broken))
}

/// Whether a file too short to tell may have been the beginning of a recording.
fn looks_like_ours(start: &[u8], part: &Path) -> bool {
    let name = part.with_extension("");
    let end = name.extension().unwrap_or_default().to_ascii_lowercase();
    let known = ["wav", "opus", "ogg", "mkv", "pcap"].iter();
    known.map(OsStr::new).any(|known| known == end)
        || (!start.is_empty() && MAGICS.iter().any(|magic| magic.starts_with(start)))
}

/// Gives a file the first of `names` that nothing has.
fn rename_free(
    driver: &dyn Driver,
    from: &Path,
    names: impl Fn(u32) -> PathBuf,
) -> io::Result<PathBuf> {
    for n in 0..MOST_NAMES {
        let to = names(n);
        match driver.rename(from, &to, Existing::Keep) {
            Ok(()) => return Ok(to),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `call.wav`, `call.recovered.wav`, `call.recovered-2.wav`, ...
fn named(name: &Path, n: u32) -> PathBuf {
    let mut file = OsString::from(name.file_stem().unwrap_or_default());
    match n {
        0 => return name.into(),
        1 => file.push(".recovered"),
        n => file.push(format!(".recovered-{n}")),
    }
    if let Some(end) = name.extension() {
        file.push(".");
        file.push(end);
    }
    name.with_file_name(file)
}

/// `call.wav.broken`, `call.wav.broken-1`, ...
fn aside(name: &Path, n: u32) -> PathBuf {
    let mut file = OsString::from(name.file_name().unwrap_or_default());
    file.push(".broken");
    if n > 0 {
        file.push(format!("-{n}"));
    }
    name.with_file_name(file)
}

/// What recordings begin with.
const MAGICS: [[u8; MAGIC]; 6] = [
    *b"RIFF",
    *b"RF64",
    *b"OggS",
    [0x1a, 0x45, 0xdf, 0xa3],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0x4d, 0x3c, 0xb2, 0xa1],
];
const MAGIC: usize = 4;
/// Of a WAV, all that stands before the sound.
const WAV_START: usize = 4096;
/// Bytes read at once.
const PIECE: usize = 64 * 1024;
/// Names that are tried.
const MOST_NAMES: u32 = 1_000;
