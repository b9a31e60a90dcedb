//! Names of recordings in the file system's own twists: links, folders, dots,
//! places that cannot be written to. Nothing that is there is ever touched.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test of the real world in real time"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use talkpath::{
    Audio, Codec, Existing, FileError, MediaManager, Recovery, Session, SessionError, Wav, recover,
};

struct Rig {
    folder: PathBuf,
    session: Session,
    _manager: MediaManager,
}

fn rig(name: &str) -> Rig {
    let folder = std::env::temp_dir().join(format!("talkpath-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let builder = MediaManager::builder().interface("127.0.0.1");
    let manager = builder.ports(26_600..=26_999).build().unwrap();
    let (session, _) = manager.create_offer(Audio::sendrecv(Codec::USUAL)).unwrap();
    Rig {
        folder,
        session,
        _manager: manager,
    }
}

impl Rig {
    fn refused(&self, wav: Wav) -> FileError {
        match self.session.record(wav) {
            Err(SessionError::File(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn end(self) {
        drop(self.session);
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[test]
fn a_link_is_neither_followed_nor_written_through() {
    let rig = rig("links");
    let (secret, link) = (rig.folder.join("secret"), rig.folder.join("call.wav"));
    fs::write(&secret, "keep").unwrap();
    symlink(&secret, &link).unwrap();
    let error = rig.refused(Wav::heard(&link));
    assert!(matches!(error, FileError::Exists { .. }), "{error}");
    // Replaced, it is the link that goes.
    let wav = Wav::heard(&link).existing(Existing::Replace);
    let done = rig.session.record(wav).unwrap().finish().wait().unwrap();
    assert_eq!(done.error, None);
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    // Nor is one that waits where the unfinished file will be.
    symlink(&secret, rig.folder.join("trap.wav.part")).unwrap();
    let error = rig.refused(Wav::heard(rig.folder.join("trap.wav")));
    assert!(matches!(error, FileError::Unfinished { .. }), "{error}");
    // A scan does not follow links either.
    assert_eq!(recover(&rig.folder).unwrap(), []);
    assert_eq!(fs::read(&secret).unwrap(), b"keep");
    rig.end();
}

#[test]
fn what_is_no_file_is_refused() {
    let rig = rig("kinds");
    fs::create_dir(rig.folder.join("folder.wav")).unwrap();
    let replace = |path| Wav::heard(path).existing(Existing::Replace);
    for path in [
        rig.folder.join("folder.wav"),
        rig.folder.join("a/.."),
        PathBuf::from("/dev/null"),
        PathBuf::from("/"),
    ] {
        let error = rig.refused(replace(path));
        assert!(matches!(error, FileError::Name { .. }), "{error}");
    }
    for path in ["nowhere/call.wav", "bad\0name.wav"] {
        let error = rig.refused(replace(rig.folder.join(path)));
        assert!(matches!(error, FileError::Io { .. }), "{error}");
    }
    rig.end();
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_at_once() {
    let rig = rig("locked");
    let locked = rig.folder.join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    // Who may do everything is not refused.
    if fs::write(locked.join("probe"), "").is_err() {
        let error = rig.refused(Wav::heard(locked.join("call.wav")));
        assert!(matches!(error, FileError::Io { .. }), "{error}");
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    rig.end();
}

#[test]
fn a_recording_that_goes_on_is_seen_by_its_lock() {
    let rig = rig("alive");
    let path = rig.folder.join("call.wav");
    let recording = rig.session.record(Wav::heard(&path)).unwrap();
    let found = recover(&rig.folder).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].outcome, Recovery::InUse);
    let done = recording.finish().wait().unwrap();
    assert_eq!((done.error, done.path), (None, path));
    rig.end();
}

#[test]
fn a_name_taken_meanwhile_is_not_taken_away() {
    let rig = rig("raced");
    let path = rig.folder.join("call.wav");
    let recording = rig.session.record(Wav::heard(&path)).unwrap();
    fs::write(&path, "faster").unwrap();
    let done = recording.finish().wait().unwrap();
    let kind = done.error.map(|fault| fault.kind);
    assert_eq!(kind, Some(std::io::ErrorKind::AlreadyExists));
    assert_eq!(fs::read(&path).unwrap(), b"faster");
    let found = recover(&rig.folder).unwrap();
    let Recovery::Repaired { path, .. } = &found[0].outcome else {
        panic!("{found:?}");
    };
    assert_eq!(*path, rig.folder.join("call.recovered.wav"));
    rig.end();
}
