//! Why a command could not be done, as its user reads it.
//!
//! In: the library's errors and where they struck. Out: what was wrong, where,
//! and what to do about it.

use std::fmt;
use std::path::Path;

use talkpath::{BuildError, FileError, LeaseKind, PortError, SessionError};

/// What was wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
    status: u8,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Failure {
            what: what.into(),
            hint: None,
            status: FAILED,
        }
    }

    /// The user ended it before it began.
    pub(crate) fn interrupted(while_doing: &str) -> Self {
        let failure = Failure::new(format!("interrupted while {while_doing}"));
        Failure {
            status: INTERRUPTED,
            ..failure
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same in other words.
    pub(crate) fn saying(self, what: impl Into<String>) -> Self {
        let what = what.into();
        Failure { what, ..self }
    }

    /// The same with `place` in front: which file, which side.
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.what = format!("{place}: {}", self.what);
        self
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Failure::new(format!("{}: {error}", path.display()))
    }

    /// The status to exit with.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let failure = Failure::new(error.to_string());
        match &error {
            BuildError::Ports(ports) => failure.hinted(ports),
            BuildError::NeedsAdvertised { address } => Failure::new(format!(
                "{address} listens everywhere: --advertise says where the other side reaches this \
                 host"
            ))
            .hint("or --address takes one address of this host"),
            _ => failure,
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let failure = Failure::new(error.to_string());
        match &error {
            SessionError::Ports(ports) => failure.hinted(ports),
            SessionError::Parse(_) => {
                failure.hint("`talkpath sdp FILE` shows what a description says, line by line")
            }
            SessionError::Answer(_) | SessionError::Completion(_) => failure.hint(format!(
                "a SIP layer would say {}; `talkpath sdp FILE` shows what a description says, \
                 --codecs and --rtcp-mux what is taken here",
                error.sip_status()
            )),
            SessionError::NoInterfaceOfFamily { family } => failure.hint(format!(
                "--address takes an {family} address of this host, such as {}",
                if *family == "IPv6" {
                    "::1"
                } else {
                    "127.0.0.1"
                }
            )),
            SessionError::File(FileError::Unfinished { .. }) => failure.hint(
                "`talkpath recover FOLDER` makes whole what a crash left, and leaves alone \
                       what is being recorded",
            ),
            _ => failure,
        }
    }
}

impl Failure {
    fn hinted(self, error: &PortError) -> Self {
        match error {
            PortError::NotLocal(_) => self.hint(
                "--address takes an address that this host has; to be reached at another one, \
                 through a NAT, say that with --advertise",
            ),
            PortError::RangeTooSmall { .. } | PortError::BadRange { .. } => self.hint(
                "--ports 10000-10100 would do; with `--rtcp-mux only` a single port is enough",
            ),
            PortError::Exhausted {
                kind,
                range,
                leased,
                foreign,
            } => {
                let (first, last) = (range.start(), range.end());
                let what = match kind {
                    LeaseKind::Pair => "pair of ports",
                    LeaseKind::Single => "port",
                };
                let ours = match leased {
                    0 => String::new(),
                    leased => format!(", {leased} in use here"),
                };
                self.saying(format!(
                    "no free {what} in {first}-{last}: {foreign} taken by other programs{ours}"
                ))
                .hint("--ports takes another or a wider range")
            }
            _ => self,
        }
    }
}

const FAILED: u8 = 1;
/// As a shell says of a program that SIGINT ended.
const INTERRUPTED: u8 = 130;
