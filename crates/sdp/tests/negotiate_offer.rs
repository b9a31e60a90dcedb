//! What an offer of ours says, and what it obliges us to.

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use core::time::Duration;
use std::net::SocketAddr;

use negotiate_support::*;
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{
    Dialogue, Fault, Identity, Kind, Lease, MediaWants, OfferError, Rtcp, RtcpMux, StreamState,
    TelephoneEvent, Wants, WantsError,
};
use talkpath_wire::{Format, PayloadType};

fn text(offer: &talkpath_sdp::Offer) -> String {
    offer.to_string()
}

// RFC 3264 §5, §5.1; RFC 3551 §6; RFC 4733 §2.4.1; RFC 5761 §5.1.1
#[test]
fn a_plain_offer_reads_as_expected_to_the_byte() {
    let offer = Agent::new(1).offer(&audio([pcmu(), pcma()])).unwrap();
    assert_eq!(
        text(&offer),
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 10000 RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
         a=sendrecv\r\na=rtcp-mux\r\n"
    );
}

// RFC 4733 §2.1: events share the clock of the codec
#[test]
fn telephone_event_is_offered_for_each_clock_rate() {
    let mut a = Agent::new(1);
    let offer = text(&a.offer(&audio([opus(), pcmu(), pcma()])).unwrap());
    assert!(offer.contains("telephone-event/8000"));
    assert!(offer.contains("telephone-event/48000"));
    assert_eq!(offer.matches("telephone-event").count(), 2);
}

#[test]
fn without_telephone_event_none_is_offered() {
    let wants = MediaWants::audio([pcmu()]).with_telephone_event(TelephoneEvent::Off);
    let offer = text(&Agent::new(1).offer(&Wants::new([wants])).unwrap());
    assert!(!offer.contains("telephone-event"));
}

// RFC 3264 §5.1: ready to receive as soon as the offer is sent
#[test]
fn all_offered_formats_are_received_before_the_answer() {
    let mut a = Agent::new(1);
    a.offer(&audio([opus(), pcmu()])).unwrap();
    let stream = a.stream(0);
    assert_eq!(stream.state, StreamState::Offered);
    assert!(stream.receives());
    assert_eq!(numbers(&stream.receive), [96, 0, 97, 101]);
    assert_eq!(stream.send_to(), None);
}

// RFC 3264 §5.1: sendonly receives no media
#[test]
fn an_offered_direction_that_does_not_receive_is_not_received() {
    let mut a = Agent::new(1);
    a.offer(&audio([pcmu()]).with_direction(Direction::SendOnly))
        .unwrap();
    assert!(!a.stream(0).receives());
}

// RFC 8858 §4.2
#[test]
fn rtcp_mux_only_offers_one_port_and_both_attributes() {
    let mut a = Agent::new(1);
    let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Only)]);
    let offer = text(&a.offer(&wants).unwrap());
    assert!(offer.contains("a=rtcp-mux\r\na=rtcp-mux-only\r\n"));
    assert_eq!(a.held.len(), 1);
    assert_eq!(a.stream(0).rtcp, Rtcp::Muxed);
}

// RFC 3605 §2.1
#[test]
fn rtcp_elsewhere_than_on_the_next_port_is_said() {
    let mut dialogue = Dialogue::new(Identity::new(1, "192.0.2.1".parse().unwrap()));
    let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Off)]);
    let lease = Lease {
        rtp: addr("192.0.2.1:4000"),
        rtcp: Some(4567),
    };
    let offer = dialogue
        .plan_offer(&wants)
        .unwrap()
        .commit(&mut dialogue, &[lease]);
    assert!(text(&offer).contains("a=rtcp:4567\r\n"));
    assert!(!text(&offer).contains("rtcp-mux"));
}

// RFC 8866 §5.7
#[test]
fn different_addresses_stand_at_media_level() {
    let mut dialogue = Dialogue::new(Identity::new(1, "192.0.2.1".parse().unwrap()));
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let leases = [
        Lease::pair(addr("192.0.2.1:4000")),
        Lease::pair(addr("[2001:db8::5]:4002")),
    ];
    let offer = text(
        &dialogue
            .plan_offer(&wants)
            .unwrap()
            .commit(&mut dialogue, &leases),
    );
    let (session, media) = offer.split_once("m=audio").unwrap();
    assert!(!session.contains("c="));
    assert!(media.contains("c=IN IP4 192.0.2.1\r\n"));
    assert!(media.contains("c=IN IP6 2001:db8::5\r\n"));
}

#[test]
fn ipv6_stands_at_session_level() {
    let ip = "2001:db8::9".parse().unwrap();
    let mut dialogue = Dialogue::new(Identity::new(1, ip));
    let plan = dialogue.plan_offer(&audio([pcmu()])).unwrap();
    let offer = text(&plan.commit(&mut dialogue, &[Lease::pair(SocketAddr::new(ip, 4000))]));
    assert!(offer.contains("o=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\n"));
}

// RFC 8866 §6.4, §6.5
#[test]
fn ptime_and_maxptime_are_said() {
    let mut wants = audio([pcmu()]);
    wants.media[0].ptime = Some(Duration::from_millis(30));
    wants.media[0].maxptime = Some(Duration::from_millis(60));
    let offer = text(&Agent::new(1).offer(&wants).unwrap());
    assert!(offer.contains("a=ptime:30\r\na=maxptime:60\r\n"));
}

// RFC 3264 §4, RFC 3261 §14.1
#[test]
fn a_second_offer_waits_for_the_answer_to_the_first() {
    let mut a = Agent::new(1);
    a.offer(&audio([pcmu()])).unwrap();
    let error = a.offer(&audio([pcmu()])).unwrap_err();
    assert_eq!(error, OfferError::OfferPending);
    assert_eq!((error.fault(), error.sip_status()), (Fault::Timing, 491));
}

// RFC 3264 §8: the version moves with the text only
#[test]
fn a_re_offer_that_changes_nothing_has_the_same_text() {
    let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Only)]);
    let (mut a, mut b) = call(&wants);
    let (first, _) = exchange(&mut a, &mut b, &wants, &wants);
    assert_eq!(a.version, 1);
    let (second, answer) = exchange(&mut a, &mut b, &wants, &wants);
    assert_eq!(first, second);
    assert_eq!(
        answer.description().origin().unwrap().version_number(),
        Some(1)
    );
}

// RFC 5761 §5.1.1: who declines to multiplex would send RTCP to the next port,
// which was given back
#[test]
fn a_re_offer_names_no_rtcp_port_but_our_own() {
    let wants = audio([pcmu()]);
    let (mut a, mut b) = call(&wants);
    let local = a.stream(0).local.unwrap();
    assert_eq!(local.rtcp, None);
    let offer = a.offer(&wants).unwrap();
    assert!(text(&offer).ends_with("a=rtcp-mux\r\na=rtcp:10000\r\n"));
    let apart = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Off)]);
    let answer = b.answer(&offer, &apart).unwrap();
    a.complete(&answer).unwrap();
    assert_eq!(b.stream(0).send_rtcp_to(), Some(local.rtp));
    // An answer that takes it says no port: there is nothing to decline.
    let offer = b.offer(&wants).unwrap();
    let answer = a.answer(&offer, &wants).unwrap().to_string();
    assert!(answer.contains("a=rtcp-mux\r\n") && !answer.contains("a=rtcp:"));
}

// RFC 3264 §8: naming the RTCP port anew is a change, and the only one
#[test]
fn after_multiplexing_was_agreed_the_offer_changes_once() {
    let wants = audio([pcmu()]);
    let (mut a, mut b) = call(&wants);
    let (first, _) = exchange(&mut a, &mut b, &wants, &wants);
    assert_eq!(a.version, 2);
    let (second, _) = exchange(&mut a, &mut b, &wants, &wants);
    assert_eq!((first, a.version), (second, 2));
}

#[test]
fn a_line_that_gets_no_second_port_names_the_one_it_has() {
    let wants = audio([pcmu()]);
    let (mut a, _) = call(&wants);
    let apart = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Off)]);
    let plan = a.dialogue.plan_offer(&apart).unwrap();
    let offer = plan.commit(&mut a.dialogue, &[]);
    assert!(text(&offer).ends_with("a=sendrecv\r\na=rtcp:10000\r\n"));
}

// RFC 3264 §8
#[test]
fn a_hold_is_the_next_version_of_the_same_session() {
    let wants = audio([pcmu()]);
    let (mut a, mut b) = call(&wants);
    let hold = wants.clone().with_direction(Direction::SendOnly);
    let (offer, _) = exchange(&mut a, &mut b, &hold, &wants);
    let origin = offer.description().origin().unwrap();
    assert_eq!(
        (origin.session_id_number(), origin.version_number()),
        (Some(1), Some(2))
    );
}

// RFC 3264 §8.1
#[test]
fn a_new_stream_comes_last() {
    let (mut a, mut b) = call(&audio([pcmu()]));
    let both = Wants::new([MediaWants::video([vp8()]), MediaWants::audio([pcmu()])]);
    let (offer, _) = exchange(&mut a, &mut b, &both, &both);
    assert!(m_line(offer.description(), 0).starts_with("m=audio 10000 "));
    assert!(m_line(offer.description(), 1).starts_with("m=video 10002 "));
    assert_eq!(a.stream(1).state, StreamState::Active);
    assert_eq!(b.stream(1).state, StreamState::Active);
}

// RFC 3264 §8.2
#[test]
fn a_removed_stream_keeps_its_slot_at_port_0() {
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let (mut a, mut b) = call(&both);
    let (offer, answer) = exchange(&mut a, &mut b, &audio([pcmu()]), &both);
    assert_eq!(m_line(offer.description(), 1), "m=video 0 RTP/AVP 96");
    assert_eq!(m_line(answer.description(), 1), "m=video 0 RTP/AVP 96");
    let (offer, _) = exchange(&mut a, &mut b, &audio([pcmu()]), &both);
    assert_eq!(offer.description().media().len(), 2);
}

// RFC 3264 §8.2: until the answer comes the stream is there
#[test]
fn a_removal_takes_effect_with_the_answer() {
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let (mut a, mut b) = call(&both);
    let offer = a.offer(&audio([pcmu()])).unwrap();
    assert_eq!(a.stream(1).state, StreamState::Active);
    let answer = b.answer(&offer, &both).unwrap();
    a.complete(&answer).unwrap();
    assert!(!a.stream(1).is_live());
}

// RFC 3264 §8.1
#[test]
fn a_dead_slot_is_recycled_by_a_new_stream_of_its_kind() {
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let (mut a, mut b) = call(&both);
    exchange(&mut a, &mut b, &audio([pcmu()]), &both);
    let (offer, _) = exchange(&mut a, &mut b, &both, &both);
    assert_eq!(offer.description().media().len(), 2);
    assert_eq!(a.stream(1).state, StreamState::Active);
    assert_eq!(b.stream(1).state, StreamState::Active);
}

// RFC 3264 §8.1
#[test]
fn a_dead_slot_can_be_recycled_by_name_for_another_kind() {
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let (mut a, mut b) = call(&both);
    exchange(&mut a, &mut b, &audio([pcmu()]), &both);
    let two = Wants::new([
        MediaWants::audio([pcmu()]),
        MediaWants::audio([opus()]).at(1),
    ]);
    let (offer, _) = exchange(&mut a, &mut b, &two, &two);
    assert!(m_line(offer.description(), 1).starts_with("m=audio "));
    // RFC 3264 §8.3.2: 96 was VP8 in this session
    assert!(!numbers(&a.stream(1).receive).contains(&96));
}

#[test]
fn the_second_of_two_streams_stays_when_the_first_is_removed() {
    let two = Wants::new([MediaWants::audio([pcmu()]), MediaWants::audio([opus()])]);
    let (mut a, mut b) = call(&two);
    let second = Wants::new([MediaWants::audio([opus()]).at(1)]);
    exchange(&mut a, &mut b, &second, &two);
    assert_eq!(
        a.stream(0).state,
        StreamState::Removed(talkpath_sdp::negotiate::Party::Local)
    );
    assert_eq!(
        b.stream(0).state,
        StreamState::Removed(talkpath_sdp::negotiate::Party::Remote)
    );
    assert_eq!(a.stream(1).state, StreamState::Active);
}

// RFC 3264 §8.3.2
#[test]
fn numbers_stay_with_their_codecs_through_codec_changes() {
    let (mut a, mut b) = call(&audio([opus()]));
    let gsm = Format::new("GSM-EFR", 8000);
    exchange(&mut a, &mut b, &audio([gsm.clone()]), &audio([gsm.clone()]));
    assert_eq!(a.stream(0).receive[0].number.value(), 98);
    exchange(&mut a, &mut b, &audio([gsm, opus()]), &audio([opus()]));
    assert_eq!(a.stream(0).receive[0].number.value(), 96);
    // A late packet of the codec that is gone is still understood.
    let late = PayloadType::new(98).unwrap();
    assert!(a.dialogue.meaning(0, late).unwrap().is("GSM-EFR"));
}

// RFC 3264 §8.3.2: both lists are received until the answer
#[test]
fn during_a_codec_change_old_and_new_formats_are_received() {
    let (mut a, _) = call(&audio([pcmu()]));
    a.offer(&audio([opus()])).unwrap();
    let receive = numbers(&a.stream(0).receive);
    assert!(receive.contains(&0) && receive.contains(&96));
    assert_eq!(numbers(&a.stream(0).send), [0, 101]);
}

#[test]
fn a_hold_that_awaits_its_answer_still_receives() {
    let (mut a, _) = call(&audio([pcmu()]));
    a.offer(&audio([pcmu()]).with_direction(Direction::Inactive))
        .unwrap();
    assert!(a.stream(0).receives());
}

// RFC 5761 §5.1.1: whoever holds one port can fall back to two
#[test]
fn giving_up_multiplexing_asks_for_a_pair() {
    let (mut a, mut b) = call(&audio([pcmu()]));
    assert_eq!(a.held.len(), 1);
    let apart = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Off)]);
    exchange(&mut a, &mut b, &apart, &audio([pcmu()]));
    assert_eq!((a.held.len(), b.held.len()), (2, 2));
    assert_eq!(a.stream(0).rtcp, Rtcp::Separate);
    assert_eq!(
        a.stream(0).send_rtcp_to().unwrap().port(),
        b.stream(0).local.unwrap().rtcp.unwrap()
    );
}

#[test]
fn a_line_without_a_lease_is_offered_at_port_0() {
    let mut dialogue = Dialogue::new(Identity::new(1, "192.0.2.1".parse().unwrap()));
    let wants = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let plan = dialogue.plan_offer(&wants).unwrap();
    let offer = plan.commit(&mut dialogue, &[Lease::pair(addr("192.0.2.1:4000"))]);
    assert_eq!(m_line(offer.description(), 1), "m=video 0 RTP/AVP 96");
}

#[test]
fn wants_that_are_not_sdp_are_the_callers_fault() {
    let dialogue = Agent::new(1).dialogue;
    let mut other = MediaWants::audio([pcmu()]);
    other.kind = Kind::Other("two words".into());
    let mut no_time = MediaWants::audio([pcmu()]);
    no_time.ptime = Some(Duration::ZERO);
    for media in [
        MediaWants::audio([]),
        MediaWants::audio([Format::new("A B", 8000)]),
        MediaWants::audio([Format::new("A\r\nB", 8000)]),
        MediaWants::audio([Format::new("A", 0)]),
        MediaWants::audio([Format::new("A", 8000).with_channels(0)]),
        MediaWants::audio([Format::new("A", 8000).with_fmtp(b"x\r\nm=audio 1 RTP/AVP 0")]),
        MediaWants::audio([Format::new("A", 8000).with_fmtp(&[b'x'; 9000])]),
        MediaWants::audio(vec![pcmu(); 33]),
        MediaWants::audio([pcmu()]).at(1),
        other,
        no_time,
    ] {
        let error = dialogue
            .plan_offer(&Wants::new([media.clone()]))
            .unwrap_err();
        assert_eq!(error.sip_status(), 500, "{media:?}");
    }
    let crowd = Wants::new(vec![MediaWants::audio([pcmu()]); 33]);
    let error = dialogue.plan_offer(&crowd).unwrap_err();
    let expected = WantsError::TooMany {
        what: "m-lines",
        actual: 33,
        max: 32,
    };
    assert_eq!(error, OfferError::Wants(expected));
}

#[test]
fn names_of_users_and_sessions_cannot_break_the_text() {
    let identity = Identity::new(1, "192.0.2.1".parse().unwrap())
        .with_username("a b\r\nm=x")
        .with_session_name("Anna's\r\ncall");
    let mut dialogue = Dialogue::new(identity);
    let plan = dialogue.plan_offer(&audio([pcmu()])).unwrap();
    let offer = plan.commit(&mut dialogue, &[Lease::pair(addr("192.0.2.1:4000"))]);
    assert!(text(&offer).contains("o=a_b__m=x 1 1 IN IP4 192.0.2.1\r\ns=Anna's__call\r\n"));
}

// RFC 3264 §8.3.2: nor is a number that the peer uses given another meaning
#[test]
fn a_number_of_the_peer_keeps_its_meaning_in_our_offers() {
    let mut a = Agent::new(1);
    let text = "m=audio 4000 RTP/AVP 96 97 101\na=rtpmap:96 X/8000\na=rtpmap:97 PCMU/8000\n\
                a=rtpmap:101 Y/8000\n";
    a.answer(&offer(text), &audio([pcmu()])).unwrap();
    a.offer(&audio([pcmu(), opus()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive), [97, 98, 99, 100]);
}

#[test]
fn a_codec_that_the_peer_offered_in_vain_keeps_its_number_when_we_want_it() {
    let mut a = Agent::new(1);
    let text = "m=audio 4000 RTP/AVP 111 8 0\na=rtpmap:111 opus/48000/2\n";
    a.answer(&offer(text), &audio([pcmu()])).unwrap();
    a.offer(&audio([pcmu(), pcma(), opus()])).unwrap();
    assert_eq!(numbers(&a.stream(0).receive)[..3], [0, 8, 111]);
}

// RFC 3264 §8.3: the transport of a stream stays
#[test]
fn a_re_offer_keeps_the_profile_of_the_stream() {
    let mut a = Agent::new(1);
    a.answer(&offer("m=audio 4000 RTP/AVPF 0\n"), &audio([pcmu()]))
        .unwrap();
    let re_offer = a.offer(&audio([pcmu()])).unwrap();
    assert!(m_line(re_offer.description(), 0).contains(" RTP/AVPF "));
}

// RFC 8858 §4.5
#[test]
fn one_port_is_enough_for_all_re_offers_of_multiplexing_only() {
    let wants = Wants::new([MediaWants::audio([pcmu()]).with_rtcp(RtcpMux::Only)]);
    let (mut a, mut b) = call(&wants);
    let port = a.stream(0).local;
    let hold = wants.clone().with_direction(Direction::Inactive);
    let (offer, _) = exchange(&mut a, &mut b, &hold, &wants);
    assert!(text(&offer).contains("a=rtcp-mux-only\r\n"));
    exchange(&mut b, &mut a, &wants, &wants);
    assert_eq!(
        (a.stream(0).local, a.held.len(), b.held.len()),
        (port, 1, 1)
    );
}

#[test]
fn an_entry_for_a_slot_that_is_taken_or_of_another_kind_is_refused() {
    let (a, _) = call(&audio([pcmu()]));
    let twice = [
        MediaWants::audio([pcmu()]).at(0),
        MediaWants::audio([opus()]).at(0),
    ];
    for wants in [
        Wants::new(twice),
        Wants::new([MediaWants::video([vp8()]).at(0)]),
    ] {
        let error = a.dialogue.plan_offer(&wants).unwrap_err();
        assert!(
            matches!(error, OfferError::Wants(WantsError::NoSuchSlot { .. })),
            "{error}"
        );
    }
}

// RFC 3264 §8.3.2
#[test]
fn a_session_that_has_used_up_its_numbers_says_so() {
    let (mut a, mut b) = call(&audio([pcmu()]));
    let mut last = None;
    for round in 0..4 {
        let formats: Vec<Format> = (0..20)
            .map(|index| Format::new("X", 8000 + 20 * round + index))
            .collect();
        let mut wants = audio(formats);
        wants.media[0].telephone_event = TelephoneEvent::Off;
        match a.offer(&wants) {
            Ok(offer) => {
                let answer = b.answer(&offer, &wants).unwrap();
                a.complete(&answer).unwrap();
            }
            Err(error) => last = Some(error),
        }
    }
    let exhausted = Some(OfferError::Wants(WantsError::NumbersExhausted {
        line: 0,
        format: Format::new("X", 8060),
    }));
    assert_eq!(last, exhausted);
}
