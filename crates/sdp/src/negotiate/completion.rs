//! Applying the answer to an offer of ours.
//!
//! In: the dialogue with its open offer, and the answer. Out: the streams that
//! both agree on. An answer that cannot be understood is refused as a whole
//! and nothing changes; what is merely wrong is noted (RFC 3264 §6, §7).

use alloc::boxed::Box;
use alloc::vec::Vec;

use talkpath_wire::PayloadType;

use super::codecs;
use super::dialogue::{Changes, Dialogue, Phase, held_leases, releases};
use super::error::{CompletionError, Note};
use super::lease::{Lease, Release};
use super::local_line::{Live, LocalLine, MuxLine};
use super::numbers::Numbers;
use super::remote::{Address, Mux, RemoteLine};
use super::stream::{Party, Rtcp, Stream};
use super::transition::{Anew, Terms, ended};
use crate::{Answer, SessionDescription};

/// An answer that was found good.
#[derive(Clone, Debug)]
#[must_use = "a plan that is not committed changes nothing"]
pub struct CompletionPlan {
    base: u64,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Outcome {
    /// The answer that was applied already (RFC 3261 §13.2.1).
    Again,
    /// The first answer to the open offer, or one that replaces it.
    Agreed(Box<Agreed>),
}

#[derive(Clone, Debug)]
struct Agreed {
    streams: Vec<Stream>,
    numbers: Numbers,
    answer: Box<[u8]>,
    released: Vec<Release>,
    notes: Vec<Note>,
}

impl Dialogue {
    /// Plans what `answer` makes of the open offer. The answer that was
    /// applied last is understood again, and does nothing.
    ///
    /// # Errors
    /// [`CompletionError`]; the offer stays open and nothing changes.
    pub fn plan_completion(&self, answer: &Answer) -> Result<CompletionPlan, CompletionError> {
        let open = match &self.phase {
            Phase::Offered(open) => open,
            Phase::Answered { answer: known, .. } if is_same(known, answer.description()) => {
                return Ok(CompletionPlan {
                    base: self.revision,
                    outcome: Outcome::Again,
                });
            }
            Phase::Answered { .. } => return Err(CompletionError::AnsweredDifferently),
            Phase::Stable => return Err(CompletionError::NoOfferPending),
        };
        let held = held_leases(&self.streams, Some(open));
        self.agree(&open.lines, &open.previous, &held, answer)
    }

    /// Plans what `answer` makes of the initial offer in place of the answer
    /// that was applied. Until [`settle`](Self::settle) or the next offer: for
    /// peers whose 2xx says other than their unreliable 183 did under the same
    /// tag. What RFC 3261 §13.2.1 has a UAC ignore is there what counts.
    ///
    /// Only ports that are still held can be used: a slot that the earlier
    /// answer refused stays dead ([`Note::DeadSlotAnswered`]), and where it
    /// took multiplexing there is one port ([`Note::RtcpUnreachable`]). While
    /// the offer is open, and for an answer that was applied already, it is
    /// [`plan_completion`](Self::plan_completion).
    ///
    /// # Errors
    /// [`CompletionError`], [`AnsweredDifferently`](CompletionError::AnsweredDifferently)
    /// when it is too late; nothing changes.
    pub fn plan_revised_answer(&self, answer: &Answer) -> Result<CompletionPlan, CompletionError> {
        match (self.plan_completion(answer), &self.phase) {
            (
                Err(CompletionError::AnsweredDifferently),
                Phase::Answered {
                    open: Some(open), ..
                },
            ) => {
                let lines = lines_still_held(&open.lines, &self.streams);
                let held = held_leases(&self.streams, None);
                self.agree(&lines, &self.streams, &held, answer)
            }
            (plan, _) => plan,
        }
    }

    /// What `answer` makes of the offered `lines`, of what `previous` was and
    /// with the ports that are `held`.
    fn agree(
        &self,
        lines: &[LocalLine],
        previous: &[Stream],
        held: &[(usize, Lease)],
        answer: &Answer,
    ) -> Result<CompletionPlan, CompletionError> {
        let answered = read_lines(answer.description(), lines);
        if answered.len() != lines.len() {
            let (expected, actual) = (lines.len(), answered.len());
            return Err(CompletionError::LineCount { expected, actual });
        }
        let mut numbers = self.numbers.clone();
        let mut notes = Vec::new();
        let mut streams = Vec::new();
        for (index, (ours, theirs)) in lines.iter().zip(&answered).enumerate() {
            numbers.note_theirs(index, &theirs.codecs);
            let previous = previous.get(index);
            streams.push(complete(index, ours, theirs, previous, &mut notes)?);
        }
        check_formats(&streams, &notes)?;
        let released = releases(held, &streams);
        let answer = answer.as_bytes().into();
        let agreed = Agreed {
            streams,
            numbers,
            answer,
            released,
            notes,
        };
        Ok(CompletionPlan {
            base: self.revision,
            outcome: Outcome::Agreed(Box::new(agreed)),
        })
    }
}

impl CompletionPlan {
    /// Whether this answer has been applied before.
    pub fn is_repeated(&self) -> bool {
        matches!(self.outcome, Outcome::Again)
    }

    /// Applies the answer. `dialogue` is the one that the plan was
    /// made from, unchanged since; debug builds check it.
    pub fn commit(self, dialogue: &mut Dialogue) -> Changes {
        let agreed = match self.outcome {
            Outcome::Again => return Changes::default(),
            Outcome::Agreed(agreed) => *agreed,
        };
        let open = match core::mem::replace(&mut dialogue.phase, Phase::Stable) {
            // Only an initial offer forks (RFC 3261 §13.2.2.4).
            Phase::Offered(open) if open.previous.is_empty() => Some(open),
            Phase::Answered { open, .. } => open,
            Phase::Offered(_) | Phase::Stable => None,
        };
        dialogue.phase = Phase::Answered {
            answer: agreed.answer,
            open,
        };
        dialogue.numbers = agreed.numbers;
        let streams = dialogue.advance(self.base, agreed.streams);
        Changes {
            streams,
            released: agreed.released,
            notes: agreed.notes,
        }
    }
}

/// The offered lines with the ports that `streams` left them: dead without.
fn lines_still_held(lines: &[LocalLine], streams: &[Stream]) -> Vec<LocalLine> {
    let mut lines = lines.to_vec();
    for (line, stream) in lines.iter_mut().zip(streams) {
        line.resolve(stream.local);
    }
    lines
}

/// The m-lines of `answer`; a number without an `rtpmap` means what it means
/// in `offered`, as some gateways take for granted.
fn read_lines(answer: &SessionDescription, offered: &[LocalLine]) -> Vec<RemoteLine> {
    let meaning = |index: usize, number: PayloadType| {
        let live = offered.get(index)?.live()?;
        let codec = live.codecs.iter().find(|codec| codec.number == number)?;
        Some(codec.format.clone())
    };
    let media = answer.media().enumerate();
    media
        .map(|(index, media)| RemoteLine::read(&media, |number| meaning(index, number)))
        .collect()
}

/// Whether `answer` says what `known` said: the same bytes, or the same m-lines
/// for those who write a new `o=` version each time.
fn is_same(known: &[u8], answer: &SessionDescription) -> bool {
    known == answer.as_bytes()
        || SessionDescription::parse(known)
            .is_ok_and(|known| read_lines(&known, &[]) == read_lines(answer, &[]))
}

/// What becomes of one slot.
fn complete(
    line: usize,
    ours: &LocalLine,
    theirs: &RemoteLine,
    previous: Option<&Stream>,
    notes: &mut Vec<Note>,
) -> Result<Stream, CompletionError> {
    // A refused slot has nothing that could be wrong.
    let Some(live) = ours.live() else {
        if theirs.port != 0 {
            notes.push(Note::DeadSlotAnswered { line });
        }
        return Ok(Stream::closed(
            ours,
            ended(previous, Anew::No, Party::Local),
        ));
    };
    if theirs.port == 0 {
        return Ok(Stream::closed(
            ours,
            ended(previous, Anew::Yes, Party::Remote),
        ));
    }
    check_slot(line, ours, theirs)?;
    if theirs.protocol != ours.protocol {
        notes.push(Note::ProfileChanged { line });
    }
    let rtcp = decide_rtcp(line, ours, live, theirs.mux, notes)?;
    let codecs = codecs::of_answer(&live.codecs, &theirs.codecs, rtcp);
    if codecs.send.is_empty() {
        notes.push(Note::NoFormatLeft { line });
        return Ok(Stream::closed(
            ours,
            ended(previous, Anew::Yes, Party::Local),
        ));
    }
    if !live.direction.allows_answer(theirs.direction) {
        notes.push(Note::DirectionBeyondOffer { line });
    }
    let direction = live.direction.and(theirs.direction.reversed());
    let hold = theirs.hold(live.direction.sends());
    let terms = Terms {
        codecs,
        direction,
        rtcp,
        hold,
    };
    Ok(Stream::agreed(ours, theirs, previous, terms))
}

/// One slot without a format is no reason to lose the others; with nothing
/// else accepted the answer is no agreement (RFC 3264 §6.1).
fn check_formats(streams: &[Stream], notes: &[Note]) -> Result<(), CompletionError> {
    let first = notes.iter().find_map(|note| match *note {
        Note::NoFormatLeft { line } => Some(line),
        _ => None,
    });
    match first {
        Some(line) if !streams.iter().any(Stream::is_live) => {
            Err(CompletionError::NoFormatLeft { line })
        }
        _ => Ok(()),
    }
}

/// What cannot be otherwise in an accepted slot.
fn check_slot(line: usize, ours: &LocalLine, theirs: &RemoteLine) -> Result<(), CompletionError> {
    if theirs.kind != ours.kind {
        let (expected, actual) = (ours.kind.clone(), theirs.kind.clone());
        return Err(CompletionError::Kind {
            line,
            expected,
            actual,
        });
    }
    if !theirs.is_plain_rtp {
        let actual = theirs.protocol.clone();
        return Err(CompletionError::Protocol { line, actual });
    }
    match &theirs.address {
        &Address::Unusable(address) => Err(CompletionError::Unusable { line, address }),
        Address::Name(name) => {
            let name = name.clone();
            Err(CompletionError::Name { line, name })
        }
        Address::Missing => Err(CompletionError::NoAddress { line }),
        Address::Ip(_) | Address::Held(_) => Ok(()),
    }
}

/// RFC 5761 §5.1.1, RFC 8858 §4.4.
fn decide_rtcp(
    line: usize,
    ours: &LocalLine,
    live: &Live,
    theirs: Mux,
    notes: &mut Vec<Note>,
) -> Result<Rtcp, CompletionError> {
    match (live.mux, theirs) {
        (MuxLine::Mux | MuxLine::MuxOnly | MuxLine::Agreed, Mux::Yes | Mux::Only) => {
            Ok(Rtcp::Muxed)
        }
        (MuxLine::MuxOnly, Mux::No) => Err(CompletionError::MuxRequired { line }),
        // RFC 8035 §3: an answer cannot bring in what was not offered.
        (MuxLine::Silent, _) | (MuxLine::Mux | MuxLine::Agreed, Mux::No) => {
            if ours.lease().is_some_and(|lease| lease.rtcp.is_none()) {
                notes.push(Note::RtcpUnreachable { line });
            }
            Ok(Rtcp::Separate)
        }
    }
}
