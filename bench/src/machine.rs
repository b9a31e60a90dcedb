//! Whether the machine was ours alone while we measured.
//!
//! In: the kernel's accounts at the beginning and at the end (`/proc`, so Linux
//! only). Out: how many cores other programs kept busy on average. Elsewhere
//! that is unknown, and only the spread of the rounds can void a run.

use std::fs;

/// The accounts at a moment, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Accounts {
    /// Time that passed, summed over all cores.
    all: u64,
    /// The part of it in which a core worked, or was taken by another guest.
    busy: u64,
    /// The part of that in which this process worked.
    own: u64,
    cores: u64,
}

/// A stretch of time on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Watch(Option<Accounts>);

impl Watch {
    /// Begins to watch.
    pub fn begin() -> Self {
        Watch(Accounts::now())
    }

    /// How many cores others kept busy since [`Watch::begin`]: 0.0 is a quiet
    /// machine. None where that is unknown.
    pub fn others(&self) -> Option<f64> {
        let (before, after) = (self.0?, Accounts::now()?);
        Some(after.others_since(&before))
    }
}

impl Accounts {
    fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        Self::read(&stat, &own)
    }

    fn read(stat: &str, own: &str) -> Option<Self> {
        let numbers = stat.lines().next()?.strip_prefix("cpu ")?;
        // user, nice, system, idle, iowait, irq, softirq, steal; guests' time
        // after that is in user's already.
        let ticks: Vec<u64> = numbers
            .split_whitespace()
            .take(8)
            .map_while(|number| number.parse().ok())
            .collect();
        let all: u64 = ticks.iter().sum();
        let idle = ticks.get(3)? + ticks.get(4)?;
        // The second field is the program's name in brackets, of any letters.
        let mut fields = own.rsplit(')').next()?.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
        Some(Accounts {
            all,
            busy: all - idle,
            own: next()? + next()?,
            cores: stat.lines().filter(is_core).count() as u64,
        })
    }

    fn others_since(&self, before: &Self) -> f64 {
        let passed = self.all.saturating_sub(before.all);
        let busy = self.busy.saturating_sub(before.busy);
        let others = busy.saturating_sub(self.own.saturating_sub(before.own));
        if passed == 0 {
            return 0.0;
        }
        others as f64 * self.cores as f64 / passed as f64
    }
}

/// The load averages as the kernel writes them.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = load.split_whitespace().take(3).collect();
    match averages[..] {
        [] => "unknown".to_owned(),
        _ => averages.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_did_is_what_we_did_not() {
        let read = |busy: u64, idle: u64, own: u64| {
            let stat = format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1\ncpu1 1\nintr 1\n");
            let own = format!("7 (a) b) R 1 1 1 1 1 1 1 1 1 1 {own} 0 0 0");
            Accounts::read(&stat, &own).unwrap()
        };
        let before = read(100, 100, 10);
        assert_eq!(read(200, 200, 110).others_since(&before), 0.0);
        // One of two cores was another's all the time.
        assert_eq!(read(300, 100, 110).others_since(&before), 1.0);
        assert_eq!(before.others_since(&before), 0.0);
    }

    #[test]
    fn accounts_that_are_none_are_unknown() {
        assert_eq!(Accounts::read("", ""), None);
        assert_eq!(Accounts::read("cpu  1 2\n", "1 (a) R"), None);
    }
}
