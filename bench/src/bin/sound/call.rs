//! A call in the simulator: one side plays, the other records.
//!
//! In: a seed, a codec, a sound, the way from one to the other. Out: the
//! recording, and each packet that was sent with whether it arrived, so that
//! others can be given the same losses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use talkpath::{Audio, Codec, MediaManager, Play, SampleRate, Wav};
use talkpath_file::wav::{WavReader, WavWriter};
use talkpath_interop::root;
use talkpath_interop::verdict::{Failure, Verdict, While};
use talkpath_sim::{Fate, Link, Record, World};

/// What a call left behind.
pub(crate) struct Called {
    /// What the callee heard.
    pub(crate) heard: Vec<i16>,
    /// What the caller sent, in order.
    pub(crate) packets: Vec<Sent>,
}

/// An RTP packet on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// In samples of the RTP clock, from the first packet on.
    pub(crate) at: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) arrived: bool,
}

impl Called {
    /// The share of packets that were lost.
    pub(crate) fn loss(&self) -> f64 {
        let lost = self.packets.iter().filter(|sent| !sent.arrived).count();
        lost as f64 / self.packets.len() as f64
    }
}

pub(crate) const CALLER: &str = "10.0.0.1";
pub(crate) const CALLEE: &str = "10.0.0.2";

/// Plays `sound` to somebody who records, both at `rate`, over `link`.
pub(crate) fn call(
    seed: u64,
    codec: Codec,
    rate: SampleRate,
    sound: &[i16],
    link: Link,
) -> Verdict<Called> {
    let world = World::new(seed);
    world.link(CALLER, CALLEE, link);
    let (alice, bob) = (manager(&world, CALLER)?, manager(&world, CALLEE)?);
    let audio = Audio::sendrecv([codec]).rate(rate);
    let (caller, offer) = alice.create_offer(audio.clone()).while_doing("offer")?;
    let (callee, answer) = bob.accept_offer(&offer, audio).while_doing("answer")?;
    caller.apply_answer(&answer).while_doing("completion")?;
    let recording = callee.record(Wav::heard(HEARD).rate(rate));
    let recording = recording.while_doing("recording")?;
    let played = caller
        .play(Play::samples(sound, rate))
        .while_doing("play")?;
    world.run_for(rate.duration_of(sound.len() as u64) + Duration::from_secs(1));
    drop(played);
    recording.finish().wait().while_doing("recording")?;
    let file = world.host(CALLEE).disk().get(HEARD);
    let file = file.ok_or_else(|| Failure::new("there is no recording"))?;
    Ok(Called {
        heard: samples(&file)?,
        packets: sent(&world.wire_log()),
    })
}

/// A manager at `address` of `world`.
pub(crate) fn manager(world: &World, address: &str) -> Verdict<MediaManager> {
    let driver = Arc::new(world.host(address).driver());
    let builder = MediaManager::builder().interface(address).driver(driver);
    builder.build().while_doing("building a manager")
}

/// The RTP packets of the caller.
fn sent(log: &[Record]) -> Vec<Sent> {
    let rtp = log.iter().filter(|record| {
        let of_caller = record.from.ip().to_string() == CALLER && !record.duplicate;
        // RFC 5761 §4: the rest is RTCP.
        of_caller && record.bytes.len() > 12 && !(192..=223).contains(&record.bytes[1])
    });
    let mut first = None;
    let packet = |record: &Record| {
        let bytes = &record.bytes;
        let at = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        Sent {
            at: at.wrapping_sub(*first.get_or_insert(at)),
            payload: bytes[12..].to_vec(),
            arrived: matches!(record.fate, Fate::Delivered { .. }),
        }
    };
    rtp.map(packet).collect()
}

/// The samples of a WAV of one channel.
pub(crate) fn samples(file: &[u8]) -> Verdict<Vec<i16>> {
    let (mut reader, mut samples, mut rest) = (WavReader::new(), Vec::new(), file);
    let mut pcm = [0; 4_096];
    loop {
        let progress = reader.read(rest, &mut pcm).while_doing("reading a WAV")?;
        samples.extend_from_slice(&pcm[..progress.samples]);
        rest = &rest[progress.consumed..];
        if progress.consumed == 0 && progress.samples == 0 {
            return Ok(samples);
        }
    }
}

/// The samples of a WAV on disk.
pub(crate) fn read(path: &Path) -> Verdict<Vec<i16>> {
    samples(&fs::read(path).while_doing(path.display())?)
}

/// A WAV named `name` in the folder of this command, and its path.
pub(crate) fn write(name: &str, rate: SampleRate, pcm: &[i16]) -> Verdict<PathBuf> {
    let mut writer = WavWriter::new(1, rate.hz()).while_doing("a WAV")?;
    writer.written(pcm.len() as u64 * 2);
    let mut file = writer.header().to_vec();
    file.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
    let path = folder()?.join(name);
    fs::write(&path, file).while_doing(path.display())?;
    Ok(path)
}

/// Where this command leaves what it heard.
pub(crate) fn folder() -> Verdict<PathBuf> {
    let folder = root().join("target/sound");
    fs::create_dir_all(&folder).while_doing(folder.display())?;
    Ok(folder)
}

const HEARD: &str = "heard.wav";
