//! A description in plain words, as `talkpath sdp` shows it.

mod corpus;

use corpus::{BROWSER, CORPUS, SIP_OFFER};
use talkpath_sdp::SessionDescription;
use talkpath_sdp::explain::explain;

fn words(text: &str) -> Vec<String> {
    let description = SessionDescription::parse(text).expect("a description");
    explain(&description)
        .into_iter()
        .map(|line| line.words)
        .collect()
}

#[test]
fn a_phones_offer_in_words() {
    let expected = "SDP version 0
session 2890844526, version 2890844526, made by alice on 192.0.2.10
the session is called \"A phone call\"
send media to 192.0.2.10
no beginning and no end in time
audio on port 10000 over RTP/AVP: PCMU/8000 (0), PCMA/8000 (8), G722/8000 (9), G729/8000 (18), opus/48000/2 (96), telephone-event/8000 (101)
payload type 0 is PCMU/8000
payload type 8 is PCMA/8000
payload type 9 is G722/8000
payload type 18 is G729/8000
G729/8000 (18) with annexb=no
payload type 96 is opus/48000/2
opus/48000/2 (96) with useinbandfec=1;maxplaybackrate=48000
payload type 101 is telephone-event/8000
takes the telephone events 0-16 (0 to 15 are the digits)
would like packets of 20 ms
takes packets of at most 60 ms
RTCP goes to 192.0.2.10 port 10001
RTCP shares the port of RTP
source 0x12345678: cname = pJ3nQx7vTfA0
the user name for connectivity checks
the password for connectivity checks (hidden)
attribute \"x-user-agent\", kept as it is
sends and receives";
    assert_eq!(words(SIP_OFFER).join("\n"), expected);
}

#[test]
fn a_browsers_address_is_not_a_hold() {
    let words = words(BROWSER);
    assert!(
        words.contains(&"no address yet (0.0.0.0): ICE finds it".to_owned()),
        "{words:#?}"
    );
    assert!(words.contains(&"all on one port: 0, 1, 2".to_owned()));
    assert!(words.iter().any(|line| line.contains("webrtc-datachannel")));
    let relayed =
        "may be reached for RTP at 198.51.100.3 port 36768 over udp (as a STUN server saw it)";
    assert!(words.contains(&relayed.to_owned()), "{words:#?}");
    let found = talkpath_sdp::lint::lint(&SessionDescription::parse(BROWSER).unwrap());
    assert_eq!(found, [], "a browser's offer is right");
}

#[test]
fn what_is_off_is_said_to_be_off() {
    let words = words("v=0\nc=IN IP4 0.0.0.0\nm=audio 0 RTP/AVP 0\nm=video 4000/2 RTP/AVP 99\n");
    assert_eq!(words[1], "send no media for now: 0.0.0.0 is nowhere (hold)");
    assert_eq!(
        words[2],
        "audio refused or switched off (port 0) over RTP/AVP: PCMU/8000 (0)"
    );
    assert_eq!(
        words[3],
        "video on 2 port pairs from 4000 over RTP/AVP: unknown (99)"
    );
}

#[test]
fn every_line_of_the_corpus_has_words_and_its_number() {
    for (name, text) in CORPUS {
        let description = SessionDescription::parse(text).unwrap();
        let lines = explain(&description);
        assert_eq!(lines.len(), description.line_count(), "{name}");
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(line.line, index + 1, "{name}");
            assert!(!line.words.is_empty(), "{name}, line {}", line.line);
        }
    }
}

#[test]
fn what_cannot_be_read_says_so() {
    let words = words("v=0\no=x\nc=nowhere\nt=later\nb=much\na=rtpmap:\n");
    for line in &words[1..5] {
        assert!(line.ends_with("but cannot be read"), "{line}");
    }
    assert_eq!(words[5], "attribute \"rtpmap\", kept as it is");
}
