//! What a test needs beyond this checkout, and whether it is here.
//!
//! A test whose need is missing reports "skipped: needs X". With
//! `TALKPATH_INTEROP=require` in the environment, as `.ci/run` sets it, it
//! fails instead. `interop/install-peers` installs everything.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::{peers, sound};

/// Something that a test cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// GStreamer with its Python binding and the plug-ins for RTP and G.711.
    GStreamer,
    /// GStreamer's encoders of VP8 and H.264.
    Camera,
    /// The programs ffmpeg and ffprobe.
    Ffmpeg,
    /// The programs tshark and mergecap.
    Tshark,
    /// tshark with the right to capture on the loopback interface.
    Capture,
    /// espeak-ng and sox, which make speech and tones.
    Sound,
    /// Debian's Python with numpy and scipy, which measure tones.
    Scores,
    /// PESQ in the virtual environment that `interop/install-peers` makes.
    Pesq,
    /// The captures of Debian's sip-tester.
    SipTester,
}

const COUNT: usize = 9;
static MET: [OnceLock<bool>; COUNT] = [const { OnceLock::new() }; COUNT];

impl Need {
    /// How the need is called in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::GStreamer => "GStreamer for Python",
            Self::Camera => "GStreamer's VP8 and x264",
            Self::Ffmpeg => "ffmpeg",
            Self::Tshark => "tshark",
            Self::Capture => "tshark with the right to capture",
            Self::Sound => "espeak-ng and sox",
            Self::Scores => "numpy and scipy",
            Self::Pesq => "PESQ",
            Self::SipTester => "sip-tester",
        }
    }

    /// Whether it is here; asked once per process.
    pub fn is_met(self) -> bool {
        *MET[self as usize].get_or_init(|| match self {
            Self::GStreamer => succeeds(peers::script("gst_peer.py").arg("--help")),
            Self::Camera => succeeds(peers::script("gst_camera.py").arg("--check")),
            Self::Ffmpeg => succeeds(Command::new("ffmpeg").arg("-version")),
            Self::Tshark => {
                succeeds(Command::new("tshark").arg("--version"))
                    && succeeds(Command::new("mergecap").arg("--version"))
            }
            Self::Capture => succeeds(Command::new("tshark").args([
                "-q",
                "-i",
                "lo",
                "-a",
                "duration:0",
                "-w",
                "/dev/null",
            ])),
            Self::Sound => {
                succeeds(Command::new("espeak-ng").arg("--version"))
                    && succeeds(Command::new("sox").arg("--version"))
            }
            Self::Scores => succeeds(peers::script("score.py").arg("--help")),
            Self::SipTester => Path::new("/usr/share/sip-tester/dtmf_2833_1.pcap").exists(),
            Self::Pesq => succeeds(Command::new(sound::python()).args(["-c", "import pesq"])),
        })
    }
}

/// Whether a missing peer is a failure (`TALKPATH_INTEROP=require`).
pub fn required() -> bool {
    std::env::var_os("TALKPATH_INTEROP").is_some_and(|value| value == "require")
}

/// The names of those of `needs` that are not here.
pub fn missing(needs: &[Need]) -> Vec<&'static str> {
    needs
        .iter()
        .filter(|need| !need.is_met())
        .map(|need| need.name())
        .collect()
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
