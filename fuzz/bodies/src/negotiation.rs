//! Two parties' dialogues: offers and answers that cross, fail, come twice or
//! come broken.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use talkpath_sdp::lint::{Severity, lint_answer};
use talkpath_sdp::negotiate::{
    Changes, Demand, Dialogue, Freed, Identity, Lease, MediaWants, Ports, Preference, RtcpMux,
    VoipReports, Wants,
};
use talkpath_sdp::{Answer, Direction, Offer};
use talkpath_wire::Format;

use crate::script::Script;

/// What fails changes nothing, what succeeds is legal, and no port is lost or
/// given back twice.
pub fn negotiation(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut parties = [Party::new(1), Party::new(2)];
    let mut under_way = Vec::new();
    while let Some(operation) = script.next(8) {
        let which = usize::from(script.flag());
        let party = &mut parties[which];
        let before = party.clone();
        let done = step(party, operation, &mut script, &mut under_way);
        if !done {
            assert!(*party == before, "what fails changes nothing");
        }
        if under_way.len() > 8 {
            under_way.remove(0);
        }
        party.balance();
    }
}

/// One operation; whether it did anything.
fn step(
    party: &mut Party,
    operation: u8,
    script: &mut Script<'_>,
    under_way: &mut Vec<Vec<u8>>,
) -> bool {
    match operation {
        0 | 1 => party.offer(&wants(script)).map(|text| under_way.push(text)),
        2 | 3 => {
            let offer = received(script, under_way);
            party
                .answer(&offer, &wants(script))
                .map(|text| under_way.push(text))
        }
        4 | 5 => party.complete(&received(script, under_way)),
        6 => party.roll_back(),
        _ => party.fork(),
    }
    .is_some()
}

/// A text that was sent, perhaps with some bytes changed on the way, or one
/// that nobody sent.
fn received(script: &mut Script<'_>, under_way: &[Vec<u8>]) -> Vec<u8> {
    let which = usize::from(script.u8());
    let Some(text) = under_way.iter().rev().nth(which % 4) else {
        return [b"v=0\r\n", script.bytes(255)].concat();
    };
    let mut text = text.clone();
    for _ in 0..script.below(4) {
        let at = usize::from(script.u16()) % text.len();
        let end = (at + usize::from(script.below(8))).min(text.len());
        text.splice(at..end, script.bytes(24).iter().copied());
        if text.is_empty() {
            break;
        }
    }
    text
}

fn wants(script: &mut Script<'_>) -> Wants {
    let media: Vec<MediaWants> = (0..script.below(4)).map(|_| media(script)).collect();
    Wants::new(media).with_preference(script.one_of(&[Preference::Offerer, Preference::Local]))
}

fn media(script: &mut Script<'_>) -> MediaWants {
    let known = [
        Format::new("PCMU", 8_000),
        Format::new("PCMA", 8_000),
        Format::new("opus", 48_000).with_channels(2),
        Format::new("L16", 44_100),
        Format::new("CN", 8_000),
    ];
    let first = usize::from(script.u8());
    let formats: Vec<Format> = (0..script.below(5))
        .map(|n| known[(first + usize::from(n)) % known.len()].clone())
        .collect();
    let mut media = match script.below(4) {
        0 => MediaWants::video(formats),
        _ => MediaWants::audio(formats),
    };
    media.direction = script.one_of(&Direction::ALL);
    media.rtcp = script.one_of(&[RtcpMux::Offer, RtcpMux::Only, RtcpMux::Off]);
    media.voip_reports = script.one_of(&[VoipReports::Unasked, VoipReports::Asked]);
    let ptime = u64::from(script.u8());
    media.ptime = (ptime > 0).then_some(Duration::from_millis(ptime));
    match script.below(8) {
        7 => media.at(usize::from(script.below(4))),
        _ => media,
    }
}

#[derive(Clone, PartialEq)]
struct Party {
    dialogue: Dialogue,
    ip: IpAddr,
    next_port: u16,
    held: BTreeSet<(usize, u16)>,
}

impl Party {
    fn new(last_octet: u8) -> Self {
        let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last_octet));
        Party {
            dialogue: Dialogue::new(Identity::new(u64::from(last_octet), ip)),
            ip,
            next_port: 1_000,
            held: BTreeSet::new(),
        }
    }

    fn offer(&mut self, wants: &Wants) -> Option<Vec<u8>> {
        let plan = self.dialogue.plan_offer(wants).ok()?;
        let leases = self.lease(plan.demand().collect());
        let offer = plan.commit(&mut self.dialogue, &leases);
        Some(offer.as_bytes().to_vec())
    }

    fn answer(&mut self, text: &[u8], wants: &Wants) -> Option<Vec<u8>> {
        let offer = Offer::parse(text).ok()?;
        let plan = self.dialogue.plan_answer(&offer, wants).ok()?;
        let leases = self.lease(plan.demand().collect());
        let (answer, changes) = plan.commit(&mut self.dialogue, &leases);
        self.release(&changes);
        let mut wrong = lint_answer(&offer, &answer);
        wrong.retain(|violation| violation.severity() == Severity::Error);
        assert!(wrong.is_empty(), "{wrong:?}\n{offer}\n{answer}");
        Some(answer.as_bytes().to_vec())
    }

    fn complete(&mut self, text: &[u8]) -> Option<()> {
        let answer = Answer::parse(text).ok()?;
        let plan = self.dialogue.plan_completion(&answer).ok()?;
        let changes = plan.commit(&mut self.dialogue);
        self.release(&changes);
        Some(())
    }

    fn roll_back(&mut self) -> Option<()> {
        let changes = self
            .dialogue
            .plan_rollback()
            .ok()?
            .commit(&mut self.dialogue);
        self.release(&changes);
        Some(())
    }

    /// A fork begins with the same offer open; then it is gone.
    fn fork(&mut self) -> Option<()> {
        let fork = self.dialogue.fork().ok()?;
        assert!(fork.has_pending_offer());
        self.dialogue.settle();
        Some(())
    }

    fn lease(&mut self, demands: Vec<Demand>) -> Vec<Lease> {
        let mut leases = Vec::new();
        for (line, demand) in demands.into_iter().enumerate() {
            let Demand::Lease(ports, _) = demand else {
                continue;
            };
            let rtp = SocketAddr::new(self.ip, self.next_port);
            self.next_port = self.next_port.wrapping_add(2).max(1_000);
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
            let (freed, lease) = match release.ports {
                Freed::Whole(lease) => (ports_of(lease).collect::<Vec<_>>(), lease),
                Freed::Rtcp(lease) => (lease.rtcp.into_iter().collect(), lease),
            };
            for port in freed {
                assert!(
                    self.held.remove(&(release.line, port)),
                    "{lease:?} freed twice"
                );
            }
        }
    }

    /// While nothing is open, exactly the ports of the streams are held.
    fn balance(&self) {
        if self.dialogue.has_pending_offer() {
            return;
        }
        let streams = self.dialogue.streams().iter().enumerate();
        let in_use: BTreeSet<(usize, u16)> = streams
            .filter_map(|(line, stream)| Some((line, stream.local?)))
            .flat_map(|(line, lease)| ports_of(lease).map(move |port| (line, port)))
            .collect();
        assert_eq!(self.held, in_use);
    }
}

fn ports_of(lease: Lease) -> impl Iterator<Item = u16> {
    core::iter::once(lease.rtp.port()).chain(lease.rtcp)
}
