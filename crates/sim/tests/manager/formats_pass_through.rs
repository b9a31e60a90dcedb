//! Formats that nothing here decodes: agreed on, relayed and captured, and
//! clearly refused to whoever wants to hear them.

use std::time::Duration;

use crate::common::*;

use talkpath::{Audio, Codec, Constraints, MediaManager, Session, SessionError, Tap, Wav};
use talkpath_sim::{ScriptedPeer, World};

const SERVER: &str = "10.0.0.9";

fn g729() -> Audio {
    Audio::sendrecv([Codec::passthrough("G729", 8000).with_parameters("annexb=no")])
}

/// A phone that speaks G.729, and its session at the server.
fn phone(world: &World, server: &MediaManager, ip: &str) -> (ScriptedPeer, Session, u16) {
    let peer = world.host(ip).peer(4000);
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 18 0\r\na=fmtp:18 annexb=no\r\na=rtcp-mux\r\n"
    );
    let (session, answer) = server
        .accept_offer(offer.as_str(), Constraints::from(g729()))
        .unwrap();
    let ours = port(&answer, 0);
    assert!(answer.to_string().contains(" RTP/AVP 18\r\n"), "{answer}");
    (peer, session, ours)
}

fn packet(seq: u16) -> Vec<u8> {
    let mut bytes = vec![0x80, 18];
    bytes.extend(seq.to_be_bytes());
    bytes.extend((u32::from(seq) * 160).to_be_bytes());
    bytes.extend(77u32.to_be_bytes());
    bytes.extend([seq as u8; 20]);
    bytes
}

#[test]
fn packets_of_an_unknown_codec_pass_a_bridge_as_they_are() {
    let world = World::new(400);
    let server = manager(&world, SERVER);
    let (a, first, to_first) = phone(&world, &server, ALICE);
    let (b, second, _) = phone(&world, &server, BOB);
    let _bridge = server.bridge(&first, &second).unwrap();
    let to = format!("{SERVER}:{to_first}").parse().unwrap();
    for seq in 0..50 {
        a.send(to, &packet(seq));
        world.run_for(Duration::from_millis(20));
    }
    let came = b
        .received()
        .into_iter()
        .map(|arrival| arrival.bytes.to_vec());
    let came: Vec<_> = came.filter(|bytes| bytes.len() == 32).collect();
    let sent: Vec<_> = (0..50).map(packet).collect();
    assert_eq!(came, sent);
}

#[test]
fn who_wants_to_hear_an_unknown_codec_is_told_that_he_cannot() {
    let world = World::new(401);
    let server = manager(&world, SERVER);
    let (_peer, session, _) = phone(&world, &server, ALICE);
    let refused = |error: SessionError| {
        assert!(matches!(error, SessionError::Unheard { .. }), "{error:?}");
        assert!(
            error.to_string().contains("nothing here decodes G729/8000"),
            "{error}"
        );
    };
    refused(session.audio().unwrap_err());
    refused(session.record(Wav::stereo("call.wav")).unwrap_err());
    refused(session.play("hello.wav").unwrap_err());
    refused(session.tap(Tap::heard()).unwrap_err());
    let capture = session.record(talkpath::Pcap::new("call.pcap")).unwrap();
    drop(capture);
}
