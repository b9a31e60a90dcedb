//! Starting the binary and reading what it left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// An empty folder of a test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The binary with arguments, to be run in `folder`.
pub(crate) fn talkpath(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_talkpath"));
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ended {
    Ended::from(talkpath(folder, arguments).output().unwrap())
}

/// Starts it.
pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = talkpath(folder, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for the end of what was started.
pub(crate) fn finish(child: Child) -> Ended {
    Ended::from(child.wait_with_output().unwrap())
}

/// Waits until there is a file.
pub(crate) fn appears(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < until, "no {}", path.display());
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends what Ctrl-C sends.
pub(crate) fn interrupt(process: u32) {
    let status = Command::new("kill")
        .args(["-INT", &process.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// The last line of standard output, as JSON.
    pub(crate) fn json(&self) -> Value {
        let line = self.stdout.lines().last();
        let read = line.and_then(|line| serde_json::from_str(line).ok());
        read.unwrap_or_else(|| panic!("no JSON at the end: {self:#?}"))
    }

    /// Asserts that it succeeded.
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    /// Asserts that it failed with `status`, and said each of `words`.
    pub(crate) fn failed(self, status: i32, words: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?}: {self:#?}");
        }
    }
}
