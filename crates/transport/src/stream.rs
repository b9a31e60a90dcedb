//! The transport of one m-line: from datagrams to RTP and RTCP, and back out.
//!
//! In: datagrams, what signalling says of the peer, `now`. Out: RTP and RTCP
//! of accepted sources, destinations, changes of source with their evidence,
//! and drops by reason. What could not be judged when it came is held and
//! handed out in order by [`StreamTransport::next_held`].
//!
//! RFC 5761 (multiplexing), RFC 4961 (symmetric RTP), RFC 3264 §5.1 and §8.4
//! (media before the answer, hold). Nothing here is ever sent unasked, and
//! there is a destination only where signalling or proof named one.

use std::net::{IpAddr, SocketAddr};

use talkpath_wire::rtcp::{Compound, CompoundMode};
use talkpath_wire::{RtpPacket, Ssrc, Time};

use crate::early::{Early, Pushed};
use crate::latch::{Head, Latch, Signalled, Verdict};
use crate::rtcp_latch::RtcpLatch;
use crate::wrong_source::{WrongSource, WrongSources};
use crate::{
    AddressRules, Class, DropReason, Drops, Refused, Remote, RtcpHome, RtcpRemote, Sending,
    SourceChanged, SourcePolicy, Withheld, canonical, canonical_ip, classify,
};

/// Which of the two ports of an m-line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Component {
    /// The port in the m-line: RTP, and RTCP where multiplexed.
    Rtp,
    /// The port for RTCP alone.
    Rtcp,
}

/// What is fixed for the life of a stream.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose media is taken.
    pub policy: SourcePolicy,
    /// Which addresses may be sent to.
    pub rules: AddressRules,
    /// The stream's own addresses, bound and advertised, of both components:
    /// a datagram from there is a loop, and none is sent there.
    pub own: Box<[SocketAddr]>,
}

/// How well a sender fits the peer. Later is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fit {
    /// Nothing says that it is the peer.
    Stranger,
    /// Signalling named its IP address.
    SameHost,
    /// It is where we send to, or would be taken as the peer's RTCP.
    Peer,
}

/// What became of a datagram.
#[derive(PartialEq, Eq, Debug)]
pub enum Incoming<'a> {
    /// RTP from an accepted source; `RtpPacket::parse` of it succeeds.
    Rtp(&'a mut [u8]),
    /// RTCP from an accepted source; `Compound::parse` of it succeeds.
    Rtcp(&'a mut [u8]),
    /// Kept until it can be judged. Ask
    /// [`next_held`](StreamTransport::next_held) now: it may just have been.
    Held,
    /// Counted, and gone.
    Dropped(DropReason),
}

/// A datagram that had been held, of a source accepted since.
#[derive(PartialEq, Eq, Debug)]
pub struct Released<'a> {
    /// When it arrived.
    pub at: Time,
    /// Where it came from.
    pub from: SocketAddr,
    /// Where it arrived.
    pub component: Component,
    /// [`Incoming::Rtp`] or [`Incoming::Rtcp`].
    pub incoming: Incoming<'a>,
}

/// The transport of one m-line.
///
/// ```
/// use std::net::SocketAddr;
/// use talkpath_transport::*;
/// use talkpath_wire::Time;
///
/// let own: SocketAddr = "192.0.2.1:10000".parse()?;
/// let peer: SocketAddr = "192.0.2.7:4000".parse()?;
/// let mut stream = StreamTransport::new(Config {
///     policy: SourcePolicy::Signalled,
///     rules: AddressRules::for_local(own.ip()),
///     own: [own].into(),
/// });
/// let mut packet = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 42, 0xff];
///
/// // Nobody has said who the peer is: it waits.
/// let now = Time::ZERO;
/// assert_eq!(stream.handle_datagram(now, Component::Rtp, peer, &mut packet), Incoming::Held);
/// assert_eq!(stream.rtp_destination(), Err(Withheld::NotSignalled));
///
/// // The answer arrives.
/// let remote = Remote { rtp: peer, rtcp: RtcpRemote::Mux, signalling_source: None };
/// stream.set_remote(now, &remote);
/// assert_eq!(stream.next_held(now).map(|held| held.from), Some(peer));
/// assert_eq!(stream.next_held(now), None);
/// assert_eq!(stream.rtp_destination(), Ok(peer));
///
/// // A stranger is dropped, and named.
/// let stranger = "198.51.100.9:4000".parse()?;
/// let incoming = stream.handle_datagram(now, Component::Rtp, stranger, &mut packet);
/// assert_eq!(incoming, Incoming::Dropped(DropReason::WrongSource));
/// assert_eq!(stream.wrong_source().map(|wrong| wrong.from), Some(stranger));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub struct StreamTransport {
    config: Config,
    rtp: Latch,
    rtcp: RtcpLatch,
    remote: Option<RtcpRemote>,
    rtcp_home: RtcpHome,
    refused: Option<Refused>,
    sending: Sending,
    /// A hold of the old kind, by an unspecified address.
    address_hold: Sending,
    early: Early,
    /// A description is awaited that may name other addresses.
    answer: Answer,
    drops: Drops,
    wrong: WrongSources,
    /// RTP delivered from another than the locked source.
    unproven: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Awaited,
    Settled,
}

impl StreamTransport {
    /// A stream whose peer is not known yet.
    pub fn new(config: Config) -> Self {
        let own = config.own.iter().copied().map(canonical).collect();
        StreamTransport {
            rtp: Latch::new(config.policy),
            rtcp: RtcpLatch::new(config.policy),
            config: Config { own, ..config },
            remote: None,
            rtcp_home: RtcpHome::Own,
            refused: None,
            sending: Sending::Allowed,
            address_hold: Sending::Allowed,
            early: Early::default(),
            answer: Answer::Settled,
            drops: Drops::new(),
            wrong: WrongSources::default(),
            unproven: 0,
        }
    }

    /// The stream moved to other sockets, with these addresses.
    pub fn set_own(&mut self, own: &[SocketAddr]) {
        self.config.own = own.iter().copied().map(canonical).collect();
    }

    /// Whether the stream has a port for RTCP alone. [`RtcpHome::Own`] until
    /// said otherwise.
    pub fn set_rtcp_home(&mut self, home: RtcpHome) {
        self.rtcp_home = home;
    }

    /// Our offer went out: media from addresses that the answer may name is
    /// held for it, instead of dropped.
    pub fn expect_answer(&mut self) {
        self.answer = Answer::Awaited;
    }

    /// The awaited answer will not come: the offer was rolled back.
    pub fn abandon_offer(&mut self) {
        self.answer = Answer::Settled;
    }

    /// A signalling event: a description named the peer's addresses, the same
    /// as before or others. Ask [`next_held`](Self::next_held) afterwards.
    ///
    /// An address that must not be sent to makes
    /// [`rtp_destination`](Self::rtp_destination) say so; `check` of the
    /// rules tells it beforehand.
    pub fn set_remote(&mut self, now: Time, remote: &Remote) {
        self.answer = Answer::Settled;
        self.early.mark_unjudged();
        self.remote = Some(remote.rtcp);
        match self.check(remote.rtp) {
            Ok(address) => {
                self.refused = None;
                self.address_hold = Sending::Allowed;
                let source = remote.signalling_source.map(canonical_ip);
                self.rtp.signal(now, Signalled { address, source });
                self.rtcp.signal(self.rtcp_signalled(remote.rtcp, source));
            }
            // RFC 3264 §8.4: the address of before is needed to resume; if
            // there is none, resuming names it.
            Err(Refused::Unspecified) => self.address_hold = Sending::Held,
            Err(refused) => {
                self.refused = Some(refused);
                self.address_hold = Sending::Allowed;
            }
        }
    }

    /// Whether negotiation lets us send RTP, by the direction attribute. The
    /// address is kept. A hold by unspecified address is known without this.
    pub fn set_sending(&mut self, sending: Sending) {
        self.sending = sending;
    }

    /// Whether media may be sent to `address` from this stream.
    ///
    /// # Errors
    /// [`Refused`] when the rules forbid it or it is our own.
    pub fn check(&self, address: SocketAddr) -> Result<SocketAddr, Refused> {
        let address = self.config.rules.check(address)?;
        if self.config.own.contains(&address) {
            return Err(Refused::Own(address));
        }
        Ok(address)
    }

    /// Takes one datagram from the network.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Time,
        component: Component,
        from: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Incoming<'a> {
        let from = canonical(from);
        let parsed = match self.parse(component, from, datagram) {
            Ok(parsed) => parsed,
            Err(reason) => return self.drop_one(now, reason),
        };
        match self.judge(now, component, from, &parsed) {
            Verdict::Accept => {
                self.note_unproven(component, from);
                parsed.deliver(datagram)
            }
            Verdict::Release if self.early.is_empty() => parsed.deliver(datagram),
            // What was held goes first, so this one joins the end.
            Verdict::Release => match self.hold(now, component, from, datagram) {
                Incoming::Held => Incoming::Held,
                _ => parsed.deliver(datagram),
            },
            Verdict::Hold => self.hold(now, component, from, datagram),
            Verdict::Refuse(DropReason::WrongSource) if self.answer == Answer::Awaited => {
                self.hold(now, component, from, datagram)
            }
            Verdict::Refuse(reason) => self.refuse(now, component, from, reason),
        }
    }

    /// The next datagram that had been held and is accepted now, oldest
    /// first. To be asked until `None` after [`Incoming::Held`],
    /// [`set_remote`](Self::set_remote) and
    /// [`handle_timeout`](Self::handle_timeout).
    pub fn next_held(&mut self, now: Time) -> Option<Released<'_>> {
        self.early.sweep();
        self.judge_held(now);
        let index = (0..self.early.len()).find(|&index| {
            let held = self.early.get(index);
            held.is_some_and(|(held, bytes)| self.accepts(held.component, held.from, bytes))
        })?;
        let (held, bytes) = self.early.get(index)?;
        let class = classify(bytes);
        self.note_unproven(held.component, held.from);
        let datagram = self.early.take(index)?;
        let incoming = match class {
            Some(Class::Rtcp) => Incoming::Rtcp(datagram),
            _ => Incoming::Rtp(datagram),
        };
        Some(Released {
            at: held.at,
            from: held.from,
            component: held.component,
            incoming,
        })
    }

    /// Where to send RTP.
    ///
    /// # Errors
    /// [`Withheld`] when signalling has not said, forbids it, or named an
    /// address that is not to be sent to.
    pub fn rtp_destination(&self) -> Result<SocketAddr, Withheld> {
        match self.sending {
            Sending::Held => Err(Withheld::Held),
            Sending::Allowed => self.keepalive_destination(),
        }
    }

    /// Where to send keepalives for RTP: they go on whatever the direction
    /// attribute says (RFC 6263), but not during a hold by address.
    ///
    /// # Errors
    /// As [`rtp_destination`](Self::rtp_destination).
    pub fn keepalive_destination(&self) -> Result<SocketAddr, Withheld> {
        match self.address_hold {
            Sending::Held => Err(Withheld::Held),
            Sending::Allowed => self.permit(self.rtp.destination()),
        }
    }

    /// Where to send RTCP, also while the peer holds the stream by direction.
    ///
    /// # Errors
    /// As [`rtp_destination`](Self::rtp_destination).
    pub fn rtcp_destination(&self) -> Result<SocketAddr, Withheld> {
        // RFC 3264 §8.4: a hold by address stops RTCP, too.
        if self.address_hold == Sending::Held {
            return Err(Withheld::Held);
        }
        match self.remote {
            None => Err(Withheld::NotSignalled),
            Some(RtcpRemote::Mux) => self.permit(self.rtp.destination()),
            Some(RtcpRemote::At(address)) => match self.check(address) {
                Err(Refused::Unspecified) => self.permit(self.rtcp.destination()),
                Err(refused) => Err(Withheld::Refused(refused)),
                Ok(_) => self.permit(self.rtcp.destination()),
            },
        }
    }

    /// Which of our two ports RTCP goes out from (RFC 4961).
    pub fn rtcp_component(&self) -> Component {
        match (self.rtcp_home, self.remote) {
            (RtcpHome::Own, Some(RtcpRemote::At(_))) => Component::Rtcp,
            (RtcpHome::Own, None | Some(RtcpRemote::Mux)) | (RtcpHome::Shared, _) => Component::Rtp,
        }
    }

    /// How well the sender of a datagram fits the peer. Learns nothing.
    pub fn fit(&self, component: Component, from: SocketAddr) -> Fit {
        let from = canonical(from);
        let known = match component {
            Component::Rtp => self.rtp.destination() == Some(from),
            Component::Rtcp => self.rtcp.accepts(from),
        };
        let signalled = self.rtp.signalled();
        match signalled.is_some_and(|signalled| signalled.names(from.ip())) {
            _ if known => Fit::Peer,
            true => Fit::SameHost,
            false => Fit::Stranger,
        }
    }

    /// The locked source of RTP, once there is one.
    pub fn source(&self) -> Option<SocketAddr> {
        self.rtp.source()
    }

    /// Takes a change of source that nobody has taken yet.
    pub fn poll_change(&mut self) -> Option<SourceChanged> {
        self.rtp.take_change().or_else(|| self.rtcp.take_change())
    }

    /// Who is dropped for coming from the wrong address, if anyone.
    pub fn wrong_source(&self) -> Option<WrongSource> {
        self.wrong.most_frequent(self.rtp.destination())
    }

    /// Datagrams delivered on the RTP port from another than the locked
    /// source: before the lock, or at any time in [`SourcePolicy::Open`].
    pub fn unproven(&self) -> u64 {
        self.unproven
    }

    /// Datagrams that wait to be judged.
    pub fn held(&self) -> usize {
        self.early.len()
    }

    /// What was dropped, by reason.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// For the steps above, which count what they drop here too.
    pub fn drops_mut(&mut self) -> &mut Drops {
        &mut self.drops
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        match (self.rtp.poll_timeout(), self.early.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Ends what was due: learning windows, datagrams held too long.
    pub fn handle_timeout(&mut self, now: Time) {
        let before = self.rtp.source();
        self.rtp.handle_timeout(now);
        self.follow(before);
        let expired = self.early.expire(now);
        self.drops.add(now, DropReason::EarlyExpired, expired);
    }

    /// Ends the stream: what is still held will not be judged any more.
    pub fn close(&mut self, now: Time) {
        let held = self.early.clear();
        self.drops.add(now, DropReason::Inactive, held);
    }

    fn permit(&self, address: Option<SocketAddr>) -> Result<SocketAddr, Withheld> {
        if let Some(refused) = self.refused {
            return Err(Withheld::Refused(refused));
        }
        let address = address.ok_or(Withheld::NotSignalled)?;
        // What was learned must pass the same rules as what was signalled.
        self.check(address).map_err(Withheld::Refused)
    }

    fn rtcp_signalled(&self, rtcp: RtcpRemote, source: Option<IpAddr>) -> Option<Signalled> {
        match rtcp {
            RtcpRemote::Mux => None,
            RtcpRemote::At(address) => self
                .check(address)
                .ok()
                .map(|address| Signalled { address, source }),
        }
    }

    fn parse(
        &self,
        component: Component,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Parsed, DropReason> {
        if self.config.own.contains(&from) {
            return Err(DropReason::Loop);
        }
        match (classify(datagram).ok_or(DropReason::TooShort)?, component) {
            (Class::Rtp, Component::Rtp) => {
                let packet = RtpPacket::parse(datagram).map_err(|_| DropReason::MalformedRtp)?;
                Ok(Parsed::Rtp(Head::of(&packet)))
            }
            (Class::Rtp, Component::Rtcp) => Err(DropReason::RtpOnRtcpPort),
            (Class::Rtcp, Component::Rtp) if self.rtcp_component() == Component::Rtcp => {
                Err(DropReason::RtcpOnRtpPort)
            }
            (Class::Rtcp, _) => parse_rtcp(datagram).map(Parsed::Rtcp),
            (Class::Stun, _) => Err(DropReason::StunNotNegotiated),
            (Class::Dtls, _) => Err(DropReason::DtlsNotNegotiated),
            (Class::Turn, _) => Err(DropReason::TurnNotNegotiated),
            (Class::Zrtp, _) => Err(DropReason::ZrtpNotNegotiated),
            (Class::Unknown, _) => Err(DropReason::UnknownClass),
        }
    }

    fn judge(
        &mut self,
        now: Time,
        component: Component,
        from: SocketAddr,
        parsed: &Parsed,
    ) -> Verdict {
        match (*parsed, component) {
            (Parsed::Rtp(head), _) => {
                let before = self.rtp.source();
                let verdict = self.rtp.judge(now, from, head);
                self.follow(before);
                verdict
            }
            (Parsed::Rtcp(_), Component::Rtp) if !self.rtcp_is_apart() => {
                self.rtp.judge_rtcp(now, from)
            }
            (Parsed::Rtcp(sender), _) => self.rtcp.judge(from, sender, &self.rtp),
        }
    }

    fn note_unproven(&mut self, component: Component, from: SocketAddr) {
        if component == Component::Rtp && self.rtp.source() != Some(from) {
            self.unproven += 1;
        }
    }

    /// RTCP may be learned again where RTP went.
    fn follow(&mut self, before: Option<SocketAddr>) {
        if before.is_some() && self.rtp.source() != before {
            self.rtcp.rearm();
        }
    }

    fn accepts(&self, component: Component, from: SocketAddr, datagram: &[u8]) -> bool {
        match (self.parse(component, from, datagram), component) {
            (Err(_), _) => false,
            (Ok(Parsed::Rtp(_)), _) => self.rtp.accepts(from),
            (Ok(Parsed::Rtcp(_)), Component::Rtp) if !self.rtcp_is_apart() => {
                self.rtp.accepts_rtcp(from)
            }
            (Ok(Parsed::Rtcp(_)), _) => self.rtcp.accepts(from),
        }
    }

    /// Whether the peer's RTCP comes from another port than its RTP, whichever
    /// port of ours it arrives at.
    fn rtcp_is_apart(&self) -> bool {
        matches!(self.remote, Some(RtcpRemote::At(_)))
    }

    /// Judges what was held before signalling spoke.
    fn judge_held(&mut self, now: Time) {
        let mut index = 0;
        while let Some((held, bytes)) = self.early.get(index) {
            if held.judged {
                index += 1;
                continue;
            }
            let verdict = match self.parse(held.component, held.from, bytes) {
                Ok(parsed) => self.judge(now, held.component, held.from, &parsed),
                Err(reason) => Verdict::Refuse(reason),
            };
            match verdict {
                Verdict::Refuse(reason) => {
                    self.early.remove(index);
                    self.refuse(now, held.component, held.from, reason);
                }
                Verdict::Accept | Verdict::Hold | Verdict::Release => {
                    self.early.mark_judged(index);
                }
            }
        }
    }

    fn hold(
        &mut self,
        now: Time,
        component: Component,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Incoming<'static> {
        let expired = self.early.expire(now);
        self.drops.add(now, DropReason::EarlyExpired, expired);
        match self.early.push(now, component, from, datagram) {
            Pushed::Held { lost } => {
                self.drops.add(now, DropReason::EarlyFull, lost);
                Incoming::Held
            }
            Pushed::TooLong => self.drop_one(now, DropReason::EarlyFull),
        }
    }

    fn refuse(
        &mut self,
        now: Time,
        component: Component,
        from: SocketAddr,
        reason: DropReason,
    ) -> Incoming<'static> {
        if reason == DropReason::WrongSource {
            self.wrong.count(now, component, from);
        }
        self.drop_one(now, reason)
    }

    fn drop_one(&mut self, now: Time, reason: DropReason) -> Incoming<'static> {
        self.drops.count(now, reason);
        Incoming::Dropped(reason)
    }
}

/// What judging needs to know of a datagram.
#[derive(Clone, Copy)]
enum Parsed {
    Rtp(Head),
    /// The SSRC of the first sender.
    Rtcp(Ssrc),
}

impl Parsed {
    fn deliver(self, datagram: &mut [u8]) -> Incoming<'_> {
        match self {
            Parsed::Rtp(_) => Incoming::Rtp(datagram),
            Parsed::Rtcp(_) => Incoming::Rtcp(datagram),
        }
    }
}

/// SR, RR and APP all begin with the SSRC of their sender.
fn parse_rtcp(datagram: &[u8]) -> Result<Ssrc, DropReason> {
    Compound::parse(datagram, CompoundMode::Full).map_err(|_| DropReason::MalformedRtcp)?;
    match *datagram {
        [_, _, _, _, a, b, c, d, ..] => Ok(Ssrc::new(u32::from_be_bytes([a, b, c, d]))),
        _ => Err(DropReason::MalformedRtcp),
    }
}
