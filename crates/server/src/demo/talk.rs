//! Step 5 of the demo: both talk.
//!
//! In: two active parties and a plan. Out: what was noticed on the way. The
//! library paces what is said into packets; here it is only handed over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use talkpath::audio::{Dbov, Tone, ToneGenerator, measure};
use talkpath::{FileDone, FrameKind, Hear, MediaManager, Playback, Say, SessionStats, StreamStats};

use super::dial::Dialled;
use super::packets::{Noticed, Watcher};
use super::party::Party;
use super::teller::Teller;
use crate::cli::DemoArguments;
use crate::failure::Failure;
use crate::listened::Listened;
use crate::live::Live;
use crate::network::Network;
use crate::plot::Watch;
use crate::{interrupt, sound_file};

/// What is to be said.
#[derive(Debug)]
pub(super) enum Plan {
    /// A tone of so many frames of 20 ms each way, every packet shown.
    Packets(u64),
    /// A tone of so many frames of 20 ms each way.
    Tones(u64),
    /// The caller plays a file, for so long or to its end; how long it is.
    File(PathBuf, Option<Duration>, Option<Duration>),
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Talked {
    /// Every packet, of a plan that shows them.
    pub(super) packets: Vec<Noticed>,
    pub(super) played: Option<FileDone>,
    /// The length of the file that was played from, if it says.
    pub(super) whole: Option<Duration>,
    /// What listening was like for the caller and the callee.
    pub(super) listened: [Listened; 2],
    /// The same over time.
    pub(super) watched: [Watch; 2],
    /// What the caller dialled, and what the callee was told of it.
    pub(super) dialled: Option<Dialled>,
    /// The tones that the caller and the callee heard, in hertz.
    pub(super) heard: [Option<f64>; 2],
}

impl Plan {
    pub(super) fn of(arguments: &DemoArguments) -> Result<Self, Failure> {
        match (&arguments.play, arguments.seconds) {
            (Some(path), seconds) => {
                let whole = sound_file::length(path)?;
                Ok(Plan::File(path.clone(), seconds, whole))
            }
            (None, Some(seconds)) => Ok(Plan::Tones((seconds.as_millis() / 20) as u64)),
            (None, None) => Ok(Plan::Packets(FIVE)),
        }
    }

    /// Frames that each side says, if that is known.
    pub(super) fn frames(&self) -> Option<u64> {
        match self {
            Plan::Packets(frames) | Plan::Tones(frames) => Some(*frames),
            Plan::File(..) => None,
        }
    }
}

/// Lets both parties talk.
pub(super) fn talk(
    teller: &Teller,
    (manager, network): (&MediaManager, &Network),
    plan: &Plan,
    parties: [&Party; 2],
) -> Result<Talked, Failure> {
    teller.step(match plan {
        Plan::Packets(_) | Plan::Tones(_) => "Both talk",
        Plan::File(..) => "The caller talks",
    });
    let ends = parties.map(|party| party.session.audio());
    let [caller, callee] = ends;
    let (caller, callee) = (caller?.split(), callee?.split());
    let mut talk = Talk {
        teller,
        manager,
        network,
        plan,
        parties,
        watcher: match plan {
            Plan::Packets(_) => Some(Watcher::new(manager.now(), parties)?),
            _ => None,
        },
        live: Live::new(),
        began: Instant::now(),
        talked: Talked::default(),
        playing: None,
    };
    if let Plan::File(path, _, whole) = plan {
        talk.talked.whole = *whole;
        talk.playing = Some(parties[0].session.play(path)?);
        teller.say(&format!("The caller plays {}.", path.display()));
    }
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let (says, hears): (Vec<_>, Vec<_>) = [caller, callee].into_iter().unzip();
        if let Some(frames) = plan.frames() {
            for (say, hz) in says.into_iter().zip(TONES) {
                scope.spawn(move || speak(say, hz, frames, is_over));
            }
        }
        let hears: Vec<_> = hears
            .into_iter()
            .map(|hear| scope.spawn(move || listen(hear, is_over)))
            .collect();
        talk.watch();
        is_over.store(true, Ordering::Relaxed);
        for (heard, thread) in talk.talked.heard.iter_mut().zip(hears) {
            *heard = thread.join().ok().flatten();
        }
    });
    talk.tell_what_was_heard();
    Ok(talk.talked)
}

/// A talk that goes on.
struct Talk<'a> {
    teller: &'a Teller,
    manager: &'a MediaManager,
    network: &'a Network,
    plan: &'a Plan,
    parties: [&'a Party; 2],
    /// Of a plan whose packets are shown.
    watcher: Option<Watcher>,
    live: Live,
    began: Instant,
    talked: Talked,
    playing: Option<Playback>,
}

impl Talk<'_> {
    /// Looks on until all is said and has arrived.
    fn watch(&mut self) {
        let mut said = None;
        while !interrupt::is_asked() {
            let has_arrived = self.look();
            if said.is_none() && self.is_said() {
                said = Some(Instant::now());
            }
            let late = said.is_some_and(|said: Instant| said.elapsed() > SETTLE);
            if late || (said.is_some() && has_arrived) {
                break;
            }
            thread::sleep(LOOK);
        }
        if let Some(playing) = self.playing.take() {
            self.talked.played = playing.stop().wait_timeout(SETTLE).and_then(Result::ok);
        }
        // What waits in the jitter buffers is heard yet.
        thread::sleep(TAIL);
        self.look();
        self.live.clear();
    }

    /// Notices what is new; tells whether all that was sent has arrived.
    fn look(&mut self) -> bool {
        let stats = self.parties.map(|party| party.session.stats());
        for (listened, stats) in self.talked.listened.iter_mut().zip(&stats) {
            listened.look(stats.audio());
        }
        for (watch, stats) in self.talked.watched.iter_mut().zip(&stats) {
            watch.look(self.began.elapsed(), stats.audio());
        }
        match &mut self.watcher {
            None => self.live.draw(self.began.elapsed(), stats[1].audio()),
            Some(watcher) => {
                for noticed in watcher.look(self.manager.now()) {
                    self.teller.say(&noticed.to_string());
                    self.talked.packets.push(noticed);
                }
            }
        }
        has_arrived(&stats, self.network)
    }

    /// Whether everything has been said.
    fn is_said(&self) -> bool {
        let sent = |party: &Party| party.session.stats().audio().map_or(0, |a| a.sent.packets);
        match self.plan {
            Plan::Packets(frames) | Plan::Tones(frames) => {
                let wanted = Duration::from_millis(20) * (*frames).try_into().unwrap_or(u32::MAX);
                let passed = self.began.elapsed();
                // Some codecs put less than a frame into a packet.
                let is_sent = || self.parties.iter().all(|party| sent(party) >= *frames);
                passed > wanted + SETTLE || (passed >= wanted && is_sent())
            }
            Plan::File(_, Some(length), _) => self.began.elapsed() >= *length,
            Plan::File(_, None, _) => self.playing.as_ref().is_none_or(Playback::is_over),
        }
    }

    fn tell_what_was_heard(&self) {
        for (party, hz) in self.parties.iter().zip(self.talked.heard) {
            if let (Some(hz), Some(_)) = (hz, self.plan.frames()) {
                self.teller
                    .say(&format!("The {} heard a tone of {hz:.0} Hz.", party.name));
            }
        }
    }
}

/// Waits until what was sent has arrived, for as long as is reasonable.
pub(super) fn settle(parties: [&Party; 2], network: &Network) {
    let began = Instant::now();
    // What is sent again for safety is sent yet.
    thread::sleep(TAIL);
    while began.elapsed() < SETTLE {
        if has_arrived(&parties.map(|party| party.session.stats()), network) {
            return;
        }
        thread::sleep(LOOK);
    }
}

/// Whether all that both sent was received, or lost as was asked for.
fn has_arrived(stats: &[SessionStats; 2], network: &Network) -> bool {
    let [Some(caller), Some(callee)] = stats.each_ref().map(SessionStats::audio) else {
        return false;
    };
    let arrived = |to: &StreamStats, from: &StreamStats| to.received.packets >= from.sent.packets;
    match network.trial() {
        None => arrived(caller, callee) && arrived(callee, caller),
        Some(trial) => {
            let received = caller.received.packets + callee.received.packets;
            received + trial.harm.lost >= caller.sent.packets + callee.sent.packets
        }
    }
}

/// Says `frames` frames of a tone, unless it is over before.
fn speak(mut say: Say, hz: f32, frames: u64, is_over: &AtomicBool) {
    let rate = say.rate();
    let mut tone = ToneGenerator::new(Tone::sine(hz, Dbov(-16.0)), rate);
    let mut frame = vec![0; rate.frame_len()];
    for _ in 0..frames {
        tone.fill(&mut frame);
        if is_over.load(Ordering::Relaxed) || say.send_all(&frame).is_err() {
            return;
        }
    }
}

/// Hears until it is over; the tone that was heard, in hertz.
fn listen(mut hear: Hear, is_over: &AtomicBool) -> Option<f64> {
    let rate = hear.rate();
    let mut frame = vec![0; hear.frame_len()];
    let mut heard = Vec::new();
    let enough = ENOUGH * rate.hz() as usize;
    while !is_over.load(Ordering::Relaxed) {
        match hear.recv_timeout(&mut frame, Duration::from_millis(20)) {
            Ok(Some(read)) if read.kind == FrameKind::Heard && heard.len() < enough => {
                heard.extend_from_slice(&frame);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    measure::tone(&heard, rate).map(|tone| tone.hz)
}

/// Packets each way of the story.
const FIVE: u64 = 5;
/// What the caller and the callee say, in hertz.
const TONES: [f32; 2] = [440.0, 620.0];
/// How often the statistics are looked at.
const LOOK: Duration = Duration::from_millis(2);
/// How long the last packets may take.
const SETTLE: Duration = Duration::from_secs(2);
/// Longer than a jitter buffer holds on loopback.
const TAIL: Duration = Duration::from_millis(100);
/// Seconds from which a tone is measured at most.
const ENOUGH: usize = 2;
