//! A host's files, in memory, with the faults of a real disk.
//!
//! In: what a driver's files read and write. Out: the same as a file system
//! would say, `StorageFull` when it is full. What was not made to last is gone
//! after a [`Disk::crash`]: appended bytes, and patches. Leaves out folders:
//! a path is only a name.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use talkpath::driver::{Existing, Found, ReadFile, WriteFile};

use crate::engine::Shared;
use crate::faults::Call;
use crate::network::HostId;

/// The files of a host, for a test to put, get and spoil.
#[derive(Clone, Debug)]
pub struct Disk {
    world: Arc<Shared>,
    host: HostId,
}

impl Disk {
    pub(crate) fn new(world: Arc<Shared>, host: HostId) -> Self {
        Disk { world, host }
    }

    fn with<T>(&self, f: impl FnOnce(&mut DiskState) -> T) -> T {
        f(self.world.lock().disk(self.host))
    }

    /// Puts a file there, in place of what was there.
    pub fn put(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        let (path, bytes) = (path.as_ref(), bytes.into());
        self.with(|disk| disk.put(path, bytes));
    }

    /// What is in a file now, if there is one.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        self.with(|disk| {
            disk.named(path.as_ref())
                .map(|(_, file)| file.bytes.clone())
        })
    }

    /// The names of all files, in order.
    pub fn names(&self) -> Vec<PathBuf> {
        self.with(|disk| disk.names.keys().cloned().collect())
    }

    /// Removes a file; who has it open keeps it.
    pub fn remove(&self, path: impl AsRef<Path>) {
        self.with(|disk| disk.unlink(path.as_ref()));
    }

    /// Takes `room` more bytes and is full then.
    pub fn full_after(&self, room: u64) {
        self.with(|disk| disk.room = Some(room));
    }

    /// Has room without end again.
    pub fn make_room(&self) {
        self.with(|disk| disk.room = None);
    }

    /// Fails every read and write from now on (`EIO`).
    pub fn break_down(&self) {
        self.with(|disk| disk.health = Health::Broken);
    }

    /// Reads and writes again.
    pub fn repair(&self) {
        self.with(|disk| disk.health = Health::Well);
    }

    /// Lets each read and write keep the task that asked for it busy for
    /// `each`.
    pub fn slow_down(&self, each: Duration) {
        self.with(|disk| disk.slowness = each);
    }

    /// Loses power: every file is as it was when last synchronised. A file
    /// that never was is empty.
    pub fn crash(&self) {
        self.with(|disk| disk.files.values_mut().for_each(File::crash));
    }
}

/// The files themselves.
#[derive(Debug, Default)]
pub(crate) struct DiskState {
    names: BTreeMap<PathBuf, FileId>,
    files: BTreeMap<FileId, File>,
    created: u64,
    room: Option<u64>,
    health: Health,
    slowness: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Health {
    #[default]
    Well,
    Broken,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct FileId(u64);

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// How many of the bytes last.
    lasting: usize,
    /// What lasted where it was written over since, oldest first.
    patched: Vec<(usize, Vec<u8>)>,
    open: u32,
    /// Of those, by who writes to it: one at most.
    written: u32,
}

impl File {
    fn crash(&mut self) {
        for (offset, before) in self.patched.drain(..).rev() {
            self.bytes[offset..offset + before.len()].copy_from_slice(&before);
        }
        self.bytes.truncate(self.lasting);
    }

    fn begin_writing(&mut self) {
        self.open += 1;
        self.written += 1;
    }

    fn sync(&mut self) {
        self.lasting = self.bytes.len();
        self.patched.clear();
    }

    /// Lasts at once, for simplicity.
    fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.lasting = self.lasting.min(len);
        for (offset, before) in &mut self.patched {
            before.truncate(len.saturating_sub(*offset));
        }
        self.patched.retain(|(_, before)| !before.is_empty());
    }

    fn patch(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        let lasting = offset.min(self.lasting)..end.min(self.lasting);
        if !lasting.is_empty() {
            self.patched
                .push((lasting.start, self.bytes[lasting].to_vec()));
        }
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        self.bytes[offset..end].copy_from_slice(bytes);
    }
}

impl DiskState {
    /// How many files are open.
    pub(crate) fn open_files(&self) -> usize {
        self.files.values().map(|file| file.open as usize).sum()
    }

    fn named(&self, path: &Path) -> Option<(FileId, &File)> {
        let id = *self.names.get(path)?;
        Some((id, self.files.get(&id)?))
    }

    fn put(&mut self, path: &Path, bytes: Vec<u8>) -> FileId {
        self.unlink(path);
        let id = FileId(self.created);
        self.created += 1;
        let lasting = bytes.len();
        self.files.insert(
            id,
            File {
                bytes,
                lasting,
                ..File::default()
            },
        );
        self.names.insert(path.to_owned(), id);
        id
    }

    fn unlink(&mut self, path: &Path) {
        if let Some(id) = self.names.remove(path) {
            self.sweep(id);
        }
    }

    /// Forgets a file that has neither a name nor a handle.
    fn sweep(&mut self, id: FileId) {
        let named = self.names.values().any(|known| *known == id);
        if !named && self.files.get(&id).is_some_and(|file| file.open == 0) {
            self.files.remove(&id);
        }
    }

    fn rename(&mut self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        self.works()?;
        if existing == Existing::Keep && self.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.names.remove(from).ok_or_else(|| not_found(from))?;
        self.unlink(to);
        self.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn works(&self) -> io::Result<()> {
        match self.health {
            Health::Well => Ok(()),
            Health::Broken => Err(io::Error::other("input/output error")),
        }
    }

    /// Takes what there is room for, and says how much that is.
    fn take_room(&mut self, wanted: usize) -> usize {
        let Some(room) = &mut self.room else {
            return wanted;
        };
        let taken = wanted.min(usize::try_from(*room).unwrap_or(usize::MAX));
        *room -= taken as u64;
        taken
    }

    fn file(&mut self, id: FileId) -> io::Result<&mut File> {
        self.files
            .get_mut(&id)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// An open file; the handle is given back when it is dropped.
#[derive(Debug)]
struct Handle {
    world: Arc<Shared>,
    host: HostId,
    file: FileId,
    position: usize,
    use_of_it: Use,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Reading,
    Writing,
}

/// Opens the file at `path`.
pub(crate) fn open(
    world: &Arc<Shared>,
    host: HostId,
    path: &Path,
) -> io::Result<Box<dyn ReadFile>> {
    let mut state = world.lock();
    state.faults.check(Call::Open)?;
    let disk = state.disk(host);
    disk.works()?;
    let (file, _) = disk.named(path).ok_or_else(|| not_found(path))?;
    disk.file(file)?.open += 1;
    Ok(Handle::boxed(world, host, file, Use::Reading))
}

/// Creates the file at `path`.
pub(crate) fn create(
    world: &Arc<Shared>,
    host: HostId,
    path: &Path,
) -> io::Result<Box<dyn WriteFile>> {
    let mut state = world.lock();
    state.faults.check(Call::Create)?;
    let disk = state.disk(host);
    disk.works()?;
    if disk.names.contains_key(path) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let file = disk.put(path, Vec::new());
    disk.file(file)?.begin_writing();
    Ok(Handle::boxed(world, host, file, Use::Writing))
}

/// Opens the file at `path` to be written on.
pub(crate) fn edit(
    world: &Arc<Shared>,
    host: HostId,
    path: &Path,
) -> io::Result<Box<dyn WriteFile>> {
    let mut state = world.lock();
    state.faults.check(Call::Open)?;
    let disk = state.disk(host);
    disk.works()?;
    let (id, file) = disk.named(path).ok_or_else(|| not_found(path))?;
    if file.written > 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    disk.file(id)?.begin_writing();
    Ok(Handle::boxed(world, host, id, Use::Writing))
}

/// Whether there is a file at `path`, or files in it.
pub(crate) fn look(world: &Shared, host: HostId, path: &Path) -> io::Result<Found> {
    let mut state = world.lock();
    let disk = state.disk(host);
    disk.works()?;
    let mut names = disk.names.keys();
    Ok(match disk.names.contains_key(path) {
        true => Found::File,
        false if names.any(|name| name.starts_with(path)) => Found::Folder,
        false => Found::Nothing,
    })
}

/// Takes the name from the file at `path`.
pub(crate) fn remove(world: &Shared, host: HostId, path: &Path) -> io::Result<()> {
    let mut state = world.lock();
    let disk = state.disk(host);
    disk.works()?;
    disk.named(path).ok_or_else(|| not_found(path))?;
    disk.unlink(path);
    Ok(())
}

/// Gives a file another name.
pub(crate) fn rename(
    world: &Shared,
    host: HostId,
    (from, to): (&Path, &Path),
    existing: Existing,
) -> io::Result<()> {
    let mut state = world.lock();
    state.faults.check(Call::Rename)?;
    state.disk(host).rename(from, to, existing)
}

/// The files whose names begin with that of a folder and go no deeper.
pub(crate) fn list(world: &Shared, host: HostId, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut state = world.lock();
    let disk = state.disk(host);
    disk.works()?;
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    let inside = |path: &&PathBuf| path.parent() == Some(folder);
    Ok(disk.names.keys().filter(inside).cloned().collect())
}

impl Handle {
    fn boxed(world: &Arc<Shared>, host: HostId, file: FileId, use_of_it: Use) -> Box<Self> {
        Box::new(Handle {
            world: Arc::clone(world),
            host,
            file,
            position: 0,
            use_of_it,
        })
    }

    /// Uses the disk, which may make the running task wait.
    fn with<T>(&self, f: impl FnOnce(&mut DiskState) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.world.lock();
        let slowness = state.disk(self.host).slowness;
        state.tasks.keep_busy(slowness);
        let disk = state.disk(self.host);
        disk.works()?;
        f(disk)
    }

    fn check(&self, call: Call) -> io::Result<()> {
        self.world.lock().faults.check(call)
    }
}

impl ReadFile for Handle {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.with(|disk| {
            let rest = disk
                .file(self.file)?
                .bytes
                .get(self.position..)
                .unwrap_or(&[]);
            let len = rest.len().min(into.len());
            into[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        })?;
        self.position += read;
        Ok(read)
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|disk| Ok(disk.file(self.file)?.bytes.len() as u64))
    }
}

impl WriteFile for Handle {
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.check(Call::Write)?;
        self.with(|disk| {
            let len = usize::try_from(length).unwrap_or(usize::MAX);
            disk.file(self.file)?.truncate(len);
            Ok(())
        })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check(Call::Write)?;
        self.with(|disk| {
            let taken = disk.take_room(bytes.len());
            disk.file(self.file)?
                .bytes
                .extend_from_slice(&bytes[..taken]);
            if taken < bytes.len() {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        })
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.check(Call::Write)?;
        self.with(|disk| {
            let too_far = |_| io::Error::from(io::ErrorKind::FileTooLarge);
            let offset = usize::try_from(offset).map_err(too_far)?;
            let end = offset.checked_add(bytes.len());
            let end = end
                .filter(|end| *end <= MOST_BYTES)
                .ok_or(io::ErrorKind::FileTooLarge)?;
            let grows = end.saturating_sub(disk.file(self.file)?.bytes.len());
            if disk.take_room(grows) < grows {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.file(self.file)?.patch(offset, bytes);
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.check(Call::Sync)?;
        self.with(|disk| {
            disk.file(self.file)?.sync();
            Ok(())
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.world.lock();
        let disk = state.disk(self.host);
        if let Some(file) = disk.files.get_mut(&self.file) {
            file.open = file.open.saturating_sub(1);
            if self.use_of_it == Use::Writing {
                file.written = file.written.saturating_sub(1);
            }
        }
        disk.sweep(self.file);
    }
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("no file {}", path.display()),
    )
}

/// The longest file: a test that writes more has gone astray.
const MOST_BYTES: usize = 1 << 31;
