//! Prints what our sound is worth, beside what it is compared with.
//!
//! In: names of rows, or none for all. Out: a table with the baseline, ours,
//! what must be and where we mean to end up, and a verdict for each. Calls are
//! whole ones between two managers in the simulator, in virtual time and from
//! seeds; only the rows `pjmedia` and `wire` use sockets and the clock. Speech is
//! made by espeak-ng at run time and judged by PESQ: `interop/install-peers`
//! installs what is needed, and what is missing is said. Exit status 1 when a
//! row fails, 2 when one could not be measured or the machine was loaded.

mod call;
mod delay;
mod digits;
mod drift;
mod lag;
mod loss;
mod opus_loss;
mod pjmedia;
mod row;
mod scripted;
mod stall;
mod wire;

use std::env;
use std::process::ExitCode;

use row::{Row, Verdict, head};
use talkpath_bench::machine::Watch;
use talkpath_interop::needs::{Need, missing};
use talkpath_interop::verdict::Verdict as Outcome;

/// Rows that are measured together.
struct Group {
    name: &'static str,
    what: &'static str,
    needs: &'static [Need],
    time: Time,
    measure: fn() -> Outcome<Vec<Row>>,
}

/// Whose time the calls of a group pass in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    /// The simulator's: a loaded machine changes nothing.
    Virtual,
    /// The wall's: a machine that others keep busy is heard.
    Wall,
}

const GROUPS: &[Group] = &[
    Group {
        name: "wire",
        what: "clean speech over real sockets, each way, with GStreamer and ffmpeg",
        needs: &[Need::GStreamer, Need::Ffmpeg, Need::Sound, Need::Pesq],
        time: Time::Wall,
        measure: wire::rows,
    },
    Group {
        name: "loss",
        what: "G.711 with 5 % loss, 20 seeds, against silence and repetition",
        needs: &[Need::Sound, Need::Pesq],
        time: Time::Virtual,
        measure: loss::rows,
    },
    Group {
        name: "pjmedia",
        what: "the same packets and losses sent to PJMEDIA over a socket, 4 seeds",
        needs: &[Need::Sound, Need::Pesq],
        time: Time::Wall,
        measure: pjmedia::rows,
    },
    Group {
        name: "opus-loss",
        what: "Opus with 5 % loss, against libopus offline with the same losses",
        needs: &[Need::Sound, Need::Pesq],
        time: Time::Virtual,
        measure: opus_loss::rows,
    },
    Group {
        name: "delay",
        what: "delay added on a clean stream, from packet in to samples out",
        needs: &[],
        time: Time::Virtual,
        measure: delay::rows,
    },
    Group {
        name: "stall",
        what: "back within the budget after 500 ms of stall and a burst",
        needs: &[Need::Sound],
        time: Time::Virtual,
        measure: stall::rows,
    },
    Group {
        name: "drift",
        what: "clocks 200 ppm apart for an hour",
        needs: &[Need::Sound],
        time: Time::Virtual,
        measure: drift::rows,
    },
    Group {
        name: "dtmf",
        what: "digits through loss, copies, reordering; malformed senders",
        needs: &[],
        time: Time::Virtual,
        measure: digits::rows,
    },
];

fn main() -> ExitCode {
    let names: Vec<String> = env::args().skip(1).collect();
    let known = |name: &String| GROUPS.iter().any(|group| group.name == name);
    if !names.iter().all(known) {
        print!("{}", help());
        let asked = names.iter().any(|name| name == "--help" || name == "-h");
        return ExitCode::from(if asked { 0 } else { 64 });
    }
    let chosen = |group: &&Group| names.is_empty() || names.iter().any(|name| name == group.name);
    let mut worst = Verdict::Pass;
    println!("{}", head());
    for group in GROUPS.iter().filter(chosen) {
        for row in measured(group) {
            println!("{row}");
            worst = worst.max(row.verdict());
        }
    }
    println!("\n{worst}; load {}", talkpath_bench::machine::load());
    match worst {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Missing => ExitCode::from(2),
        Verdict::Fail => ExitCode::FAILURE,
    }
}

/// The rows of a group, or one that says why there are none.
fn measured(group: &Group) -> Vec<Row> {
    let missing = missing(group.needs);
    if !missing.is_empty() {
        return vec![Row::missing(
            group.name,
            &format!("needs {}: interop/install-peers", missing.join(", ")),
        )];
    }
    eprintln!("measuring {}: {}", group.name, group.what);
    let watch = Watch::begin();
    match (group.measure)() {
        Ok(rows) if group.time == Time::Wall => {
            let others = watch.others().unwrap_or(0.0);
            let judged = rows.into_iter();
            judged.map(|row| row.on_a_machine_with(others)).collect()
        }
        Ok(rows) => rows,
        Err(failure) => vec![Row::missing(group.name, &failure.to_string())],
    }
}

fn help() -> String {
    let mut text = String::from(HELP);
    for group in GROUPS {
        text += &format!("  {:10} {}\n", group.name, group.what);
    }
    text
}

const HELP: &str = "\
Prints what Talkpath's sound is worth, beside what it is compared with.

Usage: cargo run --release -p talkpath-bench --bin sound -- [ROWS]...

Examples:
  cargo run --release -p talkpath-bench --bin sound
  cargo run --release -p talkpath-bench --bin sound -- loss delay

Rows:
";
