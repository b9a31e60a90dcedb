//! What the lines mean: the typed views, and the session behind the medium.

mod corpus;

use core::net::IpAddr;
use core::time::Duration;

use corpus::{BROWSER, SIP_OFFER};
use talkpath_sdp::attribute::*;
use talkpath_sdp::{
    Attribute, Connection, Direction, Host, Media, MediaKind, Origin, Protocol, SessionDescription,
    static_format,
};
use talkpath_wire::{Format, PayloadType};

fn pt(number: u8) -> PayloadType {
    PayloadType::new(number).expect("at most 127")
}

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text).expect("a description")
}

fn with_first<R>(text: &str, read: impl Fn(Media<'_>) -> R) -> R {
    read(parse(text).media().next().expect("an m-line"))
}

#[test]
fn a_phones_offer_reads_as_it_was_meant() {
    let description = parse(SIP_OFFER);
    assert_eq!(SIP_OFFER.len(), 580, "the yardstick of goals on speed");
    let origin = description.origin().unwrap();
    assert_eq!(
        (origin.username, origin.version_number()),
        (&b"alice"[..], Some(2890844526))
    );
    let audio = description.media().next().unwrap();
    assert_eq!(
        (audio.kind(), audio.protocol()),
        (MediaKind::Audio, Protocol::RtpAvp)
    );
    assert_eq!(
        (audio.port(), audio.port_count(), audio.index()),
        (10000, 1, 0)
    );
    assert_eq!(
        audio.payload_types().map(|n| n.value()).collect::<Vec<_>>(),
        [0, 8, 9, 18, 96, 101]
    );
    assert_eq!(audio.format(pt(0)), Some(Format::new("PCMU", 8000)));
    let opus = Format::new("opus", 48000).with_channels(2);
    let opus = opus.with_fmtp(b"useinbandfec=1;maxplaybackrate=48000");
    assert_eq!(audio.format(pt(96)), Some(opus));
    assert!(audio.format(pt(101)).unwrap().is_telephone_event());
    assert_eq!(audio.ptime(), Some(Ptime(Duration::from_millis(20))));
    assert_eq!(audio.maxptime(), Some(MaxPtime(Duration::from_millis(60))));
    assert_eq!(audio.rtcp().unwrap().port, 10001);
    assert!(audio.has("rtcp-mux") && !audio.has("rtcp-mux-only"));
    assert_eq!(audio.attribute("ice-ufrag"), Some(&b"k3Vd"[..]));
    assert_eq!(audio.direction(), Direction::SendRecv);
    assert_eq!(
        audio.connection().unwrap().ip(),
        Some(IpAddr::from([192, 0, 2, 10]))
    );
}

#[test]
fn a_browsers_offer_reads_as_it_was_meant() {
    let description = parse(BROWSER);
    let group = description.session().typed::<Group<'_>>().unwrap();
    assert_eq!(group.semantics, "BUNDLE");
    assert_eq!(group.mids().collect::<Vec<_>>(), [b"0", b"1", b"2"]);
    let media: Vec<_> = description.media().collect();
    assert_eq!(media.len(), 3);
    assert_eq!(media[0].protocol(), Protocol::DtlsSavpf);
    assert!(media[0].protocol().is_secure() && media[0].protocol().has_feedback());
    let candidates: Vec<_> = media[0].all::<Candidate<'_>>().collect();
    assert_eq!(candidates.len(), 3);
    assert_eq!(candidates[0].extension("network-id"), Some(&b"1"[..]));
    assert_eq!(candidates[1].kind, CandidateKind::ServerReflexive);
    let base = Host::Ip(IpAddr::from([192, 0, 2, 7]));
    assert_eq!(candidates[1].related, Some((base, 46243)));
    assert!(matches!(candidates[2].host, Host::Name(name) if name.ends_with(".local")));
    let print = media[0].inherited::<Fingerprint<'_>>().unwrap();
    assert_eq!(
        (print.digest().count(), print.digest().next()),
        (32, Some(0x49))
    );
    assert_eq!(media[0].typed::<Setup>(), Some(Setup::ActPass));
    assert_eq!(media[0].typed::<Mid<'_>>(), Some(Mid("0")));
    let extension = media[0].all::<Extmap<'_>>().nth(1).unwrap();
    assert_eq!(
        (extension.id, extension.direction),
        (4, Some(Direction::SendRecv))
    );
    assert_eq!(media[1].direction(), Direction::RecvOnly);
    let bits: Vec<_> = media[1].bandwidths().map(|b| b.bits_per_second()).collect();
    assert_eq!(bits, [Some(2_500_000), Some(2_500_000)]);
    let feedback: Vec<_> = media[1].all::<RtcpFb<'_>>().collect();
    assert_eq!(feedback[2].target, FeedbackTarget::All);
    assert_eq!(feedback[2].feedback, b"nack pli");
    assert_eq!(
        media[1].typed::<SsrcGroup<'_>>().unwrap().ssrcs().count(),
        2
    );
    assert!(!media[2].protocol().is_rtp());
    assert_eq!(
        media[2].formats().collect::<Vec<_>>(),
        [b"webrtc-datachannel"]
    );
}

#[test]
fn the_medium_speaks_before_the_session() {
    let text = "v=0\r\nc=IN IP4 192.0.2.1\r\na=sendonly\r\na=ptime:30\r\n\
                m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\na=recvonly\r\n\
                m=audio 4002 RTP/AVP 0\r\n";
    let description = parse(text);
    let media: Vec<_> = description.media().collect();
    let ip = |last| Some(IpAddr::from([192, 0, 2, last]));
    assert_eq!(media[0].connection().unwrap().ip(), ip(2));
    assert_eq!(media[1].connection().unwrap().ip(), ip(1));
    assert_eq!(media[0].direction(), Direction::RecvOnly);
    assert_eq!(media[1].direction(), Direction::SendOnly);
    assert_eq!(media[1].ptime(), Some(Ptime(Duration::from_millis(30))));
    assert_eq!(media[0].attribute("ptime"), None);
}

#[test]
fn a_broken_address_of_the_medium_is_not_covered_by_the_sessions() {
    let text = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 nowhere!\r\n";
    assert!(with_first(text, |audio| audio.connection().is_none()));
}

#[test]
fn static_payload_types_need_no_rtpmap_and_yield_to_one() {
    assert_eq!(static_format(pt(9)), Some(Format::new("G722", 8000)));
    assert_eq!(
        static_format(pt(10)),
        Some(Format::new("L16", 44100).with_channels(2))
    );
    assert_eq!(static_format(pt(1)), None);
    assert_eq!(static_format(pt(96)), None);
    let text = "v=0\r\nm=audio 4000 RTP/AVP 0 18\r\na=rtpmap:0 L16/8000\r\na=fmtp:18 annexb=no\r\n";
    with_first(text, |audio| {
        assert_eq!(audio.format(pt(0)), Some(Format::new("L16", 8000)));
        let g729 = Format::new("G729", 8000).with_fmtp(b"annexb=no");
        assert_eq!(audio.format(pt(18)), Some(g729));
        assert_eq!(audio.format(pt(97)), None);
    });
}

#[test]
fn hold_is_seen_in_every_spelling() {
    for (value, hold) in [
        ("IN IP4 0.0.0.0", true),
        ("IN IP6 ::", true),
        ("IN IP6 0:0:0:0:0:0:0:0", true),
        ("IN IP6 hold.invalid", true),
        ("IN IP4 x.INVALID.", true),
        ("IN IP4 invalid", true),
        ("IN IP4 192.0.2.1", false),
        ("IN IP4 invalid.example", false),
    ] {
        assert_eq!(
            Connection::parse(value.as_bytes()).unwrap().is_hold(),
            hold,
            "{value}"
        );
    }
}

#[test]
fn connections_are_written_as_they_were_read() {
    for value in [
        "IN IP4 192.0.2.1",
        "IN IP4 233.252.0.1/127",
        "IN IP4 233.252.0.1/127/3",
        "IN IP6 ff15::101/3",
        "IN IP4 media.example.com",
    ] {
        assert_eq!(
            Connection::parse(value.as_bytes()).unwrap().to_string(),
            value
        );
    }
    for value in [
        "",
        "IN",
        "IN IP4",
        "IN IP5 192.0.2.1",
        "TN RFC2543 1234",
        "IN IP4 1.2.3",
    ] {
        assert_eq!(Connection::parse(value.as_bytes()), None, "{value}");
    }
    assert_eq!(Connection::parse(b"IN IP6 ff15::1/3/4"), None);
    assert_eq!(Connection::parse(b"IN IP4 192.0.2.1 x"), None);
}

#[test]
fn origins_are_read_from_the_right() {
    let origin = Origin::parse(b"John Q  Public 1 36893488147419103232 IN IP4 192.0.2.1").unwrap();
    assert_eq!(origin.username, b"John Q  Public");
    assert_eq!(origin.version, b"36893488147419103232");
    assert_eq!(
        (origin.session_id_number(), origin.version_number()),
        (Some(1), None)
    );
    assert_eq!(origin.ip(), Some(IpAddr::from([192, 0, 2, 1])));
    let next = Origin {
        version: b"2",
        ..origin
    };
    assert!(origin.is_same_session(&next));
    assert_eq!(Origin::parse(b"- 1 IN IP4"), None);
}

#[test]
fn crypto_takes_lifetimes_and_identifiers_in_any_form() {
    let value =
        b"2 AES_CM_128_HMAC_SHA1_32 inline:QUJD|2^31|1:4;inline:REVG|1048576;inline:R0hJ|5:1 KDR=1";
    let crypto = Crypto::parse(value).unwrap();
    assert_eq!((crypto.tag, crypto.suite), (2, "AES_CM_128_HMAC_SHA1_32"));
    let keys: Vec<_> = crypto.key_parameters().map(Option::unwrap).collect();
    assert_eq!(keys[0].key_and_salt, b"QUJD");
    assert_eq!(
        (keys[0].lifetime, keys[0].mki),
        (Some(1 << 31), Some((1, 4)))
    );
    assert_eq!((keys[1].lifetime, keys[1].mki), (Some(1_048_576), None));
    assert_eq!((keys[2].lifetime, keys[2].mki), (None, Some((5, 1))));
    assert_eq!(crypto.session_parameters().collect::<Vec<_>>(), [b"KDR=1"]);
    let shown = format!("{crypto:?} {keys:?}");
    assert!(
        !shown.contains("QUJD") && shown.contains("AES_CM_128_HMAC_SHA1_32"),
        "{shown}"
    );
    for key in [
        "inline:",
        "outline:QUJD",
        "inline:QU JD",
        "inline:QUJD|0",
        "inline:QUJD|1:129",
    ] {
        let value = format!("1 X {key}");
        let crypto = Crypto::parse(value.as_bytes());
        let keys = crypto.map(|crypto| crypto.key_parameters().all(|key| key.is_some()));
        let fine = key == "inline:QU JD";
        assert_eq!(keys, Some(fine), "{key}");
    }
}

#[test]
fn fmtp_parameters_are_found_whatever_their_case() {
    let fmtp = Fmtp::parse(b"104 mode-set=0,1,2; Max-Red=0;;octet-align").unwrap();
    assert_eq!(fmtp.parameter("max-red"), Some(&b"0"[..]));
    assert_eq!(fmtp.parameter("octet-align"), None);
    assert_eq!(fmtp.pairs().count(), 3);
    assert_eq!(fmtp.payload_type(), Some(pt(104)));
}

#[test]
fn packet_times_may_have_a_fraction() {
    let time = |value: &str| Ptime::parse(value.as_bytes()).map(|ptime| ptime.0.as_micros());
    assert_eq!(time("20"), Some(20_000));
    assert_eq!(time(" 2.5 "), Some(2_500));
    assert_eq!(time("0.125999"), Some(125));
    for value in [
        "",
        "0",
        "-20",
        "20ms",
        "1.",
        "1.x",
        "99999999999999999999",
        "10001",
        "1.1234x",
    ] {
        assert_eq!(time(value), None, "{value}");
    }
    let mut written = Vec::new();
    Ptime(Duration::from_micros(2_500)).write(&mut written);
    assert_eq!(written, b"ptime:2.5");
}

#[test]
fn rtpmaps_that_mean_nothing_are_not_read() {
    let read = |value: &str| RtpMap::parse(value.as_bytes()).is_some();
    assert!(read("0 PCMU/8000") && read(" 96  opus/48000/2 ") && read("0 PCMU/8000/"));
    for value in [
        "",
        "0",
        "0 PCMU",
        "128 X/8000",
        "0 X/0",
        "0 /8000",
        "0 X/8000/0",
        "x X/1",
    ] {
        assert!(!read(value), "{value}");
    }
}

#[test]
fn the_answers_direction_is_the_offers_seen_from_the_other_side() {
    for direction in Direction::ALL {
        assert_eq!(direction.reversed().reversed(), direction);
        assert!(direction.allows_answer(direction.reversed()));
        assert!(direction.allows_answer(Direction::Inactive));
    }
    assert_eq!(
        Direction::SendRecv.and(Direction::SendOnly),
        Direction::SendOnly
    );
    assert_eq!(
        Direction::RecvOnly.and(Direction::SendOnly),
        Direction::Inactive
    );
}

// RFC 5576 §4.1 wants a name; without one the value must not become the number.
#[test]
fn an_ssrc_value_without_a_name_reads_back_as_it_was() {
    let read = SsrcAttribute::parse(b"96 :x").expect("a number leads");
    assert_eq!((read.name, read.value), (&b""[..], Some(&b"x"[..])));
    let mut written = Vec::new();
    read.write_value(&mut written);
    assert_eq!(SsrcAttribute::parse(&written), Some(read));
}
