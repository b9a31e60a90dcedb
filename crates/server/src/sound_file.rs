//! A WAV that is to be played, looked at before a call is made for it.
//!
//! In: a path. Out: how long it sounds, or why it cannot be played. The library
//! reads it again when it is played; here a mistake is found while it costs
//! nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use talkpath_file::wav::WavReader;

use crate::failure::Failure;

/// How long the file at `path` sounds, if it says.
pub(crate) fn length(path: &Path) -> Result<Option<Duration>, Failure> {
    let io = |error| Failure::file(path, &error).hint("--play takes a WAV file that is there");
    let wav = |error| Failure::new(format!("{}: {error}", path.display())).hint(HINT);
    let mut file = File::open(path).map_err(io)?;
    let (mut reader, mut piece) = (WavReader::new(), [0; PIECE]);
    loop {
        let read = file.read(&mut piece).map_err(io)?;
        if read == 0 {
            reader.finish().map_err(wav)?;
        }
        reader.read(&piece[..read], &mut []).map_err(wav)?;
        if let Some(header) = reader.header() {
            return Ok(header.duration());
        }
    }
}

/// Whether a recording can be made at `path`: its folder is there.
pub(crate) fn check_folder(path: &Path) -> Result<(), Failure> {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => Err(Failure::new(format!(
            "{}: there is no folder {}",
            path.display(),
            folder.display()
        ))
        .hint("make the folder first, or name another file")),
        _ => Ok(()),
    }
}

const HINT: &str = "--play takes a WAV file of 16-bit samples; \
                    `ffmpeg -i IN -c:a pcm_s16le OUT.wav` makes one of most others";
const PIECE: usize = 4096;
