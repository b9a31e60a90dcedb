//! What a datagram costs a worker by the number of members of its call.
//!
//! A manager in the simulated world, one room, everybody sends PCMU: what is
//! measured is the worker's turn with all that it does, and the world around it.

use std::sync::Arc;
use std::time::Duration;

use talkpath::{Audio, Codec, MediaManager, Session};
use talkpath_sim::{LogDetail, ScriptedPeer, World};

use crate::report::Report;
use crate::rounds::{Spread, clock};

pub(super) fn run(report: &mut Report) {
    report.note("one datagram of a member and its 20 ms, the simulated world included");
    for members in [2, 5, 10, 20, 50, 100] {
        let Some(mut conference) = Conference::new(members) else {
            return report.require("the conference can be set up", false);
        };
        let cost = Spread::of((0..5).map(|_| conference.second()));
        report.note(format_args!(
            "  {members:3} members {:6.2} µs",
            cost.median / 1e3
        ));
    }
    let (Some(mut small), Some(mut large)) = (Conference::new(20), Conference::new(100)) else {
        return report.require("the conference can be set up", false);
    };
    let ratios = (0..9).map(|_| small.second() / large.second());
    report.judge("of 20, against of 100", Spread::of(ratios), "×", None);
}

struct Conference {
    world: World,
    members: Vec<(Session, ScriptedPeer)>,
    count: u32,
    _manager: MediaManager,
}

impl Conference {
    fn new(members: u16) -> Option<Self> {
        let world = World::new(1);
        world.keep_wire_log(LogDetail::Hash);
        let manager = MediaManager::builder()
            .interface("10.0.0.1")
            .ports(10_000..=10_399)
            .workers(1)
            .driver(Arc::new(world.host("10.0.0.1").driver()))
            .build()
            .ok()?;
        let member = |n: u16| {
            let port = 4_000 + 2 * n;
            let offer = format!(
                "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
                 m=audio {port} RTP/AVP 0\r\n"
            );
            let wanted = Audio::sendrecv([Codec::PCMU]);
            let (session, _) = manager.accept_offer(offer.as_str(), wanted).ok()?;
            Some((session, world.host("10.0.0.2").peer(port)))
        };
        let members = (0..members).map(member).collect::<Option<Vec<_>>>()?;
        let bridge = manager.bridge(&members[0].0, &members[1].0).ok()?;
        for (session, _) in &members[2..] {
            bridge.add(session).ok()?;
        }
        let mut conference = Conference {
            world,
            members,
            count: 0,
            _manager: manager,
        };
        conference.second();
        Some(conference)
    }

    /// Lets everybody speak for a second; nanoseconds per datagram.
    fn second(&mut self) -> f64 {
        let begun = self.world.now();
        for (n, (session, peer)) in self.members.iter().enumerate() {
            let Some(local) = session.streams()[0].local else {
                continue;
            };
            for tick in 0..TICKS {
                let count = self.count + tick;
                let mut packet = [0x9f; 172];
                packet[..2].copy_from_slice(&[0x80, 0]);
                packet[2..4].copy_from_slice(&(count as u16).to_be_bytes());
                packet[4..8].copy_from_slice(&(160 * count).to_be_bytes());
                packet[8..12].copy_from_slice(&(n as u32 + 1).to_be_bytes());
                // Each in a phase of its own.
                let phase = Duration::from_micros(199 * n as u64);
                peer.send_at(begun + TICK * tick + phase, local.rtp, &packet);
            }
        }
        self.count += TICKS;
        let took = clock(|| self.world.run_for(TICK * TICKS));
        took.as_nanos() as f64 / (f64::from(TICKS) * self.members.len() as f64)
    }
}

const TICK: Duration = Duration::from_millis(20);
const TICKS: u32 = 50;
