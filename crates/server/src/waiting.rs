//! Waiting for what somebody else does: writes a description, or reads ours.
//!
//! In: a file that may not be there yet, may be empty, half written or left
//! from an earlier call; a pipe; or standard input. Out: its bytes once it is
//! whole, or why not. What may block is done on a thread of its own, so that
//! Ctrl-C and the patience hold. Progress goes to standard error.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::failure::Failure;
use crate::interrupt;

/// What stood in a file before it was waited for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    modified: Option<SystemTime>,
    text: Vec<u8>,
}

impl Leftover {
    /// What stands in the file at `path`, if there is one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Leftover {
            modified: found.modified().ok(),
            text: read_file(path).ok()?,
        })
    }
}

/// Waits until the file at `path` holds a whole description, `patience` long.
///
/// Whole is what begins an m-line, ends with a line end and does not change
/// between two looks; or whatever does not change for half a second. What is
/// still the `leftover` is waited out.
pub(crate) fn for_file(
    path: &Path,
    what: &str,
    leftover: Option<&Leftover>,
    patience: Duration,
) -> Result<Vec<u8>, Failure> {
    let place = format!("in {}", path.display());
    let mut wait = Wait::begin(what, &place, patience);
    if leftover.is_some() {
        eprintln!(
            "{} is left from an earlier call; waiting for a new one",
            path.display()
        );
        wait.what = format!("new {what}");
    }
    let (mut seen, mut since) = (Vec::new(), Instant::now());
    loop {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return for_pipe(path, &mut wait);
        }
        let found = match read_file(path) {
            Ok(_) if leftover.is_some() && Leftover::at(path).as_ref() == leftover => Vec::new(),
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::file(path, &error)),
        };
        let is_same = found == seen && !found.is_empty();
        if is_same && (looks_whole(&found) || since.elapsed() >= SETTLED) {
            return Ok(found);
        }
        if !is_same {
            (seen, since) = (found, Instant::now());
        }
        wait.turn()?;
        thread::sleep(LOOK);
    }
}

/// Waits for a description on standard input: up to its end, or to an empty
/// line, for those who paste.
pub(crate) fn for_standard_input(what: &str, patience: Duration) -> Result<Vec<u8>, Failure> {
    let mut wait = Wait::begin(what, "from standard input", patience);
    let read = wait.until_done(|| read_description(&mut io::stdin().lock()))?;
    read.map_err(|error| Failure::new(format!("standard input: {error}")))
}

/// Waits until somebody has taken `text` out of the pipe at `path`.
pub(crate) fn for_reader(path: &Path, text: &[u8], patience: Duration) -> Result<(), Failure> {
    let place = format!("of {}", path.display());
    let mut wait = Wait::begin("reader", &place, patience);
    let (target, text) = (path.to_owned(), text.to_owned());
    let written = wait.until_done(move || fs::write(target, text))?;
    written.map_err(|error| Failure::file(path, &error))
}

/// Waits for a description in a pipe, from whoever opens it next and writes.
fn for_pipe(path: &Path, wait: &mut Wait<'_>) -> Result<Vec<u8>, Failure> {
    let source = path.to_owned();
    let read = wait.until_done(move || {
        loop {
            let read = read_description(&mut BufReader::new(File::open(&source)?))?;
            if !read.is_empty() {
                return Ok(read);
            }
            thread::sleep(LOOK);
        }
    })?;
    read.map_err(|error| Failure::file(path, &error))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut read)?;
    Ok(read)
}

fn read_description(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let (mut input, mut read) = (input.take(MOST), Vec::new());
    loop {
        let start = read.len();
        let is_over = input.read_until(b'\n', &mut read)? == 0;
        let is_blank = read[start..].trim_ascii().is_empty();
        if is_blank {
            // Blank lines before a description are none of it.
            read.truncate(start);
        }
        if is_over || (is_blank && start > 0) {
            return Ok(read);
        }
    }
}

fn looks_whole(text: &[u8]) -> bool {
    let has_media = text.windows(3).any(|window| window == b"\nm=");
    has_media && text.ends_with(b"\n")
}

/// How long it has been, and who is told.
struct Wait<'a> {
    what: String,
    place: &'a str,
    began: Instant,
    patience: Duration,
    told: u64,
}

impl<'a> Wait<'a> {
    fn begin(what: &str, place: &'a str, patience: Duration) -> Self {
        Wait {
            what: what.into(),
            place,
            began: Instant::now(),
            patience,
            told: 0,
        }
    }

    /// What `work`, which may block, came to. When the wait ends before, its
    /// thread ends with the program.
    fn until_done<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, done) = mpsc::channel();
        thread::spawn(move || sender.send(work()));
        loop {
            match done.recv_timeout(LOOK) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Timeout) => self.turn()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new(format!(
                        "the {} {} cannot be had",
                        self.what, self.place
                    )));
                }
            }
        }
    }

    /// Looks at the clock: says how long it has been, now and then.
    fn turn(&mut self) -> Result<(), Failure> {
        let waited = self.began.elapsed();
        let Wait { what, place, .. } = self;
        if interrupt::is_asked() {
            return Err(Failure::interrupted(&format!("waiting for the {what}")));
        }
        if waited >= self.patience {
            let seconds = self.patience.as_secs_f64();
            return Err(
                Failure::new(format!("no {what} {place} for {seconds} s")).hint(
                    "that is the other side's part, which comes in its time; --wait SECONDS \
                     waits longer",
                ),
            );
        }
        if self.told * TELL_EVERY <= waited.as_secs() && waited >= FIRST_TOLD {
            let left = (self.patience - waited).as_secs_f64().ceil();
            eprintln!("waiting for the {what} {place}; {left:.0} s left");
            self.told = waited.as_secs() / TELL_EVERY + 1;
        }
        Ok(())
    }
}

/// How often a file is looked at. A peer that speaks at once is held for 200 ms.
const LOOK: Duration = Duration::from_millis(20);
/// What has not changed for this long is not being written any more.
const SETTLED: Duration = Duration::from_millis(500);
/// Shorter waits need no words.
const FIRST_TOLD: Duration = Duration::from_millis(300);
/// Seconds between two words on how long it takes.
const TELL_EVERY: u64 = 5;
/// Bytes, more than any description has: what is refused for its length is read
/// no further.
const MOST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_that_is_being_written_is_not_whole() {
        assert!(!looks_whole(b""));
        assert!(!looks_whole(b"v=0\r\ns=-\r\n"));
        assert!(!looks_whole(b"v=0\r\nm=audio 4000 RTP/AVP"));
        assert!(looks_whole(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n"));
    }

    #[test]
    fn an_empty_line_ends_what_is_pasted_and_none_begins_it() {
        let read = |mut text: &[u8]| read_description(&mut text).unwrap();
        assert_eq!(read(b"\r\n\nv=0\r\ns=-\r\n\r\nm=\r\n"), b"v=0\r\ns=-\r\n");
        assert_eq!(read(b"v=0\r\ns=-"), b"v=0\r\ns=-");
        assert_eq!(read(b""), b"");
    }
}
