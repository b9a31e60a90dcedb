//! Another program, running: started, listened to, ended.
//!
//! In: a command. Out: its lines as they come, its exit, and all that it said
//! when something fails. A process dies with its handle, so that a failed test
//! leaves none behind.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::verdict::{Failure, Verdict, While, check};

/// A running program with its output collected.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    readers: Vec<JoinHandle<()>>,
    said: Vec<Line>,
}

/// What a program left when it ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it exited.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Stdout,
    Stderr,
}

type Line = (From, String);

impl Process {
    /// Starts `command` and collects what it says; `name` is for reports.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Verdict<Self> {
        let name = name.into();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .while_doing(format_args!("starting {name}"))?;
        let (sender, lines) = channel();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(collect(stdout, From::Stdout, sender.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(collect(stderr, From::Stderr, sender));
        }
        let stdin = child.stdin.take();
        Ok(Self {
            name,
            child,
            stdin,
            lines,
            readers,
            said: Vec::new(),
        })
    }

    /// Waits for a line, on either output, that contains `text`.
    ///
    /// # Errors
    /// When the program ends or `within` passes first.
    pub fn wait_for(&mut self, text: &str, within: Duration) -> Verdict<String> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = line.1.contains(text).then(|| line.1.clone());
                    self.said.push(line);
                    if let Some(found) = found {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.failure(format_args!("no \"{text}\" within {within:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.failure(format_args!("ended without \"{text}\"")));
                }
            }
        }
    }

    /// Waits until `path` holds text that `done` accepts, as long as the
    /// program runs.
    ///
    /// # Errors
    /// When the program ends or `within` passes first.
    pub fn wait_for_file(
        &mut self,
        path: &std::path::Path,
        done: impl Fn(&str) -> bool,
        within: Duration,
    ) -> Verdict<String> {
        let deadline = Instant::now() + within;
        loop {
            let written = std::fs::read(path).unwrap_or_default();
            let text = String::from_utf8_lossy(&written).into_owned();
            if done(&text) {
                return Ok(text);
            }
            let ended = self.child.try_wait().while_doing("waiting")?.is_some();
            if ended || Instant::now() > deadline {
                return Err(self.failure(format_args!("did not write {}", path.display())));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Writes a line to the program's standard input.
    ///
    /// # Errors
    /// When it no longer reads.
    pub fn tell(&mut self, line: &str) -> Verdict {
        let Some(stdin) = self.stdin.as_mut() else {
            return Err(self.failure("has no standard input"));
        };
        writeln!(stdin, "{line}").while_doing(format_args!("telling {} its peer", self.name))
    }

    /// Waits until the program ends by itself with success.
    ///
    /// # Errors
    /// When it exits with another status, or not `within` the time.
    pub fn finish(self, within: Duration) -> Verdict<Ended> {
        let (ended, report) = self.end(within)?;
        check(ended.status.success(), || {
            format!("{}\n{report}", ended.status)
        })?;
        Ok(ended)
    }

    /// Waits until the program ends by itself, with whatever status.
    ///
    /// # Errors
    /// When it does not end `within` the time.
    pub fn exit(self, within: Duration) -> Verdict<Ended> {
        Ok(self.end(within)?.0)
    }

    /// Sends `signal` ("TERM", "INT"), then waits for a successful end.
    ///
    /// # Errors
    /// As [`Process::finish`].
    pub fn stop(self, signal: &str, within: Duration) -> Verdict<Ended> {
        let id = self.child.id().to_string();
        // A program that has just ended by itself is as good as stopped.
        let _ = Command::new("kill")
            .args(["-s", signal, &id])
            .stderr(Stdio::null())
            .status();
        self.finish(within)
    }

    fn end(mut self, within: Duration) -> Verdict<(Ended, String)> {
        let deadline = Instant::now() + within;
        // Standard input stays open until now: to some its end means "stop".
        let status = loop {
            match self.child.try_wait().while_doing("waiting")? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    return Err(self.failure(format_args!("still running after {within:?}")));
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let report = self.report();
        let text = |from| {
            let lines = self.said.iter().filter(|line| line.0 == from);
            lines
                .map(|line| line.1.as_str())
                .collect::<Vec<_>>()
                .join("\n")
        };
        let ended = Ended {
            status,
            stdout: text(From::Stdout),
            stderr: text(From::Stderr),
        };
        Ok((ended, report))
    }

    /// A failure of this program, with all that it said.
    fn failure(&mut self, what: impl fmt::Display) -> Failure {
        let report = self.report();
        Failure::new(format!("{} {what}", self.name)).with(report)
    }

    /// All that the program has said so far.
    pub fn report(&mut self) -> String {
        self.said.extend(self.lines.try_iter());
        let mut report = format!("--- {} said:", self.name);
        for (_, line) in &self.said {
            report.push_str("\n    ");
            report.push_str(line);
        }
        report
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The last line of standard output, as JSON.
    ///
    /// # Errors
    /// When there is none or it is something else.
    pub fn json(&self) -> Verdict<serde_json::Value> {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).while_doing(format_args!("reading JSON from {line:?}"))
    }
}

/// Runs `command` to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started or fails; with what it said on standard error.
pub fn run(command: &mut Command) -> Verdict<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().while_doing(&name)?;
    check(output.status.success(), || {
        format!(
            "{command:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn collect(from: impl Read + Send + 'static, kind: From, to: Sender<Line>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut bytes = Vec::new();
        while reader
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|read| read > 0)
        {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if to.send((kind, line)).is_err() {
                break;
            }
            bytes.clear();
        }
    })
}
