//! One step of negotiation on its way to the worker.
//!
//! In: what a plan demands, and the streams before and after its commit. Out:
//! leased ports, and the [`Step`] that makes media what was agreed. What was
//! leased and is not used goes back by being dropped.

use std::net::SocketAddr;

use talkpath_media::playout::Target;
use talkpath_media::{Answer as Awaiting, Pause, StreamIndex, StreamSetup};
use talkpath_sdp::negotiate::{Demand, Lease, Ports, Stream};
use talkpath_transport::AddressRules;

use super::core::Core;
use super::state::State;
use super::wanted::Wanted;
use crate::constraints::Silence;
use crate::error::SessionError;
use crate::mailbox::Permit;
use crate::manager::Bound;
use crate::ports::{LeaseKind, Leased};
use crate::worker::{Command, NewStream, Step};

/// Ports leased for one m-line.
pub(super) struct NewPorts {
    line: usize,
    leased: Leased,
    pub(super) lease: Lease,
    /// Which interface they are on.
    interface: usize,
}

impl Core {
    /// Leases what a plan demands; what was leased is given back if the rest
    /// cannot be had.
    pub(super) fn lease(
        &self,
        wanted: &Wanted,
        demand: impl Iterator<Item = Demand>,
    ) -> Result<Vec<NewPorts>, SessionError> {
        let name = wanted.constraints.interface.as_deref();
        let mut all = Vec::new();
        for (line, demand) in demand.enumerate() {
            let Demand::Lease(ports, family) = demand else {
                continue;
            };
            let bound = self.shared.interface(name, family)?;
            let kind = match ports {
                Ports::Single => LeaseKind::Single,
                Ports::Pair => LeaseKind::Pair,
            };
            let leased = bound.ports.lease(kind)?;
            let at = |socket: &crate::ports::LeasedSocket| socket.socket.local_addr().port();
            let lease = Lease {
                rtp: SocketAddr::new(bound.advertised, at(&leased.rtp)),
                rtcp: leased.rtcp.as_ref().map(at),
            };
            let is_it = |other: &Bound| std::ptr::eq(other, bound);
            let interface = self.shared.interfaces.iter().position(is_it).unwrap_or(0);
            all.push(NewPorts {
                line,
                leased,
                lease,
                interface,
            });
        }
        Ok(all)
    }

    /// Tells the worker what a commit changed, from the streams before to
    /// those now.
    pub(super) fn carry_out(
        &self,
        state: &mut State,
        (before, answer): (&[Stream], Awaiting),
        (mut step, ports): (Step, Vec<NewPorts>),
        place: Permit<Command>,
    ) {
        let streams = state.dialogue.streams().to_vec();
        state.wanted.settle(&streams);
        state.since = self.shared.driver.now();
        step.agree = state.agreements(answer);
        // A rollback may leave fewer lines than there were.
        for line in 0..streams.len().max(before.len()) {
            let index = StreamIndex(line as u8);
            let lease = |streams: &[Stream]| streams.get(line).and_then(|stream| stream.local);
            match (lease(before), lease(&streams)) {
                (Some(_), None) => step.end.push(index),
                (Some(held), Some(now)) if held.rtcp.is_some() && now.rtcp.is_none() => {
                    step.free_rtcp.push(index);
                }
                _ => {}
            }
        }
        state.taken.retain(|(index, _)| !step.end.contains(index));
        for ports in ports {
            // A line that was refused after all: its ports go back.
            if streams
                .get(ports.line)
                .is_some_and(|stream| stream.local == Some(ports.lease))
            {
                step.begin.push(self.new_stream(state, ports));
            }
        }
        place.send(Command::Negotiated {
            session: self.id,
            step,
        });
    }

    fn new_stream(&self, state: &State, ports: NewPorts) -> NewStream {
        let constraints = &state.wanted.constraints;
        let audio = state.wanted.at(ports.line).or(constraints.audio.first());
        let bound = &self.shared.interfaces[ports.interface];
        let addresses = |port: u16| {
            [
                SocketAddr::new(bound.address, port),
                SocketAddr::new(bound.advertised, port),
            ]
        };
        let ports_of = [Some(ports.lease.rtp.port()), ports.lease.rtcp];
        let own = ports_of.into_iter().flatten().flat_map(addresses).collect();
        let setup = StreamSetup {
            stream: StreamIndex(ports.line as u8),
            policy: constraints.source_policy,
            rules: AddressRules::for_local(bound.address),
            rate: audio.map_or(talkpath_audio::SampleRate::HZ_8000, |audio| audio.rate),
            media_timeout: constraints.media_timeout,
            pause: match constraints.silence {
                Silence::Nothing => Pause::SendNothing,
                Silence::Packets => Pause::SendSilence,
                Silence::Suppress => Pause::Suppress,
            },
            playout: audio.map_or(Target::default(), |audio| audio.playout),
        };
        NewStream {
            setup,
            own,
            rtp: ports.leased.rtp,
            rtcp: ports.leased.rtcp,
        }
    }
}
