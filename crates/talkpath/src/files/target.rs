//! A file on its way to its name.
//!
//! In: bytes, to append and to write over. It is written as `NAME.part` and
//! gets its name when it is finished, so that what has the name is whole. A
//! `NAME.part` that is there is never touched: it is being written, or a crash
//! left it, and [`recover`](crate::recover) is for that.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use talkpath_file::Patch;

use super::FileError;
use crate::driver::{Driver, Existing, Found, WriteFile};

/// A file being written.
pub(super) struct Target {
    driver: Arc<dyn Driver>,
    path: PathBuf,
    part: PathBuf,
    existing: Existing,
    file: Box<dyn WriteFile>,
    /// Bytes that are surely in it.
    len: u64,
}

impl Target {
    /// Creates `PATH.part`, beginning with `header`.
    ///
    /// # Errors
    /// [`FileError`] when that cannot be, or `path` is taken or no place for a
    /// recording.
    pub(super) fn create(
        driver: &Arc<dyn Driver>,
        path: &Path,
        existing: Existing,
        header: &[u8],
    ) -> Result<Self, FileError> {
        let io = |error| FileError::io(path, error);
        let name = path.file_name().ok_or_else(|| FileError::name(path))?;
        if Path::new(name).extension().is_some_and(|end| end == PART) || ends_in_slash(path) {
            return Err(FileError::name(path));
        }
        let refused = match (driver.look(path).map_err(io)?, existing) {
            (Found::Nothing, _) | (Found::File | Found::Link, Existing::Replace) => None,
            (Found::File | Found::Link, Existing::Keep) => Some(FileError::exists(path)),
            (Found::Folder | Found::Other, _) => Some(FileError::name(path)),
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        let part = part(path);
        let file = driver.create(&part).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => FileError::unfinished(&part),
            _ => io(error),
        })?;
        let mut target = Target {
            driver: Arc::clone(driver),
            path: path.into(),
            part,
            existing,
            file,
            len: 0,
        };
        target.append(header).map_err(|error| {
            // Without its header it is nothing; it is not worth a second error.
            let _ = driver.remove(&target.part);
            io(error)
        })?;
        Ok(target)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.append(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Writes over what is there.
    pub(super) fn patch(&mut self, patch: &Patch) -> std::io::Result<()> {
        self.file.patch(patch.offset, &patch.bytes)
    }

    /// Cuts off what a failed write left behind what is surely there.
    pub(super) fn tidy(&mut self) -> std::io::Result<()> {
        self.file.truncate(self.len)
    }

    /// Makes it last and gives it its name.
    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        self.file.sync()?;
        self.driver.rename(&self.part, &self.path, self.existing)
    }
}

/// Where a file stands until it is finished.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".");
    name.push(PART);
    name.into()
}

/// `call.wav/` names a folder, though `Path` hides the slash.
fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|last| std::path::is_separator(char::from(*last)))
}

/// What the name of an unfinished file ends in.
pub(crate) const PART: &str = "part";
