//! The programs that we call, or that call each other.
//!
//! Thin commands over `interop/peers/*.py`; each returns once the peer holds
//! its ports, so that nothing sent to it afterwards is lost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::description::Rtcp;
use crate::process::Process;
use crate::root;
use crate::sound::Codec;
use crate::verdict::Verdict;

/// The Python that Debian's GStreamer and numpy belong to.
const PYTHON: &str = "/usr/bin/python3";
/// Importing GStreamer on a loaded machine takes seconds.
const START: Duration = Duration::from_secs(30);

/// A two-way peer: GStreamer's rtpbin.
#[derive(Debug, Clone)]
pub struct GStreamer {
    /// What it sends and accepts.
    pub codec: Codec,
    /// Its RTP port on 127.0.0.1; RTCP on the next unless muxed.
    pub port: u16,
    /// Where its RTCP goes.
    pub rtcp: Rtcp,
    /// The WAV it plays, then silence.
    pub play: PathBuf,
    /// The WAV it records.
    pub record: PathBuf,
    /// How long it stays, counted from [`GStreamer::meet`].
    pub seconds: f64,
}

impl GStreamer {
    /// Binds its ports; it is silent until it is told whom to talk to.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> Verdict<Process> {
        let mut command = script("gst_peer.py");
        command.args(["--codec", self.codec.name(), "--remote", "-"]);
        command.args([
            "--local",
            &loopback(self.port),
            "--seconds",
            &self.seconds.to_string(),
        ]);
        command
            .arg("--play")
            .arg(&self.play)
            .arg("--record")
            .arg(&self.record);
        if self.rtcp == Rtcp::Muxed {
            command.arg("--mux");
        }
        started(Process::start("GStreamer", &mut command)?)
    }

    /// Tells a started peer the port of the other side.
    ///
    /// # Errors
    /// When it no longer listens.
    pub fn meet(peer: &mut Process, port: u16) -> Verdict {
        peer.tell(&loopback(port))
    }
}

/// What a [`Camera`] encodes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoCodec {
    /// By libvpx.
    Vp8,
    /// By x264: constrained baseline, packetization mode 1.
    H264,
}

impl VideoCodec {
    /// Its encoding name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::H264 => "H264",
        }
    }

    /// The m-line of a camera at `port`.
    pub fn description(self, port: u16) -> String {
        let name = self.name();
        let parameters = match self {
            Self::Vp8 => "",
            Self::H264 => "a=fmtp:96 packetization-mode=1;profile-level-id=42c015\r\n",
        };
        format!(
            "m=video {port} RTP/AVP 96\r\na=rtpmap:96 {name}/90000\r\n{parameters}\
             a=rtcp-fb:96 nack pli\r\na=sendonly\r\n"
        )
    }
}

/// A peer that sends pictures and obeys requests for keyframes: GStreamer.
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    /// What it sends.
    pub codec: VideoCodec,
    /// Its RTP port on 127.0.0.1; RTCP on the next.
    pub port: u16,
    /// How many frames it sends, 15 a second.
    pub frames: u64,
}

impl Camera {
    /// Binds its ports; it is silent until it is told whom to send to, as
    /// [`GStreamer::meet`] does.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> Verdict<Process> {
        let mut command = script("gst_camera.py");
        command.args(["--codec", self.codec.name(), "--remote", "-"]);
        command.args(["--local", &loopback(self.port)]);
        command.args(["--frames", &self.frames.to_string()]);
        started(Process::start("camera", &mut command)?)
    }
}

/// ffmpeg playing `wav` once from its own `port` (RTCP from the next) to `to`.
///
/// # Errors
/// When it does not start.
pub fn ffmpeg_sends(codec: Codec, port: u16, to: u16, wav: &Path) -> Verdict<Process> {
    let mut command = script("ffmpeg_peer.py");
    command.args(["send", "--codec", codec.name()]);
    command
        .args([
            "--local",
            &loopback(port),
            "--remote",
            &loopback(to),
            "--play",
        ])
        .arg(wav);
    started(Process::start("ffmpeg (sends)", &mut command)?)
}

/// ffmpeg recording, for `seconds`, what comes where its own description in
/// the file `sdp` says.
///
/// # Errors
/// When it does not start.
pub fn ffmpeg_hears(codec: Codec, sdp: &Path, record: &Path, seconds: f64) -> Verdict<Process> {
    let mut command = script("ffmpeg_peer.py");
    command
        .arg("receive")
        .arg("--sdp")
        .arg(sdp)
        .arg("--record")
        .arg(record);
    command.args(["--seconds", &seconds.to_string()]);
    command.args(["--rate", &codec.rate().to_string()]);
    started(Process::start("ffmpeg (receives)", &mut command)?)
}

/// A one-way path from `port` to `to` that loses the share `loss` by seed.
///
/// # Errors
/// When it does not start.
pub fn lossy_path(port: u16, to: u16, loss: f64, seconds: f64) -> Verdict<Process> {
    let mut command = script("lossy.py");
    command.args(["--listen", &loopback(port), "--target", &loopback(to)]);
    command.args([
        "--loss",
        &loss.to_string(),
        "--seconds",
        &seconds.to_string(),
    ]);
    started(Process::start("lossy path", &mut command)?)
}

/// A script of `interop/peers`, run by Debian's own Python.
pub fn script(name: &str) -> Command {
    let mut command = Command::new(PYTHON);
    command.arg(root().join("interop/peers").join(name));
    command
}

fn started(mut process: Process) -> Verdict<Process> {
    process.wait_for("ready", START)?;
    Ok(process)
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
