//! `a=rtcp-xr:voip-metrics`: who asks is told (RFC 3611 §5).

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use negotiate_support::*;
use talkpath_sdp::negotiate::{VoipReports, Wants};

const ASKS: &str = "m=audio 4000 RTP/AVP 0\na=rtcp-xr:rcvr-rtt=all:10000 VoIP-Metrics\n";

fn asking() -> Wants {
    let mut wants = audio([pcmu()]);
    wants.media[0].voip_reports = VoipReports::Asked;
    wants
}

#[test]
fn a_peer_that_asks_is_known_to_and_not_asked_in_turn() {
    let mut a = Agent::new(1);
    let answer = a.answer(&offer(ASKS), &audio([pcmu()])).unwrap();
    assert_eq!(a.stream(0).voip_reports, VoipReports::Asked);
    assert!(!answer.to_string().contains("rtcp-xr"));
}

#[test]
fn each_side_asks_for_itself() {
    let (mut a, mut b) = (Agent::new(1), Agent::new(2));
    let text = a.offer(&asking()).unwrap();
    assert!(text.to_string().contains("\r\na=rtcp-xr:voip-metrics\r\n"));
    let answer = b.answer(&text, &asking()).unwrap();
    assert!(
        answer
            .to_string()
            .contains("\r\na=rtcp-xr:voip-metrics\r\n")
    );
    a.complete(&answer).unwrap();
    for agent in [&a, &b] {
        assert_eq!(agent.stream(0).voip_reports, VoipReports::Asked);
    }
}

#[test]
fn other_reports_are_not_these() {
    let mut a = Agent::new(1);
    let other = "m=audio 4000 RTP/AVP 0\na=rtcp-xr:stat-summary=loss,dup rcvr-rtt=all\n";
    a.answer(&offer(other), &asking()).unwrap();
    assert_eq!(a.stream(0).voip_reports, VoipReports::Unasked);
}
