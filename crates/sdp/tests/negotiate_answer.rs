//! How we answer what a peer offers.

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use core::time::Duration;

use negotiate_support::*;
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{
    AnswerError, Destination, Events, Fault, Hold, MediaWants, Party, Preference, Refusal, Rtcp,
    RtcpMux, StreamState, TelephoneEvent, Wants,
};
use talkpath_wire::Format;

fn refusals(offer_text: &str, wants: &Wants) -> Vec<(usize, Refusal)> {
    match Agent::new(1)
        .dialogue
        .plan_answer(&offer(offer_text), wants)
    {
        Ok(plan) => plan.refusals().to_vec(),
        Err(AnswerError::NothingAcceptable { refusals }) => refusals,
        Err(error) => panic!("{error}"),
    }
}

const AUDIO: &str = "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\n";

// RFC 3264 §6.1
#[test]
fn a_plain_answer_reads_as_expected_to_the_byte() {
    let mut a = Agent::new(1);
    let answer = a.answer(&offer(AUDIO), &audio([pcma(), pcmu()])).unwrap();
    assert_eq!(
        answer.to_string(),
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 10000 RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
    );
    let stream = a.stream(0);
    assert_eq!(stream.state, StreamState::Active);
    assert_eq!(stream.send_to(), Some(addr("198.51.100.7:4000")));
    assert_eq!(stream.send_rtcp_to(), Some(addr("198.51.100.7:4001")));
    assert_eq!(stream.telephone_event(8000).unwrap().number.value(), 101);
}

// RFC 3264 §6.1
#[test]
fn the_offerers_order_or_ours_decides() {
    let wants = audio([pcma(), pcmu()]);
    let mut a = Agent::new(1);
    a.answer(&offer(AUDIO), &wants).unwrap();
    assert_eq!(numbers(&a.stream(0).send), [0, 8, 101]);
    let mut a = Agent::new(1);
    a.answer(&offer(AUDIO), &wants.with_preference(Preference::Local))
        .unwrap();
    assert_eq!(numbers(&a.stream(0).send), [8, 0, 101]);
}

// RFC 3264 §6: the same number, the same order, the same kinds
#[test]
fn every_line_is_answered_in_its_place() {
    let offered = offer(&format!(
        "m=video 5000 RTP/AVP 31\n{AUDIO}m=image 6000 udptl t38\n\
         m=audio 7000 RTP/SAVP 0\nm=application 8000 TCP/MSRP *\nm=text 0 RTP/AVP 98\n"
    ));
    let mut a = Agent::new(1);
    let answer = a.answer(&offered, &audio([pcmu()])).unwrap();
    let lines: Vec<String> = (0..6)
        .map(|index| m_line(answer.description(), index))
        .collect();
    assert_eq!(
        lines,
        [
            "m=video 0 RTP/AVP 31",
            "m=audio 10000 RTP/AVP 0 101",
            "m=image 0 udptl t38",
            "m=audio 0 RTP/SAVP 0",
            "m=application 0 TCP/MSRP *",
            "m=text 0 RTP/AVP 98",
        ]
    );
    assert_eq!(a.stream(0).state, StreamState::Rejected(Party::Local));
    assert_eq!(a.stream(5).state, StreamState::Rejected(Party::Remote));
}

#[test]
fn each_refusal_has_its_reason() {
    let wants = audio([pcmu()]);
    let one = |text: &str| refusals(text, &wants).remove(0).1;
    assert_eq!(one("m=video 1 RTP/AVP 31"), Refusal::NotWanted);
    assert_eq!(
        one("m=audio 1 RTP/SAVP 0"),
        Refusal::Protocol("RTP/SAVP".into())
    );
    assert_eq!(one("m=audio 1 RTP/AVP 3"), Refusal::NoCommonCodec);
    assert_eq!(
        one("m=audio 1 RTP/AVP 0\nc=IN IP4 1..2"),
        Refusal::NoAddress
    );
    let multicast = "m=audio 1 RTP/AVP 0\nc=IN IP4 224.2.1.1/127";
    assert_eq!(
        one(multicast),
        Refusal::Unusable("224.2.1.1".parse().unwrap())
    );
    let broadcast = "m=audio 1 RTP/AVP 0\nc=IN IP6 ::ffff:255.255.255.255";
    assert_eq!(
        one(broadcast),
        Refusal::Unusable("255.255.255.255".parse().unwrap())
    );
    let bundled = refusals(
        &format!("{AUDIO}a=mid:0\nm=video 0 RTP/AVP 31\na=mid:1\na=bundle-only"),
        &wants,
    );
    assert_eq!(bundled, [(1, Refusal::BundleOnly)]);
}

// RFC 3264 §8.4, RFC 6890: a hold is the unspecified address and no other of
// 0/8; no spelling makes an address usable
#[test]
fn no_spelling_of_an_address_that_reaches_nobody_is_taken() {
    for address in [
        "IP4 0.0.0.1",
        "IP4 0.1.2.3",
        "IP4 240.0.0.1",
        "IP6 ::2",
        "IP6 ::127.0.0.1",
        "IP6 ::ffff:0.1.2.3",
        "IP6 ::ffff:0:127.0.0.1",
        "IP6 64:ff9b::127.0.0.1",
        "IP6 64:ff9b::0.0.0.0",
        "IP6 64:ff9b::224.0.0.1",
        "IP6 2002:7f00:1::1",
        "IP6 ff02::1",
    ] {
        let text = format!("{AUDIO}c=IN {address}\n");
        let refused = refusals(&text, &audio([pcmu()]));
        assert!(
            matches!(refused[..], [(0, Refusal::Unusable(_))]),
            "{address}"
        );
    }
    for (address, held) in [
        ("IP4 0.0.0.0", true),
        ("IP6 ::", true),
        ("IP6 ::ffff:0.0.0.0", true),
        ("IP4 127.0.0.1", false),
        ("IP6 ::1", false),
        ("IP6 64:ff9b::192.0.2.1", false),
    ] {
        let mut a = Agent::new(1);
        let text = format!("{AUDIO}c=IN {address}\n");
        a.answer(&offer(&text), &audio([pcmu()])).unwrap();
        assert_eq!(a.stream(0).hold == Hold::Address, held, "{address}");
    }
}

// RFC 3264 §6: 488 when nothing is left
#[test]
fn an_offer_with_nothing_acceptable_is_refused_whole() {
    let mut a = Agent::new(1);
    let error = a
        .answer(&offer("m=audio 4000 RTP/AVP 3\n"), &audio([pcmu()]))
        .unwrap_err();
    assert_eq!((error.fault(), error.sip_status()), (Fault::Peer, 488));
    assert_eq!(
        error.to_string(),
        "nothing in the offer is acceptable: m-line 0: no codec in common"
    );
    assert!(a.dialogue.streams().is_empty());
}

// RFC 5761 §4: a number that reads as RTCP is no codec where both share a port,
// and comfort noise alone is none either
#[test]
fn comfort_noise_alone_is_not_what_is_left_of_a_codec() {
    let media = "m=audio 4000 RTP/AVP 72 13\na=rtpmap:72 PCMU/8000\na=rtcp-mux\n";
    let wants = audio([pcmu(), Format::new("CN", 8000)]);
    assert_eq!(refusals(media, &wants), [(0, Refusal::NoCommonCodec)]);
}

// RFC 3264 §5: no media at all is an offer, too
#[test]
fn an_offer_without_media_is_answered_without_media() {
    let answer = Agent::new(1).answer(&offer(""), &audio([pcmu()])).unwrap();
    assert_eq!(answer.description().media().len(), 0);
}

#[test]
fn an_offer_that_ends_everything_is_answered() {
    let (_, mut b) = call(&audio([pcmu()]));
    let (answer, changes) = b
        .answer_with_changes(&offer("m=audio 0 RTP/AVP 0\n"), &audio([pcmu()]))
        .unwrap();
    assert_eq!(m_line(answer.description(), 0), "m=audio 0 RTP/AVP 0");
    assert_eq!(b.stream(0).state, StreamState::Removed(Party::Remote));
    assert_eq!(changes.released.len(), 1);
}

#[test]
fn digits_alone_are_no_call() {
    let text = "m=audio 4000 RTP/AVP 3 101\na=rtpmap:101 telephone-event/8000\n";
    assert_eq!(
        refusals(text, &audio([pcmu()])),
        [(0, Refusal::NoCommonCodec)]
    );
}

// RFC 4733 §2.1
#[test]
fn digits_are_answered_at_the_clock_of_the_agreed_codecs() {
    let text = "m=audio 4000 RTP/AVP 111 0 110 101\na=rtpmap:111 opus/48000/2\n\
                a=rtpmap:110 telephone-event/48000\na=rtpmap:101 telephone-event/8000\n";
    let mut a = Agent::new(1);
    a.answer(&offer(text), &audio([pcmu()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [0, 101]);
    let mut a = Agent::new(1);
    a.answer(&offer(text), &audio([opus(), pcmu()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [111, 0, 110, 101]);
    assert_eq!(
        a.stream(0).telephone_event(48000).unwrap().number.value(),
        110
    );
}

#[test]
fn digits_at_another_clock_are_better_than_none() {
    let text = "m=audio 4000 RTP/AVP 111 101\na=rtpmap:111 opus/48000/2\n\
                a=rtpmap:101 telephone-event/8000\n";
    let mut a = Agent::new(1);
    a.answer(&offer(text), &audio([opus()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [111, 101]);
    let event = a.stream(0).telephone_event(48000).unwrap();
    assert_eq!((event.number.value(), event.format.clock_rate), (101, 8000));
}

// RFC 4733 §2.4.1
#[test]
fn the_answered_events_are_those_of_both() {
    let text = format!("{AUDIO}a=fmtp:101 0-15,66\n");
    let wants = MediaWants::audio([pcmu()])
        .with_telephone_event(TelephoneEvent::Events(Events::DTMF_AND_FLASH));
    let answer = Agent::new(1)
        .answer(&offer(&text), &Wants::new([wants]))
        .unwrap();
    assert!(answer.to_string().contains("a=fmtp:101 0-15\r\n"));
}

// RFC 3264 §6.1, whole table
#[test]
fn the_direction_table_of_answers_is_exhaustive() {
    for offered in Direction::ALL {
        for wanted in Direction::ALL {
            let mut a = Agent::new(1);
            let text = format!("{AUDIO}a={offered}\n");
            let wants = audio([pcmu()]).with_direction(wanted);
            let answer = a.answer(&offer(&text), &wants).unwrap();
            let said = answer.description().media_at(0).unwrap().direction();
            let sends = offered.receives() && wanted.sends();
            let receives = offered.sends() && wanted.receives();
            assert_eq!(said, Direction::new(sends, receives), "{offered} {wanted}");
            assert!(offered.allows_answer(said));
            assert_eq!(a.stream(0).direction, said);
            assert_eq!(a.stream(0).send_to().is_some(), sends);
            assert_eq!(a.stream(0).receives(), receives);
            let held = if offered.receives() {
                Hold::No
            } else {
                Hold::Direction
            };
            assert_eq!(a.stream(0).hold, held);
            // RTCP goes on whatever the direction (RFC 3264 §5.1).
            assert!(a.stream(0).send_rtcp_to().is_some());
        }
    }
}

// RFC 3264 §8.4, RFC 6337 §5.4, RFC 6157
#[test]
fn a_hold_by_address_stops_sending_and_keeps_the_address() {
    for nowhere in [
        "IP4 0.0.0.0",
        "IP6 ::",
        "IP6 ::ffff:0.0.0.0",
        "IP4 x.invalid",
        "IP6 unknown.INVALID.",
    ] {
        let mut a = Agent::new(1);
        let wants = audio([pcmu()]);
        a.answer(&offer(AUDIO), &wants).unwrap();
        let ports = a.stream(0).local;
        a.answer(&offer(&format!("{AUDIO}c=IN {nowhere}\n")), &wants)
            .unwrap();
        let stream = a.stream(0);
        assert_eq!(
            (stream.state, stream.hold),
            (StreamState::Active, Hold::Address),
            "{nowhere}"
        );
        assert_eq!((stream.send_to(), stream.send_rtcp_to()), (None, None));
        let remote = stream.remote.clone().unwrap();
        assert_eq!(remote.destination, Destination::Held);
        assert_eq!(remote.last, Some(addr("198.51.100.7:4000")));
        assert_eq!(stream.local, ports);
        a.answer(&offer(AUDIO), &wants).unwrap();
        assert_eq!(a.stream(0).send_to(), Some(addr("198.51.100.7:4000")));
        assert_eq!(a.stream(0).hold, Hold::No);
    }
}

#[test]
fn hold_and_resume_by_direction() {
    let (mut a, mut b) = call(&audio([pcmu()]));
    let wants = audio([pcmu()]);
    for hold in [Direction::SendOnly, Direction::Inactive] {
        let ports = b.stream(0).local;
        exchange(&mut a, &mut b, &wants.clone().with_direction(hold), &wants);
        assert_eq!(b.stream(0).hold, Hold::Direction);
        assert_eq!(b.stream(0).send_to(), None);
        assert_eq!(b.stream(0).direction, hold.reversed());
        exchange(&mut a, &mut b, &wants, &wants);
        assert_eq!(
            (b.stream(0).hold, b.stream(0).direction),
            (Hold::No, Direction::SendRecv)
        );
        assert_eq!(b.stream(0).local, ports);
    }
}

// RFC 6337 §5.3: both hold, one resumes
#[test]
fn a_double_hold_needs_both_to_resume() {
    let sendrecv = audio([pcmu()]);
    let holding = sendrecv.clone().with_direction(Direction::SendOnly);
    let (mut a, mut b) = call(&sendrecv);
    exchange(&mut a, &mut b, &holding, &sendrecv);
    exchange(&mut b, &mut a, &holding, &holding);
    assert_eq!(
        (a.stream(0).direction, b.stream(0).direction),
        (Direction::Inactive, Direction::Inactive)
    );
    exchange(&mut a, &mut b, &sendrecv, &holding);
    assert_eq!(b.stream(0).direction, Direction::SendOnly);
    exchange(&mut b, &mut a, &sendrecv, &sendrecv);
    assert_eq!(a.stream(0).direction, Direction::SendRecv);
}

// RFC 8866 §5.7
#[test]
fn the_media_level_address_counts() {
    let mut a = Agent::new(1);
    a.answer(
        &offer(&format!("{AUDIO}c=IN IP4 203.0.113.5\n")),
        &audio([pcmu()]),
    )
    .unwrap();
    assert_eq!(a.stream(0).send_to(), Some(addr("203.0.113.5:4000")));
}

#[test]
fn an_ipv6_offer_is_answered_over_ipv6() {
    let mut a = Agent::new(1);
    let text = format!("{AUDIO}c=IN IP6 2001:db8::77\n");
    let answer = a.answer(&offer(&text), &audio([pcmu()])).unwrap();
    assert!(answer.to_string().contains("c=IN IP6 2001:db8::1\r\n"));
    assert_eq!(a.stream(0).send_to(), Some(addr("[2001:db8::77]:4000")));
}

#[test]
fn a_change_of_address_family_takes_new_ports() {
    let mut a = Agent::new(1);
    a.answer(&offer(AUDIO), &audio([pcmu()])).unwrap();
    let text = format!("{AUDIO}c=IN IP6 2001:db8::77\n");
    a.answer(&offer(&text), &audio([pcmu()])).unwrap();
    assert!(a.stream(0).local.unwrap().rtp.is_ipv6());
}

#[test]
fn a_mapped_address_is_the_ipv4_address() {
    let mut a = Agent::new(1);
    let text = format!("{AUDIO}c=IN IP6 ::ffff:203.0.113.5\n");
    a.answer(&offer(&text), &audio([pcmu()])).unwrap();
    assert_eq!(a.stream(0).send_to(), Some(addr("203.0.113.5:4000")));
}

// RFC 8866 §5.7: legal, but a line to a name would be a line without media
#[test]
fn a_host_name_is_refused_and_an_invalid_one_holds() {
    let line = format!("{AUDIO}c=IN IP4 media.example.com\n");
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::audio([pcmu()])]);
    let refused = refusals(&format!("{line}{AUDIO}"), &wants);
    assert_eq!(refused, [(0, Refusal::Name("media.example.com".into()))]);
    let mut a = Agent::new(1);
    let error = a.answer(&offer(&line), &audio([pcmu()])).unwrap_err();
    assert_eq!(error.sip_status(), 488);
    let text = format!("{AUDIO}c=IN IP4 media.example.invalid\n");
    a.answer(&offer(&text), &audio([pcmu()])).unwrap();
    assert_eq!(a.stream(0).hold, Hold::Address);
}

#[test]
fn a_stream_that_would_move_to_a_name_stays_where_it_is() {
    let mut a = Agent::new(1);
    a.answer(&offer(AUDIO), &audio([pcmu()])).unwrap();
    let before = a.dialogue.clone();
    let moved = offer(&format!("{AUDIO}c=IN IP6 media.example.com\n"));
    let error = a.answer(&moved, &audio([pcmu()])).unwrap_err();
    assert_eq!(error.sip_status(), 488);
    assert!(error.to_string().contains("a name, which is not resolved"));
    assert_eq!(a.dialogue, before);
    assert_eq!(a.stream(0).send_to(), Some(addr("198.51.100.7:4000")));
}

// RFC 8866 §5.14
#[test]
fn a_port_count_means_the_first_port() {
    let mut a = Agent::new(1);
    let answer = a
        .answer(&offer("m=audio 49170/2 RTP/AVP 0\n"), &audio([pcmu()]))
        .unwrap();
    assert_eq!(a.stream(0).send_to().unwrap().port(), 49170);
    assert_eq!(answer.description().media_at(0).unwrap().port_count(), 1);
}

// RFC 5761 §5.1.1, RFC 8035, RFC 8858 §4.3: who offers what, who gets what
#[test]
fn the_table_of_rtcp_multiplexing_is_exhaustive() {
    let offers = ["", "a=rtcp-mux\n", "a=rtcp-mux\na=rtcp-mux-only\n"];
    for (theirs, attributes) in offers.iter().enumerate() {
        for ours in [RtcpMux::Off, RtcpMux::Offer, RtcpMux::Only] {
            let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(ours)]);
            let mut a = Agent::new(1);
            let result = a.answer(&offer(&format!("{AUDIO}{attributes}")), &wants);
            let expected = match (theirs, ours) {
                (0, RtcpMux::Only) | (2, RtcpMux::Off) => None,
                (0, _) | (_, RtcpMux::Off) => Some(Rtcp::Separate),
                _ => Some(Rtcp::Muxed),
            };
            let Some(expected) = expected else {
                assert_eq!(result.unwrap_err().sip_status(), 488);
                continue;
            };
            let text = result.unwrap().to_string();
            assert_eq!(a.stream(0).rtcp, expected, "{theirs} {ours:?}");
            assert_eq!(text.contains("a=rtcp-mux\r\n"), expected == Rtcp::Muxed);
            assert!(!text.contains("rtcp-mux-only"));
            let port = if expected == Rtcp::Muxed { 4000 } else { 4001 };
            assert_eq!(a.stream(0).send_rtcp_to().unwrap().port(), port);
            assert_eq!(a.held.len(), if expected == Rtcp::Muxed { 1 } else { 2 });
        }
    }
}

// RFC 3605
#[test]
fn rtcp_goes_where_its_attribute_says() {
    for (attribute, to) in [
        ("a=rtcp:53020", Some("198.51.100.7:53020")),
        ("a=rtcp:53020 IN IP4 203.0.113.9", Some("203.0.113.9:53020")),
        ("a=rtcp:53020 IN IP4 0.0.0.0", None),
        ("a=rtcp:nonsense", Some("198.51.100.7:4001")),
    ] {
        let mut a = Agent::new(1);
        a.answer(&offer(&format!("{AUDIO}{attribute}\n")), &audio([pcmu()]))
            .unwrap();
        assert_eq!(a.stream(0).send_rtcp_to(), to.map(addr), "{attribute}");
    }
}

#[test]
fn rtcp_above_the_last_port_goes_nowhere() {
    let mut a = Agent::new(1);
    a.answer(&offer("m=audio 65535 RTP/AVP 0\n"), &audio([pcmu()]))
        .unwrap();
    assert_eq!(a.stream(0).send_rtcp_to(), None);
}

// RFC 5761 §4
#[test]
fn numbers_that_look_like_rtcp_are_not_taken_on_a_shared_port() {
    let text = "m=audio 4000 RTP/AVP 72 0\na=rtpmap:72 PCMA/8000\n";
    let mut a = Agent::new(1);
    a.answer(
        &offer(&format!("{text}a=rtcp-mux\n")),
        &audio([pcma(), pcmu()]),
    )
    .unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [0]);
    let mut a = Agent::new(1);
    a.answer(&offer(text), &audio([pcma(), pcmu()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [72, 0]);
}

// RFC 3264 §6.1: the offerer's numbers; §8.3.2: unless they are taken
#[test]
fn the_offerers_numbers_are_kept_unless_bound_to_another_codec() {
    let speex = Format::new("speex", 16000);
    let (mut a, mut b) = call(&audio([opus()]));
    exchange(&mut a, &mut b, &audio([opus()]), &audio([opus()]));
    let text = "m=audio 4000 RTP/AVP 96 99\na=rtpmap:96 speex/16000\na=rtpmap:99 opus/48000/2\n";
    b.answer(&offer(text), &audio([opus(), speex])).unwrap();
    let stream = b.stream(0);
    // We send with theirs; speex comes to us under a number of its own.
    assert_eq!(numbers(&stream.send), [96, 99]);
    assert!(stream.send[0].format.is("speex"));
    assert!(stream.receive[0].format.is("speex"));
    assert_ne!(stream.receive[0].number.value(), 96);
    assert_eq!(stream.receive[1].number.value(), 99);
    // A late packet under the old number is still opus.
    assert!(
        b.dialogue
            .meaning(0, stream.send[0].number)
            .unwrap()
            .is("opus")
    );
}

// RFC 3264 §5.1: the list may hold a codec twice
#[test]
fn a_codec_that_is_offered_twice_is_answered_once() {
    let text = "m=audio 4000 RTP/AVP 0 97 0 0\na=rtpmap:97 PCMU/8000\n";
    let mut a = Agent::new(1);
    a.answer(&offer(text), &audio([pcmu()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [0]);
}

#[test]
fn a_number_without_a_meaning_is_passed_over() {
    let mut a = Agent::new(1);
    a.answer(&offer("m=audio 4000 RTP/AVP 120 0\n"), &audio([pcmu()]))
        .unwrap();
    assert_eq!(numbers(&a.stream(0).send), [0]);
}

// RFC 8866 §6.4, §6.5
#[test]
fn the_peers_ptime_and_maxptime_rule_what_we_send() {
    let ms = Duration::from_millis;
    for (text, expected) in [
        ("", ms(20)),
        ("a=ptime:30\n", ms(30)),
        ("a=ptime:60\na=maxptime:40\n", ms(40)),
        ("a=maxptime:10\n", ms(10)),
    ] {
        let mut a = Agent::new(1);
        a.answer(&offer(&format!("{AUDIO}{text}")), &audio([pcmu()]))
            .unwrap();
        assert_eq!(a.stream(0).packet.send(ms(20)), expected, "{text}");
    }
}

// RFC 4585: the feedback profile is plain RTP, too
#[test]
fn avpf_is_answered_as_avpf() {
    let answer = Agent::new(1)
        .answer(&offer("m=audio 4000 RTP/AVPF 0\n"), &audio([pcmu()]))
        .unwrap();
    assert_eq!(m_line(answer.description(), 0), "m=audio 10000 RTP/AVPF 0");
}

// RFC 5888 §6, RFC 9143 §7.3
#[test]
fn tags_are_echoed_and_the_bundle_is_not() {
    let text = format!("a=group:BUNDLE a v\n{AUDIO}a=mid:a\nm=video 5000 RTP/AVP 31\na=mid:v\n");
    let mut a = Agent::new(1);
    let answer = a
        .answer(&offer(&text), &audio([pcmu()]))
        .unwrap()
        .to_string();
    assert!(
        answer.contains("a=mid:a\r\n") && !answer.contains("BUNDLE") && !answer.contains("mid:v")
    );
    assert_eq!(a.stream(0).mid.as_deref(), Some("a"));
    let re_offer = a.offer(&audio([pcmu()])).unwrap().to_string();
    assert!(re_offer.contains("a=mid:a\r\n"));
}

// RFC 3264 §6
#[test]
fn the_time_line_is_that_of_the_offer() {
    let text = String::from_utf8(body(AUDIO))
        .unwrap()
        .replace("t=0 0", "t=2873397496 2873404696");
    let offer = talkpath_sdp::Offer::parse(text).unwrap();
    let answer = Agent::new(1).answer(&offer, &audio([pcmu()])).unwrap();
    assert!(answer.to_string().contains("t=2873397496 2873404696\r\n"));
}

// RFC 3264 §8
#[test]
fn an_offer_that_loses_a_slot_is_refused_and_nothing_changes() {
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let (_, mut b) = call(&both);
    let before = b.dialogue.clone();
    let error = b.answer(&offer(AUDIO), &both).unwrap_err();
    assert_eq!(
        error,
        AnswerError::LinesMissing {
            expected: 2,
            actual: 1
        }
    );
    assert_eq!(error.sip_status(), 488);
    assert_eq!(b.dialogue, before);
}

// RFC 3261 §14.2
#[test]
fn glare_is_a_typed_error_and_nothing_changes() {
    let (mut a, mut b) = call(&audio([pcmu()]));
    a.offer(&audio([pcma()])).unwrap();
    let crossing = b.offer(&audio([pcma()])).unwrap();
    let before = a.dialogue.clone();
    let error = a.answer(&crossing, &audio([pcmu()])).unwrap_err();
    assert_eq!((error.fault(), error.sip_status()), (Fault::Timing, 491));
    assert_eq!(a.dialogue, before);
    // The way out: one side gives way.
    a.rollback();
    let answer = a.answer(&crossing, &audio([pcma()])).unwrap();
    b.complete(&answer).unwrap();
    assert_eq!(numbers(&b.stream(0).send), [8, 101]);
}

#[test]
fn a_re_offer_is_answered_afresh() {
    let wants = audio([pcmu(), pcma()]);
    let (_, mut b) = call(&wants);
    let answer = b
        .answer(&offer("m=audio 4000 RTP/AVP 8\na=ptime:40\n"), &wants)
        .unwrap();
    assert_eq!(numbers(&b.stream(0).send), [8]);
    assert!(m_line(answer.description(), 0).ends_with(" 8"));
    assert_eq!(b.stream(0).send_to(), Some(addr("198.51.100.7:4000")));
    assert_eq!(b.stream(0).packet.ptime, Some(Duration::from_millis(40)));
}

#[test]
fn a_refused_re_offer_leaves_the_call_as_it_is() {
    let (_, mut b) = call(&audio([pcmu()]));
    let before = b.dialogue.clone();
    let error = b
        .answer(&offer("m=audio 4000 RTP/AVP 3\n"), &audio([pcmu()]))
        .unwrap_err();
    assert_eq!(error.sip_status(), 488);
    assert_eq!(b.dialogue, before);
}

// RFC 3264 §8.1: only the offerer recycles, with any kind
#[test]
fn a_slot_that_the_peer_recycles_is_a_new_stream() {
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let mut a = Agent::new(1);
    a.answer(&offer(&format!("{AUDIO}m=image 0 udptl t38\n")), &wants)
        .unwrap();
    let video = "m=video 5000 RTP/AVP 99\na=rtpmap:99 VP8/90000\n";
    a.answer(&offer(&format!("{AUDIO}{video}")), &wants)
        .unwrap();
    assert_eq!(a.stream(1).state, StreamState::Active);
    assert_eq!(a.stream(1).kind.as_str(), "video");
}

#[test]
fn a_revived_slot_does_not_take_the_wants_of_a_live_one() {
    let wants = audio([pcmu()]);
    let mut a = Agent::new(1);
    a.answer(&offer(&format!("m=audio 0 RTP/AVP 0\n{AUDIO}")), &wants)
        .unwrap();
    a.answer(&offer(&format!("m=audio 3000 RTP/AVP 0\n{AUDIO}")), &wants)
        .unwrap();
    assert!(!a.stream(0).is_live());
    assert_eq!(a.stream(1).state, StreamState::Active);
}

#[test]
fn a_line_that_fails_leaves_its_wants_to_the_next() {
    let mut a = Agent::new(1);
    let text = "m=audio 3000 RTP/AVP 3\nm=audio 4000 RTP/AVP 0\n";
    a.answer(&offer(text), &audio([pcmu()])).unwrap();
    assert_eq!(a.stream(1).state, StreamState::Active);
}

#[test]
fn without_ports_a_line_is_refused() {
    let mut dialogue = Agent::new(1).dialogue;
    let plan = dialogue
        .plan_answer(&offer(AUDIO), &audio([pcmu()]))
        .unwrap();
    let (answer, _) = plan.commit(&mut dialogue, &[]);
    assert_eq!(m_line(answer.description(), 0), "m=audio 0 RTP/AVP 0 101");
    assert_eq!(
        dialogue.streams()[0].state,
        StreamState::Rejected(Party::Local)
    );
}

#[test]
fn a_description_without_a_last_line_end_is_answered() {
    let text = body("m=audio 4000 RTP/AVP 0\na=sendonly");
    assert!(text.ends_with(b"sendonly"));
    let offer = talkpath_sdp::Offer::parse(text).unwrap();
    let mut a = Agent::new(1);
    a.answer(&offer, &audio([pcmu()])).unwrap();
    assert_eq!(a.stream(0).direction, Direction::RecvOnly);
}

#[test]
fn bytes_that_are_not_utf8_do_not_matter() {
    let mut text = body("i=caf\u{e9}\nm=audio 4000 RTP/AVP 0\n");
    text.extend_from_slice(b"\r\na=x-note:\xff\xfe");
    let offer = talkpath_sdp::Offer::parse(text).unwrap();
    assert!(Agent::new(1).answer(&offer, &audio([pcmu()])).is_ok());
}

#[test]
fn without_ports_of_the_new_family_a_live_line_ends() {
    let mut a = Agent::new(1);
    a.answer(&offer(AUDIO), &audio([pcmu()])).unwrap();
    let text = format!("{AUDIO}c=IN IP6 2001:db8::77\n");
    let plan = a
        .dialogue
        .plan_answer(&offer(&text), &audio([pcmu()]))
        .unwrap();
    let (answer, changes) = plan.commit(&mut a.dialogue, &[]);
    assert_eq!(m_line(answer.description(), 0), "m=audio 0 RTP/AVP 0 101");
    assert_eq!(a.stream(0).state, StreamState::Removed(Party::Local));
    assert_eq!(changes.released.len(), 1);
}
