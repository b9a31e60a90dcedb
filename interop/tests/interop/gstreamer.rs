//! Our binary in calls with GStreamer: both speak, both listen.
//!
//! Which side offers, the codec and where RTCP goes vary so that each pair of
//! them occurs.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use talkpath_interop::capture::Capture;
use talkpath_interop::description::{Direction, Rtcp, audio_port, is_whole, of_peer};
use talkpath_interop::needs::Need;
use talkpath_interop::peers::GStreamer;
use talkpath_interop::sip::Dialogue;
use talkpath_interop::sound::{self, Codec};
use talkpath_interop::talkpath::{Delay, Session};
use talkpath_interop::verdict::{Failure, Verdict, While};
use talkpath_interop::{judge, ports};

use crate::expect;
use crate::trial;

const PATIENCE: Duration = Duration::from_secs(60);
const TONES: &[Need] = &[
    Need::GStreamer,
    Need::Tshark,
    Need::Capture,
    Need::Sound,
    Need::Scores,
];
const SPEECH: &[Need] = &[
    Need::GStreamer,
    Need::Tshark,
    Need::Capture,
    Need::Sound,
    Need::Scores,
    Need::Pesq,
];

/// Which side makes the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offers {
    We,
    They,
}

/// What varies from call to call.
#[derive(Debug, Clone, Copy)]
struct Kind {
    offers: Offers,
    codec: Codec,
    rtcp: Rtcp,
    delay: Delay,
}

/// What a call left behind.
struct Called {
    /// What GStreamer recorded of us.
    theirs: PathBuf,
    /// What we recorded of GStreamer.
    ours: PathBuf,
    /// Offer, answer and every packet.
    wire: PathBuf,
    our_port: u16,
    their_port: u16,
    /// GStreamer's own account.
    said: Value,
}

pub(crate) fn trials() -> Vec<Trial> {
    use Codec::{G722, L16, Opus, Pcma, Pcmu};
    use Offers::{They, We};
    use Rtcp::{Muxed, NextPort};
    let tones = |offers, codec, rtcp| {
        move |folder: &Path| {
            tones(
                folder,
                Kind {
                    offers,
                    codec,
                    rtcp,
                    delay: Delay::Follows,
                },
            )
        }
    };
    let speech = |offers, codec, rtcp| {
        move |folder: &Path| {
            speech(
                folder,
                Kind {
                    offers,
                    codec,
                    rtcp,
                    delay: Delay::Steady,
                },
            )
        }
    };
    vec![
        trial(
            "gstreamer::tones_pcmu_we_offer",
            TONES,
            tones(We, Pcmu, Muxed),
        ),
        trial(
            "gstreamer::tones_pcma_they_offer",
            TONES,
            tones(They, Pcma, NextPort),
        ),
        trial(
            "gstreamer::speech_pcmu_they_offer",
            SPEECH,
            speech(They, Pcmu, Muxed),
        ),
        trial(
            "gstreamer::speech_pcma_we_offer",
            SPEECH,
            speech(We, Pcma, NextPort),
        ),
        trial(
            "gstreamer::speech_g722_we_offer",
            SPEECH,
            speech(We, G722, Muxed),
        ),
        trial(
            "gstreamer::speech_opus_they_offer",
            SPEECH,
            speech(They, Opus, NextPort),
        ),
        trial(
            "gstreamer::speech_l16_we_offer",
            SPEECH,
            speech(We, L16, Muxed),
        ),
    ]
}

fn tones(folder: &Path, kind: Kind) -> Verdict {
    let rate = kind.codec.rate();
    let called = call(
        folder,
        kind,
        &sound::tone(440, 6, rate)?,
        &sound::tone(1000, 6, rate)?,
    )?;
    expect::tone(&called.theirs, 440, 5.0)?;
    expect::tone(&called.ours, 1000, 5.0)?;
    on_the_wire(&called, kind, 250)
}

/// Three calls at once, judged by the median of each direction.
fn speech(folder: &Path, kind: Kind) -> Verdict {
    let wav = sound::speech(kind.codec.rate())?;
    let calls: Vec<Called> = thread::scope(|scope| {
        let run = |number: u8| {
            let (own, wav) = (folder.join(number.to_string()), wav.clone());
            scope.spawn(move || {
                std::fs::create_dir_all(&own).while_doing(own.display())?;
                call(&own, kind, &wav, &wav)
            })
        };
        let started = [run(1), run(2), run(3)];
        let joined = started.map(|call| {
            call.join()
                .unwrap_or_else(|_| Err(Failure::new("a call's thread panicked")))
        });
        joined.into_iter().collect::<Verdict<_>>()
    })?;
    for called in &calls {
        on_the_wire(called, kind, 600)?;
    }
    let ours: Vec<_> = calls.iter().map(|called| called.ours.clone()).collect();
    let theirs: Vec<_> = calls.iter().map(|called| called.theirs.clone()).collect();
    expect::speech(&wav, kind.codec, &ours, expect::OUR_RECORDING)?;
    expect::speech(&wav, kind.codec, &theirs, expect::THEIR_RECORDING)
}

fn on_the_wire(called: &Called, kind: Kind, at_least: usize) -> Verdict {
    let Called {
        wire,
        our_port,
        their_port,
        ..
    } = called;
    let control = if kind.rtcp == Rtcp::Muxed { 0 } else { 1 };
    expect::stream(wire, *our_port, *their_port, kind.codec, at_least)?;
    expect::stream(wire, *their_port, *our_port, kind.codec, at_least)?;
    expect::reports_and_bye(wire, our_port + control, their_port + control)?;
    expect::gstreamer_is_content(&called.said)?;
    judge::no_warnings(wire, &[])
}

/// One call from offer to BYE. GStreamer holds its ports from the beginning
/// and speaks once it knows ours, so neither side loses a word of the other.
fn call(folder: &Path, kind: Kind, we_play: &Path, they_play: &Path) -> Verdict<Called> {
    let block = ports::block(10)?;
    // Not next to ours: tshark would take RTP at one for RTCP of the other.
    let their_port = block.start() + 6;
    let seconds = sound::seconds(they_play)?.max(sound::seconds(we_play)?) + 1.5;
    let (offer_file, answer_file) = (folder.join("offer.sdp"), folder.join("answer.sdp"));
    let (ours, theirs) = (folder.join("ours.wav"), folder.join("theirs.wav"));
    let (sdp_out, remote_sdp) = match kind.offers {
        Offers::We => (offer_file, answer_file),
        Offers::They => (answer_file, offer_file),
    };
    let peer = GStreamer {
        codec: kind.codec,
        port: their_port,
        rtcp: kind.rtcp,
        play: they_play.to_path_buf(),
        record: theirs.clone(),
        seconds,
    };
    let session = Session {
        ports: *block.start()..=block.start() + 3,
        codecs: vec![kind.codec],
        sdp_out: sdp_out.clone(),
        remote_sdp: remote_sdp.clone(),
        play: Some(we_play.to_path_buf()),
        record: Some(ours.clone()),
        // Longer than GStreamer, which reads its numbers before our BYE.
        seconds: seconds + 1.5,
        delay: kind.delay,
    };
    let their_sdp = of_peer(their_port, kind.codec, Direction::SendRecv, kind.rtcp);

    let capture = Capture::start(&block, &folder.join("wire.pcap"))?;
    let mut gstreamer = peer.start()?;
    let (mut talkpath, our_sdp) = match kind.offers {
        Offers::We => {
            let mut talkpath = session.offer()?;
            let our_sdp = talkpath.wait_for_file(&sdp_out, is_whole, PATIENCE)?;
            hand_over(&remote_sdp, &their_sdp)?;
            (talkpath, our_sdp)
        }
        Offers::They => {
            hand_over(&remote_sdp, &their_sdp)?;
            let mut talkpath = session.answer()?;
            let our_sdp = talkpath.wait_for_file(&sdp_out, is_whole, PATIENCE)?;
            (talkpath, our_sdp)
        }
    };
    let our_port = audio_port(&our_sdp)?;
    GStreamer::meet(&mut gstreamer, our_port)?;
    let said = gstreamer
        .finish(PATIENCE)
        .map_err(|failure| failure.with(talkpath.report()))?;
    talkpath.finish(PATIENCE)?;
    let (offer, answer) = match kind.offers {
        Offers::We => (our_sdp, their_sdp),
        Offers::They => (their_sdp, our_sdp),
    };
    let wire = Dialogue {
        offer,
        answer: Some(answer),
    }
    .before(&capture.stop()?)?;
    Ok(Called {
        theirs,
        ours,
        wire,
        our_port,
        their_port,
        said: said.json()?,
    })
}

/// Puts a description where the other side waits for it, whole at once.
pub(crate) fn hand_over(file: &Path, sdp: &str) -> Verdict {
    let part = file.with_extension("part");
    std::fs::write(&part, sdp).while_doing(part.display())?;
    std::fs::rename(&part, file).while_doing(file.display())
}
