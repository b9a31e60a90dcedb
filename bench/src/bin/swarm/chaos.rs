//! What goes wrong in a scene: weather of links, stalls, faults, strangers.
//!
//! In: a chance. Out: a random subset of kinds of faults, as swarm testing
//! does, and what each does when its turn comes.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_sim::{Call, Jitter, Link, Loss, Rng, ScriptedPeer, World};

use crate::dice::Dice;

/// Kinds of faults that a scene may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Loss,
    Jitter,
    Reorder,
    Duplicates,
    Throttle,
    OneWay,
    Stall,
    System,
    Stranger,
    SlowDisk,
    FullDisk,
    ManagerDrop,
    Nat,
}

impl Fault {
    const ALL: [Fault; 13] = [
        Fault::Loss,
        Fault::Jitter,
        Fault::Reorder,
        Fault::Duplicates,
        Fault::Throttle,
        Fault::OneWay,
        Fault::Stall,
        Fault::System,
        Fault::Stranger,
        Fault::SlowDisk,
        Fault::FullDisk,
        Fault::ManagerDrop,
        Fault::Nat,
    ];
}

/// The faults of one scene.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    kinds: Vec<Fault>,
}

impl Chaos {
    /// A random subset.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let share = rng.unit();
        let kinds = Fault::ALL
            .into_iter()
            .filter(|_| rng.chance(share))
            .collect();
        Chaos { kinds }
    }

    /// The calm after it: what these broke stays broken.
    pub(crate) fn aftermath(&self) -> Self {
        let lasting = |fault: &Fault| matches!(fault, Fault::System | Fault::FullDisk);
        Chaos {
            kinds: self.kinds.iter().copied().filter(lasting).collect(),
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.kinds.contains(&fault)
    }

    /// A link of the present weather.
    pub(crate) fn link(&self, rng: &mut Rng) -> Link {
        let mut link = Link::after(rng.up_to(Duration::from_millis(150)));
        if self.has(Fault::Jitter) {
            link = link.with_jitter(match rng.below(3) {
                0 => Jitter::Uniform {
                    most: rng.up_to(Duration::from_millis(60)),
                },
                1 => Jitter::Normal {
                    deviation: rng.up_to(Duration::from_millis(20)),
                },
                _ => Jitter::Spikes {
                    probability: 0.01,
                    height: rng.up_to(Duration::from_millis(300)),
                },
            });
        }
        if self.has(Fault::Loss) {
            // Twenty packets in a row are 400 ms.
            link = link.with_loss(match rng.below(2) {
                0 => Loss::Random(0.3 * rng.unit()),
                _ => Loss::bursts(0.3 * rng.unit(), 1.0 + 6.0 * rng.unit()),
            });
        }
        if self.has(Fault::Reorder) {
            link = link.with_reorder(0.1 * rng.unit(), rng.up_to(Duration::from_millis(80)));
        }
        if self.has(Fault::Duplicates) {
            link = link.with_duplicates(0.2 * rng.unit());
        }
        if self.has(Fault::Throttle) && rng.chance(0.3) {
            link = link.with_rate(64_000 + rng.below(200_000), Duration::from_millis(200));
        }
        if self.has(Fault::OneWay) && rng.chance(0.1) {
            link = Link::cut();
        }
        link
    }

    /// Lets one of the next system calls of a kind fail.
    pub(crate) fn plan_system_fault(&self, rng: &mut Rng, world: &World) {
        const KINDS: [Call; 8] = [
            Call::Bind,
            Call::Adopt,
            Call::Entropy,
            Call::Open,
            Call::Create,
            Call::Rename,
            Call::Write,
            Call::Send,
        ];
        world.faults().fail_nth(*rng.pick(&KINDS), 1 + rng.below(4));
    }
}

/// How far a stranger goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aim {
    /// Everything, believable media too.
    Everything,
    /// What no policy takes for media.
    Noise,
}

/// Sends a few datagrams of a stranger's to an address.
pub(crate) fn spray(rng: &mut Rng, stranger: &ScriptedPeer, to: SocketAddr, aim: Aim) {
    let kinds = if aim == Aim::Everything { 6 } else { 3 };
    match rng.below(kinds) {
        0 => {
            let mut bytes = vec![0; rng.below(400) as usize];
            rng.fill(&mut bytes);
            // Neither RTP nor RTCP: another version.
            if let Some(first) = bytes.first_mut() {
                *first &= 0x3f;
            }
            stranger.send(to, &bytes);
        }
        1 => stranger.send(to, &[0x80, 0, 1]),
        // Truncated RTCP.
        2 => stranger.send(to, &[0x80, 201, 0, 9, 1, 2, 3, 4]),
        3 => stranger.send(to, &goodbye(rng)),
        _ => {
            let (ssrc, first) = (rng.next_u64() as u32, rng.next_u64() as u16);
            for n in 0..1 + rng.below(6) as u16 {
                stranger.send(to, &shout(ssrc, first.wrapping_add(n)));
            }
        }
    }
}

/// The loudest 20 ms of PCMU or PCMA there are.
fn shout(ssrc: u32, seq: u16) -> Vec<u8> {
    let (number, byte) = if seq & 0x40 == 0 {
        (0, 0x00)
    } else {
        (8, 0x2a)
    };
    let mut packet = vec![0x80, number];
    packet.extend(seq.to_be_bytes());
    packet.extend((u32::from(seq) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.resize(12 + 160, byte);
    packet
}

/// An empty report and a goodbye.
fn goodbye(rng: &mut Rng) -> Vec<u8> {
    let ssrc = (rng.next_u64() as u32).to_be_bytes();
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc);
    packet.extend([0x81, 203, 0, 1]);
    packet.extend(ssrc);
    packet
}
