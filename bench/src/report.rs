//! What a gate found, and what that means.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use crate::machine::Watch;
use crate::rounds::{Compared, Spread};

/// What is asked of a number; higher is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Below this it fails.
    pub must: f64,
    /// Where we mean to end up.
    pub stretch: f64,
}

/// What a gate came to. The worst of several is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// There is nothing to be held to.
    Informative,
    /// It is as good as it must be.
    Pass,
    /// The machine was loaded, or the rounds disagree: measure again.
    Void,
    /// It is worse than it must be.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Informative => "informative",
            Verdict::Pass => "PASS",
            Verdict::Void => "VOID",
            Verdict::Fail => "FAIL",
        })
    }
}

impl From<Verdict> for ExitCode {
    /// 0 when all is well, 1 for a failure, 2 for a void run.
    fn from(verdict: Verdict) -> Self {
        ExitCode::from(match verdict {
            Verdict::Informative | Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Void => 2,
        })
    }
}

/// What one gate prints, and its verdict so far.
#[derive(Debug)]
pub struct Report {
    text: String,
    /// Of what hangs on the clock.
    timed: Verdict,
    /// Of what holds on any machine.
    counted: Verdict,
    watch: Watch,
}

impl Report {
    /// An empty report; the machine is watched from here on.
    pub fn begin() -> Self {
        Report {
            text: String::new(),
            timed: Verdict::Informative,
            counted: Verdict::Informative,
            watch: Watch::begin(),
        }
    }

    /// Adds a line for the reader.
    pub fn note(&mut self, line: impl fmt::Display) {
        let _ = writeln!(self.text, "  {line}");
    }

    /// Adds times that nothing is asked of.
    pub fn times(&mut self, what: &str, nanos: Spread) {
        self.note(format_args!("{what:24} {}", Nanos(nanos)));
    }

    /// Adds both sides of a comparison, and judges the ratio if `goal` is
    /// given.
    pub fn ratio(&mut self, what: &str, compared: Compared, goal: Option<Goal>) {
        self.note(what);
        self.times("  baseline", compared.baseline);
        self.times("  ours", compared.ours);
        self.judge("  ratio", compared.ratio, "×", goal);
    }

    /// Adds a number that is better when higher, and judges its median.
    pub fn judge(&mut self, what: &str, found: Spread, unit: &str, goal: Option<Goal>) {
        let Spread { low, median, high } = found;
        let mut line = format!("{what:24} {median:.2}{unit} (quartiles {low:.2}–{high:.2})");
        if let Some(Goal { must, stretch }) = goal {
            let _ = write!(line, ", must {must}{unit}, stretch {stretch}{unit}");
        }
        self.note(line);
        let Some(goal) = goal else { return };
        let verdict = if found.width() > WIDEST {
            self.note(format_args!(
                "the rounds disagree by {:.0} %",
                100.0 * found.width()
            ));
            Verdict::Void
        } else {
            pass_if(median >= goal.must)
        };
        self.timed = self.timed.max(verdict);
    }

    /// Adds a count that must not exceed `limit`; no load can excuse it.
    pub fn count(&mut self, what: &str, found: u64, limit: u64) {
        self.note(format_args!("{what:24} {found}, at most {limit}"));
        self.counted = self.counted.max(pass_if(found <= limit));
    }

    /// Adds a condition without which the numbers would mean nothing.
    pub fn require(&mut self, what: &str, holds: bool) {
        if !holds {
            self.note(format_args!("not true: {what}"));
            self.counted = Verdict::Fail;
        }
    }

    /// The text and the verdict. Times are void when other programs were busy
    /// meanwhile, good ones and bad ones alike; counts are not.
    pub fn end(mut self) -> (String, Verdict) {
        let others = self.watch.others();
        match others {
            Some(others) => self.note(format_args!("others kept {others:.2} cores busy")),
            None => self.note("what other programs did is unknown here"),
        }
        let loaded = others.is_some_and(|others| others > BUSIEST);
        if loaded && self.timed != Verdict::Informative {
            self.timed = Verdict::Void;
        }
        (self.text, self.timed.max(self.counted))
    }
}

fn pass_if(holds: bool) -> Verdict {
    if holds { Verdict::Pass } else { Verdict::Fail }
}

/// Times in the unit that reads best.
struct Nanos(Spread);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { low, median, high } = self.0;
        let (unit, scale) = match median {
            ..1e4 => ("ns", 1.0),
            ..1e7 => ("µs", 1e3),
            _ => ("ms", 1e6),
        };
        let [low, median, high] = [low, median, high].map(|nanos| nanos / scale);
        write!(f, "{median:.1} {unit} (quartiles {low:.1}–{high:.1})")
    }
}

/// Cores that others may keep busy in a run that counts.
const BUSIEST: f64 = 0.25;
/// Width of the middle half beyond which rounds disagree.
const WIDEST: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Goal = Goal {
        must: 5.0,
        stretch: 10.0,
    };

    fn judged(values: [f64; 3], goal: Option<Goal>) -> Verdict {
        let mut report = Report::begin();
        report.judge("it", Spread::of(values), "×", goal);
        report.timed
    }

    #[test]
    fn a_ratio_passes_fails_or_is_void() {
        assert_eq!(judged([5.1, 5.2, 5.3], Some(GOAL)), Verdict::Pass);
        assert_eq!(judged([4.8, 4.9, 5.1], Some(GOAL)), Verdict::Fail);
        assert_eq!(judged([1.0, 1.0, 1.0], None), Verdict::Informative);
    }

    #[test]
    fn rounds_that_disagree_are_void() {
        let mut report = Report::begin();
        let wide = Spread {
            low: 8.0,
            median: 10.0,
            high: 12.0,
        };
        report.judge("it", wide, "×", Some(GOAL));
        assert_eq!(report.timed, Verdict::Void);
    }

    #[test]
    fn a_count_above_its_limit_fails_whatever_else_passes() {
        let mut report = Report::begin();
        report.count("allocations", 0, 0);
        assert_eq!(report.counted, Verdict::Pass);
        report.count("allocations", 1, 0);
        report.count("allocations", 0, 0);
        let (text, verdict) = report.end();
        assert_eq!(verdict, Verdict::Fail);
        assert!(text.contains("1, at most 0"), "{text}");
    }
}
