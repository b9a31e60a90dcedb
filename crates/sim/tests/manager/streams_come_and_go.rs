//! More than one stream: added, refused, removed, each with its own audio.

use crate::common::*;

use talkpath::{Audio, Change, Codec, SessionError, StreamIndex};

const SECOND: StreamIndex = StreamIndex(1);

#[test]
fn a_stream_is_added_talks_and_leaves_its_slot_behind() {
    let talk = Talk::with(21, any(), talkpath::Constraints::from(any()).and(any()));
    let (mut a, mut b) = talk.lines();
    let ports = || (talk.alice.ports_in_use(), talk.bob.ports_in_use());
    let before = ports();
    let offer = talk.caller.offer(Change::Add(any())).unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    talk.world.run_for(ms(1));
    assert_eq!(ports(), (before.0 + 1, before.1 + 1));

    let mut c = Line::from(talk.caller.audio_of(SECOND).unwrap(), 2000);
    let mut d = Line::from(talk.callee.audio_of(SECOND).unwrap(), -1000);
    a.take();
    b.take();
    chat(10, &mut [&mut a, &mut b, &mut c, &mut d]);
    c.take();
    d.take();
    chat(50, &mut [&mut a, &mut b, &mut c, &mut d]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    c.assert_unbroken(-1000);
    d.assert_unbroken(2000);
    assert_eq!(talk.caller.stats().streams.len(), 2);

    let offer = talk.caller.offer(Change::Remove(SECOND)).unwrap();
    assert_eq!(port(&offer, 1), 0);
    let answer = talk.callee.answer(&offer).unwrap();
    assert_eq!(port(&answer, 1), 0);
    talk.caller.apply_answer(&answer).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    assert_eq!(ports(), before);
    assert!(c.say.send(&[0]).is_err());
    assert!(matches!(
        talk.caller.audio_of(SECOND),
        Err(SessionError::NoSuchStream { line: 1 })
    ));
    assert_eq!(
        talk.caller.diagnose()[1].to_string(),
        "the stream was refused: its port is 0"
    );
    // The slot is there in every later description, and stays dead.
    let again = talk.callee.hold().unwrap();
    assert_eq!(
        (port(&again, 1), again.to_string().matches("m=").count()),
        (0, 2)
    );
    talk.callee.rollback().unwrap();
    talk.end();
}

#[test]
fn a_slot_is_used_again_by_the_next_stream() {
    let talk = Talk::with(22, any(), talkpath::Constraints::from(any()).and(any()));
    let (mut a, mut b) = talk.lines();
    for round in 0..3 {
        let offer = talk.caller.offer(Change::Add(any())).unwrap();
        assert_eq!(offer.to_string().matches("m=").count(), 2);
        let answer = talk.callee.answer(&offer).unwrap();
        talk.caller.apply_answer(&answer).unwrap();
        let mut c = Line::from(talk.caller.audio_of(SECOND).unwrap(), 2000);
        let mut d = Line::from(talk.callee.audio_of(SECOND).unwrap(), -1000);
        chat(30, &mut [&mut a, &mut b, &mut c, &mut d]);
        c.assert_ends_with(20, -1000);
        d.assert_ends_with(20, 2000);
        let (remover, other) = match round % 2 {
            0 => (&talk.caller, &talk.callee),
            _ => (&talk.callee, &talk.caller),
        };
        let offer = remover.offer(Change::Remove(SECOND)).unwrap();
        let answer = other.answer(&offer).unwrap();
        remover.apply_answer(&answer).unwrap();
        if round % 2 == 1 {
            break;
        }
    }
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.world.run_for(ms(1));
    assert_eq!((talk.alice.ports_in_use(), talk.bob.ports_in_use()), (1, 1));
    talk.end();
}

#[test]
fn a_refused_stream_leaves_the_other_alone_and_is_not_asked_for_again() {
    let talk = Talk::new(23);
    let (mut a, mut b) = talk.lines();
    let offer = talk.caller.offer(Change::Add(any())).unwrap();
    assert_eq!(talk.alice.ports_in_use(), 3);
    let answer = talk.callee.answer(&offer).unwrap();
    assert_eq!(port(&answer, 1), 0);
    talk.caller.apply_answer(&answer).unwrap();
    talk.world.run_for(ms(1));
    assert_eq!((talk.alice.ports_in_use(), talk.bob.ports_in_use()), (1, 1));
    let again = talk.caller.offer(Change::Nothing).unwrap();
    assert_eq!(port(&again, 1), 0, "{again}");
    talk.caller
        .apply_answer(&talk.callee.answer(&again).unwrap())
        .unwrap();
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn video_is_refused_in_its_slot() {
    let world = talkpath_sim::World::new(24);
    let bob = manager(&world, BOB);
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
                 m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n\
                 m=audio 5002 RTP/AVP 0\r\n\
                 m=application 5004 UDP/BFCP *\r\n";
    let (callee, answer) = bob.accept_offer(offer, any()).unwrap();
    assert_eq!(
        [0, 1, 2].map(|line| port(&answer, line) > 0),
        [false, true, false]
    );
    assert!(callee.audio_of(StreamIndex(0)).is_err());
    assert!(callee.audio().is_ok());
    assert_eq!(bob.ports_in_use(), 2);
}

#[test]
fn a_removed_stream_may_be_brought_back_by_the_peer() {
    let talk = Talk::with(25, talkpath::Constraints::from(any()).and(any()), {
        talkpath::Constraints::from(any()).and(any())
    });
    let offer = talk.caller.offer(Change::Remove(SECOND)).unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    let offer = talk
        .caller
        .offer(Change::Add(Audio::sendrecv([Codec::PCMA])))
        .unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    assert!(port(&answer, 1) > 0);
    let mut c = Line::from(talk.caller.audio_of(SECOND).unwrap(), 2000);
    let mut d = Line::from(talk.callee.audio_of(SECOND).unwrap(), -1000);
    chat(30, &mut [&mut c, &mut d]);
    c.assert_ends_with(20, -1000);
    d.assert_ends_with(20, 2000);
    talk.end();
}
