//! A line on standard error that is written over as a call goes on, when
//! standard error is a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use talkpath::StreamStats;

/// The line.
#[derive(Debug)]
pub(crate) struct Live {
    is_terminal: bool,
    drawn: Option<Instant>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Live {
            is_terminal: stderr().is_terminal(),
            drawn: None,
        }
    }

    /// Draws the line anew, if it is time to.
    pub(crate) fn draw(&mut self, lasted: Duration, stats: Option<&StreamStats>) {
        let is_due = self.drawn.is_none_or(|last| last.elapsed() >= EVERY);
        if let (true, true, Some(stats)) = (self.is_terminal, is_due, stats) {
            self.drawn = Some(Instant::now());
            eprint!("\r\x1b[2K{}", line(lasted, stats));
            // A terminal that cannot be written to has nobody before it.
            let _ = stderr().flush();
        }
    }

    /// Says something that stays.
    pub(crate) fn say(&mut self, words: &str) {
        self.clear();
        eprintln!("{words}");
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            eprint!("\r\x1b[2K");
        }
    }
}

fn line(lasted: Duration, stats: &StreamStats) -> String {
    let (sent, received) = (&stats.sent, &stats.received);
    let quality = stats.quality.as_ref();
    let quality = quality.map_or_else(String::new, |quality| {
        format!(", MOS {:.1}", quality.rating.mos())
    });
    format!(
        "{:.1} s, sent {}, got {}, lost {}, jitter {:.1} ms{quality}, in {} dB, out {} dB",
        lasted.as_secs_f64(),
        sent.packets,
        received.packets,
        received.lost,
        received.jitter.as_secs_f64() * 1000.0,
        -i32::from(stats.levels.heard),
        -i32::from(stats.levels.said),
    )
}

/// Often enough to be read.
const EVERY: Duration = Duration::from_millis(200);
