//! One party's side of an offer/answer dialogue: the state, and its story.
//!
//! Every change is a plan made from `&Dialogue` and a commit that cannot fail;
//! a plan that is dropped never happened. The offers and answers themselves
//! are in `offer`, `answer` and `completion`; here are the state they share,
//! rollback and forks (RFC 3264 §4, §8; RFC 6337; RFC 3261 §13, §14).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use talkpath_wire::{Format, PayloadType};

use super::error::{NoOfferPending, Note, WantsError};
use super::lease::{Freed, Lease, Release};
use super::local_line::LocalLine;
use super::numbers::Numbers;
use super::stream::{Stream, StreamState};
use super::write;
use crate::{Direction, SessionDescription};

/// One party's side of an offer/answer dialogue.
///
/// ```
/// use core::net::{IpAddr, Ipv4Addr, SocketAddr};
/// use talkpath_sdp::negotiate::{Dialogue, Identity, Lease, MediaWants, Wants};
/// use talkpath_wire::Format;
///
/// let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// let wants = Wants::new([MediaWants::audio([Format::new("PCMU", 8000)])]);
/// let mut caller = Dialogue::new(Identity::new(1, ip));
/// let mut callee = Dialogue::new(Identity::new(2, ip));
///
/// let plan = caller.plan_offer(&wants)?;
/// let offer = plan.commit(&mut caller, &[Lease::pair(SocketAddr::new(ip, 10000))]);
/// let plan = callee.plan_answer(&offer, &wants)?;
/// let (answer, _) = plan.commit(&mut callee, &[Lease::single(SocketAddr::new(ip, 10002))]);
/// let changes = caller.plan_completion(&answer)?.commit(&mut caller);
///
/// assert_eq!(caller.streams()[0].send_to(), Some(SocketAddr::new(ip, 10002)));
/// assert_eq!(changes.released.len(), 1); // RTCP shares the port: 10001 is free
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialogue {
    pub(crate) identity: Identity,
    /// The `t=` line: the offerer's, once there is one (RFC 3264 §6).
    pub(crate) timing: Box<[u8]>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) numbers: Numbers,
    pub(crate) phase: Phase,
    sent: Option<Sent>,
    /// Counts commits, so that a plan knows the state that it was made from.
    pub(crate) revision: u64,
}

/// The last description of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    version: u64,
    text: Box<[u8]>,
}

/// Where the dialogue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is open.
    Stable,
    /// An offer of ours awaits its answer.
    Offered(Open),
    /// The answer to our last offer, in case it comes again (RFC 3261 §13.2.1),
    /// and the offer, in case it forked or is answered anew.
    Answered {
        answer: Box<[u8]>,
        open: Option<Open>,
    },
}

/// An offer of ours, and what was there before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) previous: Vec<Stream>,
    pub(crate) lines: Vec<LocalLine>,
}

/// Who we are in `o=` and `s=`, for the whole session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) username: Box<str>,
    pub(crate) session_id: u64,
    pub(crate) address: IpAddr,
    pub(crate) session_name: Box<str>,
}

impl Identity {
    /// No user name, no session name; `session_id` should be unique to the
    /// host (RFC 8866 §5.2), `address` is the one to advertise.
    pub fn new(session_id: u64, address: IpAddr) -> Self {
        Identity {
            username: "-".into(),
            session_id,
            address,
            session_name: "-".into(),
        }
    }

    /// The same with a user name; blanks and controls in it become `_`.
    #[must_use]
    pub fn with_username(mut self, username: &str) -> Self {
        let plain = |c: char| {
            if c.is_control() || c.is_whitespace() {
                '_'
            } else {
                c
            }
        };
        self.username = username.chars().take(64).map(plain).collect();
        if self.username.is_empty() {
            self.username = "-".into();
        }
        self
    }

    /// The same with a session name; controls in it become `_`.
    #[must_use]
    pub fn with_session_name(mut self, name: &str) -> Self {
        let plain = |c: char| if c.is_control() { '_' } else { c };
        self.session_name = name.chars().take(256).map(plain).collect();
        if self.session_name.is_empty() {
            self.session_name = "-".into();
        }
        self
    }
}

/// What a commit changed, for those who hold the ports and the media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The m-lines whose [`Stream`] is another than before, ascending.
    pub streams: Vec<usize>,
    /// Ports that nothing uses any more.
    pub released: Vec<Release>,
    /// What the peer did wrong and was forgiven.
    pub notes: Vec<Note>,
}

impl Dialogue {
    /// A dialogue in which nothing was said yet.
    pub fn new(identity: Identity) -> Self {
        Dialogue {
            identity,
            timing: (*b"0 0").into(),
            streams: Vec::new(),
            numbers: Numbers::default(),
            phase: Phase::Stable,
            sent: None,
            revision: 0,
        }
    }

    /// The streams, by m-line index; a slot is never removed.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Whether an offer of ours awaits its answer.
    pub fn has_pending_offer(&self) -> bool {
        matches!(self.phase, Phase::Offered(_))
    }

    /// What a payload type means that arrives on m-line `line`, now or from an
    /// earlier agreement: a number never changes its meaning, so a packet in
    /// flight during a re-offer can still be understood (RFC 3264 §8.3.2).
    pub fn meaning(&self, line: usize, number: PayloadType) -> Option<&Format> {
        self.numbers.meaning(line, number)
    }

    /// Plans the return to before the open offer: it was refused, or timed out.
    ///
    /// # Errors
    /// [`NoOfferPending`]
    pub fn plan_rollback(&self) -> Result<RollbackPlan, NoOfferPending> {
        let Phase::Offered(open) = &self.phase else {
            return Err(NoOfferPending);
        };
        let held = held_leases(&self.streams, Some(open));
        Ok(RollbackPlan {
            base: self.revision,
            streams: open.previous.clone(),
            released: releases(&held, &open.previous),
        })
    }

    /// A second dialogue from the offer that is open, or from the initial one
    /// that was just answered: for another early answer to it
    /// (RFC 3261 §13.2.2.4). It holds the same ports.
    ///
    /// # Errors
    /// [`NoOfferPending`] when there is no such offer (any more).
    pub fn fork(&self) -> Result<Dialogue, NoOfferPending> {
        let open = match &self.phase {
            Phase::Offered(open)
            | Phase::Answered {
                open: Some(open), ..
            } => open.clone(),
            Phase::Stable | Phase::Answered { open: None, .. } => return Err(NoOfferPending),
        };
        let mut fork = self.clone();
        fork.streams = during_offer(&open);
        fork.phase = Phase::Offered(open);
        fork.revision = 0;
        Ok(fork)
    }

    /// No other early answer can come: forgets what [`fork`](Self::fork) and
    /// [`plan_revised_answer`](Self::plan_revised_answer) need.
    pub fn settle(&mut self) {
        if let Phase::Answered { open, .. } = &mut self.phase {
            *open = None;
        }
    }

    /// Writes `lines`, with a new version only if they differ from what was
    /// sent last (RFC 3264 §8).
    pub(crate) fn describe(&mut self, lines: &[LocalLine]) -> SessionDescription {
        let write = |version| {
            write::write(&self.identity, version, &self.timing, lines)
                .expect("a plan checks that its lines can be written")
        };
        let last = self.sent.as_ref().map_or(1, |sent| sent.version);
        let mut description = write(last);
        let mut version = last;
        if self
            .sent
            .as_ref()
            .is_some_and(|sent| *sent.text != *description.as_bytes())
        {
            version = last.wrapping_add(1);
            description = write(version);
        }
        self.sent = Some(Sent {
            version,
            text: description.as_bytes().into(),
        });
        description
    }

    /// Whether `lines` can be written, whatever ports they will get.
    pub(crate) fn check(&self, timing: &[u8], lines: &[LocalLine]) -> Result<(), WantsError> {
        write::check(&self.identity, timing, lines).map_err(WantsError::from)
    }

    /// Moves on to `streams`, which came from a plan made at `base`.
    pub(crate) fn advance(&mut self, base: u64, streams: Vec<Stream>) -> Vec<usize> {
        debug_assert_eq!(
            self.revision, base,
            "a plan is committed to the state it was made from"
        );
        let previous = core::mem::replace(&mut self.streams, streams);
        self.revision = self.revision.wrapping_add(1);
        let differs = |index: &usize| previous.get(*index) != self.streams.get(*index);
        (0..self.streams.len().max(previous.len()))
            .filter(differs)
            .collect()
    }
}

/// The way back to before an offer.
#[derive(Clone, Debug)]
#[must_use = "a plan that is not committed changes nothing"]
pub struct RollbackPlan {
    base: u64,
    streams: Vec<Stream>,
    released: Vec<Release>,
}

impl RollbackPlan {
    /// Goes back. `dialogue` is the one that the plan was
    /// made from, unchanged since; debug builds check it.
    pub fn commit(self, dialogue: &mut Dialogue) -> Changes {
        dialogue.phase = Phase::Stable;
        let streams = dialogue.advance(self.base, self.streams);
        Changes {
            streams,
            released: self.released,
            notes: Vec::new(),
        }
    }
}

/// The streams while `open` awaits its answer: the agreement in force, and all
/// that was offered is received (RFC 3264 §5.1, §8.3.1, §8.3.2).
pub(crate) fn during_offer(open: &Open) -> Vec<Stream> {
    open.lines
        .iter()
        .enumerate()
        .map(|(index, line)| stream_during_offer(open.previous.get(index), line))
        .collect()
}

fn stream_during_offer(previous: Option<&Stream>, line: &LocalLine) -> Stream {
    match (previous, line.live()) {
        (Some(stream), Some(live)) if stream.state == StreamState::Active => {
            let mut stream = stream.clone();
            let receives = stream.direction.receives() || live.direction.receives();
            stream.direction = Direction::new(stream.direction.sends(), receives);
            let known = core::mem::take(&mut stream.receive);
            stream.receive = live.codecs.clone();
            for codec in known {
                if stream.receive.iter().all(|new| new.number != codec.number) {
                    stream.receive.push(codec);
                }
            }
            stream.local = line.lease().or(stream.local);
            stream
        }
        // A removal takes effect with the answer (RFC 3264 §8.2).
        (Some(stream), None) => stream.clone(),
        _ => Stream::offered(line),
    }
}

/// Every lease that is held, by m-line: in force, before the open offer, and
/// in it.
pub(crate) fn held_leases(streams: &[Stream], open: Option<&Open>) -> Vec<(usize, Lease)> {
    let mut held: Vec<(usize, Lease)> = Vec::new();
    let mut add = |index: usize, lease: Option<Lease>| {
        if let Some(lease) = lease.filter(|lease| !held.contains(&(index, *lease))) {
            held.push((index, lease));
        }
    };
    streams
        .iter()
        .enumerate()
        .for_each(|(index, stream)| add(index, stream.local));
    if let Some(open) = open {
        open.previous
            .iter()
            .enumerate()
            .for_each(|(index, stream)| add(index, stream.local));
        open.lines
            .iter()
            .enumerate()
            .for_each(|(index, line)| add(index, line.lease()));
    }
    held
}

/// What of `held` the streams `next` do not use.
pub(crate) fn releases(held: &[(usize, Lease)], next: &[Stream]) -> Vec<Release> {
    let freed = |&(line, lease): &(usize, Lease)| {
        let kept = next.get(line).and_then(|stream| stream.local);
        let ports = match kept {
            Some(kept) if kept.rtp == lease.rtp && kept.rtcp == lease.rtcp => return None,
            Some(kept) if kept.rtp == lease.rtp => {
                lease.rtcp?;
                Freed::Rtcp(lease)
            }
            _ => Freed::Whole(lease),
        };
        Some(Release { line, ports })
    };
    held.iter().filter_map(freed).collect()
}
