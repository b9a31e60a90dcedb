//! Runs gates by name and says what came of them.

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use talkpath_bench::gates::{ALL, Gate};
use talkpath_bench::machine;
use talkpath_bench::report::{Report, Verdict};

fn main() -> io::Result<ExitCode> {
    let names: Vec<String> = env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    if names.is_empty() || names.iter().any(|name| name == "--help" || name == "-h") {
        write!(out, "{}", help())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut chosen = Vec::new();
    for name in &names {
        let found = ALL.iter().filter(|gate| name == "all" || gate.name == name);
        let before = chosen.len();
        chosen.extend(found);
        if chosen.len() == before {
            eprintln!("there is no gate {name:?}; --help lists them");
            return Ok(ExitCode::from(64));
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build; measure with: cargo run --release -p talkpath-bench");
        return Ok(ExitCode::from(Verdict::Void));
    }
    let mut worst = Verdict::Informative;
    for gate in chosen {
        worst = worst.max(run(gate, &mut out)?);
    }
    Ok(worst.into())
}

fn run(gate: &Gate, out: &mut impl io::Write) -> io::Result<Verdict> {
    writeln!(out, "{}: {}", gate.name, gate.what)?;
    let mut report = Report::begin();
    (gate.run)(&mut report);
    let (text, verdict) = report.end();
    writeln!(out, "{text}  load {}\n  {verdict}\n", machine::load())?;
    Ok(verdict)
}

fn help() -> String {
    let mut text = String::from(HELP);
    for gate in ALL {
        text += &format!("  {:16} {}\n", gate.name, gate.what);
    }
    text + "\nExit status: 0 all pass, 1 one fails, 2 the machine was loaded: measure again.\n"
}

const HELP: &str = "\
Measures what Talkpath is held to, beside its baselines in the same run.

Usage: cargo run --release -p talkpath-bench -- [GATE]... | all

Examples:
  cargo run --release -p talkpath-bench -- all
  cargo run --release -p talkpath-bench -- sdp-parse rtp-view

Gates:
";
