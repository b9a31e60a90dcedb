//! Who tells the story: on standard output, or nowhere when JSON is wanted.

use std::cell::{Cell, RefCell};

use talkpath::SessionStats;

use super::outcome::Outcome;
use super::party::Party;
use crate::output::{print_line, printable};
use crate::report;
use crate::words::{self, counted, millis};

/// Says what happens, step by step.
pub(super) struct Teller {
    is_silent: bool,
    step: Cell<u32>,
    notes: RefCell<Vec<String>>,
}

impl Teller {
    pub(super) fn new(json: bool) -> Self {
        Teller {
            is_silent: json,
            step: Cell::new(0),
            notes: RefCell::default(),
        }
    }

    /// Begins the next step.
    pub(super) fn step(&self, title: &str) {
        if self.step.get() > 0 {
            self.blank();
        }
        self.step.set(self.step.get() + 1);
        self.line(&format!("{}. {title}", self.step.get()));
    }

    pub(super) fn say(&self, words: &str) {
        self.line(&format!("   {words}"));
    }

    /// Something unexpected that is no error.
    pub(super) fn note(&self, words: &str) {
        self.notes.borrow_mut().push(words.into());
        self.say(&format!("Note: {words}."));
    }

    /// The notes so far.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    pub(super) fn blank(&self) {
        self.line("");
    }

    /// Shows a description as it is.
    pub(super) fn quote(&self, description: &str) {
        for line in description.lines() {
            self.line(&format!("     {}", printable(line)));
        }
    }

    /// What a party has counted.
    pub(super) fn statistics(&self, party: &Party, stats: &SessionStats) {
        let Some(audio) = stats.audio() else {
            return;
        };
        let (sent, received) = (&audio.sent, &audio.received);
        self.say(&format!(
            "The {} sent {}, {}, and received {}, {}; lost {}, jitter {}, dropped {}.",
            party.name,
            counted(sent.packets, "packet"),
            counted(sent.payload_bytes, "byte"),
            counted(received.packets, "packet"),
            counted(received.payload_bytes, "byte"),
            received.lost,
            millis(received.jitter),
            audio.drops.total(),
        ));
        let repairs = report::repairs(audio).filter(|_| received.lost > 0);
        // Of a moment there is no opinion.
        let quality = audio.quality.as_ref().filter(|_| received.packets >= 50);
        let quality = quality.map(report::opinion);
        let heard: Vec<_> = repairs.into_iter().chain(quality).collect();
        if !heard.is_empty() {
            let heard = heard.join("; ");
            self.say(&format!("The {} heard: {heard}.", party.name));
        }
    }

    /// What is left, and all that happened.
    pub(super) fn end(&self, outcome: &Outcome) {
        let (sessions, ports) = (outcome.sessions_left, outcome.ports_left);
        self.say(&format!(
            "{sessions} sessions are left, {ports} ports are in use."
        ));
        if let Some(played) = &outcome.talked.played {
            let whole = outcome.talked.whole.filter(|whole| *whole > played.length);
            let whole = whole.map_or_else(String::new, |whole| {
                format!(" of {}", words::seconds(whole))
            });
            let (path, length) = (played.path.display(), words::seconds(played.length));
            self.say(&format!("{path}: {length}{whole} was played."));
        }
        if let Some(recorded) = &outcome.recorded {
            let (path, length) = (recorded.path.display(), words::seconds(recorded.length));
            self.say(&format!("{path}: {length} was recorded."));
        }
        if let Some(file) = &outcome.captured {
            self.say(&format!(
                "{}: every packet of the call.",
                file.path.display()
            ));
        }
        if let Some(trial) = &outcome.trial {
            self.say(&format!("A bad network is tried out: {trial}."));
        }
        self.say("What happened, in order:");
        for event in &outcome.happened.events {
            let (at, words) = (outcome.happened.since_first(event), words::of(&event.what));
            let name = outcome.name_of(event.session);
            self.say(&format!("  {:.3} s  {name:6}  {words}", at.as_secs_f64()));
        }
        if outcome.happened.lost > 0 {
            self.say(&format!("  and {} more", outcome.happened.lost));
        }
    }

    fn line(&self, line: &str) {
        if !self.is_silent {
            print_line(line);
        }
    }
}
