//! Three hosts: our stream, the peer, and an attacker.
#![allow(dead_code, reason = "each test file uses a part of the rig")]

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_transport::{
    AddressRules, Component, Config, Incoming, Remote, RtcpRemote, SourceChanged, SourcePolicy,
    StreamTransport,
};
use talkpath_wire::Time;

pub(crate) const PTIME: Duration = Duration::from_millis(20);

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("tests spell addresses")
}

pub(crate) fn own() -> SocketAddr {
    addr("192.0.2.1:10000")
}

pub(crate) fn peer() -> SocketAddr {
    addr("198.51.100.7:4000")
}

pub(crate) fn attacker() -> SocketAddr {
    addr("203.0.113.66:6666")
}

/// What is delivered of whom. Payloads carry the sender's mark.
pub(crate) struct Rig {
    pub(crate) stream: StreamTransport,
    pub(crate) now: Time,
    /// RTP and RTCP delivered, by source, in order, with sequence numbers.
    pub(crate) delivered: Vec<(SocketAddr, u16)>,
    pub(crate) changes: Vec<SourceChanged>,
    pub(crate) sent_in: u64,
}

impl Rig {
    pub(crate) fn new(policy: SourcePolicy) -> Self {
        let config = Config {
            policy,
            rules: AddressRules::for_local(own().ip()),
            own: [own(), addr("192.0.2.1:10001")].into(),
        };
        Rig {
            stream: StreamTransport::new(config),
            now: Time::from_millis(1_000),
            delivered: Vec::new(),
            changes: Vec::new(),
            sent_in: 0,
        }
    }

    pub(crate) fn signal(&mut self, rtp: SocketAddr, rtcp: RtcpRemote) {
        self.signal_from(rtp, rtcp, None);
    }

    pub(crate) fn signal_from(&mut self, rtp: SocketAddr, rtcp: RtcpRemote, source: Option<&str>) {
        let signalling_source = source.map(|ip| ip.parse().expect("tests spell addresses"));
        self.stream.set_remote(
            self.now,
            &Remote {
                rtp,
                rtcp,
                signalling_source,
            },
        );
        self.drain();
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.stream.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.stream.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }

    /// One datagram; whether it, or one held, was delivered.
    pub(crate) fn datagram(
        &mut self,
        component: Component,
        from: SocketAddr,
        bytes: &mut [u8],
    ) -> bool {
        self.sent_in += 1;
        let before = self.delivered.len();
        match self
            .stream
            .handle_datagram(self.now, component, from, bytes)
        {
            Incoming::Rtp(packet) | Incoming::Rtcp(packet) => {
                self.delivered
                    .push((from, u16::from_be_bytes([packet[2], packet[3]])));
            }
            Incoming::Held => {}
            Incoming::Dropped(_) => {}
        }
        self.drain();
        self.delivered.len() > before
    }

    pub(crate) fn rtp(&mut self, from: SocketAddr, ssrc: u32, seq: u16) -> bool {
        self.datagram(Component::Rtp, from, &mut rtp(ssrc, seq))
    }

    /// `count` packets in sequence, 20 ms apart; how many were delivered.
    pub(crate) fn talk(&mut self, from: SocketAddr, ssrc: u32, first: u16, count: u16) -> usize {
        let before = self.delivered_from(from);
        for n in 0..count {
            self.rtp(from, ssrc, first.wrapping_add(n));
            self.wait(20);
        }
        self.delivered_from(from) - before
    }

    pub(crate) fn delivered_from(&self, from: SocketAddr) -> usize {
        self.delivered
            .iter()
            .filter(|(source, _)| *source == from)
            .count()
    }

    pub(crate) fn drain(&mut self) {
        while let Some(released) = self.stream.next_held(self.now) {
            let (Incoming::Rtp(packet) | Incoming::Rtcp(packet)) = released.incoming else {
                panic!("only accepted datagrams are released");
            };
            let seq = u16::from_be_bytes([packet[2], packet[3]]);
            self.delivered.push((released.from, seq));
        }
        while let Some(change) = self.stream.poll_change() {
            self.changes.push(change);
        }
    }

    /// RTP, forged SSRCs, reports and fragments from one address and many of
    /// its ports.
    pub(crate) fn spray(&mut self, host: SocketAddr, ssrc: u32, count: u32) {
        for n in 0..count {
            let mut from = host;
            from.set_port(host.port().wrapping_add((n % 97) as u16).max(1));
            let seq = n as u16;
            match n % 6 {
                0 | 1 => self.rtp(from, ssrc, seq),
                2 => self.rtp(host, 0xbad, seq),
                3 => self.datagram(Component::Rtp, host, &mut rtcp(ssrc)),
                4 => self.datagram(Component::Rtcp, from, &mut rtcp(ssrc)),
                // The four bytes that once switched the SSRC check off.
                _ => self.datagram(Component::Rtcp, host, &mut [0x80, 201, 0, 0]),
            };
        }
    }

    /// Everything that came in went on, waits, or was dropped by name.
    pub(crate) fn assert_conserved(&self) {
        let out = self.delivered.len() as u64 + self.stream.drops().total();
        assert_eq!(self.sent_in, out + self.stream.held() as u64);
    }

    /// Nothing of the attacker's host was heard or is sent to.
    pub(crate) fn assert_attacker_is_nobody(&self, host: SocketAddr) {
        let heard = self
            .delivered
            .iter()
            .filter(|(from, _)| from.ip() == host.ip())
            .count();
        assert_eq!(heard, 0, "attacker's datagrams were delivered");
        for to in [
            self.stream.rtp_destination(),
            self.stream.rtcp_destination(),
        ]
        .iter()
        .flatten()
        {
            assert_ne!(to.ip(), host.ip(), "the attacker is sent to");
        }
    }
}

/// 20 ms of G.711: the timestamp follows the sequence number.
pub(crate) fn rtp(ssrc: u32, seq: u16) -> Vec<u8> {
    rtp_at(ssrc, seq, u32::from(seq) * 160)
}

pub(crate) fn rtp_at(ssrc: u32, seq: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(seq.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xd5; 160]);
    packet
}

/// A receiver report without blocks.
pub(crate) fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}
