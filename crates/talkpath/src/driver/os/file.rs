//! Files of the system, read and written at the position they are at.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};

use crate::driver::{ReadFile, WriteFile};

#[derive(Debug)]
pub(super) struct Reading(pub(super) File);

impl ReadFile for Reading {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// Its position is always at the end, except within [`WriteFile::patch`].
#[derive(Debug)]
pub(super) struct Writing(pub(super) File);

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

    fn sync(&mut self) -> Result<()> {
        self.0.sync_data()
    }
}
