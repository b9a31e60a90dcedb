//! The E-model's judgement of a call, here and as the other side tells it.

use crate::common::*;

use talkpath::VoipReports;
use talkpath_sim::{Link, Loss, World};

fn between(seed: u64, link: Link, asks: [VoipReports; 2]) -> Talk {
    let world = World::new(seed);
    world.link_both(ALICE, BOB, link);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let [ours, theirs] = asks.map(|asks| any().voip_reports(asks));
    Talk::between(world, alice, bob, ours, theirs)
}

/// Talks until each side has reported with both ways measured.
fn talk_for(talk: &Talk, frames: usize) {
    let (mut a, mut b) = talk.lines();
    chat(frames, &mut [&mut a, &mut b]);
}

fn audio(session: &talkpath::Session) -> talkpath::StreamStats {
    session.stats().audio().unwrap().clone()
}

#[test]
fn a_clean_call_is_near_the_best_there_is() {
    let talk = between(171, Link::after(ms(20)), [VoipReports::Unasked; 2]);
    talk_for(&talk, 1000);
    let stats = audio(&talk.caller);
    let quality = stats.quality.unwrap();
    assert!(quality.loss < 0.001, "{quality:?}");
    // 20 ms on the way, 20 ms in a packet, playout.
    assert!((ms(50)..=ms(80)).contains(&quality.delay), "{quality:?}");
    assert!((90.0..=93.2).contains(&quality.rating.r()), "{quality:?}");
    let view = stats.remote_view.unwrap();
    assert!((4.3..=4.41).contains(&view.quality.unwrap().rating.mos()));
    assert_eq!(view.voip, None);
    talk.end();
}

// RFC 3611 §5: who asked is told, and nobody else.
#[test]
fn who_asked_is_told_how_it_sounds() {
    let link = Link::after(ms(30)).with_loss(Loss::Random(0.05));
    let talk = between(172, link, [VoipReports::Asked, VoipReports::Unasked]);
    talk_for(&talk, 3000);
    let (caller, callee) = (audio(&talk.caller), audio(&talk.callee));
    assert_eq!(callee.remote_view.unwrap().voip, None);
    let told = caller.remote_view.unwrap().voip.unwrap();
    let truth = callee.quality.unwrap();
    assert_eq!(Some(told.ssrc), caller.sent.ssrc);
    assert!((6..=20).contains(&told.loss_rate), "{told:?}");
    assert_eq!((told.discard_rate, told.gmin), (0, 16));
    assert!(told.burst_duration > 0 && told.gap_duration > told.burst_duration);
    assert!(u16::abs_diff(told.round_trip_delay, 60) <= 2, "{told:?}");
    let r = f64::from(told.r_factor.unwrap());
    assert!((r - truth.rating.r()).abs() < 5.0, "{told:?} {truth:?}");
    assert!((truth.loss - 0.05).abs() < 0.03, "{truth:?}");
    assert!(told.mos_listening >= told.mos_conversing);
    let view = caller.remote_view.unwrap().quality.unwrap();
    assert!((view.rating.r() - r).abs() < 6.0, "{view:?} {told:?}");
    talk.end();
}

#[test]
fn nothing_is_judged_before_it_is_heard() {
    let judged = |session: &talkpath::Session| session.stats().audio().and_then(|it| it.quality);
    let talk = Talk::with(173, any(), any());
    assert_eq!(judged(&talk.caller), None);
    let (mut a, mut b) = talk.lines();
    chat(10, &mut [&mut a, &mut b]);
    assert!(judged(&talk.caller).is_some());
    talk.end();
}
