//! Who keeps sending from an address that is not accepted.
//!
//! In: the source of each datagram that the policy refused. Out: the one that
//! sends most, since when, and what was expected instead, for the diagnosis
//! "packets arrive from 10.0.0.9:4000, SDP said 10.0.0.7:4000".
//!
//! One place only, by majority vote: a spray from many addresses does not
//! hide the peer that sends steadily, nor grow memory.

use std::net::SocketAddr;

use talkpath_wire::Time;

use crate::Component;

/// A source that is refused, and what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongSource {
    /// Where its datagrams arrive.
    pub component: Component,
    /// Where they come from.
    pub from: SocketAddr,
    /// The source that is accepted or signalled for RTP, if any.
    pub expected: Option<SocketAddr>,
    /// When the first of them was refused.
    pub since: Time,
    /// When the last of them was refused.
    pub last: Time,
    /// Datagrams refused from there since then.
    pub packets: u64,
}

#[derive(Default)]
pub(crate) struct WrongSources {
    leader: Option<WrongSource>,
    votes: u64,
}

impl WrongSources {
    pub(crate) fn count(&mut self, now: Time, component: Component, from: SocketAddr) {
        match &mut self.leader {
            Some(leader) if leader.from == from && leader.component == component => {
                leader.last = now;
                leader.packets += 1;
                self.votes += 1;
            }
            Some(_) if self.votes > 0 => self.votes -= 1,
            leader => {
                let (since, last) = (now, now);
                *leader = Some(WrongSource {
                    component,
                    from,
                    expected: None,
                    since,
                    last,
                    packets: 1,
                });
                self.votes = 1;
            }
        }
    }

    pub(crate) fn most_frequent(&self, expected: Option<SocketAddr>) -> Option<WrongSource> {
        self.leader.map(|leader| WrongSource { expected, ..leader })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stranger_is_named_through_a_spray() {
        let mut wrong = WrongSources::default();
        let steady: SocketAddr = "10.0.0.9:4000".parse().unwrap();
        for n in 0..100u16 {
            let now = Time::from_millis(20 * u64::from(n));
            wrong.count(now, Component::Rtp, steady);
            if n % 2 == 0 {
                wrong.count(
                    now,
                    Component::Rtp,
                    SocketAddr::from(([10, 6, 6, 6], 1000 + n)),
                );
            }
        }
        let named = wrong.most_frequent(None).unwrap();
        assert_eq!((named.from, named.packets), (steady, 100));
        assert_eq!(
            (named.since, named.last),
            (Time::ZERO, Time::from_millis(1980))
        );
    }
}
