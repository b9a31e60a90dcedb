//! Captures written here, and what is found in them.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_file::pcap::{PcapError, PcapWriter, Precision};
use talkpath_sdp::SessionDescription;
use talkpath_wire::rtcp::{
    ReceiverReportWriter, ReportBlock, SdesWriter, VoipMetrics, VoipMetricsWriter, WriteRtcp,
    write_compound,
};
use talkpath_wire::{PayloadType, RtpHeader, RtpTime, Seq, Ssrc};

use super::*;

/// A capture being written.
struct Tape {
    writer: PcapWriter,
    bytes: Vec<u8>,
}

/// A packet before it is written.
#[derive(Clone)]
struct Sent {
    ms: u64,
    number: u8,
    seq: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

const A: &str = "10.0.0.1:4000";
const B: &str = "[2001:db8::2]:5000";
const C: &str = "[2001:db8::3]:6000";
const SSRC: Ssrc = Ssrc::new(0xfeed);

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Tape {
    fn new() -> Self {
        let writer = PcapWriter::new(Precision::Nanoseconds);
        let bytes = writer.header().to_vec();
        Tape { writer, bytes }
    }

    fn datagram(&mut self, ms: u64, from: &str, to: &str, payload: &[u8]) {
        let at = Duration::from_millis(1_700_000_000_000 + ms);
        let (from, to) = (addr(from), addr(to));
        self.writer
            .datagram(at, from, to, payload, &mut self.bytes)
            .unwrap();
    }

    fn rtp(&mut self, from: &str, to: &str, sent: &Sent) {
        let header = RtpHeader::new(
            PayloadType::from_header_byte(sent.number),
            Seq::new(sent.seq),
            RtpTime::new(sent.timestamp),
            SSRC,
        );
        let mut bytes = vec![0; header.calculate_size()];
        header.write_into(&mut bytes).unwrap();
        bytes.extend_from_slice(&sent.payload);
        self.datagram(sent.ms, from, to, &bytes);
    }

    fn stream(sent: &[Sent]) -> Vec<u8> {
        let mut tape = Tape::new();
        sent.iter().for_each(|sent| tape.rtp(B, C, sent));
        tape.bytes
    }
}

/// `packets` of a tone in 20 ms of PCMU each, number `n` at `20 * n` ms.
fn speech(packets: u64) -> Vec<Sent> {
    let sent = |n: u64| Sent {
        ms: 20 * n,
        number: 0,
        seq: (65_500 + n) as u16,
        timestamp: 160 * n as u32,
        payload: (0..160)
            .map(|at| if at % 8 < 4 { 0x90 } else { 0x10 })
            .collect(),
    };
    (0..packets).map(sent).collect()
}

fn only(capture: &[u8]) -> Stream {
    let found = Probe::new().look(capture).unwrap();
    assert_eq!(found.streams.len(), 1, "{found:?}");
    found.streams[0].clone()
}

#[test]
fn a_clean_stream_is_found_and_rated_high() {
    let capture = Tape::stream(&speech(500));
    let found = Probe::new().look(&capture).unwrap();
    assert_eq!((found.datagrams, found.other, found.skipped), (500, 0, 0));
    assert_eq!(found.lasted, Duration::from_millis(9980));
    let stream = only(&capture);
    assert_eq!(
        (stream.from, stream.to, stream.ssrc),
        (addr(B), addr(C), SSRC)
    );
    assert_eq!(
        (stream.packets, stream.lost, stream.expected()),
        (500, 0, 500)
    );
    assert_eq!(stream.format().unwrap().to_string(), "PCMU/8000");
    assert_eq!(stream.payloads[0].named, Named::Static);
    assert_eq!(stream.packet_time, Some(Duration::from_millis(20)));
    assert_eq!(stream.jitter, Duration::ZERO);
    assert!(stream.quality.unwrap().rating.mos() > 4.3);
    assert!(
        (98..=103).contains(&stream.course.len()),
        "{}",
        stream.course.len()
    );
    assert!(found.cut.is_none() && !stream.is_cut_short);
}

#[test]
fn what_is_heard_is_what_was_said() {
    let mut pcm = Vec::new();
    let mut hear = |stream: usize, frame: &[i16], rate: SampleRate| {
        assert_eq!((stream, rate), (0, SampleRate::HZ_8000));
        pcm.extend_from_slice(frame);
    };
    let capture = Tape::stream(&speech(100));
    let found = Probe::new().listen(&capture, &mut hear).unwrap();
    let playout = found.streams[0].playout.unwrap();
    assert_eq!((playout.packets, playout.concealed), (100, 0));
    let loud = pcm.iter().filter(|sample| sample.unsigned_abs() > 5000);
    assert!(loud.count() >= 15_800, "{}", pcm.len());
}

#[test]
fn losses_copies_and_disorder_are_counted() {
    let mut sent = speech(300);
    sent.retain(|sent| ![50, 51, 200].contains(&(sent.ms / 20)));
    let again = sent[100].clone();
    sent.insert(101, again);
    sent.swap(150, 151);
    (sent[150].ms, sent[151].ms) = (sent[151].ms, sent[151].ms);
    let stream = only(&Tape::stream(&sent));
    assert_eq!((stream.packets, stream.lost), (298, 3));
    assert_eq!((stream.duplicates, stream.reordered), (1, 1));
    assert_eq!(stream.losses.losses, 3);
    assert!(stream.most_jitter > Duration::from_millis(1));
    let quality = stream.quality.unwrap();
    assert!((0.005..0.03).contains(&quality.loss), "{quality:?}");
}

#[test]
fn digits_are_read_once_whatever_their_copies() {
    let mut sent = speech(20);
    for (key, at) in [(1u8, 20u16), (5, 30), (11, 40)] {
        for n in 0..8u16 {
            let end = if n >= 5 { 0x80 } else { 0 };
            let [high, low] = (160 * (n.min(5) + 1)).to_be_bytes();
            sent.push(Sent {
                ms: 20 * u64::from(at + n),
                number: 101,
                seq: 65_500u16.wrapping_add(at + n),
                timestamp: 160 * u32::from(at),
                payload: vec![key, end | 10, high, low],
            });
        }
    }
    let stream = only(&Tape::stream(&sent));
    let digits: String = stream.digits.iter().map(|it| it.digit.as_char()).collect();
    assert_eq!(digits, "15#");
    assert_eq!(stream.digits[0].duration, Duration::from_millis(120));
    let events = &stream.payloads[0];
    assert_eq!((events.number.value(), events.named), (101, Named::Guessed));
    assert_eq!(stream.format().unwrap().to_string(), "PCMU/8000");
}

#[test]
fn digits_without_events_are_heard_in_the_sound() {
    use talkpath_audio::dtmf::{Key, KeyTone};
    use talkpath_audio::{Codec, Parameters, g711};
    let mut sent = speech(0);
    let mut encoder = g711::PCMA.encoder(Parameters::NONE);
    for (n, key) in ['7', ' ', '#', ' '].into_iter().enumerate() {
        let mut pcm = [0; 800];
        if let Some(key) = Key::from_char(key) {
            KeyTone::new(key, Duration::from_millis(100), SampleRate::HZ_8000).fill(&mut pcm);
        }
        for (part, pcm) in pcm.chunks(160).enumerate() {
            let at = (5 * n + part) as u64;
            let mut payload = vec![0; 160];
            encoder.encode(pcm, &mut payload).unwrap();
            sent.push(Sent {
                ms: 20 * at,
                number: 8,
                seq: at as u16,
                timestamp: 160 * at as u32,
                payload,
            });
        }
    }
    let stream = only(&Tape::stream(&sent));
    let digits: String = stream.digits.iter().map(|it| it.digit.as_char()).collect();
    assert_eq!((digits.as_str(), stream.carriage), ("7#", Carriage::Sound));
}

#[test]
fn descriptions_name_what_numbers_mean_where_they_are_meant() {
    let described = |port: u16, rtpmap: &str| {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP6 2001:db8::3\r\ns=-\r\nc=IN IP6 2001:db8::3\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 97\r\na=rtpmap:97 {rtpmap}\r\n"
        );
        SessionDescription::parse(text).unwrap()
    };
    let mut sent = speech(50);
    sent.iter_mut().for_each(|sent| sent.number = 97);
    let capture = Tape::stream(&sent);
    let unknown = only(&capture);
    assert_eq!(
        (unknown.payloads[0].named, unknown.quality),
        (Named::Unknown, None)
    );
    assert_eq!((unknown.jitter, unknown.playout), (Duration::ZERO, None));
    let probe = Probe::new()
        .describe(&described(1234, "L16/8000"))
        .describe(&described(6000, "PCMU/8000"));
    let known = &probe.look(&capture).unwrap().streams[0];
    assert_eq!(known.payloads[0].named, Named::Described);
    assert_eq!(known.format().unwrap().to_string(), "PCMU/8000");
    assert_eq!(known.playout.unwrap().packets, 50);
}

#[test]
fn opus_is_known_by_its_packets_and_its_clock() {
    let mut sent = speech(50);
    for sent in &mut sent {
        (sent.number, sent.timestamp) = (111, sent.timestamp * 6);
        // 20 ms of silence, as the codec itself writes it.
        sent.payload = vec![0xf8, 0xff, 0xfe];
    }
    let stream = only(&Tape::stream(&sent));
    assert_eq!(stream.format().unwrap().to_string(), "opus/48000/2");
    assert_eq!(stream.payloads[0].named, Named::Guessed);
    assert_eq!(stream.playout.unwrap().packets, 50);
}

#[test]
fn what_rtcp_told_stands_with_its_stream() {
    let mut tape = Tape::new();
    speech(50).iter().for_each(|sent| tape.rtp(B, C, sent));
    let block = ReportBlock {
        ssrc: SSRC,
        fraction_lost: 64,
        cumulative_lost: 12,
        highest_seq: 7,
        jitter: 80,
        last_sr: 0,
        delay_since_last_sr: 0,
    };
    let metrics = VoipMetrics {
        mos_conversing: Some(38),
        ..VoipMetrics::of(SSRC)
    };
    let ssrc = Ssrc::new(2);
    let mut bytes = [0; 256];
    let report = ReceiverReportWriter {
        ssrc,
        blocks: &[block],
    };
    let xr = VoipMetricsWriter { ssrc, metrics };
    let packets: [&dyn WriteRtcp; 2] = [&report, &xr];
    let size = write_compound(&packets, &mut bytes).unwrap();
    tape.datagram(2000, C, B, &bytes[..size]);
    let report = ReceiverReportWriter {
        ssrc: SSRC,
        blocks: &[],
    };
    let sdes = SdesWriter {
        ssrc: SSRC,
        cname: b"me@host",
    };
    let packets: [&dyn WriteRtcp; 2] = [&report, &sdes];
    let size = write_compound(&packets, &mut bytes).unwrap();
    tape.datagram(2100, B, C, &bytes[..size]);
    let found = Probe::new().look(&tape.bytes).unwrap();
    let told = &found.streams[0].told;
    assert_eq!((found.rtcp, told.receiver_reports), (2, 1));
    assert_eq!(
        told.heard.unwrap(),
        ToldBy {
            from: addr(C),
            block
        }
    );
    assert_eq!((told.worst_loss, told.voip), (0.25, Some(metrics)));
    assert_eq!(told.cname.as_deref(), Some("me@host"));
}

#[test]
fn what_only_looks_like_rtp_is_no_stream() {
    let mut tape = Tape::new();
    for n in 0..200u64 {
        let mut bytes = [0x80u8; 40];
        bytes[1] = 0;
        bytes[2..4].copy_from_slice(&((n * 7919) as u16).to_be_bytes());
        tape.datagram(n, A, "10.0.0.2:53", &bytes);
    }
    tape.datagram(300, A, "10.0.0.2:5060", b"OPTIONS sip:x SIP/2.0\r\n\r\n");
    let found = Probe::new().look(&tape.bytes).unwrap();
    assert_eq!((found.streams.len(), found.other), (0, 201));
}

#[test]
fn a_cut_capture_is_read_up_to_there_and_no_capture_is_refused() {
    let capture = Tape::stream(&speech(50));
    let found = Probe::new().look(&capture[..capture.len() - 10]).unwrap();
    assert_eq!(found.streams[0].packets, 49);
    assert!(matches!(found.cut, Some(PcapError::RecordTruncated { .. })));
    assert!(Probe::new().look(b"no").is_err());
}

#[test]
fn a_long_silence_and_a_clock_set_back_cost_nothing() {
    let mut sent = speech(20);
    for sent in &mut sent[10..] {
        sent.ms += 10 * 365 * 86_400_000;
    }
    sent[15].ms = 0;
    let stream = only(&Tape::stream(&sent));
    assert_eq!(stream.packets, 20);
    assert!(!stream.is_cut_short && stream.course.len() < 400);
}

/// Marsaglia's xorshift of 64 bits.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn twenty_thousand_mutations_are_survived() {
    let mut sent = speech(5);
    for n in 5..8u64 {
        sent.push(Sent {
            ms: 20 * n,
            number: 101,
            seq: (65_500 + n) as u16,
            timestamp: 800,
            payload: vec![5, 0x8a, 3, 0x20],
        });
    }
    sent.iter_mut().for_each(|sent| sent.payload.truncate(40));
    let heard = Tape::stream(&sent);
    // G.729, of which nothing is heard: most of the time is the playout's, which
    // has mutations of its own.
    sent[..5].iter_mut().for_each(|sent| sent.number = 18);
    let unheard = Tape::stream(&sent);
    let (mut state, mut found) = (7, 0);
    for turn in 0..20_000 {
        let seed = if turn % 5 == 0 { &heard } else { &unheard };
        let mut bytes = seed.clone();
        for _ in 0..=next(&mut state) % 4 {
            let at = next(&mut state) as usize % bytes.len();
            match next(&mut state) % 4 {
                0 => bytes[at] ^= 1 << (next(&mut state) % 8),
                1 => bytes[at] = next(&mut state) as u8,
                2 => bytes[at] = 0xff,
                _ => bytes.truncate(at.max(24)),
            }
        }
        if let Ok(look) = Probe::new().look(&bytes) {
            found += look.streams.len();
        }
    }
    assert!(found > 5_000, "{found}");
}
