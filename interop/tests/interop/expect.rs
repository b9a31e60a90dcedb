//! What a good call looks like, in numbers.
//!
//! A tone proves path and codec, PESQ the sound, sequence numbers in the
//! capture that nothing was lost, tshark's dissectors that every packet is
//! well formed and is where the SDP says.

use std::path::{Path, PathBuf};

use serde_json::Value;
use talkpath_interop::judge;
use talkpath_interop::sound::{self, Codec};
use talkpath_interop::verdict::{Failure, Verdict, check};

/// A recording may be this much worse than the codec alone: one of ours, and
/// one that a peer made of us.
pub(crate) const OUR_RECORDING: f64 = 0.10;
pub(crate) const THEIR_RECORDING: f64 = 0.15;

/// An RTP header, which is all that a keepalive has.
const HEADER: usize = 12;
const TONE_TOLERANCE_HZ: f64 = 3.0;
const TONE_SNR_DB: f64 = 15.0;

/// A tone of `hz`, clean, unbroken, of at least `seconds`.
pub(crate) fn tone(wav: &Path, hz: u32, seconds: f64) -> Verdict {
    let heard = sound::tone_in(wav)?;
    let near = (heard.hz - f64::from(hz)).abs() <= TONE_TOLERANCE_HZ;
    let whole = heard.seconds >= seconds && heard.dropout_ms == 0.0;
    check(near && heard.snr_db > TONE_SNR_DB && whole, || {
        format!(
            "{}: wanted {hz} Hz for {seconds} s, heard {heard:?}",
            wav.display()
        )
    })
}

/// The median PESQ of three recordings of the same speech, no more than
/// `within` under what the codec makes of it without a wire.
pub(crate) fn speech(sent: &Path, codec: Codec, heard: &[PathBuf], within: f64) -> Verdict {
    let best = sound::speech_in(sent, &sound::offline(sent, codec)?)?.pesq;
    check(best >= codec.clean(), || {
        format!("{}: PESQ {best:.2} offline", codec.name())
    })?;
    let mut scores = Vec::new();
    for wav in heard {
        let score = sound::speech_in(sent, wav)?;
        check(score.covered > 0.99, || {
            format!("{}: cut short: {score:?}", wav.display())
        })?;
        scores.push(score.pesq);
    }
    scores.sort_by(f64::total_cmp);
    let median = scores.get(scores.len() / 2).copied().unwrap_or(0.0);
    let name = codec.name();
    println!("    {name}: PESQ {median:.2} of {scores:.2?}, offline {best:.2}");
    check(median >= best - within, || {
        format!("{name}: PESQ {median:.2}, median of {scores:?}, against {best:.2} offline")
    })
}

/// RTP from one port to another: all of it, none lost, as the SDP announced.
pub(crate) fn stream(call: &Path, from: u16, to: u16, codec: Codec, at_least: usize) -> Verdict {
    let streams = judge::rtp_streams(call, &[])?;
    let mut between = streams
        .iter()
        .filter(|stream| (stream.from, stream.to) == (from, to));
    let (Some(stream), None) = (between.next(), between.next()) else {
        let seen: Vec<_> = streams
            .iter()
            .map(|stream| (stream.from, stream.to))
            .collect();
        return Err(Failure::new(format!(
            "wanted one stream {from} -> {to}, saw {seen:?}"
        )));
    };
    let (count, lost) = (stream.packets.len(), stream.lost());
    check(lost == 0, || {
        format!("{from} -> {to}: {lost} of {count} packets lost")
    })?;
    check(count >= at_least, || {
        format!("{from} -> {to}: {count} packets, wanted {at_least}")
    })?;
    let whole = |bytes: usize| match codec.packet_bytes() {
        Some(expected) => bytes == expected,
        None => bytes > HEADER,
    };
    // RFC 6263: who has nothing to say yet sends an empty packet now and then.
    let mut sound = stream.packets.iter().filter(|packet| packet.bytes > HEADER);
    let odd = sound.find(|packet| {
        packet.payload_type != codec.payload_type() || !whole(packet.bytes) || packet.setup != "SDP"
    });
    check(odd.is_none(), || {
        format!("{from} -> {to}: not what the SDP says: {odd:?}")
    })
}

/// No sound from one port to another; keepalives hold none (RFC 6263).
pub(crate) fn silence(call: &Path, from: u16, to: u16) -> Verdict {
    let streams = judge::rtp_streams(call, &[])?;
    let found = streams
        .iter()
        .find(|stream| (stream.from, stream.to) == (from, to));
    let is_silent =
        |stream: &judge::RtpStream| stream.packets.iter().all(|packet| packet.bytes == HEADER);
    check(found.is_none_or(is_silent), || {
        format!("{from} -> {to}: RTP where the SDP allows none")
    })
}

/// What GStreamer's own line of JSON says of us: everything came, and our
/// receiver reports told it that we got everything.
pub(crate) fn gstreamer_is_content(said: &Value) -> Verdict {
    let sources = said["sources"].as_array().into_iter().flatten();
    let Some(ours) = sources.clone().find(|source| source["internal"] == false) else {
        return Err(Failure::new(format!(
            "GStreamer heard of no other source: {said}"
        )));
    };
    let number = |name: &str| ours[name].as_i64().unwrap_or(i64::MAX);
    check(said["errors"].as_array().is_some_and(Vec::is_empty), || {
        format!("errors: {said}")
    })?;
    check(ours["have-sr"] == true, || {
        format!("no sender report of ours: {ours}")
    })?;
    check(ours["have-rb"] == true, || {
        format!("no report block of ours: {ours}")
    })?;
    check(number("rb-fractionlost") == 0, || {
        format!("our report says loss: {ours}")
    })?;
    // rtpbin begins to count one packet late: -1 is a clean run.
    check((-2..=0).contains(&number("packets-lost")), || {
        format!("it lost ours: {ours}")
    })
}

/// RTCP of one side on the wire: reports, names, and a BYE at the end.
pub(crate) fn reports_and_bye(call: &Path, from: u16, to: u16) -> Verdict {
    let packets = judge::rtcp_packets(call, &[])?;
    let mine = packets
        .iter()
        .filter(|packet| (packet.from, packet.to) == (from, to));
    let kinds: Vec<u8> = mine.map(|packet| packet.kind).collect();
    let has = |kind: u8| kinds.contains(&kind);
    // SR or RR, SDES, BYE.
    check((has(200) || has(201)) && has(202) && has(203), || {
        format!("{from} -> {to}: RTCP types {kinds:?}, wanted reports, SDES and BYE")
    })
}
