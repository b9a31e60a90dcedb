//! Descriptions on their way between two sides: files, or standard streams.
//!
//! A file of ours appears whole or not at all: it is written beside and renamed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Failure;
use crate::waiting::{self, Leftover};

/// Where a description is read or written.
#[derive(Debug)]
pub(crate) enum Place {
    /// `-`: the standard stream of this name.
    Standard(&'static str),
    File(PathBuf),
}

impl Place {
    /// Where to read.
    pub(crate) fn source(argument: &Path) -> Self {
        Place::new(argument, "standard input")
    }

    /// Where to write.
    pub(crate) fn target(argument: &Path) -> Self {
        Place::new(argument, "standard output")
    }

    fn new(argument: &Path, standard: &'static str) -> Self {
        match argument.to_str() {
            Some("-") => Place::Standard(standard),
            _ => Place::File(argument.to_owned()),
        }
    }

    /// What stands there already, and so is not what will be waited for.
    pub(crate) fn leftover(&self) -> Option<Leftover> {
        match self {
            Place::Standard(_) => None,
            Place::File(path) => Leftover::at(path),
        }
    }

    /// Reads a description there, waiting for it; for another one than `leftover`.
    pub(crate) fn read(
        &self,
        what: &str,
        leftover: Option<&Leftover>,
        patience: Duration,
    ) -> Result<Vec<u8>, Failure> {
        match self {
            Place::Standard(_) => waiting::for_standard_input(what, patience),
            Place::File(path) => waiting::for_file(path, what, leftover, patience),
        }
    }

    /// `the offer in o.sdp`, `the offer from standard input`
    pub(crate) fn holding(&self, what: &str) -> String {
        match self {
            Place::Standard(name) => format!("the {what} from {name}"),
            Place::File(path) => format!("the {what} in {}", path.display()),
        }
    }

    /// Writes a description there; into a pipe, once somebody reads it.
    pub(crate) fn write(&self, text: &[u8], patience: Duration) -> Result<(), Failure> {
        match self {
            Place::Standard(_) => {
                let mut out = io::stdout().lock();
                // Whoever reads a stream that stays open takes it as the end.
                let end: &[u8] = if is_redirected() { b"" } else { b"\r\n" };
                let written = out.write_all(text).and_then(|()| out.write_all(end));
                let written = written.and_then(|()| out.flush());
                written.map_err(|error| Failure::new(format!("standard output: {error}")))
            }
            // A pipe or a device is written to, not replaced.
            Place::File(path) if fs::metadata(path).is_ok_and(|found| !found.is_file()) => {
                waiting::for_reader(path, text, patience)
            }
            Place::File(path) => write_whole(path, text).map_err(|error| {
                Failure::file(path, &error).hint("--sdp-out takes a file in a folder that is there")
            }),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Standard(name) => f.write_str(name),
            Place::File(path) => path.display().fmt(f),
        }
    }
}

/// Whether standard output is a file, which has an end of its own.
fn is_redirected() -> bool {
    fs::metadata("/dev/stdout").is_ok_and(|found| found.is_file())
}

/// Writes a file so that nobody sees a part of it.
fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let renamed = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if renamed.is_err() {
        // What went wrong first is what is told.
        let _ = fs::remove_file(&part);
    }
    renamed
}
