//! The commands that play whole calls and look for leaks, for a few seconds.

use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn passes(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    said
}

#[test]
fn a_few_seeds_violate_nothing() {
    let swarm = env!("CARGO_BIN_EXE_swarm");
    // The eighth is played twice and must be the same.
    let few = ["--from", "6", "--seeds", "6", "--length", "20"];
    let said = passes(swarm, &few);
    assert!(said.contains("6 seeds"), "{said}");
    assert!(said.contains("PASS: 0 violations"), "{said}");
}

#[test]
fn a_few_rounds_leak_nothing() {
    let leaks = env!("CARGO_BIN_EXE_leaks");
    let said = passes(leaks, &["--rounds", "300", "--os", "50"]);
    assert!(said.contains("PASS: nothing leaked"), "{said}");
}

#[test]
fn what_is_not_understood_brings_the_help() {
    for program in [env!("CARGO_BIN_EXE_swarm"), env!("CARGO_BIN_EXE_leaks")] {
        let output = run(program, &["--frobnicate"]);
        assert_eq!(output.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Usage:"));
    }
}
