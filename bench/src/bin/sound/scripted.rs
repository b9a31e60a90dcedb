//! A sender of RTP that is told what to send and when.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath::{Audio, Codec, MediaManager, Session};
use talkpath_interop::verdict::{Failure, Verdict, While};
use talkpath_sim::{Link, ScriptedPeer, World};
use talkpath_wire::Time;

use crate::call::{CALLEE, CALLER, manager};

/// A peer without a stack of its own, and our session that it calls.
pub(crate) struct Scripted {
    pub(crate) world: World,
    /// Held, so that the session lives.
    pub(crate) manager: MediaManager,
    pub(crate) session: Session,
    peer: ScriptedPeer,
    to: SocketAddr,
}

/// The numbers of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) seq: u16,
    pub(crate) timestamp: u32,
}

impl Scripted {
    /// A session of ours that hears PCMU, and events with payload type 101.
    pub(crate) fn new(seed: u64) -> Verdict<Self> {
        let world = World::new(seed);
        // What is sent at a moment arrives at that moment.
        world.default_link(Link::perfect());
        let manager = manager(&world, CALLEE)?;
        let wanted = Audio::sendrecv(Codec::G711);
        let accepted = manager.accept_offer(OFFER, wanted);
        let (session, _) = accepted.while_doing("answering the script")?;
        let streams = session.streams();
        let local = streams.first().and_then(|stream| stream.local);
        let to = local.ok_or_else(|| Failure::new("the stream has no port"))?;
        let peer = world.host(CALLER).peer(5_000);
        Ok(Scripted {
            world,
            manager,
            session,
            peer,
            to: to.rtp,
        })
    }

    /// Sends a packet at a moment of the world.
    pub(crate) fn send(&self, at: Time, numbers: Numbers, payload: &[u8]) {
        let marker = if numbers.marker { 0x80 } else { 0 };
        let mut packet = vec![0x80, marker | numbers.payload_type];
        packet.extend(numbers.seq.to_be_bytes());
        packet.extend(numbers.timestamp.to_be_bytes());
        packet.extend(0x5eed_u32.to_be_bytes());
        packet.extend(payload);
        self.peer.send_at(at, self.to, &packet);
    }

    /// Sends packet `count` of a stream of PCMU at a moment of the world.
    pub(crate) fn send_pcmu(&self, at: Time, count: u32, payload: &[u8]) {
        let numbers = Numbers {
            payload_type: 0,
            marker: count == 0,
            seq: count as u16,
            timestamp: count.wrapping_mul(160),
        };
        self.send(at, numbers, payload);
    }
}

/// A packet of 20 ms.
pub(crate) const PACKET: Duration = Duration::from_millis(20);

const OFFER: &str = "v=0\r\n\
    o=- 1 1 IN IP4 10.0.0.1\r\n\
    s=-\r\n\
    c=IN IP4 10.0.0.1\r\n\
    t=0 0\r\n\
    m=audio 5000 RTP/AVP 0 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n";
