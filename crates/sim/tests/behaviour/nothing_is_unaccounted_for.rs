//! Whatever is done to a world, every datagram ends somewhere, once.

use talkpath::driver::{Driver, Wake};
use talkpath_sim::{
    Fate, Filtering, Held, Jitter, Link, Loss, Mapping, Nat, Rng, ScriptedPeer, World,
};

use crate::common::{Echo, bind, ms};

const HOSTS: [&str; 4] = ["10.0.0.1", "10.0.0.2", "192.0.2.1", "fd00::1"];

struct Swarm {
    world: World,
    chance: Rng,
    nat: Nat,
    peers: Vec<ScriptedPeer>,
    echoes: Vec<(
        std::sync::Arc<crate::common::Shared>,
        std::sync::Arc<dyn Wake>,
    )>,
}

impl Swarm {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let nat = world.nat(
            "203.0.113.1",
            Mapping::AddressAndPortDependent,
            Filtering::AddressDependent,
        );
        let peers = HOSTS.map(|host| world.host(host).peer(9)).into();
        world.host(HOSTS[0]).behind(&nat);
        Swarm {
            chance: world.rng(0),
            world,
            nat,
            peers,
            echoes: Vec::new(),
        }
    }

    fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.below(of.len() as u64) as usize]
    }

    fn link(&mut self) -> Link {
        let jitter = self.any(&[
            Jitter::None,
            Jitter::Uniform { most: ms(30) },
            Jitter::Normal { deviation: ms(30) },
            Jitter::Spikes {
                probability: 0.1,
                height: ms(300),
            },
        ]);
        let loss = self.any(&[
            Loss::None,
            Loss::Random(0.3),
            Loss::bursts(0.3, 5.0),
            Loss::Random(1.0),
        ]);
        let link = Link::after(ms(self.chance.below(100)))
            .with_jitter(jitter)
            .with_loss(loss);
        match self.chance.below(4) {
            0 => link.with_duplicates(0.5).with_reorder(0.5, ms(20)),
            1 => link.with_rate(8_000, ms(50)),
            2 => Link::cut(),
            _ => link,
        }
    }

    fn act(&mut self) {
        let (from, to) = (self.any(&HOSTS), self.any(&HOSTS));
        let index = self.chance.below(self.peers.len() as u64) as usize;
        let targets: Vec<_> = self.peers.iter().map(ScriptedPeer::local_addr).collect();
        let target = self.any(&targets);
        match self.chance.below(9) {
            0 => {
                let link = self.link();
                self.world.link(from, to, link);
            }
            1 => self.nat.rebind(),
            2 => {
                let claimed = self.any(&targets);
                self.world
                    .host(from)
                    .send_spoofed(claimed, target, b"spoofed");
            }
            3 => self.world.host(from).stall(ms(30)),
            4 if self.echoes.len() < 8 => {
                let driver = self.world.host(from).driver().with_drift(150);
                let any = if from.contains(':') {
                    "[::]:0"
                } else {
                    "0.0.0.0:0"
                };
                let (echo, shared) = Echo::new(vec![bind(&driver, any)]);
                self.echoes
                    .push((shared, driver.start("echo", echo).unwrap()));
            }
            5 => self.world.run_for(ms(self.chance.below(50))),
            _ => {
                let last = self.peers[index]
                    .received()
                    .last()
                    .map(|arrival| arrival.from);
                // The port of the first echo of a host, or wherever it came from.
                let echo = std::net::SocketAddr::new(target.ip(), 32768);
                let to = self.any(&[target, echo, last.unwrap_or(target)]);
                self.peers[index].send(to, b"hello");
            }
        }
    }
}

#[test]
fn every_datagram_has_exactly_one_end() {
    let mut delivered_in_all = 0;
    for seed in 0..100 {
        let mut swarm = Swarm::new(seed);
        (0..300).for_each(|_| swarm.act());
        let world = swarm.world.clone();
        for (shared, wake) in &swarm.echoes {
            *shared.stop.lock().unwrap() = true;
            wake.wake();
            assert!(wake.join(world.now() + ms(60_000)), "seed {seed}");
        }
        world.run_for(ms(5_000));
        assert_eq!(world.held(), Held::default(), "seed {seed}");
        let log = world.wire_log();
        assert!(
            log.iter().all(|record| record.fate != Fate::InFlight),
            "seed {seed}"
        );
        for peer in &swarm.peers {
            let here = |fate| matches!(fate, Fate::Delivered { to, .. } if to == peer.local_addr());
            let delivered = log.iter().filter(|record| here(record.fate)).count();
            assert_eq!(peer.received().len(), delivered, "seed {seed}");
            delivered_in_all += delivered;
        }
    }
    assert!(delivered_in_all > 1_000, "{delivered_in_all}");
}
