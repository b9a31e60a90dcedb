//! `a=rtcp-fb`: keyframes are asked for in the ways that both sides have
//! (RFC 4585 §4.2, RFC 5104 §7.1).

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use negotiate_support::*;
use talkpath_sdp::negotiate::{KeyframeRequests, MediaWants, Wants};
use talkpath_wire::Format;

fn video() -> Wants {
    Wants::new([MediaWants::video([Format::new("VP8", 90_000)])])
}

fn answered(lines: &str) -> (KeyframeRequests, String) {
    let text = format!("m=video 4000 RTP/AVP 96\na=rtpmap:96 VP8/90000\n{lines}");
    let mut agent = Agent::new(1);
    let answer = agent.answer(&offer(&text), &video()).unwrap();
    (agent.stream(0).keyframes, answer.to_string())
}

#[test]
fn an_answer_has_what_the_offer_had() {
    let (agreed, answer) = answered("a=rtcp-fb:* NACK  pli\na=rtcp-fb:96 nack\n");
    assert_eq!(agreed, KeyframeRequests::Pli);
    assert!(answer.contains("\r\na=rtcp-fb:* nack pli\r\n"));
    assert!(!answer.contains("fir"));
    let (agreed, answer) = answered("a=rtcp-fb:96 ccm fir\na=rtcp-fb:96 ccm tmmbr\n");
    assert_eq!(agreed, KeyframeRequests::Fir);
    assert!(answer.contains("\r\na=rtcp-fb:* ccm fir\r\n") && !answer.contains("pli"));
}

#[test]
fn nothing_is_agreed_with_a_peer_that_says_nothing() {
    let (agreed, answer) = answered("a=rtcp-fb:96 nack\na=rtcp-fb:* goog-remb\n");
    assert_eq!(agreed, KeyframeRequests::None);
    assert!(!answer.contains("rtcp-fb"));
}

#[test]
fn two_of_us_have_both_and_sound_has_none() {
    let (mut a, mut b) = (Agent::new(1), Agent::new(2));
    let mut wants = audio([pcmu()]);
    wants.media.extend(video().media);
    let text = a.offer(&wants).unwrap();
    let answer = b.answer(&text, &wants).unwrap();
    a.complete(&answer).unwrap();
    for agent in [&a, &b] {
        assert_eq!(agent.stream(0).keyframes, KeyframeRequests::None);
        assert_eq!(agent.stream(1).keyframes, KeyframeRequests::Both);
    }
    assert_eq!(text.to_string().matches("a=rtcp-fb:").count(), 2);
}
