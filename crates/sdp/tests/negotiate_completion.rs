//! What the peer's answer makes of an offer of ours: completion, repetition,
//! rollback, forks.

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use negotiate_support::*;
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{
    CompletionError, Destination, Fault, Freed, Hold, Kind, Lease, MediaWants, NoOfferPending,
    Note, Party, Release, Rtcp, RtcpMux, StreamState, Wants,
};
use talkpath_wire::Format;

/// An agent that has offered `wants`.
fn offering(wants: &Wants) -> Agent {
    let mut a = Agent::new(1);
    a.offer(wants).unwrap();
    a
}

/// Applies `text` to an open offer of `wants`: the error, and the proof that
/// nothing changed.
fn refused(wants: &Wants, text: &str) -> CompletionError {
    let mut a = offering(wants);
    let before = a.dialogue.clone();
    let error = a.complete(&answer(text)).unwrap_err();
    assert_eq!(a.dialogue, before);
    assert!(a.dialogue.has_pending_offer());
    error
}

// RFC 3264 §7
#[test]
fn an_answer_makes_the_stream_active() {
    let mut a = offering(&audio([pcmu(), pcma()]));
    let changes = a.complete(&answer("m=audio 4000 RTP/AVP 8 0\n")).unwrap();
    let stream = a.stream(0);
    assert_eq!(stream.state, StreamState::Active);
    assert_eq!(stream.send_to(), Some(addr("198.51.100.7:4000")));
    // The first format of the answer is the one to send.
    assert_eq!(numbers(&stream.send), [8, 0]);
    assert_eq!(numbers(&stream.receive), [8, 0]);
    assert_eq!((changes.streams, changes.notes), (vec![0], vec![]));
}

// RFC 3264 §5.1, §6.1: send with the peer's numbers, receive with ours
#[test]
fn payload_types_are_per_direction() {
    let mut a = offering(&audio([opus()]));
    let text = "m=audio 4000 RTP/AVP 111 110\na=rtpmap:111 OPUS/48000/2\n\
                a=rtpmap:110 telephone-event/48000\n";
    a.complete(&answer(text)).unwrap();
    assert_eq!(numbers(&a.stream(0).send), [111, 110]);
    assert_eq!(numbers(&a.stream(0).receive), [96, 97]);
}

// RFC 3264 §6.1
#[test]
fn formats_that_were_not_offered_are_never_sent() {
    let mut a = offering(&audio([pcmu()]));
    a.complete(&answer(
        "m=audio 4000 RTP/AVP 18 8 0 99\na=rtpmap:99 X/8000\n",
    ))
    .unwrap();
    assert_eq!(numbers(&a.stream(0).send), [0]);
    assert_eq!(numbers(&a.stream(0).receive), [0]);
}

#[test]
fn an_answer_without_rtpmap_means_what_was_offered() {
    let mut a = offering(&audio([opus(), pcmu()]));
    a.complete(&answer("m=audio 4000 RTP/AVP 96 101\n"))
        .unwrap();
    assert!(a.stream(0).send[0].format.is("opus"));
    assert_eq!(
        a.stream(0).telephone_event(8000).unwrap().number.value(),
        101
    );
}

// RFC 3264 §6.1, whole table: what an answer may say, and what it then means
#[test]
fn the_direction_table_of_completions_is_exhaustive() {
    for offered in Direction::ALL {
        for answered in Direction::ALL {
            let mut a = offering(&audio([pcmu()]).with_direction(offered));
            let text = format!("m=audio 4000 RTP/AVP 0\na={answered}\n");
            let changes = a.complete(&answer(&text)).unwrap();
            let sends = offered.sends() && answered.receives();
            let receives = offered.receives() && answered.sends();
            let stream = a.stream(0);
            assert_eq!(stream.direction, Direction::new(sends, receives));
            let forbidden = !offered.allows_answer(answered);
            let noted = changes.notes == [Note::DirectionBeyondOffer { line: 0 }];
            assert_eq!(noted, forbidden, "{offered} {answered}");
            let held = offered.sends() && !answered.receives();
            assert_eq!(stream.hold, if held { Hold::Direction } else { Hold::No });
        }
    }
}

// RFC 3264 §6
#[test]
fn another_number_of_lines_is_an_error() {
    let wants = audio([pcmu()]);
    let error = refused(&wants, "");
    assert_eq!(
        error,
        CompletionError::LineCount {
            expected: 1,
            actual: 0
        }
    );
    let two = "m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 31\n";
    assert_eq!(
        refused(&wants, two),
        CompletionError::LineCount {
            expected: 1,
            actual: 2
        }
    );
}

#[test]
fn each_fault_of_an_answer_is_named_and_the_peers() {
    let wants = audio([pcmu()]);
    let (line, media) = (0, "m=audio 4000 RTP/AVP 0\n");
    for (text, expected) in [
        (
            "m=video 4000 RTP/AVP 0\n".to_owned(),
            CompletionError::Kind {
                line,
                expected: Kind::Audio,
                actual: Kind::Video,
            },
        ),
        (
            "m=audio 4000 RTP/SAVP 0\n".to_owned(),
            CompletionError::Protocol {
                line,
                actual: "RTP/SAVP".into(),
            },
        ),
        (
            "m=audio 4000 RTP/AVP 8 18\n".to_owned(),
            CompletionError::NoFormatLeft { line },
        ),
        (
            "m=audio 4000 RTP/AVP 101\n".to_owned(),
            CompletionError::NoFormatLeft { line },
        ),
        (
            format!("{media}c=IN IP4 1..2\n"),
            CompletionError::NoAddress { line },
        ),
        (
            format!("{media}c=IN IP4 media.example.com\n"),
            CompletionError::Name {
                line,
                name: "media.example.com".into(),
            },
        ),
        (
            format!("{media}c=IN IP4 224.0.0.9\n"),
            CompletionError::Unusable {
                line,
                address: "224.0.0.9".parse().unwrap(),
            },
        ),
    ] {
        let error = refused(&wants, &text);
        assert_eq!(error, expected, "{text}");
        assert_eq!((error.fault(), error.sip_status()), (Fault::Peer, 488));
    }
}

#[test]
fn a_broken_answer_can_be_followed_by_a_good_one() {
    let mut a = offering(&audio([pcmu()]));
    assert!(a.complete(&answer("m=audio 4000 RTP/AVP 3\n")).is_err());
    assert!(a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).is_ok());
}

#[test]
fn an_answer_to_no_offer_is_the_callers_fault() {
    let mut a = Agent::new(1);
    let error = a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap_err();
    assert_eq!(
        (error.clone(), error.fault()),
        (CompletionError::NoOfferPending, Fault::Caller)
    );
}

// RFC 3261 §13.2.1
#[test]
fn the_same_answer_again_does_nothing() {
    let mut a = offering(&audio([pcmu()]));
    let good = answer("m=audio 4000 RTP/AVP 0\n");
    a.complete(&good).unwrap();
    let before = a.dialogue.clone();
    assert!(a.dialogue.plan_completion(&good).unwrap().is_repeated());
    assert_eq!(a.complete(&good).unwrap(), Default::default());
    // As some do: the same, under another version.
    let newer = String::from_utf8(body("m=audio 4000 RTP/AVP 0\n")).unwrap();
    let newer = newer.replace("peer 7 1", "peer 7 2");
    assert_eq!(
        a.complete(&talkpath_sdp::Answer::parse(newer).unwrap())
            .unwrap(),
        Default::default()
    );
    assert_eq!(a.dialogue, before);
}

// RFC 3261 §13.2.1
#[test]
fn another_answer_to_the_same_offer_is_refused() {
    let mut a = offering(&audio([pcmu()]));
    a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap();
    let error = a.complete(&answer("m=audio 4002 RTP/AVP 0\n")).unwrap_err();
    assert_eq!(error, CompletionError::AnsweredDifferently);
    assert_eq!(a.stream(0).send_to().unwrap().port(), 4000);
}

// An unreliable 183 with one description and a 200 with another, one tag
#[test]
fn a_revised_answer_takes_the_place_of_the_first() {
    let mut a = offering(&audio([pcmu(), pcma()]));
    a.complete(&answer("m=audio 4000 RTP/AVP 0\na=recvonly\n"))
        .unwrap();
    let second = answer("m=audio 5000 RTP/AVP 8\nc=IN IP4 203.0.113.9\na=ptime:30\n");
    let changes = a.complete_anew(&second).unwrap();
    assert_eq!((changes.streams, changes.released), (vec![0], vec![]));
    // As if it had been the only one.
    let mut other = offering(&audio([pcmu(), pcma()]));
    other.complete(&second).unwrap();
    assert_eq!(a.dialogue.streams(), other.dialogue.streams());
    assert_eq!(a.stream(0).send_to(), Some(addr("203.0.113.9:5000")));
    // It is the known answer now; the first is another again, and so on.
    assert_eq!(a.complete(&second).unwrap(), Default::default());
    let first = answer("m=audio 4000 RTP/AVP 0\na=recvonly\n");
    assert!(a.complete(&first).is_err());
    a.complete_anew(&first).unwrap();
    assert_eq!(numbers(&a.stream(0).send), [0]);
    assert!(a.dialogue.fork().is_ok());
}

#[test]
fn a_revised_answer_uses_only_ports_that_are_still_held() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let mut a = offering(&wants);
    a.complete(&answer(
        "m=audio 4000 RTP/AVP 0\na=rtcp-mux\nm=video 0 RTP/AVP 96\n",
    ))
    .unwrap();
    let text = "m=audio 5000 RTP/AVP 0\nm=video 6000 RTP/AVP 96\na=rtpmap:96 VP8/90000\n";
    let changes = a.complete_anew(&answer(text)).unwrap();
    let expected = [
        Note::RtcpUnreachable { line: 0 },
        Note::DeadSlotAnswered { line: 1 },
    ];
    assert_eq!(changes.notes, expected);
    assert_eq!(a.stream(0).rtcp, Rtcp::Separate);
    assert_eq!(a.stream(1).state, StreamState::Rejected(Party::Remote));
}

#[test]
fn a_revised_answer_may_multiplex_or_end_a_slot() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let mut a = offering(&wants);
    let video = "m=video 6000 RTP/AVP 96\na=rtpmap:96 VP8/90000\n";
    a.complete(&answer(&format!("m=audio 4000 RTP/AVP 0\n{video}")))
        .unwrap();
    let text = "m=audio 4000 RTP/AVP 0\na=rtcp-mux\nm=video 0 RTP/AVP 96\n";
    let changes = a.complete_anew(&answer(text)).unwrap();
    assert_eq!(changes.released.len(), 2);
    assert_eq!((a.stream(0).rtcp, a.held.len()), (Rtcp::Muxed, 1));
    assert_eq!(a.stream(1).state, StreamState::Removed(Party::Remote));
}

#[test]
fn a_revised_answer_is_bad_or_too_late_without_effect() {
    let mut a = offering(&audio([pcmu()]));
    // While the offer is open it is the answer.
    a.complete_anew(&answer("m=audio 4000 RTP/AVP 0\n"))
        .unwrap();
    let before = a.dialogue.clone();
    let error = a.complete_anew(&answer("m=audio 4000 RTP/AVP 8\n"));
    assert_eq!(
        error.unwrap_err(),
        CompletionError::NoFormatLeft { line: 0 }
    );
    assert_eq!(a.dialogue, before);
    let other = answer("m=audio 4002 RTP/AVP 0\n");
    a.dialogue.settle();
    let error = a.complete_anew(&other).unwrap_err();
    assert_eq!(error, CompletionError::AnsweredDifferently);
    // A re-offer is not revised, nor is the answer to the first after it.
    a.offer(&audio([pcmu()])).unwrap();
    a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap();
    let error = a.complete_anew(&other).unwrap_err();
    assert_eq!(error, CompletionError::AnsweredDifferently);
    assert_eq!(a.stream(0).send_to().unwrap().port(), 4000);
}

// RFC 3264 §6: a refused slot has nothing that could be wrong
#[test]
fn a_refused_line_gives_its_ports_back() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let mut a = offering(&wants);
    let changes = a
        .complete(&answer("m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 0\n"))
        .unwrap();
    let lease = Lease::pair(addr("192.0.2.1:10002"));
    assert_eq!(
        changes.released,
        [Release {
            line: 1,
            ports: Freed::Whole(lease)
        }]
    );
    assert_eq!(a.stream(1).state, StreamState::Rejected(Party::Remote));
    assert_eq!(a.stream(1).local, None);
}

// RFC 3264 §6.1
#[test]
fn one_slot_without_a_format_ends_alone() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let mut a = offering(&wants);
    let changes = a
        .complete(&answer("m=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31\n"))
        .unwrap();
    assert_eq!(changes.notes, [Note::NoFormatLeft { line: 1 }]);
    assert_eq!(a.stream(0).state, StreamState::Active);
    assert_eq!(a.stream(1).state, StreamState::Rejected(Party::Local));
    assert_eq!(a.stream(1).local, None);
    let offer = a.offer(&audio([pcmu()])).unwrap();
    assert!(m_line(offer.description(), 1).starts_with("m=video 0 "));
}

// RFC 3264 §6.1: a refused slot beside it is no agreement either
#[test]
fn an_answer_in_which_no_slot_keeps_a_format_is_refused() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    for (text, line) in [
        ("m=audio 4000 RTP/AVP 8\nm=video 5000 RTP/AVP 31\n", 0),
        ("m=audio 0 RTP/AVP 0\nm=video 5000 RTP/AVP 31\n", 1),
    ] {
        let error = refused(&wants, text);
        assert_eq!(error, CompletionError::NoFormatLeft { line });
    }
}

#[test]
fn everything_may_be_refused() {
    let mut a = offering(&audio([pcmu()]));
    a.complete(&answer("m=audio 0 RTP/AVP 0\n")).unwrap();
    assert!(!a.stream(0).is_live());
    assert!(a.held.is_empty());
}

// RFC 3264 §6
#[test]
fn a_dead_slot_that_is_answered_stays_dead() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let (mut a, _) = call(&wants);
    a.offer(&audio([pcmu()])).unwrap();
    let text = "m=audio 4000 RTP/AVP 0\na=rtcp-mux\n\
                m=video 5000 RTP/AVP 96\na=rtpmap:96 VP8/90000\n";
    let changes = a.complete(&answer(text)).unwrap();
    assert_eq!(changes.notes, [Note::DeadSlotAnswered { line: 1 }]);
    assert_eq!(a.stream(1).state, StreamState::Removed(Party::Local));
}

// RFC 4585: profiles of one kind
#[test]
fn avp_for_avpf_is_noted_and_taken() {
    let mut a = offering(&audio([pcmu()]));
    let changes = a.complete(&answer("m=audio 4000 RTP/AVPF 0\n")).unwrap();
    assert_eq!(changes.notes, [Note::ProfileChanged { line: 0 }]);
}

// RFC 5761 §5.1.1
#[test]
fn accepted_multiplexing_frees_the_second_port() {
    let mut a = offering(&audio([pcmu()]));
    let changes = a
        .complete(&answer("m=audio 4000 RTP/AVP 0\na=rtcp-mux\n"))
        .unwrap();
    let lease = Lease::pair(addr("192.0.2.1:10000"));
    assert_eq!(
        changes.released,
        [Release {
            line: 0,
            ports: Freed::Rtcp(lease)
        }]
    );
    assert_eq!(a.stream(0).rtcp, Rtcp::Muxed);
    assert_eq!(a.stream(0).send_rtcp_to(), Some(addr("198.51.100.7:4000")));
}

// RFC 5761 §5.1.1
#[test]
fn without_multiplexing_rtcp_has_its_own_port() {
    let mut a = offering(&audio([pcmu()]));
    let changes = a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap();
    assert!(changes.released.is_empty());
    assert_eq!(a.stream(0).rtcp, Rtcp::Separate);
    assert_eq!(a.stream(0).send_rtcp_to(), Some(addr("198.51.100.7:4001")));
}

// RFC 8035 §3
#[test]
fn multiplexing_that_was_not_offered_cannot_be_answered() {
    let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Off)]);
    let mut a = offering(&wants);
    a.complete(&answer("m=audio 4000 RTP/AVP 0\na=rtcp-mux\n"))
        .unwrap();
    assert_eq!(a.stream(0).rtcp, Rtcp::Separate);
}

// RFC 8858 §4.4
#[test]
fn multiplexing_only_is_not_negotiable() {
    let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Only)]);
    let error = refused(&wants, "m=audio 4000 RTP/AVP 0\n");
    assert_eq!(error, CompletionError::MuxRequired { line: 0 });
}

#[test]
fn a_peer_that_stops_multiplexing_keeps_its_call() {
    let (mut a, _) = call(&audio([pcmu()]));
    a.offer(&audio([pcmu()]).with_direction(Direction::SendOnly))
        .unwrap();
    let changes = a
        .complete(&answer("m=audio 4000 RTP/AVP 0\na=recvonly\n"))
        .unwrap();
    assert_eq!(changes.notes, [Note::RtcpUnreachable { line: 0 }]);
    assert_eq!(a.stream(0).send_rtcp_to(), Some(addr("198.51.100.7:4001")));
}

// RFC 3264 §8.4
#[test]
fn an_answer_may_hold_by_its_address() {
    let mut a = offering(&audio([pcmu()]));
    a.complete(&answer("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0\n"))
        .unwrap();
    let stream = a.stream(0);
    assert_eq!((stream.hold, stream.send_to()), (Hold::Address, None));
    assert_eq!(
        stream.remote.as_ref().unwrap().destination,
        Destination::Held
    );
}

// RFC 3264 §4, RFC 6337 §3.4: as if the offer had never been
#[test]
fn rollback_returns_to_before_the_offer() {
    let (mut a, _) = call(&audio([pcmu()]));
    let before = a.dialogue.streams().to_vec();
    let wants = Wants::new([MediaWants::audio([opus()]), MediaWants::video([vp8()])]);
    a.offer(&wants.with_direction(Direction::SendOnly)).unwrap();
    let changes = a.rollback();
    assert_eq!(a.dialogue.streams(), before);
    let lease = Lease::pair(addr("192.0.2.1:10002"));
    assert_eq!(
        changes.released,
        [Release {
            line: 1,
            ports: Freed::Whole(lease)
        }]
    );
    assert!(!a.dialogue.has_pending_offer());
    assert_eq!(a.dialogue.plan_rollback().unwrap_err(), NoOfferPending);
}

#[test]
fn rollback_of_the_first_offer_leaves_nothing() {
    let mut a = offering(&audio([pcmu()]));
    a.rollback();
    assert!(a.dialogue.streams().is_empty() && a.held.is_empty());
    let error = a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap_err();
    assert_eq!(error, CompletionError::NoOfferPending);
}

// RFC 3264 §8: what the peer has seen is not said again under its number
#[test]
fn after_a_rollback_the_version_goes_on() {
    let (mut a, mut b) = call(&audio([pcmu()]));
    a.offer(&audio([opus()])).unwrap();
    a.rollback();
    let (offer, _) = exchange(&mut a, &mut b, &audio([pcma()]), &audio([pcma()]));
    assert_eq!(
        offer.description().origin().unwrap().version_number(),
        Some(3)
    );
}

// RFC 3264 §8.3.2
#[test]
fn after_a_rollback_numbers_stay_bound() {
    let mut a = offering(&audio([opus()]));
    a.rollback();
    a.offer(&audio([Format::new("speex", 16000)])).unwrap();
    assert!(!numbers(&a.stream(0).receive).contains(&96));
}

// RFC 3261 §13.2.2.4
#[test]
fn each_forked_answer_has_a_state_of_its_own() {
    let mut first = offering(&audio([pcmu(), pcma()]));
    let mut early = first.dialogue.fork().unwrap();
    first
        .complete(&answer("m=audio 4000 RTP/AVP 0\na=rtcp-mux\n"))
        .unwrap();
    let mut late = first.dialogue.fork().unwrap();
    for (dialogue, port, number) in [(&mut early, 5000, 8), (&mut late, 6000, 0)] {
        let text = format!("m=audio {port} RTP/AVP {number}\na=sendonly\n");
        dialogue
            .plan_completion(&answer(&text))
            .unwrap()
            .commit(dialogue);
        let stream = &dialogue.streams()[0];
        assert_eq!(stream.remote.as_ref().unwrap().last.unwrap().port(), port);
        assert_eq!(numbers(&stream.send), [number]);
        assert_eq!(stream.direction, Direction::RecvOnly);
        assert_eq!(stream.local.unwrap(), Lease::pair(addr("192.0.2.1:10000")));
    }
    assert_eq!(first.stream(0).send_to().unwrap().port(), 4000);
}

#[test]
fn a_settled_or_changed_session_does_not_fork() {
    let mut a = offering(&audio([pcmu()]));
    a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap();
    a.dialogue.settle();
    assert!(a.dialogue.fork().is_err());
    assert!(a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).is_ok());
    a.offer(&audio([pcmu()])).unwrap();
    a.complete(&answer("m=audio 4000 RTP/AVP 0\n")).unwrap();
    assert!(a.dialogue.fork().is_err());
    assert!(Agent::new(2).dialogue.fork().is_err());
}

// RFC 3261 §13.2.1, §14.2: an INVITE without a body asks for an offer
#[test]
fn a_late_offer_is_made_by_the_called_party() {
    let (mut caller, mut callee) = (Agent::new(1), Agent::new(2));
    let wants = audio([pcmu(), pcma()]);
    let in_200 = callee.offer(&wants).unwrap();
    let in_ack = caller.answer(&in_200, &wants).unwrap();
    callee.complete(&in_ack).unwrap();
    // A late offer within the call names all again, not what was agreed.
    exchange(&mut callee, &mut caller, &wants, &audio([pcma()]));
    let offer = callee.offer(&wants).unwrap();
    assert!(m_line(offer.description(), 0).ends_with(" 0 8 101"));
}

// RFC 3264 §8: either side may offer
#[test]
fn offers_go_either_way_and_streams_mirror() {
    let wants = audio([pcmu(), opus()]);
    let (mut a, mut b) = call(&wants);
    exchange(&mut b, &mut a, &audio([opus()]), &wants);
    assert_eq!(numbers(&a.stream(0).send), numbers(&b.stream(0).receive));
    assert_eq!(a.stream(0).send_to(), Some(b.stream(0).local.unwrap().rtp));
    assert_eq!(b.stream(0).send_to(), Some(a.stream(0).local.unwrap().rtp));
}

// RFC 3264 §6.1: who names several formats may change between them at any packet
#[test]
fn all_formats_of_both_sides_stay_ready() {
    let wants = audio([opus(), pcmu(), pcma()]);
    let (a, b) = call(&wants);
    for agent in [&a, &b] {
        assert_eq!(numbers(&agent.stream(0).receive), [96, 0, 8, 97, 101]);
        assert_eq!(numbers(&agent.stream(0).send), [96, 0, 8, 97, 101]);
    }
}
