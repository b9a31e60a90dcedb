//! Sets calls up and tears them down, a quarter failed or aborted, and looks
//! for what did not come back.
//!
//! In: how many rounds in the virtual world, how many over real sockets. Out:
//! ports, sockets or descriptors, tasks or threads, files, sessions and the
//! live heap before and after, and a verdict. Exit status 1 when anything
//! leaked. Leaves out what is held while calls last: that is bounded elsewhere.

mod heap;
mod rounds;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs};

use rounds::{Spoiler, Stage, Tally};
use talkpath::driver::Driver;
use talkpath::{BuildError, MediaManager};
use talkpath_sim::{Held, Link, LogDetail, Rng, World};

fn main() -> ExitCode {
    let (virtual_rounds, real_rounds, seed) = match arguments() {
        Ok(found) => found,
        Err(text) => {
            print!("{text}");
            return ExitCode::from(64);
        }
    };
    let mut verdicts = Vec::new();
    if virtual_rounds > 0 {
        verdicts.push(in_the_simulator(virtual_rounds, seed));
    }
    if real_rounds > 0 {
        verdicts.push(over_real_sockets(real_rounds, seed));
    }
    let mut status = ExitCode::SUCCESS;
    for verdict in verdicts {
        if let Err(text) = verdict {
            println!("FAIL: {text}");
            status = ExitCode::FAILURE;
        }
    }
    if status == ExitCode::SUCCESS {
        println!("PASS: nothing leaked");
    }
    status
}

/// What can be held by the process or the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Resources {
    ports: usize,
    sessions: usize,
    held: Held,
    descriptors: Option<usize>,
    threads: Option<usize>,
}

impl Resources {
    fn of(stage: &Stage) -> Self {
        let managers = [&stage.alice, &stage.bob, &stage.tiny];
        let real = stage.world.is_none();
        Resources {
            ports: managers.iter().map(|m| m.ports_in_use()).sum(),
            sessions: managers.iter().map(|m| m.sessions().len()).sum(),
            held: stage.world.as_ref().map(World::held).unwrap_or_default(),
            descriptors: real
                .then(|| entries(&["/proc/self/fd", "/dev/fd"]))
                .flatten(),
            threads: real.then(|| entries(&["/proc/self/task"])).flatten(),
        }
    }
}

fn in_the_simulator(rounds: u64, seed: u64) -> Result<(), String> {
    println!("in the simulator: {rounds} rounds");
    let world = World::new(seed);
    world.keep_wire_log(LogDetail::Hash);
    world.default_link(Link::after(std::time::Duration::from_millis(5)));
    let built = stage(
        seed,
        Some(world.clone()),
        ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        "leaks.wav".into(),
    );
    let stage = built.map_err(|error| error.to_string())?;
    measure(stage, rounds)?;
    let held = world.held();
    println!("  managers gone: {held:?}");
    while world.step() {}
    match held == Held::default() {
        true => Ok(()),
        false => Err(format!("the managers left {held:?} behind")),
    }
}

fn over_real_sockets(rounds: u64, seed: u64) -> Result<(), String> {
    println!("over real sockets: {rounds} rounds");
    let before = (
        entries(&["/proc/self/fd", "/dev/fd"]),
        entries(&["/proc/self/task"]),
    );
    let wav = env::temp_dir().join(format!("talkpath-leaks-{}.wav", std::process::id()));
    let built = stage(seed, None, ["127.0.0.1"; 3], wav.clone());
    let stage = built.map_err(|error| error.to_string())?;
    let measured = measure(stage, rounds);
    for ending in ["wav", "wav.part", "opus", "opus.part"] {
        // What an aborted round never made cannot be removed.
        let _ = fs::remove_file(wav.with_extension(ending));
    }
    measured?;
    let after = (
        entries(&["/proc/self/fd", "/dev/fd"]),
        entries(&["/proc/self/task"]),
    );
    println!(
        "  managers gone: descriptors {:?}, threads {:?}",
        after.0, after.1
    );
    match after == before {
        true => Ok(()),
        false => Err(format!(
            "(descriptors, threads) were {before:?} and are {after:?}"
        )),
    }
}

/// Three managers; the last has four ports only.
fn stage(
    seed: u64,
    world: Option<World>,
    addresses: [&str; 3],
    wav: PathBuf,
) -> Result<Stage, BuildError> {
    let ranges = [
        PORTS..=PORTS + 99,
        PORTS + 100..=PORTS + 199,
        PORTS + 200..=PORTS + 203,
    ];
    let build = |index: usize| {
        let address = addresses[index];
        let mut builder = MediaManager::builder()
            .interface(address)
            .ports(ranges[index].clone());
        if let Some(world) = &world {
            let driver: Arc<dyn Driver> = Arc::new(world.host(address).driver());
            builder = builder.driver(driver);
        }
        builder.build()
    };
    let alice = build(0)?;
    Ok(Stage {
        events: alice.events(),
        bob: build(1)?,
        tiny: build(2)?,
        alice,
        chance: Rng::new(seed),
        world,
        wav,
        files: Vec::new(),
        tally: Tally::default(),
    })
}

/// Warms up, measures, does the rounds, measures again.
fn measure(mut stage: Stage, rounds: u64) -> Result<(), String> {
    for _ in 0..WARM_UP.min(2 * rounds) {
        stage.round().map_err(|wrong| wrong.to_string())?;
    }
    let before = at_rest(&mut stage)?;
    stage.tally = Tally::default();
    for round in 0..rounds {
        stage
            .round()
            .map_err(|wrong| format!("round {round}: {wrong}"))?;
        if (round + 1) % PROGRESS == 0 {
            println!("  {:>7} rounds, {} bytes live", round + 1, heap::live());
        }
    }
    let after = at_rest(&mut stage)?;
    let growth = after.1 - before.1;
    print_tally(&stage.tally);
    println!("  before {:?}\n  after  {:?}", before.0, after.0);
    println!(
        "  live heap {} then {} bytes: {growth:+}",
        before.1, after.1
    );
    if before.0 != after.0 || after.0.ports + after.0.sessions > 0 {
        return Err("something was not given back".into());
    }
    if stage.tally.created != stage.tally.closed {
        return Err("not every session that was created was closed".into());
    }
    if growth > MOST_GROWTH {
        return Err(format!(
            "the heap grew by {growth} bytes, {MOST_GROWTH} are allowed"
        ));
    }
    Ok(())
}

fn at_rest(stage: &mut Stage) -> Result<(Resources, i64), String> {
    stage.settle().map_err(|wrong| wrong.to_string())?;
    Ok((Resources::of(stage), heap::live()))
}

fn print_tally(tally: &Tally) {
    let spoilt: u64 = tally.spoilt.iter().sum();
    println!(
        "  {} completed, {spoilt} failed or aborted; {} sessions of the caller created, {} closed",
        tally.completed, tally.created, tally.closed
    );
    let named = Spoiler::ALL
        .iter()
        .zip(tally.spoilt)
        .filter(|(_, n)| *n > 0);
    let named: Vec<_> = named
        .map(|(spoiler, n)| format!("{spoiler:?} {n}"))
        .collect();
    println!("  {}", named.join(", "));
}

/// Entries of the first of these folders that can be read.
fn entries(folders: &[&str]) -> Option<usize> {
    let read = folders.iter().find_map(|folder| fs::read_dir(folder).ok());
    read.map(Iterator::count)
}

/// Rounds in the simulator, rounds over real sockets, seed.
fn arguments() -> Result<(u64, u64, u64), String> {
    let (mut virtual_rounds, mut real_rounds, mut seed) = (100_000, 5_000, 1);
    let mut given = env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next().and_then(|value| value.parse().ok());
        match (name.as_str(), value) {
            ("--rounds", Some(value)) => virtual_rounds = value,
            ("--os", Some(value)) => real_rounds = value,
            ("--seed", Some(value)) => seed = value,
            _ => return Err(HELP.into()),
        }
    }
    Ok((virtual_rounds, real_rounds, seed))
}

const HELP: &str = "\
Sets calls up and tears them down, a quarter failed or aborted, and looks for
what did not come back: ports, descriptors, tasks, files, heap.

Usage: cargo run --release -p talkpath-bench --bin leaks -- [OPTIONS]

  --rounds N  rounds in the simulator (100000)
  --os N      rounds over real sockets on 127.0.0.1 (5000)
  --seed N    where chance begins (1)

Examples:
  cargo run --release -p talkpath-bench --bin leaks
  cargo run --release -p talkpath-bench --bin leaks -- --rounds 2000 --os 0

Exit status: 0 nothing leaked, 1 something did, 64 not understood.
";
/// First port of the managers on one machine.
const PORTS: u16 = 27_000;
/// Rounds after which every port and every table has been used.
const WARM_UP: u64 = 5_000;
const PROGRESS: u64 = 10_000;
/// Bytes that the live heap may grow by.
const MOST_GROWTH: i64 = 64 * 1024;
