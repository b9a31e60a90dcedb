//! Digits both ways with GStreamer, and of senders that are hard to understand:
//! the captures of sip-tester, sent to our binary as they were captured.
//!
//! Each of these begins with a duration of zero, counts twice as fast as its clock says,
//! and sends its end three times under one sequence number.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use talkpath_interop::description::{audio_port, is_whole};
use talkpath_interop::needs::Need;
use talkpath_interop::process::Process;
use talkpath_interop::sound::Codec;
use talkpath_interop::talkpath::{self, Delay, Session};
use talkpath_interop::verdict::{Failure, Verdict, While, check};
use talkpath_interop::{peers, ports};

use crate::trial;

const CAPTURES: &str = "/usr/share/sip-tester";
const KEYS: &str = "0123456789*#1155";
const DIALLED_HERE: &str = "0042#D";
const DIALLED_THERE: &str = "1599#0*";
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    let name = "digits::captures_of_sip_tester_are_heard_as_dialled";
    vec![
        trial(name, &[Need::SipTester], captures),
        trial("digits::gstreamer_both_ways", &[Need::GStreamer], gstreamer),
    ]
}

fn gstreamer(folder: &Path) -> Verdict {
    let (ours, theirs) = (ports::block(10)?, ports::block(2)?);
    let (offer, answer) = (folder.join("offer.sdp"), folder.join("answer.sdp"));
    std::fs::write(&offer, describe(*theirs.start())).while_doing("writing the offer")?;
    let mut command = peers::script("gst_dtmf.py");
    command.args(["--port", &theirs.start().to_string()]);
    command.args(["--dtmf", DIALLED_THERE, "--seconds", "8"]);
    let mut peer = Process::start("GStreamer", &mut command)?;
    peer.wait_for("ready", PATIENCE)?;
    let mut command = Command::new(talkpath::binary()?);
    command.args(["answer", "--json", "--seconds", "8", "--dtmf", DIALLED_HERE]);
    command.args(["--ports", &format!("{}-{}", ours.start(), ours.end())]);
    command
        .arg("--offer")
        .arg(&offer)
        .arg("--sdp-out")
        .arg(&answer);
    let mut talkpath = Process::start("talkpath answer", &mut command)?;
    let answer = talkpath.wait_for_file(&answer, is_whole, PATIENCE)?;
    peer.tell(&format!("127.0.0.1:{}", audio_port(&answer)?))?;
    let heard_there = peer.finish(PATIENCE)?.json()?["digits"].clone();
    let heard_here = talkpath.finish(PATIENCE)?.json()?["digits"].clone();
    check(heard_here == DIALLED_THERE, || {
        format!("we heard {heard_here} instead of {DIALLED_THERE:?}")
    })?;
    check(heard_there == DIALLED_HERE, || {
        format!("GStreamer heard {heard_there} instead of {DIALLED_HERE:?}")
    })
}

fn captures(folder: &Path) -> Verdict {
    let (ours, theirs) = (ports::block(10)?, ports::block(2)?);
    let (offer, answer) = (folder.join("offer.sdp"), folder.join("answer.sdp"));
    let socket = UdpSocket::bind(("127.0.0.1", *theirs.start())).while_doing("binding")?;
    std::fs::write(&offer, describe(*theirs.start())).while_doing("writing the offer")?;
    let session = Session {
        ports: ours,
        codecs: vec![Codec::Pcmu],
        sdp_out: answer.clone(),
        remote_sdp: offer,
        play: None,
        record: None,
        seconds: 8.0,
        delay: Delay::Follows,
    };
    let mut talkpath = session.answer()?;
    let answer = talkpath.wait_for_file(&answer, is_whole, PATIENCE)?;
    let port = audio_port(&answer)?;
    for (nth, key) in (1..).zip(KEYS.chars()) {
        replay(&socket, port, key, nth)?;
    }
    let digits = talkpath.finish(PATIENCE)?.json()?["digits"].clone();
    check(digits == KEYS, || format!("{digits} instead of {KEYS:?}"))
}

fn describe(port: u16) -> String {
    format!(
        "v=0\r\n\
         o=peer 7 1 IN IP4 127.0.0.1\r\n\
         s=-\r\n\
         c=IN IP4 127.0.0.1\r\n\
         t=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n"
    )
}

/// Sends the capture of `key` at its own pace, as the `nth` press of a stream.
fn replay(socket: &UdpSocket, port: u16, key: char, nth: u16) -> Verdict {
    let name = match key {
        '*' => "star".to_owned(),
        '#' => "pound".to_owned(),
        key => key.to_string(),
    };
    let path = format!("{CAPTURES}/dtmf_2833_{name}.pcap");
    let capture = std::fs::read(&path).while_doing(&path)?;
    let began = Instant::now();
    let (mut first, mut first_seq) = (None, None);
    for (at, mut rtp) in packets(&capture).ok_or_else(|| Failure::new(path))? {
        let lag = at.saturating_sub(*first.get_or_insert(at));
        thread::sleep(lag.saturating_sub(began.elapsed()));
        // The same capture twice would be one press heard twice: numbers go on,
        // and timestamps by a second a press.
        let seq = u16::from_be_bytes([rtp[2], rtp[3]]);
        let seq = seq.wrapping_sub(*first_seq.get_or_insert(seq)) + nth * 64;
        rtp[2..4].copy_from_slice(&seq.to_be_bytes());
        rtp[4..8].copy_from_slice(&(u32::from(nth) * 8000).to_be_bytes());
        socket
            .send_to(&rtp, ("127.0.0.1", port))
            .while_doing("sending")?;
    }
    thread::sleep(Duration::from_millis(100));
    Ok(())
}

/// The UDP payloads of a little-endian capture of Ethernet.
fn packets(capture: &[u8]) -> Option<Vec<(Duration, Vec<u8>)>> {
    let mut rest = capture.get(24..)?;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let word = |at: usize| Some(u32::from_le_bytes(rest.get(at..at + 4)?.try_into().ok()?));
        let at = Duration::new(word(0)?.into(), word(4)? * 1000);
        let len = word(8)? as usize;
        let frame = rest.get(16..16 + len)?;
        let ip = 14 + usize::from(frame.get(14)? & 0x0f) * 4;
        all.push((at, frame.get(ip + 8..)?.to_vec()));
        rest = &rest[16 + len..];
    }
    Some(all)
}
