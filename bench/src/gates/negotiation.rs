//! A whole exchange: offer, answer, completion, with texts parsed on arrival.
//!
//! Nobody else does this as a library, so there is nothing to be compared with;
//! what is held is the number of allocations, which grows unnoticed.

use std::error::Error;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use talkpath_sdp::negotiate::{Demand, Dialogue, Identity, Lease, MediaWants, Ports, Wants};
use talkpath_sdp::{Answer, Offer};
use talkpath_wire::Format;

use crate::allocation::count;
use crate::report::Report;
use crate::rounds::measure;

pub(super) fn run(report: &mut Report) {
    let wants = Wants::new([MediaWants::audio([
        Format::new("opus", 48_000).with_channels(2),
        Format::new("PCMU", 8_000),
        Format::new("PCMA", 8_000),
    ])]);
    report.require("both agree", exchange(&wants).is_ok_and(|agreed| agreed));
    report.times("exchange", measure(|| exchange(black_box(&wants))));
    let (_, allocations) = count(|| exchange(&wants));
    report.count("allocations", allocations, LIMIT);
}

/// Whether the caller ended up sending to the callee.
fn exchange(wants: &Wants) -> Result<bool, Box<dyn Error>> {
    let mut caller = Dialogue::new(Identity::new(1, IP));
    let mut callee = Dialogue::new(Identity::new(2, IP));
    let plan = caller.plan_offer(wants)?;
    let leases: Vec<Lease> = plan
        .demand()
        .filter_map(|demand| lease(demand, 10_000))
        .collect();
    let offer = Offer::parse(plan.commit(&mut caller, &leases).as_bytes())?;
    let plan = callee.plan_answer(&offer, wants)?;
    let leases: Vec<Lease> = plan
        .demand()
        .filter_map(|demand| lease(demand, 10_002))
        .collect();
    let (answer, _) = plan.commit(&mut callee, &leases);
    let answer = Answer::parse(answer.as_bytes())?;
    caller.plan_completion(&answer)?.commit(&mut caller);
    let to = caller.streams().first().and_then(|stream| stream.send_to());
    Ok(to == Some(SocketAddr::new(IP, 10_002)))
}

fn lease(demand: Demand, port: u16) -> Option<Lease> {
    let rtp = SocketAddr::new(IP, port);
    match demand {
        Demand::Lease(Ports::Pair, _) => Some(Lease::pair(rtp)),
        Demand::Lease(Ports::Single, _) => Some(Lease::single(rtp)),
        Demand::Keep(_) | Demand::None => None,
    }
}

const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Allocations of an exchange, both sides together.
const LIMIT: u64 = 500;
