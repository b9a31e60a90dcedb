//! Making an offer: initial, late, or a change to a session.
//!
//! In: the dialogue and the wants, complete. Out: one line per slot, in slots
//! that never move (RFC 3264 §8): a live one keeps its place, a dead one stays
//! at port 0 or is recycled (§8.1), new ones come last, unclaimed live ones
//! end (§8.2). From the commit on all that is offered is received (§5.1).

use alloc::vec::Vec;

use talkpath_wire::Format;

use super::compat::{is_auxiliary, same_codec};
use super::dialogue::{Dialogue, Open, Phase, during_offer};
use super::error::{OfferError, WantsError};
use super::lease::{Demand, Lease};
use super::local_line::{Body, Live, LocalLine, MuxLine, demand_of_offer, resolve};
use super::numbers::Numbers;
use super::stream::{Codec, Stream};
use super::wants::{MediaWants, RtcpMux, Slot, TelephoneEvent, Wants};
use crate::{Limit, Offer};

/// An offer that waits for its ports.
#[derive(Clone, Debug)]
#[must_use = "a plan that is not committed changes nothing"]
pub struct OfferPlan {
    base: u64,
    numbers: Numbers,
    lines: Vec<LocalLine>,
}

impl Dialogue {
    /// Plans an offer of `wants`: the first, or a change (hold is another
    /// direction, a codec change another list, and so on).
    ///
    /// # Errors
    /// [`OfferError::OfferPending`] while one is open, and what is wrong with
    /// the wants.
    pub fn plan_offer(&self, wants: &Wants) -> Result<OfferPlan, OfferError> {
        if self.has_pending_offer() {
            return Err(OfferError::OfferPending);
        }
        wants.check()?;
        let mut numbers = self.numbers.clone();
        let mut lines = Vec::new();
        for (index, entry) in assign_slots(&self.streams, wants)?.into_iter().enumerate() {
            let stream = self.streams.get(index);
            lines.push(match (entry, stream) {
                (Some(entry), _) => offer_line(index, &wants.media[entry], stream, &mut numbers)?,
                (None, Some(stream)) => LocalLine::dead(stream),
                // Every slot is a stream's or an entry's.
                (None, None) => continue,
            });
        }
        self.check(&self.timing, &lines)?;
        Ok(OfferPlan {
            base: self.revision,
            numbers,
            lines,
        })
    }
}

impl OfferPlan {
    /// What each m-line needs, by index.
    pub fn demand(&self) -> impl ExactSizeIterator<Item = Demand> + '_ {
        self.lines.iter().map(LocalLine::demand)
    }

    /// Makes the offer. `leases` holds one for each [`Demand::Lease`] in
    /// order; a line for which none is left keeps the ports it has, or is
    /// offered with port 0. `dialogue` is the one that the plan was
    /// made from, unchanged since; debug builds check it.
    pub fn commit(mut self, dialogue: &mut Dialogue, leases: &[Lease]) -> Offer {
        resolve(&mut self.lines, &dialogue.streams, leases);
        let description = dialogue.describe(&self.lines);
        let open = Open {
            previous: dialogue.streams.clone(),
            lines: self.lines,
        };
        dialogue.numbers = self.numbers;
        dialogue.advance(self.base, during_offer(&open));
        dialogue.phase = Phase::Offered(open);
        Offer::from_description(description)
    }
}

/// For each m-line, the entry of `wants` that it is made from.
fn assign_slots(streams: &[Stream], wants: &Wants) -> Result<Vec<Option<usize>>, WantsError> {
    let mut slots: Vec<Option<usize>> = alloc::vec![None; streams.len()];
    let mut placed = alloc::vec![false; wants.media.len()];
    // First those that name a slot, then those that have one, then the rest.
    for (entry, media) in wants.media.iter().enumerate() {
        if let Slot::At(index) = media.slot
            && let Some(stream) = streams.get(index)
        {
            let fits = slots[index].is_none() && (!stream.is_live() || stream.kind == media.kind);
            if !fits {
                return Err(WantsError::NoSuchSlot {
                    entry,
                    slot: media.slot,
                });
            }
            slots[index] = Some(entry);
            placed[entry] = true;
        }
    }
    for wanted_state in [Vitality::Live, Vitality::Dead] {
        for (entry, media) in wants.media.iter().enumerate() {
            if placed[entry] || media.slot != Slot::Any {
                continue;
            }
            let found = streams.iter().zip(&slots).position(|(stream, slot)| {
                slot.is_none() && stream.kind == media.kind && Vitality::of(stream) == wanted_state
            });
            if let Some(index) = found {
                slots[index] = Some(entry);
                placed[entry] = true;
            }
        }
    }
    for (entry, media) in wants
        .media
        .iter()
        .enumerate()
        .filter(|(entry, _)| !placed[*entry])
    {
        match media.slot {
            Slot::At(index) if index != slots.len() => {
                return Err(WantsError::NoSuchSlot {
                    entry,
                    slot: media.slot,
                });
            }
            _ => slots.push(Some(entry)),
        }
    }
    let (actual, max) = (slots.len(), Limit::MediaLines.max());
    if actual > max {
        return Err(WantsError::TooMany {
            what: "m-lines",
            actual,
            max,
        });
    }
    Ok(slots)
}

#[derive(PartialEq, Eq)]
enum Vitality {
    Live,
    Dead,
}

impl Vitality {
    fn of(stream: &Stream) -> Self {
        if stream.is_live() {
            Vitality::Live
        } else {
            Vitality::Dead
        }
    }
}

fn offer_line(
    index: usize,
    wants: &MediaWants,
    stream: Option<&Stream>,
    numbers: &mut Numbers,
) -> Result<LocalLine, WantsError> {
    // A recycled slot starts afresh (RFC 3264 §8.1).
    let live = stream.filter(|stream| stream.is_live());
    let mut codecs: Vec<Codec> = Vec::new();
    for format in offered_formats(wants) {
        let number =
            numbers
                .assign(index, &format)
                .ok_or_else(|| WantsError::NumbersExhausted {
                    line: index,
                    format: format.clone(),
                })?;
        codecs.push(Codec { number, format });
    }
    Ok(LocalLine {
        kind: wants.kind.clone(),
        protocol: live.map_or_else(|| "RTP/AVP".into(), |stream| stream.text.protocol.clone()),
        mid: live.and_then(|stream| stream.mid.clone()),
        body: Body::Live(Live {
            demand: demand_of_offer(wants.rtcp, stream),
            direction: wants.direction,
            codecs,
            ptime: wants.ptime,
            maxptime: wants.maxptime,
            mux: match wants.rtcp {
                RtcpMux::Offer => MuxLine::Mux,
                RtcpMux::Only => MuxLine::MuxOnly,
                RtcpMux::Off => MuxLine::Silent,
            },
        }),
    })
}

/// The wanted formats, each codec once, then telephone-event for each clock
/// rate among them (RFC 4733 §2.1).
fn offered_formats(wants: &MediaWants) -> Vec<Format> {
    let mut formats: Vec<Format> = Vec::new();
    let mut add = |format: Format| {
        if formats.iter().all(|known| !same_codec(known, &format)) {
            formats.push(format);
        }
    };
    wants.formats.iter().cloned().for_each(&mut add);
    if let TelephoneEvent::Events(events) = wants.telephone_event {
        for codec in wants.formats.iter().filter(|format| !is_auxiliary(format)) {
            let event = Format::new("telephone-event", codec.clock_rate);
            add(event.with_fmtp(&events.to_parameters()));
        }
    }
    formats
}
