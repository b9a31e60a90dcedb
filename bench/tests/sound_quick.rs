//! The command that prints what our sound is worth: the row that needs no
//! program but ours, and its help.

use std::process::{Command, Output};

fn sound(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_sound"))
        .args(arguments)
        .output();
    output.unwrap_or_else(|error| panic!("sound: {error}"))
}

#[test]
fn the_delay_of_a_clean_stream_is_in_its_budget() {
    let output = sound(&["delay"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("800 pulses"), "{said}");
    assert!(said.contains("PASS"), "{said}");
}

#[test]
fn what_is_not_understood_brings_the_help() {
    let output = sound(&["frobnicate"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Usage:"));
    assert!(sound(&["--help"]).status.success());
}
