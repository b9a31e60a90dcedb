//! Waiting for a description that somebody else writes.
//!
//! In: a file that may not be there yet, may be empty, or half written; or
//! standard input. Out: its bytes once it is whole, or why not. Progress goes to
//! standard error.

use std::fs;
use std::io::{self, BufRead, ErrorKind};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::interrupt;

/// Waits until the file at `path` holds a whole description, `patience` long.
///
/// Whole is what begins an m-line, ends with a line end and does not change
/// between two looks; or whatever does not change for half a second.
pub(crate) fn for_file(path: &Path, what: &str, patience: Duration) -> Result<Vec<u8>, Failure> {
    let place = path.display().to_string();
    let mut wait = Wait::begin(what, &place, patience);
    let (mut seen, mut since) = (Vec::new(), Instant::now());
    loop {
        let found = match fs::read(path) {
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
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || sender.send(read_description()));
    let mut wait = Wait::begin(what, "standard input", patience);
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(read) => {
                return read.map_err(|error| Failure::new(format!("standard input: {error}")));
            }
            Err(RecvTimeoutError::Timeout) => wait.turn()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new("standard input could not be read"));
            }
        }
    }
}

fn read_description() -> io::Result<Vec<u8>> {
    let (mut input, mut read) = (io::stdin().lock(), Vec::new());
    loop {
        let start = read.len();
        let is_over = input.read_until(b'\n', &mut read)? == 0;
        let is_blank = read[start..].trim_ascii().is_empty();
        if is_blank {
            // Blank lines before a description are none of it.
            read.truncate(start);
        }
        if is_over || (is_blank && start > 0) || read.len() > MOST {
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
    what: &'a str,
    place: &'a str,
    began: Instant,
    patience: Duration,
    told: u64,
}

impl<'a> Wait<'a> {
    fn begin(what: &'a str, place: &'a str, patience: Duration) -> Self {
        Wait {
            what,
            place,
            began: Instant::now(),
            patience,
            told: 0,
        }
    }

    /// Looks at the clock: says how long it has been, now and then.
    fn turn(&mut self) -> Result<(), Failure> {
        let waited = self.began.elapsed();
        if interrupt::is_asked() {
            return Err(Failure::interrupted(&format!("waiting for {}", self.what)));
        }
        if waited >= self.patience {
            let Wait { what, place, .. } = self;
            let seconds = self.patience.as_secs_f64();
            return Err(
                Failure::new(format!("no {what} in {place} for {seconds} s"))
                    .hint("the other side writes it there; --wait SECONDS waits longer"),
            );
        }
        if self.told * TELL_EVERY <= waited.as_secs() && waited >= FIRST_TOLD {
            let left = (self.patience - waited).as_secs_f64().ceil();
            eprintln!(
                "waiting for the {} in {}; {left:.0} s left",
                self.what, self.place
            );
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
/// More than any description: what is refused for its length is read no further.
const MOST: usize = 1 << 20;

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
}
