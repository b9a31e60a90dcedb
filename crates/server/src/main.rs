//! The command line of Talkpath.
//!
//! In: arguments, files and standard input. Out: words or JSON on standard
//! output, progress and errors on standard error, and a status: 0 when it was
//! done, 1 when it could not be or something wrong was found, 2 for arguments
//! that cannot be read, 130 when it was interrupted before it began. What media
//! do is the library's; nothing here knows a packet.
#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "a command line lives in real time"
)]

mod call;
mod cli;
mod demo;
mod distinct;
mod exchange;
mod explain;
mod failure;
mod interrupt;
mod listened;
mod live;
mod network;
mod output;
mod plot;
mod probe;
mod recording;
mod recover;
mod refusal;
mod report;
mod sound_file;
mod sound_rate;
mod syntax;
mod talk;
mod value;
mod waiting;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Command, TopLevel};
use crate::failure::Failure;

fn main() -> ExitCode {
    match run(TopLevel::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn run(arguments: TopLevel) -> Result<u8, Failure> {
    match arguments.command {
        Command::Demo(demo) => demo::run(&demo),
        Command::Offer(offer) => call::offer(&offer),
        Command::Answer(answer) => call::answer(&answer),
        Command::Sdp(sdp) => explain::sdp(&sdp),
        Command::Recover(folder) => recover::run(&folder),
        Command::Probe(capture) => probe::run(&capture),
    }
}
