//! Answering an offer: the first, or a change that the peer wants.
//!
//! In: the dialogue, the offer and the wants. Out: a line for each of the
//! offer's, in its order (RFC 3264 §6): accepted with at least one of its
//! formats under its numbers (§6.1), or at port 0 with a reason. Made afresh
//! each time, never from what was answered before.

use alloc::vec::Vec;

use talkpath_wire::Format;

use super::compat::{Agreement, agree, is_auxiliary};
use super::dialogue::{Changes, Dialogue, Phase, held_leases, releases};
use super::error::{AnswerError, Refusal};
use super::lease::{Demand, Family, Lease};
use super::local_line::{Body, Live, LocalLine, MuxLine, demand_of_answer, resolve};
use super::numbers::Numbers;
use super::remote::{Address, Mux, RemoteLine};
use super::stream::{Codec, Party, Rtcp, Stream, StreamState};
use super::transition::{Anew, Terms, ended};
use super::wants::{MediaWants, Preference, RtcpMux, Slot, TelephoneEvent, Wants};
use crate::{AddressType, Answer, Offer, SessionDescription, Timing};

/// An answer that waits for its ports.
#[derive(Clone, Debug)]
#[must_use = "a plan that is not committed changes nothing"]
pub struct AnswerPlan {
    base: u64,
    timing: Timing,
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
        let offered = read_lines(offer.description());
        if offered.len() < self.streams.len() {
            let (expected, actual) = (self.streams.len(), offered.len());
            return Err(AnswerError::LinesMissing { expected, actual });
        }
        let entries = assign_entries(&offered, wants);
        let mut draft = Draft {
            dialogue: self,
            wants,
            numbers: self.numbers.clone(),
        };
        let mut refusals = Vec::new();
        let (mut lines, mut streams) = (Vec::new(), Vec::new());
        for (index, (theirs, entry)) in offered.iter().zip(entries).enumerate() {
            let (line, stream) = match draft.accept(index, theirs, entry) {
                Ok(accepted) => accepted,
                Err(refusal) => {
                    refusals.extend(refusal.map(|refusal| (index, refusal)));
                    draft.dead(
                        index,
                        theirs,
                        refusals.last().is_some_and(|last| last.0 == index),
                    )
                }
            };
            lines.push(line);
            streams.push(stream);
        }
        if !refusals.is_empty() && streams.iter().all(|stream| !stream.is_live()) {
            return Err(AnswerError::NothingAcceptable { refusals });
        }
        // RFC 3264 §6: the t= line of the answer is that of the offer.
        let timing = offer.description().session().first(b't');
        let timing = timing
            .and_then(|line| Timing::parse(line.value()))
            .unwrap_or_default();
        self.check(timing, &lines)?;
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
    /// refused. `dialogue` is the one that the plan was made from.
    pub fn commit(mut self, dialogue: &mut Dialogue, leases: &[Lease]) -> (Answer, Changes) {
        resolve(&mut self.lines, &dialogue.streams, leases);
        for (stream, line) in self.streams.iter_mut().zip(&self.lines) {
            match line.lease() {
                Some(lease) => stream.settle_local(lease),
                None if stream.is_live() => {
                    *stream = Stream::closed(line, StreamState::Rejected(Party::Local));
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

/// The m-lines of `description`.
pub(crate) fn read_lines(description: &SessionDescription) -> Vec<RemoteLine> {
    description
        .media()
        .map(|media| RemoteLine::read(&media))
        .collect()
}

/// For each m-line of the offer, the entry of `wants` that it may have.
fn assign_entries<'w>(offered: &[RemoteLine], wants: &'w Wants) -> Vec<Option<&'w MediaWants>> {
    let mut taken = alloc::vec![false; wants.media.len()];
    let mut assigned = alloc::vec![None; offered.len()];
    for (entry, media) in wants.media.iter().enumerate() {
        if let Slot::At(index) = media.slot
            && let Some(theirs) = offered.get(index)
            && theirs.kind == media.kind
            && assigned[index].is_none()
        {
            assigned[index] = Some(media);
            taken[entry] = true;
        }
    }
    for (theirs, assigned) in offered.iter().zip(&mut assigned) {
        if assigned.is_some() || !theirs.may_be_accepted() {
            continue;
        }
        let free = |(entry, media): &(usize, &MediaWants)| {
            !taken[*entry] && media.slot == Slot::Any && media.kind == theirs.kind
        };
        let found = wants.media.iter().enumerate().find(free);
        if let Some((entry, media)) = found {
            taken[entry] = true;
            *assigned = Some(media);
        }
    }
    assigned
}

/// What an answer is made of, line after line.
struct Draft<'a> {
    dialogue: &'a Dialogue,
    wants: &'a Wants,
    numbers: Numbers,
}

impl Draft<'_> {
    /// The line and its stream; `Err(None)` when the offerer itself disabled
    /// it, `Err(Some(_))` when we refuse.
    fn accept(
        &mut self,
        index: usize,
        theirs: &RemoteLine,
        wants: Option<&MediaWants>,
    ) -> Result<(LocalLine, Stream), Option<Refusal>> {
        if theirs.port == 0 {
            return Err(theirs.is_bundle_only.then_some(Refusal::BundleOnly));
        }
        let wants = wants.ok_or(Refusal::NotWanted)?;
        if !theirs.is_plain_rtp {
            return Err(Some(Refusal::Protocol(theirs.protocol.clone())));
        }
        let previous = self.dialogue.streams.get(index);
        let family = usable_family(theirs)?;
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
                mux: if rtcp == Rtcp::Muxed {
                    MuxLine::Mux
                } else {
                    MuxLine::Silent
                },
            }),
        };
        let hold = theirs.hold(true);
        let Agreed { send, receive } = codecs;
        let terms = Terms {
            send,
            receive,
            direction,
            rtcp,
            hold,
        };
        let stream = Stream::agreed(&line, theirs, previous, terms);
        Ok((line, stream))
    }

    /// The codecs of both sides, in the order that the preference wants.
    fn agree_codecs(
        &mut self,
        index: usize,
        theirs: &RemoteLine,
        wants: &MediaWants,
        rtcp: Rtcp,
    ) -> Result<Agreed, Refusal> {
        theirs
            .codecs
            .iter()
            .for_each(|codec| self.numbers.note_theirs(index, codec.number));
        // RFC 5761 §4: on a shared port 64..=95 would read as RTCP.
        let usable = |codec: &&Codec| rtcp == Rtcp::Separate || !codec.number.collides_with_rtcp();
        let offered: Vec<&Codec> = theirs.codecs.iter().filter(usable).collect();
        let mut pairs = common_codecs(&offered, &wants.formats, self.wants.preference);
        let only_auxiliary = wants.formats.iter().all(is_auxiliary);
        if !pairs
            .iter()
            .any(|(_, pair)| only_auxiliary || !is_auxiliary(&pair.send))
        {
            return Err(Refusal::NoCommonCodec);
        }
        if let TelephoneEvent::Events(events) = wants.telephone_event {
            let events = Format::new("telephone-event", 0).with_fmtp(&events.to_parameters());
            add_events(&mut pairs, &offered, &events);
        }
        let mut agreed = Agreed::default();
        for (codec, pair) in pairs {
            if let Some(number) = self.numbers.adopt(index, codec.number, &pair.receive) {
                agreed.receive.push(Codec {
                    number,
                    format: pair.receive,
                });
                agreed.send.push(Codec {
                    number: codec.number,
                    format: pair.send,
                });
            }
        }
        if agreed.receive.is_empty() {
            Err(Refusal::NoCommonCodec)
        } else {
            Ok(agreed)
        }
    }

    /// The slot at port 0, and what becomes of its stream.
    fn dead(&self, index: usize, theirs: &RemoteLine, by_us: bool) -> (LocalLine, Stream) {
        let previous = self.dialogue.streams.get(index);
        let party = if by_us { Party::Local } else { Party::Remote };
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

/// The codecs of an accepted line, by direction.
#[derive(Default)]
struct Agreed {
    send: Vec<Codec>,
    receive: Vec<Codec>,
}

/// An offered codec and what was made of it.
type Pair<'a> = (&'a Codec, Agreement);

/// The codecs that both have, each wanted format at most once.
fn common_codecs<'a>(
    offered: &[&'a Codec],
    wanted: &[Format],
    preference: Preference,
) -> Vec<Pair<'a>> {
    let mut used = alloc::vec![false; wanted.len()];
    let mut pairs: Vec<(usize, Pair<'a>)> = Vec::new();
    for &theirs in offered {
        let found = wanted.iter().enumerate().filter(|(index, _)| !used[*index]);
        let mut found =
            found.filter_map(|(index, ours)| Some((index, agree(ours, &theirs.format)?)));
        if let Some((index, agreement)) = found.next() {
            used[index] = true;
            pairs.push((index, (theirs, agreement)));
        }
    }
    if preference == Preference::Local {
        pairs.sort_by_key(|(index, _)| *index);
    }
    pairs.into_iter().map(|(_, pair)| pair).collect()
}

/// Adds the offered telephone-events at the clock rates of the agreed codecs;
/// all that were offered when none has such a rate, so that no digit is lost.
fn add_events<'a>(pairs: &mut Vec<Pair<'a>>, offered: &[&'a Codec], ours: &Format) {
    let rates: Vec<u32> = pairs
        .iter()
        .filter(|(_, pair)| !is_auxiliary(&pair.send))
        .map(|(_, pair)| pair.send.clock_rate)
        .collect();
    let known = |codec: &Codec, pairs: &[Pair<'a>]| {
        pairs.iter().any(|(_, pair)| {
            pair.send.is_telephone_event() && pair.send.clock_rate == codec.format.clock_rate
        })
    };
    let is_event = |codec: &&&Codec| codec.format.is_telephone_event();
    let at_rate = |codec: &&Codec| rates.contains(&codec.format.clock_rate);
    let any_at_rate = offered.iter().filter(is_event).any(at_rate);
    for &theirs in offered.iter().filter(is_event) {
        if (any_at_rate && !at_rate(&theirs)) || known(theirs, pairs) {
            continue;
        }
        let mut ours = ours.clone();
        ours.clock_rate = theirs.format.clock_rate;
        if let Some(agreement) = agree(&ours, &theirs.format) {
            pairs.push((theirs, agreement));
        }
    }
}

/// The family that our address must have.
fn usable_family(theirs: &RemoteLine) -> Result<Family, Refusal> {
    let of = |family: AddressType| match family {
        AddressType::Ip4 => Family::V4,
        AddressType::Ip6 => Family::V6,
    };
    match &theirs.address {
        Address::Ip(ip) if ip.is_ipv4() => Ok(Family::V4),
        Address::Ip(_) => Ok(Family::V6),
        Address::Name(_, family) => Ok(of(*family)),
        // A hold says nothing about the family that the resume will have.
        Address::Held(_) => Ok(Family::Any),
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

impl RemoteLine {
    fn may_be_accepted(&self) -> bool {
        self.port != 0 && self.is_plain_rtp
    }
}
