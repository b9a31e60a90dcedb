//! Two parties driven through every order of every step, until no new state
//! appears: offers of all kinds from both sides, answers, refusals, glare,
//! rollbacks, repetitions. After each step the texts, versions, numbers and
//! ports are judged (see `negotiate_support`); whenever nothing is under way,
//! both parties mean the same call.

#![allow(clippy::unwrap_used)] // only tests are in here

mod negotiate_support;

use std::collections::{HashSet, VecDeque};

use negotiate_support::*;
use talkpath_sdp::negotiate::{
    AnswerError, CompletionError, MediaWants, Note, OfferError, RtcpMux, Wants,
};
use talkpath_sdp::{Answer, Direction, Offer};

/// What may be wanted, by either side.
fn repertoire() -> Vec<Wants> {
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    vec![
        audio([pcmu(), opus()]),
        audio([pcmu(), opus()]).with_direction(Direction::SendOnly),
        audio([pcma()]).with_direction(Direction::Inactive),
        audio([opus(), pcma()]).with_direction(Direction::RecvOnly),
        both,
    ]
}

#[derive(Clone)]
struct World {
    agents: [Agent; 2],
    /// An offer on its way from each side.
    offers: [Option<Offer>; 2],
    /// An answer on its way to each side.
    answers: [Option<Answer>; 2],
    /// The last answer that each side applied.
    applied: [Option<Answer>; 2],
    /// Whether the side's open offer was refused.
    refused: [bool; 2],
    slots: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Offer(usize, usize),
    Answer(usize, usize),
    Complete(usize),
    Again(usize),
    Rollback(usize),
}

impl World {
    fn new() -> Self {
        World {
            agents: [Agent::new(1), Agent::new(2)],
            offers: [None, None],
            answers: [None, None],
            applied: [None, None],
            refused: [false, false],
            slots: 0,
        }
    }

    /// Takes `step`; `false` when it is not possible here.
    fn take(&mut self, step: Step, wants: &[Wants]) -> bool {
        match step {
            Step::Offer(side, entry) => self.offer(side, &wants[entry]),
            Step::Answer(side, entry) => self.answer(side, &wants[entry]),
            Step::Complete(side) => self.complete(side),
            Step::Again(side) => self.again(side),
            Step::Rollback(side) => self.rollback(side),
        }
    }

    fn offer(&mut self, side: usize, wants: &Wants) -> bool {
        if self.agents[side].dialogue.has_pending_offer() {
            let error = self.agents[side].offer(wants).unwrap_err();
            assert_eq!(error, OfferError::OfferPending);
            return false;
        }
        // An answer on its way to the peer means that its exchange is not over.
        if self.answers[1 - side].is_some() {
            return false;
        }
        let offer = self.agents[side].offer(wants).unwrap();
        self.offers[side] = Some(offer);
        true
    }

    /// `side` answers the offer of the other.
    fn answer(&mut self, side: usize, wants: &Wants) -> bool {
        let Some(offer) = self.offers[1 - side].take() else {
            return false;
        };
        let before = self.agents[side].dialogue.clone();
        match self.agents[side].answer(&offer, wants) {
            Ok(answer) => self.answers[1 - side] = Some(answer),
            Err(error) => {
                let glare = self.agents[side].dialogue.has_pending_offer();
                assert_eq!(matches!(error, AnswerError::Glare), glare);
                assert_eq!(error.sip_status(), if glare { 491 } else { 488 });
                assert_eq!(self.agents[side].dialogue, before);
                self.refused[1 - side] = true;
            }
        }
        true
    }

    fn complete(&mut self, side: usize) -> bool {
        let Some(answer) = self.answers[side].take() else {
            return false;
        };
        let changes = self.agents[side].complete(&answer).unwrap();
        // A party that gave its second port up cannot have it back in an answer.
        let forgiven = |note: &Note| matches!(note, Note::RtcpUnreachable { .. });
        assert!(changes.notes.iter().all(forgiven), "{changes:?}");
        self.applied[side] = Some(answer);
        true
    }

    fn again(&mut self, side: usize) -> bool {
        let Some(answer) = &self.applied[side] else {
            return false;
        };
        if self.agents[side].dialogue.has_pending_offer() {
            return false;
        }
        let before = self.agents[side].dialogue.clone();
        match self.agents[side].complete(answer) {
            Ok(changes) => assert_eq!(changes, Default::default()),
            // An exchange from the other side, or a rollback, has intervened.
            Err(error) => assert_eq!(error, CompletionError::NoOfferPending),
        }
        assert_eq!(self.agents[side].dialogue, before);
        false
    }

    /// The offer was refused, or is given up before it arrives.
    fn rollback(&mut self, side: usize) -> bool {
        let open = self.refused[side] || self.offers[side].is_some();
        if !open || self.answers[side].is_some() {
            return false;
        }
        self.refused[side] = false;
        self.offers[side] = None;
        self.agents[side].rollback();
        true
    }

    fn check(&mut self) {
        let pending = self
            .agents
            .iter()
            .any(|agent| agent.dialogue.has_pending_offer());
        if pending || self.answers.iter().any(Option::is_some) {
            return;
        }
        let [a, b] = &self.agents;
        assert_mirrored(a, b);
        let slots = a.dialogue.streams().len();
        assert!(slots >= self.slots, "slots are never removed");
        self.slots = slots;
    }

    /// All that later steps can depend on; addresses and versions are not.
    fn key(&self) -> String {
        let mut key = format!("{:?}", self.refused);
        for side in 0..2 {
            let agent = &self.agents[side];
            for stream in agent.dialogue.streams() {
                key += &format!(
                    "{:?} {:?} {:?} {:?} {:?} {:?} {:?};",
                    stream.kind,
                    stream.state,
                    stream.direction,
                    stream.hold,
                    numbers(&stream.send),
                    numbers(&stream.receive),
                    stream.rtcp,
                );
            }
            key += &format!("{:?}|", agent.bound);
            let flights = [
                self.offers[side]
                    .as_ref()
                    .map(|offer| m_lines(offer.description())),
                self.answers[side]
                    .as_ref()
                    .map(|answer| m_lines(answer.description())),
            ];
            key += &format!("{flights:?}#");
        }
        key
    }
}

/// Formats and directions of a text, without its ports.
fn m_lines(description: &talkpath_sdp::SessionDescription) -> Vec<(bool, Vec<u8>, Direction)> {
    description
        .media()
        .map(|media| {
            let numbers = media.payload_types().map(|number| number.value()).collect();
            (media.port() == 0, numbers, media.direction())
        })
        .collect()
}

fn explore(wants: &[Wants], max_states: usize) -> usize {
    let mut steps = Vec::new();
    for side in 0..2 {
        steps.extend((0..wants.len()).map(|entry| Step::Offer(side, entry)));
        steps.extend((0..wants.len()).map(|entry| Step::Answer(side, entry)));
        steps.extend([
            Step::Complete(side),
            Step::Again(side),
            Step::Rollback(side),
        ]);
    }
    let mut seen = HashSet::new();
    let mut queue = VecDeque::from([World::new()]);
    while let Some(world) = queue.pop_front() {
        for step in &steps {
            let mut next = world.clone();
            if !next.take(*step, wants) {
                continue;
            }
            next.check();
            if seen.len() < max_states && seen.insert(next.key()) {
                queue.push_back(next);
            }
        }
    }
    eprintln!(
        "{} states, {}",
        seen.len(),
        if seen.len() < max_states {
            "all there are"
        } else {
            "of more"
        }
    );
    seen.len()
}

#[test]
fn every_order_of_holds_and_resumes_ends_in_agreement() {
    let wants: Vec<Wants> = Direction::ALL
        .map(|direction| audio([pcmu()]).with_direction(direction))
        .into();
    let states = explore(&wants, usize::MAX);
    assert!(states > 100, "{states}");
}

#[test]
fn every_order_of_codec_changes_ends_in_agreement() {
    let wants = [audio([pcmu(), opus()]), audio([opus()]), audio([pcma()])];
    let states = explore(&wants, usize::MAX);
    assert!(states > 100, "{states}");
}

#[test]
fn every_order_of_multiplexing_ends_in_agreement() {
    let wants = [RtcpMux::Offer, RtcpMux::Only, RtcpMux::Off]
        .map(|mux| Wants::new([MediaWants::audio([pcmu()]).with_rtcp(mux)]));
    let states = explore(&wants, usize::MAX);
    assert!(states > 50, "{states}");
}

#[test]
fn every_order_of_added_and_removed_streams_ends_in_agreement() {
    let audio_only = audio([pcmu()]);
    let both = Wants::new([MediaWants::audio([pcmu()]), MediaWants::video([vp8()])]);
    let none = Wants::new([]);
    let states = explore(&[audio_only, both, none], usize::MAX);
    assert!(states > 100, "{states}");
}

#[test]
fn a_mixed_repertoire_ends_in_agreement() {
    let states = explore(&repertoire(), 1_500);
    assert!(states > 1_000, "{states}");
}
