//! Our own binary, built from this checkout and run as a user would.
//!
//! Cargo builds a package's binaries only for that package's own tests, so
//! the harness asks it for ours, once per run, in the profile that the harness
//! itself was built in. `TALKPATH_BIN` names another binary to test instead.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::process::{Process, run};
use crate::root;
use crate::sound::Codec;
use crate::verdict::{Failure, Verdict};

/// One session of ours on the command line.
#[derive(Debug, Clone)]
pub struct Session {
    /// The ports it may take.
    pub ports: RangeInclusive<u16>,
    /// The codecs it knows, best first.
    pub codecs: Vec<Codec>,
    /// Where it writes its own description.
    pub sdp_out: PathBuf,
    /// Where the other side's description will be.
    pub remote_sdp: PathBuf,
    /// The WAV it plays, if it speaks.
    pub play: Option<PathBuf>,
    /// The WAV it records, if it listens.
    pub record: Option<PathBuf>,
    /// How long the call lasts.
    pub seconds: f64,
    /// How long what it hears waits.
    pub delay: Delay,
}

/// How long what is heard waits to be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// As the network asks: the default of the command line.
    Follows,
    /// Long enough that no pause of a busy machine is heard. What is judged
    /// then is codec and path; how the delay follows is judged in virtual time.
    Steady,
}

impl Session {
    /// Starts `talkpath offer`.
    ///
    /// # Errors
    /// When the binary cannot be built or started.
    pub fn offer(&self) -> Verdict<Process> {
        self.start("offer", "--answer")
    }

    /// Starts `talkpath answer`.
    ///
    /// # Errors
    /// When the binary cannot be built or started.
    pub fn answer(&self) -> Verdict<Process> {
        self.start("answer", "--offer")
    }

    fn start(&self, role: &str, remote: &str) -> Verdict<Process> {
        let mut command = Command::new(binary()?);
        command.args([role, "--address", "127.0.0.1", "--json", "--ports"]);
        command.arg(format!("{}-{}", self.ports.start(), self.ports.end()));
        let codecs: Vec<_> = self.codecs.iter().map(|codec| codec.argument()).collect();
        command.args(["--codecs", &codecs.join(",")]);
        let rates = self.codecs.iter().map(|codec| codec.rate());
        let rate = rates.max().unwrap_or(8_000);
        command.args(["--rate", &rate.to_string()]);
        command
            .arg("--sdp-out")
            .arg(&self.sdp_out)
            .arg(remote)
            .arg(&self.remote_sdp);
        command.args(["--seconds", &self.seconds.to_string()]);
        if self.delay == Delay::Steady {
            command.args(["--delay", "200"]);
        }
        if let Some(wav) = &self.play {
            command.arg("--play").arg(wav);
        }
        if let Some(wav) = &self.record {
            command.arg("--record").arg(wav);
        }
        Process::start(format!("talkpath {role}"), &mut command)
    }
}

/// The path of the binary, built when first asked for.
///
/// # Errors
/// With the compiler's words when it does not build.
pub fn binary() -> Verdict<&'static Path> {
    static BUILT: OnceLock<Verdict<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref().map_err(Clone::clone)
}

fn build() -> Verdict<PathBuf> {
    if let Some(given) = std::env::var_os("TALKPATH_BIN") {
        return Ok(PathBuf::from(given));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // The whole workspace's features, as in the build of the tests: nothing
    // is compiled twice.
    command
        .current_dir(root())
        .args(["build", "--workspace", "--bin", "talkpath"]);
    command.args(["--quiet", "--message-format", "json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let said = run(&mut command)?;
    let messages = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut made = messages.filter(|message| message["target"]["name"] == "talkpath");
    made.find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::new("cargo built no binary talkpath"))
}
