//! Answering an offer: the first, or a change that the peer wants.
//!
//! In: the dialogue, the offer and the wants. Out: a line for each of the
//! offer's, in its order (RFC 3264 §6): accepted with at least one of its
//! formats under its numbers (§6.1), or at port 0 with a reason. Made afresh
//! each time, never from what was answered before.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::codecs::{self, Codecs};
use super::compat::is_auxiliary;
use super::dialogue::{Changes, Dialogue, Phase, held_leases, releases};
use super::error::{AnswerError, Refusal};
use super::lease::{Demand, Family, Lease};
use super::local_line::{Body, Live, LocalLine, MuxLine, demand_of_answer, resolve};
use super::numbers::Numbers;
use super::remote::{Address, Mux, RemoteLine};
use super::stream::{Codec, Party, Rtcp, Stream};
use super::transition::{Anew, Terms, ended};
use super::wants::{MediaWants, RtcpMux, Slot, Wants};
use crate::{AddressType, Answer, Offer, Timing};

/// An answer that waits for its ports.
#[derive(Clone, Debug)]
#[must_use = "a plan that is not committed changes nothing"]
pub struct AnswerPlan {
    base: u64,
    timing: Box<[u8]>,
    numbers: Numbers,
    lines: Vec<LocalLine>,
    streams: Vec<Stream>,
    refusals: Vec<(usize, Refusal)>,
}

impl Dialogue {
    /// Plans the answer to `offer`.
    ///
    /// # Errors
    /// [`AnswerError`]: glare (491), nothing acceptable (488), and what is
    /// wrong with the wants. The session goes on as before.
    pub fn plan_answer(&self, offer: &Offer, wants: &Wants) -> Result<AnswerPlan, AnswerError> {
        if self.has_pending_offer() {
            return Err(AnswerError::Glare);
        }
        wants.check()?;
        let offered: Vec<RemoteLine> = offer
            .description()
            .media()
            .map(|media| RemoteLine::read(&media, |_| None))
            .collect();
        if offered.len() < self.streams.len() {
            let (expected, actual) = (self.streams.len(), offered.len());
            return Err(AnswerError::LinesMissing { expected, actual });
        }
        let mut draft = Draft::new(self, wants);
        let mut slots = draft.answer(&offered);
        let refusals = core::mem::take(&mut draft.refusals);
        slots.sort_by_key(|(index, ..)| *index);
        let (lines, streams): (Vec<_>, Vec<_>) = slots
            .into_iter()
            .map(|(_, line, stream)| (line, stream))
            .unzip();
        if !refusals.is_empty() && streams.iter().all(|stream| !stream.is_live()) {
            return Err(AnswerError::NothingAcceptable { refusals });
        }
        let timing = timing_of(offer);
        self.check(&timing, &lines)?;
        Ok(AnswerPlan {
            base: self.revision,
            timing,
            numbers: draft.numbers,
            lines,
            streams,
            refusals,
        })
    }
}

impl AnswerPlan {
    /// What each m-line needs, by index.
    pub fn demand(&self) -> impl ExactSizeIterator<Item = Demand> + '_ {
        self.lines.iter().map(LocalLine::demand)
    }

    /// The m-lines that are refused, and why.
    pub fn refusals(&self) -> &[(usize, Refusal)] {
        &self.refusals
    }

    /// Makes the answer. `leases` holds one for each [`Demand::Lease`] in
    /// order; a line for which none is left keeps the ports it has, or is
    /// refused. `dialogue` is the one that the plan was
    /// made from, unchanged since; debug builds check it.
    pub fn commit(mut self, dialogue: &mut Dialogue, leases: &[Lease]) -> (Answer, Changes) {
        resolve(&mut self.lines, &dialogue.streams, leases);
        for (index, (stream, line)) in self.streams.iter_mut().zip(&self.lines).enumerate() {
            match line.lease() {
                Some(lease) => stream.settle_local(lease),
                None if stream.is_live() => {
                    let previous = dialogue.streams.get(index);
                    *stream = Stream::closed(line, ended(previous, Anew::Yes, Party::Local));
                }
                None => {}
            }
        }
        dialogue.timing = self.timing;
        dialogue.numbers = self.numbers;
        let description = dialogue.describe(&self.lines);
        let held = held_leases(&dialogue.streams, None);
        let released = releases(&held, &self.streams);
        let streams = dialogue.advance(self.base, self.streams);
        dialogue.phase = Phase::Stable;
        let changes = Changes {
            streams,
            released,
            notes: Vec::new(),
        };
        (Answer::from_description(description), changes)
    }
}

/// The `t=` line of the answer is that of the offer (RFC 3264 §6).
fn timing_of(offer: &Offer) -> Box<[u8]> {
    let line = offer.description().session().first(b't');
    let readable = line.filter(|line| Timing::parse(line.value()).is_some());
    readable
        .map_or(b"0 0".as_slice(), |line| line.value())
        .into()
}

/// What an answer is made of, line after line.
struct Draft<'a> {
    dialogue: &'a Dialogue,
    wants: &'a Wants,
    /// Which entries of the wants have a line.
    taken: Vec<bool>,
    numbers: Numbers,
    refusals: Vec<(usize, Refusal)>,
}

impl<'a> Draft<'a> {
    fn new(dialogue: &'a Dialogue, wants: &'a Wants) -> Self {
        let taken = alloc::vec![false; wants.media.len()];
        let numbers = dialogue.numbers.clone();
        Draft {
            dialogue,
            wants,
            taken,
            numbers,
            refusals: Vec::new(),
        }
    }

    /// The slots, with their index. Lines that were live choose first, so that
    /// a new one does not take the wants of one in use.
    fn answer(&mut self, offered: &[RemoteLine]) -> Vec<(usize, LocalLine, Stream)> {
        let streams = &self.dialogue.streams;
        let is_live = |index: usize| streams.get(index).is_some_and(Stream::is_live);
        let (live, rest): (Vec<usize>, Vec<usize>) =
            (0..offered.len()).partition(|index| is_live(*index));
        let mut slots = Vec::with_capacity(offered.len());
        for index in live.into_iter().chain(rest) {
            let theirs = &offered[index];
            let (line, stream) = self.slot(index, theirs);
            slots.push((index, line, stream));
        }
        self.refusals.sort_by_key(|(index, _)| *index);
        slots
    }

    fn slot(&mut self, index: usize, theirs: &RemoteLine) -> (LocalLine, Stream) {
        if theirs.port == 0 && !theirs.is_bundle_only {
            return self.dead(index, theirs, Party::Remote);
        }
        match self.first_accepted(index, theirs) {
            Ok(accepted) => accepted,
            Err(refusal) => {
                self.refusals.push((index, refusal));
                self.dead(index, theirs, Party::Local)
            }
        }
    }

    /// The slot by the first entry that it does; else why it is refused.
    fn first_accepted(
        &mut self,
        index: usize,
        theirs: &RemoteLine,
    ) -> Result<(LocalLine, Stream), Refusal> {
        if theirs.port == 0 {
            return Err(Refusal::BundleOnly);
        }
        if !theirs.is_plain_rtp {
            return Err(Refusal::Protocol(theirs.protocol.clone()));
        }
        let wants = self.wants;
        let mut first_refusal = None;
        for entry in self.entries_for(index, theirs) {
            match self.accept(index, theirs, &wants.media[entry]) {
                Ok(accepted) => {
                    self.taken[entry] = true;
                    return Ok(accepted);
                }
                Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
            }
        }
        Err(first_refusal.unwrap_or(Refusal::NotWanted))
    }

    /// The entries that may have this slot: the one that names it, else the
    /// free ones of its kind in order.
    fn entries_for(&self, index: usize, theirs: &RemoteLine) -> Vec<usize> {
        let find = |slot: Slot| {
            let free = self.wants.media.iter().zip(&self.taken).enumerate();
            let fits = move |(_, (media, taken)): &(usize, (&MediaWants, &bool))| {
                !**taken && media.slot == slot && media.kind == theirs.kind
            };
            free.filter(fits).map(|(entry, _)| entry)
        };
        match find(Slot::At(index)).next() {
            Some(entry) => alloc::vec![entry],
            None => find(Slot::Any).collect(),
        }
    }

    fn accept(
        &mut self,
        index: usize,
        theirs: &RemoteLine,
        wants: &MediaWants,
    ) -> Result<(LocalLine, Stream), Refusal> {
        let previous = self.dialogue.streams.get(index);
        let family = usable_family(theirs, previous)?;
        let rtcp = decide_rtcp(wants.rtcp, theirs.mux)?;
        let codecs = self.agree_codecs(index, theirs, wants, rtcp)?;
        let direction = wants.direction.and(theirs.direction.reversed());
        let line = LocalLine {
            kind: theirs.kind.clone(),
            protocol: theirs.protocol.clone(),
            mid: theirs.mid.clone(),
            body: Body::Live(Live {
                demand: demand_of_answer(rtcp, family, previous),
                direction,
                codecs: codecs.receive.clone(),
                ptime: wants.ptime,
                maxptime: wants.maxptime,
                // RFC 8858 §4.3: rtcp-mux-only never stands in an answer.
                mux: match rtcp {
                    Rtcp::Muxed => MuxLine::Agreed,
                    Rtcp::Separate => MuxLine::Silent,
                },
                voip_reports: wants.voip_reports,
                keyframes: wants.keyframes.and(theirs.keyframes),
            }),
        };
        let terms = Terms {
            codecs,
            direction,
            rtcp,
            hold: theirs.hold(true),
        };
        let stream = Stream::agreed(&line, theirs, previous, terms);
        Ok((line, stream))
    }

    /// The codecs of both sides: theirs by their numbers, ours by ours.
    fn agree_codecs(
        &mut self,
        index: usize,
        theirs: &RemoteLine,
        wants: &MediaWants,
        rtcp: Rtcp,
    ) -> Result<Codecs, Refusal> {
        self.numbers.note_theirs(index, &theirs.codecs);
        let mut codecs = Codecs::default();
        for (number, pair) in codecs::of_offer(&theirs.codecs, wants, self.wants.preference, rtcp) {
            if let Some(ours) = self.numbers.adopt(index, number, &pair.receive) {
                codecs.receive.push(Codec {
                    number: ours,
                    format: pair.receive,
                });
                codecs.send.push(Codec {
                    number,
                    format: pair.send,
                });
            }
        }
        // A codec whose number stands for another one is lost here, too.
        let only_auxiliary = |codecs: &[Codec]| codecs.iter().all(|c| is_auxiliary(&c.format));
        if codecs.send.is_empty() || only_auxiliary(&codecs.send) && !only_auxiliary(&theirs.codecs)
        {
            Err(Refusal::NoCommonCodec)
        } else {
            Ok(codecs)
        }
    }

    /// The slot at port 0, and what becomes of its stream.
    fn dead(&self, index: usize, theirs: &RemoteLine, party: Party) -> (LocalLine, Stream) {
        let previous = self.dialogue.streams.get(index);
        let anew = if theirs.port == 0 {
            Anew::No
        } else {
            Anew::Yes
        };
        let line = LocalLine {
            kind: theirs.kind.clone(),
            protocol: theirs.protocol.clone(),
            mid: None,
            body: Body::Dead {
                formats: theirs.formats.clone(),
            },
        };
        let stream = Stream::closed(&line, ended(previous, anew, party));
        (line, stream)
    }
}

/// The family that our address must have.
fn usable_family(theirs: &RemoteLine, previous: Option<&Stream>) -> Result<Family, Refusal> {
    let of = |family: AddressType| match family {
        AddressType::Ip4 => Family::V4,
        AddressType::Ip6 => Family::V6,
    };
    match &theirs.address {
        Address::Ip(ip) if ip.is_ipv4() => Ok(Family::V4),
        Address::Ip(_) => Ok(Family::V6),
        // A hold, often 0.0.0.0 whatever the call, moves no port of ours.
        Address::Held(_) if previous.is_some_and(Stream::is_live) => Ok(Family::Any),
        Address::Held(family) => Ok(of(*family)),
        Address::Name(name) => Err(Refusal::Name(name.clone())),
        Address::Unusable(ip) => Err(Refusal::Unusable(*ip)),
        Address::Missing => Err(Refusal::NoAddress),
    }
}

/// RFC 5761 §5.1.1, RFC 8858 §4.3.
fn decide_rtcp(ours: RtcpMux, theirs: Mux) -> Result<Rtcp, Refusal> {
    match (ours, theirs) {
        (RtcpMux::Offer | RtcpMux::Only, Mux::Yes | Mux::Only) => Ok(Rtcp::Muxed),
        (RtcpMux::Offer | RtcpMux::Off, Mux::No) | (RtcpMux::Off, Mux::Yes) => Ok(Rtcp::Separate),
        (RtcpMux::Only, Mux::No) | (RtcpMux::Off, Mux::Only) => Err(Refusal::RtcpMux),
    }
}
