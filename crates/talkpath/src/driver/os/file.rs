//! Files of the system, read and written at the position they are at.
//!
//! A file being written is locked (`flock`, advisory), so that a scan for what a
//! crash left sees that this one is alive; the system lets go of the lock
//! however the process ends. File systems without locks go without.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::driver::{Existing, Found, ReadFile, WriteFile};

#[derive(Debug)]
pub(super) struct Reading(pub(super) File);

impl ReadFile for Reading {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn length(&self) -> Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }
}

/// Its position is always at the end, except within [`WriteFile::patch`].
#[derive(Debug)]
pub(super) struct Writing(File);

impl Writing {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path)?;
        // Where locks are not to be had, a scan cannot tell.
        let _ = lock(&file);
        Ok(Writing(file))
    }

    pub(super) fn edit(path: &Path) -> Result<Self> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        if let Err(error) = lock(&file)
            && error.kind() == ErrorKind::WouldBlock
        {
            return Err(error);
        }
        file.seek(SeekFrom::End(0))?;
        Ok(Writing(file))
    }
}

impl WriteFile for Writing {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes)
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.0.seek(SeekFrom::Start(offset))?;
        let written = self.0.write_all(bytes);
        self.0.seek(SeekFrom::End(0))?;
        written
    }

    fn truncate(&mut self, length: u64) -> Result<()> {
        self.0.set_len(length)?;
        self.0.seek(SeekFrom::End(0)).map(drop)
    }

    fn sync(&mut self) -> Result<()> {
        self.0.sync_data()
    }
}

pub(super) fn look(path: &Path) -> Result<Found> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    Ok(match kind {
        kind if kind.is_file() => Found::File,
        kind if kind.is_symlink() => Found::Link,
        kind if kind.is_dir() => Found::Folder,
        _ => Found::Other,
    })
}

pub(super) fn rename(from: &Path, to: &Path, existing: Existing) -> Result<()> {
    match existing {
        Existing::Replace => fs::rename(from, to)?,
        Existing::Keep => rename_onto_nothing(from, to)?,
    }
    // The name is in the folder: it lasts when the folder does. Not every
    // file system can be told so.
    let folder = to
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_onto_nothing(from: &Path, to: &Path) -> Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(ErrorKind::AlreadyExists.into()),
        // A file system, or a kernel, that cannot do it in one step.
        Err(_) => check_and_rename(from, to),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_onto_nothing(from: &Path, to: &Path) -> Result<()> {
    check_and_rename(from, to)
}

fn check_and_rename(from: &Path, to: &Path) -> Result<()> {
    if look(to)? != Found::Nothing {
        return Err(ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Gone since: somebody was faster.
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(unix)]
fn lock(file: &File) -> Result<()> {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(Into::into)
}

#[cfg(not(unix))]
fn lock(_: &File) -> Result<()> {
    Err(ErrorKind::Unsupported.into())
}
