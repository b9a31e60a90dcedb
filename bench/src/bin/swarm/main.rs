//! Whole calls in virtual worlds, seed after seed, with everything going wrong.
//!
//! In: for how long, or which seed. Out: progress, call-hours, and the first
//! violation of an oracle with the seed that shows it again; exit status 1
//! then. The managers' worker code runs as in life. Leaves out what needs a
//! real system: the tests of the engine do that.

mod chaos;
mod dice;
mod end;
mod party;
mod scene;
mod talk;
mod together;
mod violation;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{env, thread};

use scene::{Outcome, Scene, Telling};
use violation::Violation;

fn main() -> ExitCode {
    let orders = match Orders::read(env::args().skip(1)) {
        Ok(orders) => orders,
        Err(text) => {
            print!("{text}");
            return ExitCode::from(64);
        }
    };
    match orders.seed {
        Some(seed) => replay(seed, orders.length_of(seed)),
        None => run(&orders),
    }
}

/// What was asked for.
#[derive(Clone, Copy)]
struct Orders {
    time: Duration,
    jobs: usize,
    from: u64,
    /// How many seeds at most.
    seeds: u64,
    /// Only this one, told aloud.
    seed: Option<u64>,
    /// How long the trouble of each lasts, in virtual time; as drawn if not said.
    length: Option<Duration>,
}

/// What a job reports.
enum Report {
    Begun(usize, u64),
    Played(Outcome),
    Found(u64, Violation),
}

/// Plays one seed twice, the first time aloud.
fn replay(seed: u64, length: Duration) -> ExitCode {
    let first = Scene::play(seed, length, Telling::Aloud);
    let second = Scene::play(seed, length, Telling::Quiet);
    match (first, second) {
        (Ok(first), Ok(second)) if first == second => {
            println!("seed {seed}: {first:?}, twice the same");
            ExitCode::SUCCESS
        }
        (first, second) => {
            println!("seed {seed}: VIOLATION\n{first:?}\n{second:?}");
            ExitCode::FAILURE
        }
    }
}

fn run(orders: &Orders) -> ExitCode {
    let (next, stop) = (AtomicU64::new(orders.from), AtomicBool::new(false));
    let (sender, reports) = mpsc::channel();
    let began = now();
    thread::scope(|scope| {
        for job in 0..orders.jobs {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || work(job, orders, next, stop, &sender));
        }
        drop(sender);
        let mut totals = Totals::new(orders.jobs, began);
        let mut said = began;
        loop {
            match reports.recv_timeout(Duration::from_secs(1)) {
                Ok(report) => totals.take(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(seed) = totals.stuck() {
                println!("VIOLATION: seed {seed} hangs\nagain: swarm --seed {seed}");
                // A thread that hangs cannot be joined.
                std::process::exit(1);
            }
            if totals.found.is_some() || began.elapsed() >= orders.time {
                stop.store(true, Ordering::Relaxed);
            }
            if said.elapsed() >= SAY_EVERY {
                said = now();
                println!("{}", totals.line());
            }
        }
        totals.end()
    })
}

/// Plays seeds until it is told to stop.
fn work(
    job: usize,
    orders: &Orders,
    next: &AtomicU64,
    stop: &AtomicBool,
    reports: &Sender<Report>,
) {
    while !stop.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed - orders.from >= orders.seeds {
            return;
        }
        let said = reports.send(Report::Begun(job, seed));
        let played = match play(seed, orders.length_of(seed)) {
            Ok(outcome) => Report::Played(outcome),
            Err(violation) => Report::Found(seed, violation),
        };
        if said.and_then(|()| reports.send(played)).is_err() {
            return;
        }
    }
}

/// Plays a seed; every eighth twice, which must be the same.
fn play(seed: u64, length: Duration) -> Result<Outcome, Violation> {
    let once = || {
        let played = catch_unwind(AssertUnwindSafe(|| {
            Scene::play(seed, length, Telling::Quiet)
        }));
        played.unwrap_or_else(|_| Err(Violation::new("panic", "see above")))
    };
    let outcome = once()?;
    if seed.is_multiple_of(TWICE_EVERY) {
        let again = once()?;
        violation::require(outcome == again, "determinism", || {
            format!("{outcome:?}, then {again:?}")
        })?;
    }
    Ok(outcome)
}

/// What all jobs came to.
struct Totals {
    began: Instant,
    seeds: u64,
    sum: Outcome,
    found: Option<(u64, Violation)>,
    under_way: Vec<Option<(u64, Instant)>>,
}

impl Totals {
    fn new(jobs: usize, began: Instant) -> Self {
        Totals {
            began,
            seeds: 0,
            sum: Outcome::default(),
            found: None,
            under_way: vec![None; jobs],
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Begun(job, seed) => self.under_way[job] = Some((seed, now())),
            Report::Played(outcome) => {
                self.seeds += 1;
                self.sum.talked += outcome.talked;
                self.sum.calls += outcome.calls;
                self.sum.events += outcome.events;
                self.sum.wire.1 += outcome.wire.1;
            }
            Report::Found(seed, violation) => {
                self.found.get_or_insert((seed, violation));
            }
        }
    }

    fn stuck(&self) -> Option<u64> {
        let under_way = self.under_way.iter().flatten();
        let mut stuck = under_way.filter(|(_, since)| since.elapsed() > HANGS_AFTER);
        stuck.next().map(|(seed, _)| *seed)
    }

    fn line(&self) -> String {
        let hours = self.sum.talked.as_secs_f64() / 3_600.0;
        let took = self.began.elapsed().as_secs_f64();
        format!(
            "{took:.0} s: {} seeds, {} calls, {hours:.1} call-hours ({:.0} in ten minutes), {} datagrams, {} events",
            self.seeds,
            self.sum.calls,
            hours * 600.0 / took,
            self.sum.wire.1,
            self.sum.events
        )
    }

    fn end(self) -> ExitCode {
        println!("{}", self.line());
        match self.found {
            Some((seed, violation)) => {
                println!("VIOLATION of {violation}\nseed {seed}; again: swarm --seed {seed}");
                ExitCode::FAILURE
            }
            None => {
                println!("PASS: 0 violations");
                ExitCode::SUCCESS
            }
        }
    }
}

impl Orders {
    /// How long a seed's trouble lasts in virtual time.
    fn length_of(&self, seed: u64) -> Duration {
        let drawn = || Duration::from_secs(30 + seed * 37 % 270);
        self.length.unwrap_or_else(drawn)
    }

    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut orders = Orders {
            time: Duration::from_secs(60),
            jobs: 2,
            from: 1,
            seeds: u64::MAX,
            seed: None,
            length: None,
        };
        while let Some(name) = given.next() {
            let value = given.next().and_then(|value| value.parse::<u64>().ok());
            match (name.as_str(), value) {
                ("--minutes", Some(minutes)) => orders.time = Duration::from_secs(60 * minutes),
                ("--jobs", Some(jobs @ 1..=64)) => orders.jobs = jobs as usize,
                ("--from", Some(seed)) => orders.from = seed,
                ("--seeds", Some(seeds)) => orders.seeds = seeds,
                ("--length", Some(seconds)) => orders.length = Some(Duration::from_secs(seconds)),
                ("--seed", Some(seed)) => orders.seed = Some(seed),
                _ => return Err(HELP.into()),
            }
        }
        Ok(orders)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "how long the real machine took is what is measured"
)]
fn now() -> Instant {
    Instant::now()
}

const HELP: &str = "\
Plays whole calls in virtual worlds, seed after seed, with faults on, and stops
at the first violation of an oracle.

Usage: cargo run --release -p talkpath-bench --bin swarm -- [OPTIONS]

  --minutes N  how long in real time (1)
  --jobs N     how many at once (2)
  --from SEED  the first seed (1)
  --seeds N    how many seeds at most
  --seed SEED  only this one, told aloud
  --length N   seconds of trouble in each, in virtual time (30 to 300)

Examples:
  cargo run --release -p talkpath-bench --bin swarm -- --minutes 10
  cargo run --release -p talkpath-bench --bin swarm -- --seed 4711

Exit status: 0 no violation, 1 a violation, 64 not understood.
";
const TWICE_EVERY: u64 = 8;
const SAY_EVERY: Duration = Duration::from_secs(10);
/// A seed takes a second or so.
const HANGS_AFTER: Duration = Duration::from_secs(120);
