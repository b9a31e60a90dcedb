//! Sessions used after close, managers dropped in every order: typed errors,
//! no hang, nothing held.

use crate::common::*;

use talkpath::{
    Change, CloseReason, Happening, Mute, Notice, Pcap, Session, SessionError, SessionRef,
    SessionState, StreamIndex, Wav,
};
use talkpath_sim::{Call, World};

/// Everything that can be asked of a session says that it is closed.
#[track_caller]
fn assert_closed(session: &Session) {
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
                 m=audio 5000 RTP/AVP 0\r\n";
    let errors = [
        session.offer(Change::Nothing).err(),
        session.hold().err(),
        session.resume().err(),
        session.answer(offer).err(),
        session.apply_answer(offer).err(),
        session.rollback().err(),
        session.fork(offer).err(),
        session.audio().err(),
        session.audio_of(StreamIndex(0)).err(),
        session.record(Wav::heard("x.wav")).err(),
        session.play("x.wav").err(),
        session.record(Pcap::new("x.pcap")).err(),
        session.mute(Mute::On).err(),
    ];
    for error in errors {
        let is_closed = matches!(error, Some(SessionError::Closed));
        assert!(is_closed, "{error:?}");
    }
    assert_eq!(session.state(), SessionState::Closed);
    assert!(
        session
            .diagnose()
            .iter()
            .all(|d| d.to_string() == "the session is closed")
    );
}

#[test]
fn a_manager_is_dropped_while_sessions_live() {
    let talk = Talk::new(71);
    let events = talk.alice.events();
    let (mut a, mut b) = talk.lines();
    let Talk {
        world,
        alice,
        bob,
        caller,
        callee,
    } = talk;
    let recording = caller.record(Wav::stereo("call.wav")).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    let seen = SessionRef::clone(&caller);
    drop(alice);
    assert_closed(&caller);
    assert_eq!(seen.state(), SessionState::Closed);
    assert!(a.say.send(&[0; 160]).is_err());
    let mut frame = [0; 160];
    while a.hear.recv(&mut frame).is_ok() {}
    let done = recording.done().wait().unwrap();
    assert_eq!(done.error, None);
    assert!(done.length >= ms(980), "{done:?}");
    // The last packets count, and the peer was told.
    assert!(caller.stats().audio().unwrap().sent.packets >= 50);
    assert_eq!(
        rtcp_from(&world, ALICE).pop().unwrap().types.last(),
        Some(&BYE)
    );
    let mut last = None;
    while let Some(Notice::Event(event)) = events.recv() {
        last = Some(event.what);
    }
    assert!(
        matches!(
            last,
            Some(Happening::Recorded { .. } | Happening::Closed { .. })
        ),
        "{last:?}"
    );
    caller.close().wait().unwrap();
    drop((callee, bob));
    assert_eq!(world.held(), Default::default());
}

#[test]
fn a_closed_session_says_so() {
    let talk = Talk::new(72);
    let (mut a, mut b) = talk.lines();
    let onlooker = talk.alice.get(talk.caller.id()).unwrap();
    assert_eq!(talk.alice.sessions().len(), 1);
    chat(10, &mut [&mut a, &mut b]);
    let events = talk.alice.events();
    let id = talk.caller.id();
    let Talk {
        world,
        alice,
        bob,
        caller,
        callee,
    } = talk;
    caller.close().wait().unwrap();
    assert_eq!(onlooker.state(), SessionState::Closed);
    assert_eq!(onlooker.diagnose()[0].to_string(), "the session is closed");
    assert!(onlooker.stats().audio().unwrap().sent.packets > 0);
    assert!(alice.get(id).is_none() && alice.sessions().is_empty());
    let closed = Happening::Closed {
        reason: CloseReason::Application,
    };
    assert_eq!(happenings(&events, id), [closed]);
    assert!(a.say.send(&[0; 160]).is_err());
    drop((callee, alice, bob));
    assert_eq!(world.held(), Default::default());
}

#[test]
fn things_are_dropped_in_every_order() {
    for order in 0..120u32 {
        let talk = Talk::new(u64::from(order));
        let (mut a, mut b) = talk.lines();
        chat(3, &mut [&mut a, &mut b]);
        let Talk {
            world,
            alice,
            bob,
            caller,
            callee,
        } = talk;
        let mut things: Vec<Option<Box<dyn std::any::Any>>> = vec![
            Some(Box::new(alice)),
            Some(Box::new(caller)),
            Some(Box::new(a)),
            Some(Box::new(callee)),
            Some(Box::new((bob, b))),
        ];
        let mut code = order;
        for left in (1..=5).rev() {
            let pick = (code % left) as usize;
            code /= left;
            let index = things
                .iter()
                .enumerate()
                .filter(|(_, t)| t.is_some())
                .nth(pick);
            let index = index.unwrap().0;
            drop(things[index].take());
            if order % 2 == 0 {
                world.run_for(ms(5));
            }
        }
        world.run_for(ms(600));
        assert_eq!(world.held(), Default::default(), "order {order}");
    }
}

#[test]
fn a_session_that_the_worker_could_not_serve_knows_it() {
    for nth in [1, 2] {
        let world = World::new(73);
        let alice = manager(&world, ALICE);
        let events = alice.events();
        world.faults().fail_nth(Call::Adopt, nth);
        let (caller, _offer) = alice.create_offer(any()).unwrap();
        let mut line = Line::of(&caller, 8000);
        world.run_for(ms(50));
        assert_closed(&caller);
        assert!(line.say.send(&[0; 160]).is_err());
        assert!(line.hear.recv(&mut [0; 160]).is_err());
        let seen = happenings(&events, caller.id());
        assert!(
            matches!(
                seen[..],
                [
                    Happening::Created,
                    Happening::Error(_),
                    Happening::Closed {
                        reason: CloseReason::Internal
                    },
                ]
            ),
            "{seen:?}"
        );
        caller.close().wait().unwrap();
        assert_eq!(alice.ports_in_use(), 0);
        assert!(alice.sessions().is_empty());
        drop(alice);
        assert_eq!(world.held(), Default::default());
    }
}
