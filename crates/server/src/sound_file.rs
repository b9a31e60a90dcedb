//! A sound that is to be played, looked at before a call is made for it.
//!
//! In: a path. Out: how long it sounds, or why it cannot be played. The library
//! reads it again when it is played; here a mistake is found while it costs
//! nothing.

use std::fs::{self, File};
use std::io::Read;
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use talkpath_file::ogg::OggReader;
use talkpath_file::wav::{DataLength, WavHeader, WavReader};

use crate::failure::Failure;
use crate::words;

/// How long the file at `path` sounds, if it says.
pub(crate) fn length(path: &Path) -> Result<Option<Duration>, Failure> {
    let io = |error| {
        Failure::file(path, &error).hint("--play takes a WAV or Ogg Opus file that is there")
    };
    let wav = |error| Failure::new(format!("{}: {error}", path.display())).hint(HINT);
    check_seekable(path)?;
    let mut file = File::open(path).map_err(io)?;
    let (mut reader, mut piece) = (WavReader::new(), [0; PIECE]);
    let mut is_first = true;
    loop {
        let read = file.read(&mut piece).map_err(io)?;
        // What it is, its first bytes say, not its name.
        if std::mem::take(&mut is_first) && piece[..read].starts_with(b"OggS") {
            return opus_length(path, piece[..read].to_vec(), file);
        }
        if read == 0 {
            reader.finish().map_err(wav)?;
        }
        reader.read(&piece[..read], &mut []).map_err(wav)?;
        if let Some(header) = reader.header() {
            warn_if_cut(path, header, file.metadata().map_err(io)?.len());
            return Ok(header.duration());
        }
    }
}

/// How long an Ogg Opus file sounds that begins with `bytes`.
fn opus_length(
    path: &Path,
    mut bytes: Vec<u8>,
    mut file: File,
) -> Result<Option<Duration>, Failure> {
    let io = |error| Failure::file(path, &error).hint(HINT);
    let ogg = |error| Failure::new(format!("{}: {error}", path.display())).hint(HINT);
    let (mut reader, mut samples) = (OggReader::new(), 0);
    loop {
        while let Some(packet) = reader.next_packet().map_err(ogg)? {
            samples += u64::from(packet.samples);
        }
        let taken = reader.push(&bytes);
        bytes.drain(..taken);
        if taken > 0 {
            continue;
        }
        let (start, mut piece) = (bytes.len(), [0; PIECE]);
        let read = file.read(&mut piece).map_err(io)?;
        bytes.extend_from_slice(&piece[..read]);
        if bytes.len() == start {
            break;
        }
    }
    if reader.tags().is_none() {
        reader.finish().map_err(ogg)?;
    }
    let seconds = samples as f64 / f64::from(talkpath_file::ogg::RATE);
    Ok(Some(Duration::from_secs_f64(seconds)))
}

/// Says when a file of `bytes` holds less than its header says.
fn warn_if_cut(path: &Path, header: &WavHeader, bytes: u64) {
    let (DataLength::Bytes(told), Some(length)) = (header.data_length, header.duration()) else {
        return;
    };
    let held = bytes.saturating_sub(header.data_offset);
    if held < told {
        let held = length.mul_f64(held as f64 / told as f64);
        eprintln!(
            "warning: {} holds {} of the {} that its header says",
            path.display(),
            words::seconds(held),
            words::seconds(length)
        );
    }
}

/// Whether a recording can be made at `path`: its folder is there.
pub(crate) fn check_target(path: &Path) -> Result<(), Failure> {
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
        _ => check_seekable(path),
    }
}

/// Refuses a pipe: to open one waits for its other end, and neither the sound
/// that is looked at here and played later nor a header that is written last
/// can go through one.
fn check_seekable(path: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    if fs::metadata(path).is_ok_and(|found| FileTypeExt::is_fifo(&found.file_type())) {
        return Err(Failure::new(format!("{}: is a pipe", path.display()))
            .hint("sound and captures are read from files and written to files"));
    }
    Ok(())
}

const HINT: &str = "--play takes a WAV or Ogg Opus file; \
                    `ffmpeg -i IN -c:a pcm_s16le OUT.wav` makes one of most others";
const PIECE: usize = 4096;
