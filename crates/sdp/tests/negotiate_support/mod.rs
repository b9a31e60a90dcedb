//! A party with ports of its own, for the negotiation tests.
//!
//! Each step is planned, leased and committed as an application would, and
//! checked by two judges: the linter over every text, and the accounts over
//! every port.
#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(clippy::unwrap_used)] // only tests are in here

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use talkpath_sdp::lint::{Rule, Severity, lint, lint_answer};
use talkpath_sdp::negotiate::{
    AnswerError, Changes, CompletionError, Demand, Dialogue, Family, Freed, Identity, Lease,
    MediaWants, OfferError, Ports, Stream, Wants,
};
use talkpath_sdp::{Answer, Offer, SessionDescription};
use talkpath_wire::Format;

#[derive(Clone)]
pub struct Agent {
    pub dialogue: Dialogue,
    pub v4: IpAddr,
    next_port: u16,
    /// Every port held, by m-line.
    pub held: BTreeSet<(usize, u16)>,
    pub version: u64,
    /// What each number of ours has ever meant, by m-line.
    pub bound: BTreeMap<(usize, u8), String>,
}

impl Agent {
    pub fn new(last_octet: u8) -> Self {
        let v4 = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last_octet));
        Agent {
            dialogue: Dialogue::new(Identity::new(u64::from(last_octet), v4)),
            v4,
            next_port: 10_000,
            held: BTreeSet::new(),
            version: 0,
            bound: BTreeMap::new(),
        }
    }

    pub fn offer(&mut self, wants: &Wants) -> Result<Offer, OfferError> {
        let plan = self.dialogue.plan_offer(wants)?;
        let leases = self.lease(plan.demand());
        let offer = plan.commit(&mut self.dialogue, &leases);
        self.judge(offer.description(), None);
        self.balance();
        Ok(offer)
    }

    pub fn answer(&mut self, offer: &Offer, wants: &Wants) -> Result<Answer, AnswerError> {
        self.answer_with_changes(offer, wants)
            .map(|(answer, _)| answer)
    }

    pub fn answer_with_changes(
        &mut self,
        offer: &Offer,
        wants: &Wants,
    ) -> Result<(Answer, Changes), AnswerError> {
        let plan = self.dialogue.plan_answer(offer, wants)?;
        let leases = self.lease(plan.demand());
        let (answer, changes) = plan.commit(&mut self.dialogue, &leases);
        self.release(&changes);
        self.judge(answer.description(), Some(offer));
        let mut violations = lint_answer(offer, &answer);
        violations.retain(|violation| violation.severity() == Severity::Error);
        assert!(violations.is_empty(), "{violations:#?}\n{offer}\n{answer}");
        self.balance();
        Ok((answer, changes))
    }

    pub fn complete(&mut self, answer: &Answer) -> Result<Changes, CompletionError> {
        let changes = self
            .dialogue
            .plan_completion(answer)?
            .commit(&mut self.dialogue);
        self.release(&changes);
        self.balance();
        Ok(changes)
    }

    pub fn complete_anew(&mut self, answer: &Answer) -> Result<Changes, CompletionError> {
        let changes = self
            .dialogue
            .plan_revised_answer(answer)?
            .commit(&mut self.dialogue);
        self.release(&changes);
        self.balance();
        Ok(changes)
    }

    pub fn rollback(&mut self) -> Changes {
        let changes = self
            .dialogue
            .plan_rollback()
            .unwrap()
            .commit(&mut self.dialogue);
        self.release(&changes);
        self.balance();
        changes
    }

    pub fn stream(&self, index: usize) -> &Stream {
        &self.dialogue.streams()[index]
    }

    fn lease(&mut self, demand: impl Iterator<Item = Demand>) -> Vec<Lease> {
        let mut leases = Vec::new();
        for (line, demand) in demand.enumerate() {
            let Demand::Lease(ports, family) = demand else {
                continue;
            };
            let ip = match family {
                Family::V6 => "2001:db8::1".parse().unwrap(),
                Family::Any | Family::V4 => self.v4,
            };
            let rtp = SocketAddr::new(ip, self.next_port);
            self.next_port += 2;
            let lease = match ports {
                Ports::Single => Lease::single(rtp),
                Ports::Pair => Lease::pair(rtp),
            };
            self.held.extend(ports_of(lease).map(|port| (line, port)));
            leases.push(lease);
        }
        leases
    }

    fn release(&mut self, changes: &Changes) {
        for release in &changes.released {
            match release.ports {
                Freed::Whole(lease) => {
                    for port in ports_of(lease) {
                        assert!(
                            self.held.remove(&(release.line, port)),
                            "freed twice: {release:?}"
                        );
                    }
                }
                Freed::Rtcp(lease) => {
                    let port = lease.rtcp.unwrap();
                    assert!(
                        self.held.remove(&(release.line, port)),
                        "freed twice: {release:?}"
                    );
                }
            }
        }
    }

    /// No number changes its meaning (RFC 3264 §8.3.2).
    fn remember_numbers(&mut self) {
        for (line, stream) in self.dialogue.streams().iter().enumerate() {
            for codec in &stream.receive {
                let key = (line, codec.number.value());
                let meaning = codec.format.to_string().to_ascii_lowercase();
                let known = self.bound.entry(key).or_insert_with(|| meaning.clone());
                assert_eq!(*known, meaning, "{key:?} rebound");
                assert!(self.dialogue.meaning(line, codec.number).is_some());
            }
        }
    }

    /// Nothing is held that is not used, nothing used that is not held.
    fn balance(&mut self) {
        self.remember_numbers();
        if self.dialogue.has_pending_offer() {
            return;
        }
        let used: BTreeSet<(usize, u16)> = self
            .dialogue
            .streams()
            .iter()
            .enumerate()
            .filter_map(|(line, stream)| Some((line, stream.local?)))
            .flat_map(|(line, lease)| ports_of(lease).map(move |port| (line, port)))
            .collect();
        assert_eq!(used, self.held);
    }

    /// The text is without fault, but for those of the offer that an answer has
    /// to repeat, and its version never goes back.
    fn judge(&mut self, description: &SessionDescription, offer: Option<&Offer>) {
        let theirs = offer.map_or_else(Vec::new, |offer| lint(offer.description()));
        let mut violations = lint(description);
        // Offered under AVP with intent: a peer that knows no feedback passes it over.
        violations.retain(|violation| violation.rule != Rule::RtcpFbWithoutProfile);
        violations.retain(|violation| {
            (offer.is_none() || violation.severity() == Severity::Error)
                && theirs.iter().all(|theirs| theirs.rule != violation.rule)
        });
        let text = String::from_utf8_lossy(description.as_bytes());
        assert!(violations.is_empty(), "{violations:#?}\n{text}");
        let version = description.origin().unwrap().version_number().unwrap();
        assert!(
            version == self.version || version == self.version + 1,
            "{version}"
        );
        self.version = version;
    }
}

fn ports_of(lease: Lease) -> impl Iterator<Item = u16> {
    [Some(lease.rtp.port()), lease.rtcp].into_iter().flatten()
}

pub fn pcmu() -> Format {
    Format::new("PCMU", 8000)
}

pub fn pcma() -> Format {
    Format::new("PCMA", 8000)
}

pub fn opus() -> Format {
    Format::new("opus", 48000).with_channels(2)
}

pub fn vp8() -> Format {
    Format::new("VP8", 90000)
}

pub fn audio(formats: impl Into<Vec<Format>>) -> Wants {
    Wants::new([MediaWants::audio(formats)])
}

/// Two agents that have agreed on `wants`.
pub fn call(wants: &Wants) -> (Agent, Agent) {
    let (mut a, mut b) = (Agent::new(1), Agent::new(2));
    exchange(&mut a, &mut b, wants, wants);
    (a, b)
}

/// One whole exchange.
pub fn exchange(a: &mut Agent, b: &mut Agent, ours: &Wants, theirs: &Wants) -> (Offer, Answer) {
    let offer = a.offer(ours).unwrap();
    let answer = b.answer(&offer, theirs).unwrap();
    a.complete(&answer).unwrap();
    (offer, answer)
}

/// A body: the session part at 198.51.100.7, then `media` with CRLFs added.
pub fn body(media: &str) -> Vec<u8> {
    let session = "v=0\no=peer 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n";
    format!("{session}{media}")
        .trim_end()
        .replace('\n', "\r\n")
        .into_bytes()
}

pub fn offer(media: &str) -> Offer {
    Offer::parse(body(media)).unwrap()
}

pub fn answer(media: &str) -> Answer {
    Answer::parse(body(media)).unwrap()
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The numbers of `codecs`.
pub fn numbers(codecs: &[talkpath_sdp::negotiate::Codec]) -> Vec<u8> {
    codecs.iter().map(|codec| codec.number.value()).collect()
}

/// The m-line at `index`, as text.
pub fn m_line(description: &SessionDescription, index: usize) -> String {
    let media = description.media_at(index).unwrap();
    String::from_utf8(media.line().text().to_vec()).unwrap()
}

/// Both sides mean the same call.
pub fn assert_mirrored(a: &Agent, b: &Agent) {
    assert_eq!(a.dialogue.streams().len(), b.dialogue.streams().len());
    for (ours, theirs) in a.dialogue.streams().iter().zip(b.dialogue.streams()) {
        assert_eq!(ours.kind, theirs.kind);
        assert_eq!(ours.is_live(), theirs.is_live());
        assert_eq!(ours.direction, theirs.direction.reversed());
        assert_eq!(ours.rtcp, theirs.rtcp);
        for (from, to) in [(ours, theirs), (theirs, ours)] {
            for codec in &from.send {
                let matches = |other: &talkpath_sdp::negotiate::Codec| {
                    other.number == codec.number
                        && talkpath_sdp::negotiate::same_codec(&other.format, &codec.format)
                };
                assert!(to.receive.iter().any(matches), "{codec:?} is not received");
            }
            if let Some(address) = from.send_to() {
                assert_eq!(Some(address), to.local.map(|lease| lease.rtp));
                assert!(to.receives());
            }
            assert_eq!(from.send_to().is_some(), from.direction.sends());
        }
    }
}
