//! Sound made at test time, and what a recording of it is worth.
//!
//! Speech by espeak-ng, tones and offline codecs by sox, scores by
//! `peers/score.py`. All WAVs are mono, 16 bit, 8 kHz, kept under
//! `target/interop-sound`. Speech has a second of silence at both ends, which
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
    /// PESQ, narrow-band, on the scale of ITU-T P.862.1.
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
        }
    }

    /// The static payload type of RFC 3551.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    fn sox_encoding(self) -> &'static str {
        match self {
            Self::Pcmu => "mu-law",
            Self::Pcma => "a-law",
        }
    }
}

/// About 13 s of speech between two seconds of silence.
///
/// # Errors
/// When espeak-ng or sox fail.
pub fn speech() -> Verdict<PathBuf> {
    made("speech.wav", |path| {
        let raw = path.with_extension("espeak.wav");
        run(Command::new("espeak-ng")
            .args(["-v", "en-us", "-s", "150", "-w"])
            .arg(&raw)
            .arg(TEXT))?;
        // Dither off: two runs make the same bytes.
        let mut sox = Command::new("sox");
        sox.arg("-D")
            .arg(&raw)
            .args(["-r", "8000", "-c", "1", "-b", "16"])
            .arg(path);
        run(sox.args(["norm", "-6", "pad", "1", "1"])).map(drop)
    })
}

/// `seconds` of a sine of `hz`, at -9 dBFS.
///
/// # Errors
/// When sox fails.
pub fn tone(hz: u32, seconds: u32) -> Verdict<PathBuf> {
    made(&format!("tone-{hz}-{seconds}.wav"), |path| {
        let mut sox = Command::new("sox");
        sox.args(["-D", "-n", "-r", "8000", "-c", "1", "-b", "16"])
            .arg(path);
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
/// When sox fails.
pub fn offline(wav: &Path, codec: Codec) -> Verdict<PathBuf> {
    let stem = wav
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    made(&format!("{stem}-{}.wav", codec.name()), |path| {
        let coded = path.with_extension("coded.wav");
        let encode = ["-e", codec.sox_encoding()];
        run(Command::new("sox")
            .arg("-D")
            .arg(wav)
            .args(encode)
            .arg(&coded))?;
        let decode = ["-e", "signed", "-b", "16"];
        run(Command::new("sox")
            .arg("-D")
            .arg(&coded)
            .args(decode)
            .arg(path))
        .map(drop)
    })
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
    let mut command = Command::new(python());
    command.arg(root().join("interop/peers/score.py"));
    let found = score(command.arg("speech").arg(reference).arg(heard))?;
    Ok(Speech {
        pesq: number(&found, "pesq")?,
        drift_ms: number(&found, "drift_ms")?,
        covered: number(&found, "covered")?,
    })
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
    let said = run(command)?;
    serde_json::from_str(&said).while_doing(format_args!("reading a score from {said:?}"))
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
