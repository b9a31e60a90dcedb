//! Our binary in calls with ffmpeg, one direction each: ffmpeg cannot send
//! from the port on which it listens.
//!
//! Its descriptions say so (`sendonly`, `recvonly`), which our side has to
//! answer and obey. ffmpeg says nothing about our RTCP; GStreamer does.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use talkpath_interop::capture::Capture;
use talkpath_interop::description::{Direction, Rtcp, audio_port, is_whole, of_peer};
use talkpath_interop::needs::Need;
use talkpath_interop::peers::{ffmpeg_hears, ffmpeg_sends};
use talkpath_interop::sip::Dialogue;
use talkpath_interop::sound::{self, Codec};
use talkpath_interop::talkpath::{Delay, Session};
use talkpath_interop::verdict::{Failure, Verdict, While, check};
use talkpath_interop::{judge, ports};

use crate::expect;
use crate::gstreamer::hand_over;
use crate::trial;

const PATIENCE: Duration = Duration::from_secs(60);
const NEEDS: &[Need] = &[
    Need::Ffmpeg,
    Need::Tshark,
    Need::Capture,
    Need::Sound,
    Need::Scores,
    Need::Pesq,
];

/// The direction of a call, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// ffmpeg offers and speaks, we answer and record.
    Hear,
    /// We offer and speak, ffmpeg answers and records.
    Speak,
}

pub(crate) fn trials() -> Vec<Trial> {
    use Codec::{G722, L16, Opus, Pcma, Pcmu};
    vec![
        trial("ffmpeg::tones_pcmu", NEEDS, |folder| tones(folder, Pcmu)),
        trial("ffmpeg::tones_pcma", NEEDS, |folder| tones(folder, Pcma)),
        trial("ffmpeg::speech_pcmu", NEEDS, |folder| speech(folder, Pcmu)),
        trial("ffmpeg::speech_pcma", NEEDS, |folder| speech(folder, Pcma)),
        trial("ffmpeg::speech_g722", NEEDS, |folder| speech(folder, G722)),
        trial("ffmpeg::speech_opus", NEEDS, |folder| speech(folder, Opus)),
        trial("ffmpeg::speech_l16", NEEDS, |folder| speech(folder, L16)),
    ]
}

/// One call each way at the same time.
fn tones(folder: &Path, codec: Codec) -> Verdict {
    let wav = sound::tone(700, 6, codec.rate())?;
    let heard = calls(
        folder,
        (codec, Delay::Follows),
        &wav,
        &[Way::Hear, Way::Speak],
    )?;
    heard
        .iter()
        .try_for_each(|(_, wav)| expect::tone(wav, 700, 5.0))
}

/// Three calls each way at the same time, judged by the medians.
fn speech(folder: &Path, codec: Codec) -> Verdict {
    use Way::{Hear, Speak};
    let wav = sound::speech(codec.rate())?;
    let heard = calls(
        folder,
        (codec, Delay::Steady),
        &wav,
        &[Hear, Speak, Hear, Speak, Hear, Speak],
    )?;
    for (way, within) in [
        (Hear, expect::OUR_RECORDING),
        (Speak, expect::THEIR_RECORDING),
    ] {
        let of_way = heard.iter().filter(|recording| recording.0 == way);
        let wavs: Vec<_> = of_way.map(|recording| recording.1.clone()).collect();
        expect::speech(&wav, codec, &wavs, within)?;
    }
    Ok(())
}

/// Calls in parallel; each leaves its direction and its recording.
fn calls(
    folder: &Path,
    kind: (Codec, Delay),
    wav: &Path,
    ways: &[Way],
) -> Verdict<Vec<(Way, PathBuf)>> {
    thread::scope(|scope| {
        let mut started = Vec::new();
        for (number, way) in ways.iter().copied().enumerate() {
            let own = folder.join(number.to_string());
            started.push(scope.spawn(move || {
                std::fs::create_dir_all(&own).while_doing(own.display())?;
                call(&own, kind, wav, way).map(|heard| (way, heard))
            }));
        }
        let joined = started.into_iter().map(|call| {
            call.join()
                .unwrap_or_else(|_| Err(Failure::new("a call's thread panicked")))
        });
        joined.collect()
    })
}

fn call(folder: &Path, (codec, delay): (Codec, Delay), wav: &Path, way: Way) -> Verdict<PathBuf> {
    let block = ports::block(10)?;
    // Not next to ours: tshark would take RTP at one for RTCP of the other.
    let their_port = block.start() + 6;
    // A peer on a busy machine may take a second to begin.
    let seconds = sound::seconds(wav)? + 2.0;
    let (offer_file, answer_file) = (folder.join("offer.sdp"), folder.join("answer.sdp"));
    let record = folder.join("heard.wav");
    let capture = Capture::start(&block, &folder.join("wire.pcap"))?;
    let session = |sdp_out: &Path, remote_sdp: &Path| Session {
        ports: *block.start()..=block.start() + 3,
        codecs: vec![codec],
        sdp_out: sdp_out.to_path_buf(),
        remote_sdp: remote_sdp.to_path_buf(),
        play: (way == Way::Speak).then(|| wav.to_path_buf()),
        record: (way == Way::Hear).then(|| record.clone()),
        seconds,
        delay,
    };
    let (offer, answer, our_port) = match way {
        Way::Hear => {
            let offer = of_peer(their_port, codec, Direction::SendOnly, Rtcp::NextPort);
            hand_over(&offer_file, &offer)?;
            let mut talkpath = session(&answer_file, &offer_file).answer()?;
            let answer = talkpath.wait_for_file(&answer_file, is_whole, PATIENCE)?;
            let our_port = audio_port(&answer)?;
            check(answer.contains("a=recvonly"), || {
                format!("answer to sendonly:\n{answer}")
            })?;
            let sends = ffmpeg_sends(codec, their_port, our_port, wav)?;
            sends.finish(PATIENCE)?;
            talkpath.finish(PATIENCE)?;
            (offer, answer, our_port)
        }
        Way::Speak => {
            let mut talkpath = session(&offer_file, &answer_file).offer()?;
            let offer = talkpath.wait_for_file(&offer_file, is_whole, PATIENCE)?;
            let our_port = audio_port(&offer)?;
            let answer = of_peer(their_port, codec, Direction::RecvOnly, Rtcp::NextPort);
            let listens = folder.join("ffmpeg.sdp");
            hand_over(&listens, &answer)?;
            let hears = ffmpeg_hears(codec, &listens, &record, seconds + 1.0)?;
            hand_over(&answer_file, &answer)?;
            talkpath.finish(PATIENCE)?;
            hears.finish(PATIENCE)?;
            (offer, answer, our_port)
        }
    };
    let wire = Dialogue {
        offer,
        answer: Some(answer),
    }
    .before(&capture.stop()?)?;
    let (from, to) = match way {
        Way::Hear => (their_port, our_port),
        Way::Speak => (our_port, their_port),
    };
    expect::stream(&wire, from, to, codec, 250)?;
    expect::silence(&wire, to, from)?;
    judge::no_warnings(&wire, &[])?;
    Ok(record)
}
