//! What is understood and not taken up: keys, candidates, feedback, header
//! extensions and comfort noise beside plain RTP, and profiles that are secure.
//! `STANDARDS.md` points here.

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use negotiate_support::*;
use talkpath_sdp::negotiate::{AnswerError, Refusal};

// RFC 8643 §3, RFC 8839 §4.2, RFC 4585 §4.2, RFC 8285 §5, RFC 3389 §5
#[test]
fn what_we_cannot_do_beside_plain_rtp_is_left_out_of_the_answer() {
    let text = "m=audio 4000 RTP/AVPF 0 13\n\
                a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk\n\
                a=fingerprint:sha-256 00:11\na=setup:actpass\n\
                a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n\
                a=candidate:1 1 UDP 1 203.0.113.99 9999 typ host\n\
                a=rtcp-fb:* nack\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\n";
    let mut a = Agent::new(1);
    let answer = a.answer(&offer(text), &audio([pcmu()])).unwrap();
    assert_eq!(m_line(answer.description(), 0), "m=audio 10000 RTP/AVPF 0");
    let text = answer.to_string();
    for name in [
        "crypto",
        "fingerprint",
        "setup",
        "ice-",
        "candidate",
        "rtcp-fb",
        "extmap",
    ] {
        assert!(!text.contains(name), "{text}");
    }
    // The address of c= and m= counts, not a candidate's.
    assert_eq!(a.stream(0).send_to(), Some(addr("198.51.100.7:4000")));
}

// RFC 3264 §6, RFC 3711, RFC 4568, RFC 5764 §8
#[test]
fn secure_profiles_are_refused_in_their_m_line() {
    for profile in [
        "RTP/SAVP",
        "RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "UDP/TLS/RTP/SAVPF",
    ] {
        let line = format!("m=audio 5000 {profile} 0");
        let mut a = Agent::new(1);
        let both = format!("{line}\nm=audio 4000 RTP/AVP 0\n");
        let answer = a.answer(&offer(&both), &audio([pcmu()])).unwrap();
        let refused = format!("m=audio 0 {profile} 0");
        assert_eq!(m_line(answer.description(), 0), refused);
        let alone = a_refusal(&line);
        assert_eq!(alone, Refusal::Protocol(profile.into()));
    }
}

fn a_refusal(text: &str) -> Refusal {
    let error = Agent::new(1)
        .dialogue
        .plan_answer(&offer(text), &audio([pcmu()]))
        .unwrap_err();
    match error {
        AnswerError::NothingAcceptable { mut refusals } => refusals.remove(0).1,
        other => panic!("{other}"),
    }
}
