//! Our SDP, read by tshark: wrapped in an INVITE and a 200, as a SIP peer
//! would get it.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use talkpath_interop::description::{Direction, Rtcp, audio_port, is_whole, of_peer};
use talkpath_interop::judge::{self, Described};
use talkpath_interop::needs::Need;
use talkpath_interop::ports;
use talkpath_interop::sip::Dialogue;
use talkpath_interop::sound::Codec;
use talkpath_interop::talkpath::{Delay, Session};
use talkpath_interop::verdict::{Failure, Verdict, check};

use crate::gstreamer::hand_over;
use crate::trial;

const PATIENCE: Duration = Duration::from_secs(60);
const NEEDS: &[Need] = &[Need::Tshark];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("sdp::offer_says_what_we_can", NEEDS, offer_says_what_we_can),
        trial("sdp::answer_takes_one_codec", NEEDS, answer_takes_one_codec),
        trial(
            "sdp::answer_refuses_in_its_slot",
            NEEDS,
            answer_refuses_in_its_slot,
        ),
    ]
}

fn offer_says_what_we_can(folder: &Path) -> Verdict {
    let session = session(
        folder,
        "offer.sdp",
        "never.sdp",
        vec![Codec::Pcma, Codec::Pcmu],
    )?;
    let offer = session
        .offer()?
        .wait_for_file(&session.sdp_out, is_whole, PATIENCE)?;
    let port = audio_port(&offer)?;
    check(session.ports.contains(&port), || {
        format!("port {port} is not in {:?}", session.ports)
    })?;
    let (described, _) = judged(folder, offer, None)?;
    check(described.addresses == ["127.0.0.1"], || {
        format!("addresses: {described:?}")
    })?;
    let wanted = format!("audio {port} RTP/AVP 8 0");
    let media = described
        .media
        .first()
        .is_some_and(|media| media.starts_with(&wanted));
    check(media && described.media.len() == 1, || {
        format!("wanted {wanted:?}: {described:?}")
    })?;
    has(
        &described,
        &["rtpmap:8 PCMA/8000", "rtpmap:0 PCMU/8000", "rtcp-mux"],
    )
}

fn answer_takes_one_codec(folder: &Path) -> Verdict {
    let offer = of_peer(30_000, Codec::Pcma, Direction::SendOnly, Rtcp::Muxed);
    let answer = answer_to(folder, &offer, vec![Codec::Pcmu, Codec::Pcma])?;
    let port = audio_port(&answer)?;
    let (_, described) = judged(folder, offer, Some(answer))?;
    let described = described.ok_or_else(|| Failure::new("tshark saw no answer"))?;
    check(
        described.media == [format!("audio {port} RTP/AVP 8")],
        || format!("{described:?}"),
    )?;
    has(&described, &["rtpmap:8 PCMA/8000", "recvonly", "rtcp-mux"])
}

/// Video before the audio, which we cannot carry: port 0 in the same place.
fn answer_refuses_in_its_slot(folder: &Path) -> Verdict {
    let audio = of_peer(30_000, Codec::Pcmu, Direction::SendRecv, Rtcp::NextPort);
    let video = "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio";
    let offer = audio.replacen("m=audio", video, 1);
    let answer = answer_to(folder, &offer, vec![Codec::Pcmu])?;
    let port = audio_port(&answer)?;
    let (_, described) = judged(folder, offer, Some(answer))?;
    let described = described.ok_or_else(|| Failure::new("tshark saw no answer"))?;
    let wanted = [
        "video 0 RTP/AVP 96".to_owned(),
        format!("audio {port} RTP/AVP 0"),
    ];
    check(described.media == wanted, || {
        format!("wanted {wanted:?}: {described:?}")
    })
}

fn session(folder: &Path, own: &str, remote: &str, codecs: Vec<Codec>) -> Verdict<Session> {
    Ok(Session {
        ports: ports::block(4)?,
        codecs,
        sdp_out: folder.join(own),
        remote_sdp: folder.join(remote),
        play: None,
        record: None,
        seconds: 1.0,
        delay: Delay::Follows,
    })
}

fn answer_to(folder: &Path, offer: &str, codecs: Vec<Codec>) -> Verdict<String> {
    let session = session(folder, "answer.sdp", "offer.sdp", codecs)?;
    hand_over(&session.remote_sdp, offer)?;
    session
        .answer()?
        .wait_for_file(&session.sdp_out, is_whole, PATIENCE)
}

/// What tshark reads in an offer and an answer that it finds nothing wrong
/// with.
fn judged(
    folder: &Path,
    offer: String,
    answer: Option<String>,
) -> Verdict<(Described, Option<Described>)> {
    let pcap = folder.join("sip.pcap");
    Dialogue { offer, answer }.write(&pcap)?;
    judge::no_warnings(&pcap, &[])?;
    let mut described = judge::descriptions(&pcap)?.into_iter();
    let offer = described
        .next()
        .ok_or_else(|| Failure::new("tshark saw no SDP"))?;
    Ok((offer, described.next()))
}

fn has(described: &Described, attributes: &[&str]) -> Verdict {
    for attribute in attributes {
        let found = described.attributes.iter().any(|seen| seen == attribute);
        check(found, || format!("no a={attribute}: {described:?}"))?;
    }
    Ok(())
}
