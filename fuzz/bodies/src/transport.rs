//! Datagrams into a stream's transport: one, and a history of them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use talkpath_transport::{
    AddressRules, Component, Config, Incoming, Remote, RtcpRemote, Sending, SourcePolicy,
    StreamTransport, classify,
};
use talkpath_wire::rtcp::{Compound, CompoundMode};
use talkpath_wire::{RtpPacket, Time};

use crate::script::Script;

/// One datagram: delivered as what it is, or dropped by name.
pub fn datagram(bytes: &[u8]) {
    let class = classify(bytes);
    for component in [Component::Rtp, Component::Rtcp] {
        let mut stream = stream(SourcePolicy::Open);
        stream.set_remote(Time::ZERO, &remote(PEERS[0], component == Component::Rtp));
        let mut copy = bytes.to_vec();
        let incoming = stream.handle_datagram(Time::ZERO, component, peer(0), &mut copy);
        assert_delivered(&incoming);
        if class.is_none() {
            assert!(matches!(incoming, Incoming::Dropped(_)));
        }
        if matches!(incoming, Incoming::Dropped(_)) {
            assert_eq!(stream.drops().total(), 1);
        }
    }
}

/// A stream's history: signalling, datagrams of several peers, time. Nothing
/// is lost uncounted, and nothing is sent where nobody ever was.
pub fn latch(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let policy = script.one_of(&[
        SourcePolicy::Signalled,
        SourcePolicy::Learn,
        SourcePolicy::Open,
    ]);
    let mut run = Run {
        stream: stream(policy),
        now: Time::from_millis(1_000),
        came: 0,
        delivered: 0,
    };
    while let Some(operation) = script.next(8) {
        run.apply(operation, &mut script);
        run.check(policy);
    }
}

struct Run {
    stream: StreamTransport,
    now: Time,
    came: u64,
    delivered: u64,
}

impl Run {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation {
            0 => {
                let mut remote = remote(script.one_of(PEERS), script.flag());
                remote.signalling_source = script.flag().then(|| peer(1).ip());
                self.stream.set_remote(self.now, &remote);
            }
            1 => self.stream.expect_answer(),
            2 => self.stream.abandon_offer(),
            3 => self.stream.set_sending(match script.flag() {
                true => Sending::Allowed,
                false => Sending::Held,
            }),
            4 => self.now += Duration::from_millis(u64::from(script.u16())),
            5 => {
                let mut garbage = script.bytes(40).to_vec();
                self.datagram(&mut garbage, script);
            }
            6 => {
                let mut report = [0x80, 201, 0, 1, 0, 0, 0, script.below(4)];
                self.datagram(&mut report, script);
            }
            _ => {
                let (ssrc, seq) = (script.below(4), script.u8());
                let mut packet = [0x80, 0, 0, seq, 0, 0, seq, 160, 0, 0, 0, ssrc, 0xd5];
                self.datagram(&mut packet, script);
            }
        }
        self.stream.handle_timeout(self.now);
        while let Some(held) = self.stream.next_held(self.now) {
            assert!(held.at <= self.now);
            assert_delivered(&held.incoming);
            self.delivered += u64::from(is_delivered(&held.incoming));
        }
        while let Some(change) = self.stream.poll_change() {
            assert_ne!(change.from, Some(change.to));
        }
    }

    fn datagram(&mut self, bytes: &mut [u8], script: &mut Script<'_>) {
        let component = match script.flag() {
            true => Component::Rtcp,
            false => Component::Rtp,
        };
        let from = script.one_of(SENDERS).parse().expect("an address");
        let incoming = self
            .stream
            .handle_datagram(self.now, component, from, bytes);
        assert_delivered(&incoming);
        self.came += 1;
        self.delivered += u64::from(is_delivered(&incoming));
    }

    fn check(&self, policy: SourcePolicy) {
        let kept = self.stream.held() as u64;
        let dropped = self.stream.drops().total();
        assert_eq!(self.delivered + kept + dropped, self.came);
        assert!(kept <= 64);
        let to = [
            self.stream.rtp_destination(),
            self.stream.rtcp_destination(),
        ];
        for to in to.into_iter().flatten() {
            assert!(self.stream.check(to).is_ok());
        }
        if let (SourcePolicy::Signalled, Some(source)) = (policy, self.stream.source()) {
            assert_ne!(source.ip(), attacker(), "nobody ever signalled it");
        }
        assert!(self.stream.poll_timeout().is_none_or(|at| at > self.now));
    }
}

/// What is delivered as RTP is RTP, and RTCP is RTCP.
fn assert_delivered(incoming: &Incoming<'_>) {
    match incoming {
        Incoming::Rtp(bytes) => assert!(RtpPacket::parse(bytes).is_ok()),
        Incoming::Rtcp(bytes) => assert!(Compound::parse(bytes, CompoundMode::Full).is_ok()),
        Incoming::Held | Incoming::Dropped(_) => {}
    }
}

fn is_delivered(incoming: &Incoming<'_>) -> bool {
    matches!(incoming, Incoming::Rtp(_) | Incoming::Rtcp(_))
}

fn stream(policy: SourcePolicy) -> StreamTransport {
    let own: SocketAddr = OWN.parse().expect("an address");
    StreamTransport::new(Config {
        policy,
        rules: AddressRules::for_local(own.ip()),
        own: [own].into(),
    })
}

fn remote(rtp: &str, mux: bool) -> Remote {
    let rtp: SocketAddr = rtp.parse().expect("an address");
    let beside = SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(1));
    Remote {
        rtp,
        rtcp: match mux {
            true => RtcpRemote::Mux,
            false => RtcpRemote::At(beside),
        },
        signalling_source: None,
    }
}

fn peer(index: usize) -> SocketAddr {
    PEERS[index].parse().expect("an address")
}

fn attacker() -> IpAddr {
    "203.0.113.66".parse().expect("an address")
}

const OWN: &str = "192.0.2.1:10000";
/// The peer, its other ports and hosts, unspecified and odd ones. The
/// attacker is none of them when signalled.
const PEERS: &[&str] = &[
    "198.51.100.7:4000",
    "198.51.100.8:4000",
    "198.51.100.7:4001",
    "198.51.100.7:61000",
    "0.0.0.0:4000",
    "[2001:db8::7]:4000",
    "198.51.100.7:0",
    OWN,
];
/// Who sends: those, and the attacker from two ports.
const SENDERS: &[&str] = &[
    "198.51.100.7:4000",
    "198.51.100.8:4000",
    "198.51.100.7:4001",
    "198.51.100.7:61000",
    "203.0.113.66:4000",
    "203.0.113.66:6666",
    "[2001:db8::7]:4000",
    OWN,
];
