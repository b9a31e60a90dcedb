//! One line of the table.

use std::fmt;

/// What a row came to; the worst counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Verdict {
    /// As good as it must be.
    Pass,
    /// It could not be measured.
    Missing,
    /// Worse than it must be.
    Fail,
}

/// What is asked of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// At least the first; stretch: the second.
    AtLeast(f64, f64),
    /// At most the first; stretch: the second.
    AtMost(f64, f64),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    baseline: String,
    ours: String,
    goal: String,
    note: String,
    verdict: Verdict,
}

impl Row {
    /// A row of `value`, judged by `goal`; both in `unit`.
    pub(crate) fn new(what: &str, value: f64, unit: &str, goal: Goal) -> Self {
        let (goal, verdict) = match goal {
            Goal::AtLeast(must, stretch) => (
                format!("≥ {must}, {stretch}"),
                judged(value >= must - ROUNDING),
            ),
            Goal::AtMost(must, stretch) => (
                format!("≤ {must}, {stretch}"),
                judged(value <= must + ROUNDING),
            ),
        };
        Row {
            what: what.to_owned(),
            baseline: String::new(),
            ours: format!("{value:.2}{unit}"),
            goal,
            note: String::new(),
            verdict,
        }
    }

    /// A row that could not be measured.
    pub(crate) fn missing(what: &str, why: &str) -> Self {
        Row {
            what: what.to_owned(),
            baseline: String::new(),
            ours: "-".to_owned(),
            goal: String::new(),
            note: why.to_owned(),
            verdict: Verdict::Missing,
        }
    }

    /// With what it is compared with.
    pub(crate) fn beside(self, baseline: impl Into<String>) -> Self {
        Row {
            baseline: baseline.into(),
            ..self
        }
    }

    /// With more to say.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Row {
            note: note.into(),
            ..self
        }
    }

    /// The same, void where it fails and others kept so many cores busy.
    pub(crate) fn on_a_machine_with(mut self, others: f64) -> Self {
        if self.verdict == Verdict::Fail && others > BUSIEST {
            self.verdict = Verdict::Missing;
            self.note += &format!("; void: others kept {others:.1} cores busy");
        }
        self
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }
}

/// The head of the table.
pub(crate) fn head() -> String {
    format!(
        "{:<44} {:<30} {:>12}  {:<14} {}",
        "", "compared with", "ours", "must, stretch", "verdict"
    )
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row {
            what,
            baseline,
            ours,
            goal,
            note,
            verdict,
        } = self;
        write!(
            f,
            "{what:<44} {baseline:<30} {ours:>12}  {goal:<14} {verdict}"
        )?;
        if !note.is_empty() {
            write!(f, "\n    {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Pass => "PASS",
            Verdict::Missing => "NOT MEASURED",
            Verdict::Fail => "FAIL",
        })
    }
}

fn judged(holds: bool) -> Verdict {
    if holds { Verdict::Pass } else { Verdict::Fail }
}

/// Cores that others may keep busy where calls pass on the wall's clock; the
/// peers' own work is among it.
const BUSIEST: f64 = 0.75;
/// What a sum in floating point may be off.
const ROUNDING: f64 = 1e-9;

/// The mean of `values`, which are at least one.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The least and the greatest.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
}
