//! Talkpath against peers that we did not write, and the peers against each
//! other.
//!
//! Each test names what it needs. What is not installed makes it report
//! "skipped: needs X", or fail where `TALKPATH_INTEROP=require` is set. Sound
//! in real time does not share two cores well: one test at a time, unless
//! `--test-threads` says otherwise. Each test's files stay in
//! `target/tmp/interop/<test>` to be looked at.
#![allow(clippy::disallowed_methods)]

mod demo;
mod digits;
mod expect;
mod ffmpeg;
mod gstreamer;
mod peers;
mod sdp;
mod video;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial, run};
use talkpath_interop::needs::{Need, missing, required};
use talkpath_interop::verdict::{Verdict, While};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let mut trials = peers::trials();
    trials.extend(sdp::trials());
    trials.extend(demo::trials());
    trials.extend(digits::trials());
    trials.extend(gstreamer::trials());
    trials.extend(ffmpeg::trials());
    trials.extend(video::trials());
    run(&arguments, trials).exit_code()
}

/// A test that needs `needs` and gets an empty folder of its own.
fn trial(
    name: &str,
    needs: &'static [Need],
    test: impl FnOnce(&Path) -> Verdict + Send + 'static,
) -> Trial {
    let folder = folder(name);
    Trial::ignorable_test(name, move || {
        let missing = missing(needs).join(", ");
        if !missing.is_empty() {
            let said = format!("needs {missing}; interop/install-peers installs it");
            return if required() {
                Err(said.into())
            } else {
                Ok(Completion::ignored_with(format!("skipped: {said}")))
            };
        }
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).while_doing(folder.display())?;
        test(&folder).map_err(|failure| failure.with(format!("files: {}", folder.display())))?;
        Ok(Completion::Completed)
    })
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("interop")
        .join(name.replace("::", "-"))
}
