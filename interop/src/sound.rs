//! Sound made at test time, and what a recording of it is worth.
//!
//! Speech by espeak-ng, tones by sox, offline codecs by sox and ffmpeg, scores
//! by `peers/score.py`. All WAVs are mono, 16 bit, at the rate of the codec that
//! they are for, kept under `target/interop-sound`. Speech has a second of silence at both ends, which
//! a call may lose while it starts and stops.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::peers::script;
use crate::process::run;
use crate::root;
use crate::verdict::{Failure, Verdict, While};

/// A codec that the peers share with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, one channel of 48 kHz, 20 ms.
    Opus,
    /// Linear PCM at 16 kHz.
    L16,
}

/// What `score.py tone` found.
#[derive(Debug, Clone, Copy)]
pub struct Tone {
    /// The strongest frequency.
    pub hz: f64,
    /// The tone against everything else, in dB.
    pub snr_db: f64,
    /// From the first sound to the last.
    pub seconds: f64,
    /// Silence within, in ms.
    pub dropout_ms: f64,
}

/// What `score.py speech` found.
#[derive(Debug, Clone, Copy)]
pub struct Speech {
    /// PESQ: at 8 kHz narrow-band, on the scale of ITU-T P.862.1; above
    /// wide-band (P.862.2).
    pub pesq: f64,
    /// How much later the end of the recording lags than its beginning, in ms.
    pub drift_ms: f64,
    /// The share of the sent speech that the recording spans.
    pub covered: f64,
}

const TEXT: &str = "The first call of the morning came before the kettle had boiled. \
    She picked up the telephone, listened for a moment, and began to laugh. \
    Please tell them that the boat leaves at half past nine.";

impl Codec {
    /// The encoding name of RFC 3551.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
            Self::L16 => "L16",
        }
    }

    /// What stands in `a=rtpmap`.
    pub fn rtpmap(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU/8000",
            Self::Pcma => "PCMA/8000",
            // RFC 3551 §4.5.2: the clock is not the sample rate.
            Self::G722 => "G722/8000",
            Self::Opus => "opus/48000/2",
            Self::L16 => "L16/16000",
        }
    }

    /// The name on our command line.
    pub fn argument(self) -> &'static str {
        match self {
            Self::L16 => "L16/16000",
            _ => self.name(),
        }
    }

    /// Its payload type: the static one of RFC 3551, or one of ours.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::Opus => 111,
            // The number that our offers begin with: a peer that answers one
            // speaks with it.
            Self::L16 => 96,
        }
    }

    /// Samples per second of what is played and recorded.
    pub fn rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
            Self::G722 | Self::L16 => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// Bytes of a packet of 20 ms, header included; `None` where they vary.
    pub fn packet_bytes(self) -> Option<usize> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => Some(12 + 160),
            Self::L16 => Some(12 + 640),
            Self::Opus => None,
        }
    }

    /// The worst PESQ that its clean sound may have offline: below, the
    /// machine or the harness is at fault.
    pub fn clean(self) -> f64 {
        match self {
            Self::Pcmu | Self::Pcma => 3.5,
            Self::G722 => 2.8,
            Self::Opus => 3.7,
            Self::L16 => 4.5,
        }
    }
}

/// About 13 s of speech between two seconds of silence, at `rate`.
///
/// # Errors
/// When espeak-ng or sox fail.
pub fn speech(rate: u32) -> Verdict<PathBuf> {
    made(&format!("speech-{rate}.wav"), |path| {
        let raw = path.with_extension("espeak.wav");
        run(Command::new("espeak-ng")
            .args(["-v", "en-us", "-s", "150", "-w"])
            .arg(&raw)
            .arg(TEXT))?;
        // Dither off: two runs make the same bytes.
        let mut sox = Command::new("sox");
        sox.arg("-D")
            .arg(&raw)
            .args(["-r", &rate.to_string(), "-c", "1", "-b", "16"])
            .arg(path);
        run(sox.args(["norm", "-6", "pad", "1", "1"])).map(drop)
    })
}

/// `seconds` of a sine of `hz` at `rate`, -9 dBFS loud.
///
/// # Errors
/// When sox fails.
pub fn tone(hz: u32, seconds: u32, rate: u32) -> Verdict<PathBuf> {
    made(&format!("tone-{hz}-{seconds}-{rate}.wav"), |path| {
        let mut sox = Command::new("sox");
        sox.args(["-D", "-n", "-r", &rate.to_string()]);
        sox.args(["-c", "1", "-b", "16"]).arg(path);
        sox.args([
            "synth",
            &seconds.to_string(),
            "sine",
            &hz.to_string(),
            "gain",
            "-9",
        ]);
        run(&mut sox).map(drop)
    })
}

/// `wav` encoded and decoded by `codec` without a wire between: the best that
/// a call can sound.
///
/// # Errors
/// When sox or ffmpeg fail.
pub fn offline(wav: &Path, codec: Codec) -> Verdict<PathBuf> {
    let stem = wav
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    made(
        &format!("{stem}-{}.wav", codec.name()),
        |path| match codec {
            Codec::Pcmu => by_sox(wav, "mu-law", path),
            Codec::Pcma => by_sox(wav, "a-law", path),
            Codec::G722 => by_ffmpeg(wav, &["g722"], "wav", path),
            Codec::Opus => {
                let voice = ["libopus", "-b:a", "32k", "-application", "voip"];
                by_ffmpeg(wav, &voice, "opus", path)
            }
            Codec::L16 => std::fs::copy(wav, path)
                .while_doing(path.display())
                .map(drop),
        },
    )
}

fn by_sox(wav: &Path, encoding: &str, path: &Path) -> Verdict {
    let coded = path.with_extension("coded.wav");
    let mut encode = Command::new("sox");
    run(encode.arg("-D").arg(wav).args(["-e", encoding]).arg(&coded))?;
    let mut decode = Command::new("sox");
    decode
        .arg("-D")
        .arg(&coded)
        .args(["-e", "signed", "-b", "16"]);
    run(decode.arg(path)).map(drop)
}

fn by_ffmpeg(wav: &Path, codec: &[&str], container: &str, path: &Path) -> Verdict {
    let coded = path.with_extension(format!("coded.{container}"));
    let ffmpeg = || {
        let mut command = Command::new("ffmpeg");
        command.args(["-y", "-hide_banner", "-loglevel", "error", "-i"]);
        command
    };
    run(ffmpeg().arg(wav).arg("-c:a").args(codec).arg(&coded))?;
    run(ffmpeg().arg(&coded).args(["-c:a", "pcm_s16le"]).arg(path)).map(drop)
}

/// Measures the tone in `wav`.
///
/// # Errors
/// When the file is not there or is no 16 bit WAV.
pub fn tone_in(wav: &Path) -> Verdict<Tone> {
    let found = score(script("score.py").arg("tone").arg(wav))?;
    Ok(Tone {
        hz: number(&found, "hz")?,
        snr_db: number(&found, "snr_db")?,
        seconds: number(&found, "seconds")?,
        dropout_ms: number(&found, "dropout_ms")?,
    })
}

/// Compares the speech in `heard` with `reference`.
///
/// # Errors
/// When a file is not there or is no 16 bit WAV.
pub fn speech_in(reference: &Path, heard: &Path) -> Verdict<Speech> {
    let scores = speeches_in(reference, &[heard.to_path_buf()])?;
    let first = scores.into_iter().next();
    first.ok_or_else(|| Failure::new("there is no score"))
}

/// Compares the speech in each of `heard` with `reference`.
///
/// # Errors
/// When a file is not there or is no 16 bit WAV.
pub fn speeches_in(reference: &Path, heard: &[PathBuf]) -> Verdict<Vec<Speech>> {
    let mut command = Command::new(python());
    command.arg(root().join("interop/peers/score.py"));
    let said = run(command.arg("speech").arg(reference).args(heard))?;
    let speech = |line: &str| -> Verdict<Speech> {
        let found = scored(line)?;
        Ok(Speech {
            pesq: number(&found, "pesq")?,
            drift_ms: number(&found, "drift_ms")?,
            covered: number(&found, "covered")?,
        })
    };
    said.lines().map(speech).collect()
}

/// The Python that has PESQ (`interop/install-peers` makes it).
pub fn python() -> PathBuf {
    root().join("target/interop-venv/bin/python")
}

/// The length of a WAV in seconds.
///
/// # Errors
/// When sox cannot read it.
pub fn seconds(wav: &Path) -> Verdict<f64> {
    let said = run(Command::new("sox").arg("--info").arg("-D").arg(wav))?;
    said.trim()
        .parse()
        .while_doing(format_args!("the length of {}", wav.display()))
}

fn score(command: &mut Command) -> Verdict<Value> {
    scored(&run(command)?)
}

fn scored(said: &str) -> Verdict<Value> {
    serde_json::from_str(said).while_doing(format_args!("reading a score from {said:?}"))
}

fn number(found: &Value, name: &str) -> Verdict<f64> {
    found[name]
        .as_f64()
        .ok_or_else(|| Failure::new(format!("no {name} in {found}")))
}

/// A file of the sound folder, made on first use.
fn made(name: &str, make: impl FnOnce(&Path) -> Verdict) -> Verdict<PathBuf> {
    let folder = root().join("target/interop-sound");
    let path = folder.join(name);
    if path.exists() {
        return Ok(path);
    }
    // Under a name of its own first: another run may be making the same.
    let own = folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&own).while_doing(own.display())?;
    let part = own.join(name);
    make(&part)?;
    std::fs::rename(&part, &path).while_doing(path.display())?;
    let _ = std::fs::remove_dir_all(&own);
    Ok(path)
}
