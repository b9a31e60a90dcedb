//! The peers against each other: what the harness can see, with none of our
//! code in the call. When one of these fails, the machine or the harness is at
//! fault, and the tests of ours say nothing.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use talkpath_interop::capture::Capture;
use talkpath_interop::description::{Direction, Rtcp, of_peer};
use talkpath_interop::needs::Need;
use talkpath_interop::peers::{GStreamer, ffmpeg_hears, ffmpeg_sends, lossy_path};
use talkpath_interop::sip::Dialogue;
use talkpath_interop::sound::{self, Codec};
use talkpath_interop::verdict::{Verdict, While, check};
use talkpath_interop::{judge, ports};

use crate::expect;
use crate::trial;

const PATIENCE: Duration = Duration::from_secs(40);
const TONE_NEEDS: &[Need] = &[
    Need::GStreamer,
    Need::Tshark,
    Need::Capture,
    Need::Sound,
    Need::Scores,
];
const SPEECH_NEEDS: &[Need] = &[
    Need::GStreamer,
    Need::Ffmpeg,
    Need::Tshark,
    Need::Capture,
    Need::Sound,
    Need::Scores,
    Need::Pesq,
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "peers::gstreamer_calls_gstreamer",
            TONE_NEEDS,
            gstreamer_calls_gstreamer,
        ),
        trial(
            "peers::gstreamer_calls_ffmpeg",
            SPEECH_NEEDS,
            gstreamer_calls_ffmpeg,
        ),
        trial("peers::loss_is_noticed", SPEECH_NEEDS, loss_is_noticed),
    ]
}

/// Tones both ways on multiplexed ports, reports and SDP included.
fn gstreamer_calls_gstreamer(folder: &Path) -> Verdict {
    let block = ports::block(4)?;
    let (a, b) = (*block.start(), block.start() + 2);
    let peer = |port: u16, hz: u32, name: &str| -> Verdict<GStreamer> {
        Ok(GStreamer {
            codec: Codec::Pcmu,
            port,
            rtcp: Rtcp::Muxed,
            play: sound::tone(hz, 6, 8_000)?,
            record: folder.join(name),
            seconds: 6.5,
        })
    };
    let capture = Capture::start(&block, &folder.join("wire.pcap"))?;
    let mut one = peer(a, 440, "one.wav")?.start()?;
    let mut two = peer(b, 1000, "two.wav")?.start()?;
    GStreamer::meet(&mut one, b)?;
    GStreamer::meet(&mut two, a)?;
    let (one, two) = (one.finish(PATIENCE)?.json()?, two.finish(PATIENCE)?.json()?);
    let describe = |port| of_peer(port, Codec::Pcmu, Direction::SendRecv, Rtcp::Muxed);
    let dialogue = Dialogue {
        offer: describe(a),
        answer: Some(describe(b)),
    };
    let call = dialogue.before(&capture.stop()?)?;

    expect::tone(&folder.join("one.wav"), 1000, 5.0)?;
    expect::tone(&folder.join("two.wav"), 440, 5.0)?;
    expect::gstreamer_is_content(&one)?;
    expect::gstreamer_is_content(&two)?;
    expect::stream(&call, a, b, Codec::Pcmu, 250)?;
    expect::stream(&call, b, a, Codec::Pcmu, 250)?;
    expect::reports_and_bye(&call, a, b)?;
    judge::no_warnings(&call, &[])
}

/// Speech from ffmpeg to GStreamer and from GStreamer to ffmpeg.
fn gstreamer_calls_ffmpeg(folder: &Path) -> Verdict {
    let block = ports::block(8)?;
    let (gstreamer, sender, receiver) = (*block.start(), block.start() + 2, block.start() + 4);
    let speech = sound::speech(8_000)?;
    let seconds = sound::seconds(&speech)? + 1.5;
    let peer = GStreamer {
        codec: Codec::Pcma,
        port: gstreamer,
        rtcp: Rtcp::NextPort,
        play: speech.clone(),
        record: folder.join("gstreamer.wav"),
        seconds,
    };
    let sdp = folder.join("receiver.sdp");
    let receives = of_peer(receiver, Codec::Pcma, Direction::RecvOnly, Rtcp::NextPort);
    std::fs::write(&sdp, &receives).while_doing(sdp.display())?;
    let capture = Capture::start(&block, &folder.join("wire.pcap"))?;
    let hears = ffmpeg_hears(Codec::Pcma, &sdp, &folder.join("ffmpeg.wav"), seconds + 2.0)?;
    let mut calls = peer.start()?;
    GStreamer::meet(&mut calls, receiver)?;
    let sends = ffmpeg_sends(Codec::Pcma, sender, gstreamer, &speech)?;
    let said = calls.finish(PATIENCE)?.json()?;
    sends.finish(PATIENCE)?;
    hears.finish(PATIENCE)?;
    let offer = of_peer(gstreamer, Codec::Pcma, Direction::SendRecv, Rtcp::NextPort);
    let call = Dialogue {
        offer,
        answer: Some(receives),
    }
    .before(&capture.stop()?)?;

    for heard in ["gstreamer.wav", "ffmpeg.wav"] {
        expect::speech(
            &speech,
            Codec::Pcma,
            &[folder.join(heard)],
            expect::OUR_RECORDING,
        )?;
    }
    expect::stream(&call, gstreamer, receiver, Codec::Pcma, 700)?;
    expect::stream(&call, sender, gstreamer, Codec::Pcma, 700)?;
    check(
        said["frames"].as_u64().is_some_and(|frames| frames > 700),
        || format!("{said}"),
    )?;
    judge::no_warnings(&call, &[])
}

/// Five percent less, and sequence numbers and PESQ both say so.
fn loss_is_noticed(folder: &Path) -> Verdict {
    let block = ports::block(8)?;
    let (gstreamer, sender, path) = (*block.start(), block.start() + 2, block.start() + 4);
    let speech = sound::speech(8_000)?;
    let seconds = sound::seconds(&speech)? + 1.5;
    let record = folder.join("heard.wav");
    let peer = GStreamer {
        codec: Codec::Pcmu,
        port: gstreamer,
        rtcp: Rtcp::NextPort,
        play: speech.clone(),
        record: record.clone(),
        seconds,
    };
    let capture = Capture::start(&block, &folder.join("wire.pcap"))?;
    let lossy = lossy_path(path, gstreamer, 0.05, seconds + 2.0)?;
    let mut calls = peer.start()?;
    GStreamer::meet(&mut calls, path)?;
    let sends = ffmpeg_sends(Codec::Pcmu, sender, path, &speech)?;
    calls.finish(PATIENCE)?;
    sends.finish(PATIENCE)?;
    lossy.finish(PATIENCE)?;
    let wire = capture.stop()?;

    let streams = judge::rtp_streams(&wire, &[(gstreamer, "rtp"), (path, "rtp")])?;
    let stream = |from: u16, to: u16, ssrc: Option<&str>| {
        let mut found = streams.iter().filter(|stream| {
            (stream.from, stream.to) == (from, to) && ssrc.is_none_or(|ssrc| stream.ssrc == ssrc)
        });
        found.next()
    };
    let sent = stream(sender, path, None);
    check(sent.is_some_and(|sent| sent.lost() == 0), || {
        "the sender itself lost packets".to_owned()
    })?;
    // GStreamer's own packets come back to it through the path, too.
    let ssrc = sent.map(|sent| sent.ssrc.as_str());
    let behind = stream(path, gstreamer, ssrc).map(judge::RtpStream::lost);
    check(behind.is_some_and(|lost| lost > 10), || {
        format!("lost behind the path: {behind:?}")
    })?;
    let clean = sound::speech_in(&speech, &sound::offline(&speech, Codec::Pcmu)?)?.pesq;
    let heard = sound::speech_in(&speech, &record)?.pesq;
    check(heard < clean - 0.5, || {
        format!("PESQ {heard} with loss, {clean} without")
    })
}
