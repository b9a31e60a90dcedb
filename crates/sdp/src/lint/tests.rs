//! Each rule, found where it is broken, and nothing found where nothing is.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Rule, Severity, lint, lint_answer};
use crate::description::SessionDescription;
use crate::offer_answer::{Answer, Offer};

const SESSION: &str = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n";

/// A session section that is right, with `media` behind it.
fn with_media(media: &str) -> String {
    format!("{SESSION}{media}\n").replace('\n', "\r\n")
}

fn audio(attributes: &str) -> String {
    with_media(&format!(
        "m=audio 4000 RTP/AVP 0 96 101\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\n{attributes}"
    ))
}

/// Texts that break one rule each, and the line that does.
fn broken() -> Vec<(Rule, usize, String)> {
    let raw = |text: &str| text.replace('\n', "\r\n");
    let session = |with: &str| raw(&SESSION.replace("t=0 0\n", &format!("t=0 0\n{with}\n")));
    let secure = |attributes: &str| with_media(&format!("m=audio 4000 RTP/SAVP 0\n{attributes}"));
    let key = "inline:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0|2^20|1:4";
    use Rule::*;
    alloc::vec![
        (MissingOrigin, 1, raw("v=0\ns=-\nt=0 0\n")),
        (
            MissingName,
            1,
            raw("v=0\no=- 1 1 IN IP4 192.0.2.1\nt=0 0\n")
        ),
        (
            EmptyName,
            3,
            raw("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=\nt=0 0\n")
        ),
        (
            MissingTiming,
            1,
            raw("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n")
        ),
        (
            LineOrder,
            5,
            raw("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nc=IN IP4 192.0.2.1\n")
        ),
        (RepeatedLine, 6, session("s=again")),
        (UnknownLineType, 6, session("x=1")),
        (BlankLine, 6, session("")),
        (LooseSpacing, 6, session("a =recvonly")),
        (StrayBlanks, 6, session("a=recvonly ")),
        (BareLf, 1, SESSION.into()),
        (StrayCr, 1, raw(SESSION).replace("\r\n", "\r\r\n")),
        (StrayBlanks, 6, with_media("m=audio  4000 RTP/AVP 0")),
        (StrayBlanks, 6, with_media("m=audio\t4000 RTP/AVP 0")),
        (StrayBlanks, 9, audio("a=ptime: 20")),
        (NoFinalLineEnd, 5, raw(SESSION.trim_end())),
        (
            MalformedOrigin,
            2,
            raw(SESSION).replace(" IN IP4 192.0.2.1\r\ns", "\r\ns")
        ),
        (
            OriginNumbers,
            2,
            raw(SESSION).replace("o=- 1 1", "o=- 1 18446744073709551616")
        ),
        (MalformedTiming, 5, raw(SESSION).replace("t=0 0", "t=0")),
        (
            MalformedBandwidth,
            5,
            raw(&SESSION.replace("t=0 0\n", "b=AS\nt=0 0\n"))
        ),
        (ObsoleteKey, 6, session("k=clear:secret")),
        (
            MalformedConnection,
            4,
            raw(SESSION).replace("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.300")
        ),
        (
            AddressFamily,
            4,
            raw(SESSION).replace("c=IN IP4 192.0.2.1", "c=IN IP4 2001:db8::1")
        ),
        (
            MissingConnection,
            5,
            raw("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\n")
        ),
        (
            HoldAddress,
            4,
            raw(SESSION).replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0")
        ),
        (NoFormats, 6, with_media("m=audio 4000 RTP/AVP")),
        (
            UnknownProtocol,
            6,
            with_media("m=audio 4000 CARRIER/PIGEON egg")
        ),
        (
            FormatNotNumber,
            6,
            with_media("m=audio 4000 RTP/AVP 0 pcmu")
        ),
        (
            PayloadTypeRange,
            6,
            with_media("m=audio 4000 RTP/AVP 0 4294967296")
        ),
        (DuplicateFormat, 6, with_media("m=audio 4000 RTP/AVP 0 8 0")),
        (MissingRtpmap, 6, with_media("m=audio 4000 RTP/AVP 0 97")),
        (
            RtcpCollision,
            6,
            with_media("m=audio 4000 RTP/AVP 66\na=rtpmap:66 PCMU/8000\na=rtcp-mux")
        ),
        (
            ReservedPayloadType,
            6,
            with_media("m=audio 4000 RTP/AVP 72\na=rtpmap:72 PCMU/8000")
        ),
        (OddRtpPort, 6, with_media("m=audio 4001 RTP/AVP 0")),
        (
            MalformedRtpmap,
            7,
            with_media("m=audio 4000 RTP/AVP 0\na=rtpmap:0 PCMU")
        ),
        (RtpmapUnknownFormat, 9, audio("a=rtpmap:97 iLBC/8000")),
        (RtpmapConflict, 9, audio("a=rtpmap:96 iLBC/8000")),
        (RtpmapContradictsStatic, 9, audio("a=rtpmap:0 PCMA/8000")),
        (
            G722Clock,
            7,
            with_media("m=audio 4000 RTP/AVP 9\na=rtpmap:9 G722/16000")
        ),
        (
            OpusRtpmap,
            7,
            with_media("m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000")
        ),
        (MalformedFmtp, 9, audio("a=fmtp:")),
        (FmtpUnknownFormat, 9, audio("a=fmtp:97 mode=30")),
        (TelephoneEvents, 9, audio("a=fmtp:101 16-0")),
        (
            TelephoneEventClock,
            6,
            with_media("m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/48000")
        ),
        (MalformedPtime, 9, audio("a=ptime:0")),
        (PtimeAboveMaxptime, 9, audio("a=ptime:60\na=maxptime:40")),
        (RepeatedDirection, 10, audio("a=sendonly\na=recvonly")),
        (EmptyAttribute, 9, audio("a=")),
        (MalformedRtcp, 9, audio("a=rtcp:70000")),
        (MalformedRtcpMux, 9, audio("a=rtcp-mux:yes")),
        (MuxOnlyWithoutMux, 9, audio("a=rtcp-mux-only")),
        (MalformedRtcpFb, 9, audio("a=rtcp-fb:x nack")),
        (RtcpFbUnknownFormat, 9, audio("a=rtcp-fb:97 nack")),
        (RtcpFbWithoutProfile, 9, audio("a=rtcp-fb:96 nack")),
        (MalformedExtmap, 9, audio("a=extmap:x urn:y")),
        (
            DuplicateExtmap,
            10,
            audio("a=extmap:1 urn:a\na=extmap:1 urn:b")
        ),
        (MalformedSsrc, 9, audio("a=ssrc:99999999999 cname:x")),
        (MalformedMid, 9, audio("a=mid:")),
        (
            DuplicateMid,
            9,
            with_media("m=audio 4000 RTP/AVP 0\na=mid:0\nm=audio 4002 RTP/AVP 0\na=mid:0")
        ),
        (MalformedGroup, 6, session("a=group:")),
        (GroupUnknownMid, 6, session("a=group:BUNDLE 0")),
        (
            MalformedCrypto,
            7,
            secure("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:|")
        ),
        (
            DuplicateCryptoTag,
            8,
            secure(&format!(
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 {key}\na=crypto:1 AES_CM_128_HMAC_SHA1_32 {key}"
            ))
        ),
        (MissingKeys, 6, secure("a=ptime:20")),
        (
            MissingFingerprint,
            6,
            with_media("m=audio 9 UDP/TLS/RTP/SAVPF 0\na=rtcp-mux")
        ),
        (MalformedFingerprint, 9, audio("a=fingerprint:sha-256 AA:B")),
        (MalformedSetup, 9, audio("a=setup:sometimes")),
        (
            MalformedCandidate,
            9,
            audio("a=ice-ufrag:x\na=ice-pwd:y").replace(
                "a=ice-ufrag:x",
                "a=candidate:1 1 UDP 99 192.0.2.1 4000 host\r\na=ice-ufrag:x"
            )
        ),
        (
            MissingIceCredentials,
            9,
            audio("a=candidate:1 1 UDP 99 192.0.2.1 4000 typ host")
        ),
    ]
}

#[test]
fn each_rule_is_found_where_it_is_broken() {
    for (rule, line, text) in broken() {
        let description = SessionDescription::parse(&text).expect("lint needs what can be parsed");
        let found = lint(&description);
        let hit = found.iter().find(|violation| violation.rule == rule);
        let hit = hit.unwrap_or_else(|| panic!("{rule} is not found in\n{text}\nbut {found:#?}"));
        assert_eq!(hit.line, line, "{rule} in\n{text}\n{found:#?}");
        assert!(
            hit.message.len() > 10 && format!("{hit}").contains("§"),
            "{hit}"
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_are_noted() {
    let text = [&b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Caf\xe9\r\nt=0 0\r\n"[..]].concat();
    let found = lint(&SessionDescription::parse(text).unwrap());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].rule, found[0].line), (Rule::NotUtf8, 3));
}

#[test]
fn what_is_right_is_not_found_wrong() {
    let right = [
        audio("a=fmtp:101 0-16,66\na=ptime:20\na=maxptime:60\na=sendrecv"),
        with_media("m=audio 4000 RTP/AVP 0 8 9 18\na=rtpmap:0 PCMU/8000\na=rtpmap:9 G722/8000/1"),
        with_media("m=image 4000 udptl t38\nm=audio 0 RTP/AVP 0"),
        with_media("m=audio 4001 RTP/AVP 0\na=rtcp-mux\na=rtcp-mux-only\na=mid:a"),
    ];
    for text in right {
        let found = lint(&SessionDescription::parse(&text).unwrap());
        assert!(
            found
                .iter()
                .all(|found| found.severity() < Severity::Warning),
            "{text}\n{found:#?}"
        );
    }
}

fn pair(offer: &str, answer: &str) -> Vec<super::Violation> {
    let offer = Offer::parse(with_media(offer)).unwrap();
    let answer = Answer::parse(with_media(answer)).unwrap();
    lint_answer(&offer, &answer)
}

/// Pairs that break one rule each.
fn broken_answers() -> Vec<(Rule, String, String)> {
    use Rule::*;
    let audio = "m=audio 4000 RTP/AVP 0 8";
    let with = |attribute: &str| format!("{audio}\na={attribute}");
    alloc::vec![
        (
            AnswerMediaCount,
            format!("{audio}\nm=video 4002 RTP/AVP 31"),
            audio.into()
        ),
        (
            AnswerMediaCount,
            audio.into(),
            format!("{audio}\nm=video 0 RTP/AVP 31")
        ),
        (AnswerKind, audio.into(), "m=video 4000 RTP/AVP 0".into()),
        (
            AnswerProtocol,
            audio.into(),
            "m=audio 4000 RTP/SAVP 0".into()
        ),
        (
            DisabledSlotTaken,
            "m=audio 0 RTP/AVP 0".into(),
            audio.into()
        ),
        (AnswerDirection, with("sendonly"), with("sendonly")),
        (AnswerDirection, with("inactive"), with("recvonly")),
        (
            NoCommonFormat,
            audio.into(),
            "m=audio 4000 RTP/AVP 9".into()
        ),
        (
            NoCommonFormat,
            "m=image 4000 udptl t38".into(),
            "m=image 4000 udptl t37".into()
        ),
        (
            FormatNotOffered,
            audio.into(),
            "m=audio 4000 RTP/AVP 0 9".into()
        ),
        (
            AnswerRenumbers,
            "m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2".into(),
            "m=audio 4000 RTP/AVP 97\na=rtpmap:97 OPUS/48000/2".into(),
        ),
        (MuxNotOffered, audio.into(), with("rtcp-mux")),
        (
            MuxOnlyRefused,
            format!("{audio}\na=rtcp-mux\na=rtcp-mux-only"),
            audio.into()
        ),
        (
            CryptoNotOffered,
            with("crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUJD"),
            with("crypto:2 AES_CM_128_HMAC_SHA1_80 inline:QUJD"),
        ),
        (AnswerSetup, with("setup:actpass"), with("setup:actpass")),
        (AnswerSetup, with("setup:active"), with("setup:active")),
    ]
}

#[test]
fn each_rule_of_answers_is_found() {
    for (rule, offer, answer) in broken_answers() {
        let found = pair(&offer, &answer);
        assert!(
            found.iter().any(|found| found.rule == rule),
            "{rule}: {offer}\n{answer}\n{found:?}"
        );
    }
}

#[test]
fn an_answer_repeats_the_time_of_the_offer() {
    let offer = Offer::parse(with_media("m=audio 4000 RTP/AVP 0")).unwrap();
    let text = with_media("m=audio 4000 RTP/AVP 0").replace("t=0 0", "t=1 2");
    let found = lint_answer(&offer, &Answer::parse(text).unwrap());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule, Rule::AnswerTiming);
}

#[test]
fn a_right_answer_is_not_found_wrong() {
    let offer = "m=audio 4000 RTP/AVP 0 8 96\na=rtpmap:96 opus/48000/2\na=sendonly\na=rtcp-mux\n\
                 m=video 4002 RTP/AVP 31\nm=image 4004 udptl t38";
    let answer = "m=audio 5000 RTP/AVP 96 0\na=rtpmap:96 opus/48000/2\na=recvonly\na=rtcp-mux\n\
                  m=video 0 RTP/AVP 31\nm=image 0 udptl t38";
    assert_eq!(pair(offer, answer), []);
}

/// RFC 3264 §6.1, all sixteen pairs.
#[test]
fn the_direction_table_is_that_of_the_rfc() {
    use crate::Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    let legal = [
        (SendRecv, &[SendRecv, SendOnly, RecvOnly, Inactive][..]),
        (SendOnly, &[RecvOnly, Inactive]),
        (RecvOnly, &[SendOnly, Inactive]),
        (Inactive, &[Inactive]),
    ];
    for (offer, answers) in legal {
        for answer in crate::Direction::ALL {
            let line = |direction| format!("m=audio 4000 RTP/AVP 0\na={direction}");
            let found = pair(&line(offer), &line(answer));
            assert_eq!(
                found.is_empty(),
                answers.contains(&answer),
                "{offer} answered {answer}"
            );
        }
    }
}

#[test]
fn every_rule_has_a_test_and_a_name_of_its_own() {
    let mut tested: BTreeSet<Rule> = broken().into_iter().map(|(rule, ..)| rule).collect();
    tested.extend(broken_answers().into_iter().map(|(rule, ..)| rule));
    // These two have tests of their own above.
    tested.extend([Rule::NotUtf8, Rule::AnswerTiming]);
    let untested: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| !tested.contains(rule))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
    let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
}

#[test]
fn no_key_is_in_any_message() {
    let text = with_media(
        "m=audio 4000 RTP/SAVP 0\na=crypto:1 X inline:SECRETSECRET|bad|bad\n\
         a=crypto:SECRETSECRET\nk=clear:SECRETSECRET",
    );
    let description = SessionDescription::parse(text).unwrap();
    let found = lint(&description);
    assert!(!found.is_empty());
    assert!(!format!("{found:?}").contains("SECRET"));
    let explained = crate::explain::explain(&description);
    assert!(!format!("{explained:?} {description:?}").contains("SECRET"));
}
