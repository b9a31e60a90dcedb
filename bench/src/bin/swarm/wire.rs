//! What the wire may carry, and what was delivered to whom.
//!
//! In: which session holds which local address when, which remote addresses
//! signalling named to it or the source policy reported, and every record of
//! the wire. Out: a violation for a datagram to any other address, and counts
//! of what was delivered to each tenant of an address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use talkpath::Time;
use talkpath_sim::{Fate, Record};

use crate::violation::Violation;

/// A session, as the wire knows it.
pub(crate) type Key = usize;

/// Who held an address from when to when.
#[derive(Debug)]
struct Tenancy {
    since: Time,
    until: Option<Time>,
    session: Key,
    line: usize,
    delivered: u64,
}

/// The books of one world.
#[derive(Default)]
pub(crate) struct Wire {
    managers: BTreeSet<IpAddr>,
    tenancies: BTreeMap<SocketAddr, Vec<Tenancy>>,
    allowed: Vec<BTreeSet<SocketAddr>>,
}

impl Wire {
    /// What is sent from `ip` is looked at.
    pub(crate) fn watch(&mut self, ip: IpAddr) {
        self.managers.insert(ip);
    }

    /// A session that may send nowhere yet.
    pub(crate) fn open(&mut self) -> Key {
        self.allowed.push(BTreeSet::new());
        self.allowed.len() - 1
    }

    /// `session` holds these local addresses of its m-line from now on.
    pub(crate) fn hold(&mut self, now: Time, session: Key, line: usize, local: SocketAddr) {
        let known = self.tenancies.entry(local).or_default();
        if let Some(last) = known.last_mut().filter(|last| last.until.is_none()) {
            if (last.session, last.line) == (session, line) {
                return;
            }
            last.until = Some(now);
        }
        known.push(Tenancy {
            since: now,
            until: None,
            session,
            line,
            delivered: 0,
        });
    }

    /// `session` keeps only those of its addresses that `keeps` names.
    pub(crate) fn retain(&mut self, now: Time, session: Key, keeps: impl Fn(SocketAddr) -> bool) {
        for (local, tenancies) in &mut self.tenancies {
            let last = tenancies.last_mut();
            let held = last.filter(|last| last.until.is_none() && last.session == session);
            if let Some(held) = held.filter(|_| !keeps(*local)) {
                held.until = Some(now);
            }
        }
    }

    /// `session` may send there from now on.
    pub(crate) fn allow(&mut self, session: Key, remote: SocketAddr) {
        self.allowed[session].insert(remote);
    }

    /// Whether signalling or the policy named this IP address to `session`.
    pub(crate) fn knows(&self, session: Key, ip: IpAddr) -> bool {
        self.allowed[session].iter().any(|known| known.ip() == ip)
    }

    /// Local addresses that are held now.
    pub(crate) fn held(&self) -> Vec<SocketAddr> {
        let held = self.tenancies.iter().filter(|(_, tenancies)| {
            let last = tenancies.last();
            last.is_some_and(|last| last.until.is_none())
        });
        held.map(|(local, _)| *local).collect()
    }

    /// Datagrams delivered to an m-line of `session` so far.
    pub(crate) fn delivered(&self, session: Key, line: usize) -> u64 {
        let all = self.tenancies.values().flatten();
        let of_it = all.filter(|tenancy| (tenancy.session, tenancy.line) == (session, line));
        of_it.map(|tenancy| tenancy.delivered).sum()
    }

    /// Looks at records in the order of sending.
    pub(crate) fn judge(&mut self, records: &[Record]) -> Result<(), Violation> {
        for record in records {
            if self.managers.contains(&record.from.ip()) && !record.duplicate {
                self.judge_sent(record)?;
            }
            if let Fate::Delivered { at, to } = record.fate {
                let found = self.tenancies.get_mut(&to).and_then(|all| {
                    let holds = |held: &&mut Tenancy| {
                        held.since <= at && held.until.is_none_or(|until| at <= until)
                    };
                    all.iter_mut().find(holds)
                });
                if let Some(tenancy) = found {
                    tenancy.delivered += 1;
                }
            }
        }
        Ok(())
    }

    fn judge_sent(&self, record: &Record) -> Result<(), Violation> {
        let tenancies = self.tenancies.get(&record.from);
        let tenant = tenancies.and_then(|all| {
            let holds = |held: &&Tenancy| {
                held.since <= record.sent && held.until.is_none_or(|until| record.sent <= until)
            };
            all.iter().rev().find(holds)
        });
        let Some(tenant) = tenant else {
            return Err(Violation::new(
                "destination",
                format!("nobody held the source of {record}"),
            ));
        };
        if self.allowed[tenant.session].contains(&record.to) {
            return Ok(());
        }
        let known = &self.allowed[tenant.session];
        let text = format!("{record}, where only {known:?} were named");
        Err(Violation::new("destination", text))
    }
}

/// Where a description wants RTP and RTCP, line by line; read apart from the
/// library, which is under test.
pub(crate) fn addresses(sdp: &str) -> Vec<SocketAddr> {
    let mut session = None;
    let mut lines: Vec<(Option<IpAddr>, u16, Option<u16>)> = Vec::new();
    for line in sdp.lines() {
        if let Some(rest) = line.strip_prefix("c=IN ") {
            let ip = rest.split(' ').nth(1).and_then(|ip| ip.parse().ok());
            match lines.last_mut() {
                Some(last) => last.0 = ip,
                None => session = ip,
            }
        } else if let Some(rest) = line.strip_prefix("m=") {
            let port = rest.split(' ').nth(1).and_then(|port| port.parse().ok());
            lines.push((session, port.unwrap_or(0), None));
        } else if let (Some(rest), Some(last)) = (line.strip_prefix("a=rtcp:"), lines.last_mut()) {
            last.2 = rest.split(' ').next().and_then(|port| port.parse().ok());
        }
    }
    let live = lines.into_iter().filter(|(_, port, _)| *port > 0);
    live.flat_map(|(ip, rtp, rtcp)| {
        let rtcp = rtcp.unwrap_or(rtp.saturating_add(1));
        ip.map(|ip| [SocketAddr::new(ip, rtp), SocketAddr::new(ip, rtcp)])
            .into_iter()
            .flatten()
    })
    .collect()
}
