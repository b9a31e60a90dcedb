//! Video and sound from GStreamer, recorded by our binary into Matroska, and
//! read by ffmpeg.
//!
//! Without loss every frame that was sent is in the file. With loss keyframes
//! are asked for, the encoder obeys, and what is in the file can all be decoded.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use talkpath_interop::description::{Direction, Rtcp, audio_port, is_whole, of_peer, video_port};
use talkpath_interop::needs::Need;
use talkpath_interop::peers::{Camera, GStreamer, VideoCodec};
use talkpath_interop::ports;
use talkpath_interop::process::{Process, run};
use talkpath_interop::sound::{self, Codec};
use talkpath_interop::talkpath::binary;
use talkpath_interop::verdict::{Failure, Verdict};

use crate::gstreamer::hand_over;
use crate::trial;

const PATIENCE: Duration = Duration::from_secs(60);
const NEEDS: &[Need] = &[Need::GStreamer, Need::Camera, Need::Ffmpeg, Need::Sound];
/// Five seconds.
const FRAMES: u64 = 75;

/// What a call left behind.
struct Called {
    file: PathBuf,
    /// The camera's own account.
    said: Value,
}

pub(crate) fn trials() -> Vec<Trial> {
    use VideoCodec::{H264, Vp8};
    vec![
        trial("video::vp8_is_recorded", NEEDS, |folder: &Path| {
            whole(folder, Vp8)
        }),
        trial("video::h264_is_recorded", NEEDS, |folder: &Path| {
            whole(folder, H264)
        }),
        trial(
            "video::vp8_goes_on_behind_losses",
            NEEDS,
            |folder: &Path| lossy(folder, Vp8),
        ),
        trial(
            "video::h264_goes_on_behind_losses",
            NEEDS,
            |folder: &Path| lossy(folder, H264),
        ),
    ]
}

fn whole(folder: &Path, codec: VideoCodec) -> Verdict {
    let called = call(folder, codec, "0")?;
    let frames = frames(&called.file, codec)?;
    let sent = called.said["frames"].as_u64();
    check(sent == Some(FRAMES) && frames == FRAMES, || {
        format!("{frames} frames in the file, {sent:?} sent")
    })?;
    decodes(&called.file)
}

fn lossy(folder: &Path, codec: VideoCodec) -> Verdict {
    let called = call(folder, codec, "3")?;
    let number = |name: &str| called.said[name].as_u64().unwrap_or(0);
    let (requests, keyframes) = (number("requests"), number("keyframes"));
    check(requests > 0 && keyframes > 1, || {
        format!(
            "{requests} requests, {keyframes} keyframes: {}",
            called.said
        )
    })?;
    let frames = frames(&called.file, codec)?;
    check((2..FRAMES).contains(&frames), || {
        format!("{frames} frames of {FRAMES} with 3 % of the packets lost")
    })?;
    decodes(&called.file)
}

/// Frames of video that ffprobe decodes, beside sound of more than five seconds.
fn frames(file: &Path, codec: VideoCodec) -> Verdict<u64> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-of", "json"]);
    command.args(["-show_entries", "format=duration"]);
    command.args([
        "-show_entries",
        "stream=codec_name,width,height,nb_read_frames",
    ]);
    let said = run(command.arg(file))?;
    let said: Value = serde_json::from_str(&said)
        .map_err(|error| Failure::new(format!("ffprobe: {error}\n{said}")))?;
    let (sound, video) = (&said["streams"][0], &said["streams"][1]);
    let is_right = sound["codec_name"] == "pcm_s16le"
        && video["codec_name"] == codec.name().to_ascii_lowercase()
        && (&video["width"], &video["height"]) == (&Value::from(320), &Value::from(240));
    check(is_right, || format!("not what was recorded: {said}"))?;
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    let length = number(&said["format"]["duration"]).unwrap_or(0.0);
    check(length > 5.0, || format!("{length} s: {said}"))?;
    let frames = number(&video["nb_read_frames"]).unwrap_or(0.0);
    Ok(frames as u64)
}

/// ffmpeg decodes all of it without a word.
fn decodes(file: &Path) -> Verdict {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-xerror", "-i"]).arg(file);
    let said = command.args(["-f", "null", "-"]).output();
    let said = said.map_err(|error| Failure::new(format!("ffmpeg: {error}")))?;
    check(said.status.success() && said.stderr.is_empty(), || {
        format!("ffmpeg: {}", String::from_utf8_lossy(&said.stderr))
    })
}

/// One call: sound and pictures from GStreamer, of which `loss` percent of the
/// packets get lost here.
fn call(folder: &Path, codec: VideoCodec, loss: &str) -> Verdict<Called> {
    let block = ports::block(12)?;
    let (audio, video) = (*block.start(), block.start() + 2);
    let (offer, answer) = (folder.join("offer.sdp"), folder.join("answer.sdp"));
    let file = folder.join("call.mkv");
    let phone = GStreamer {
        codec: Codec::Pcmu,
        port: audio,
        rtcp: Rtcp::NextPort,
        play: sound::tone(440, 6, 8000)?,
        record: folder.join("theirs.wav"),
        seconds: 6.5,
    };
    let mut phone = phone.start()?;
    let mut camera = Camera {
        codec,
        port: video,
        frames: FRAMES,
    }
    .start()?;
    let sound = of_peer(audio, Codec::Pcmu, Direction::SendRecv, Rtcp::NextPort);
    hand_over(&offer, &format!("{sound}{}", codec.description(video)))?;
    let mut command = Command::new(binary()?);
    command.args(["answer", "--codecs", "pcmu", "--video", "vp8,h264"]);
    command.args(["--seconds", "8", "--loss", loss, "--ports"]);
    command.arg(format!("{}-{}", block.start() + 6, block.end()));
    command
        .arg("--offer")
        .arg(&offer)
        .arg("--sdp-out")
        .arg(&answer);
    command.arg("--record").arg(&file);
    let mut talkpath = Process::start("talkpath answer", &mut command)?;
    let ours = talkpath.wait_for_file(&answer, is_whole, PATIENCE)?;
    check(ours.contains("a=rtcp-fb:* nack pli"), || {
        format!("no feedback:\n{ours}")
    })?;
    GStreamer::meet(&mut phone, audio_port(&ours)?)?;
    GStreamer::meet(&mut camera, video_port(&ours)?)?;
    let said = camera
        .finish(PATIENCE)
        .map_err(|failure| failure.with(talkpath.report()))?;
    phone.finish(PATIENCE)?;
    talkpath.finish(PATIENCE)?;
    let said = said.json()?;
    Ok(Called { file, said })
}

fn check(holds: bool, or: impl FnOnce() -> String) -> Verdict {
    match holds {
        true => Ok(()),
        false => Err(Failure::new(or())),
    }
}
