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

/// For each m-line, the entry of `wants` that it is made from: first those
/// that name a slot, then those that have one, then the rest.
fn assign_slots(streams: &[Stream], wants: &Wants) -> Result<Vec<Option<usize>>, WantsError> {
    let mut slots = Slots {
        streams,
        wants,
        entries: alloc::vec![None; streams.len()],
        placed: alloc::vec![false; wants.media.len()],
    };
    slots.place_named()?;
    slots.place_unnamed(Stream::is_live);
    slots.place_unnamed(|stream| !stream.is_live());
    slots.append_rest()?;
    Ok(slots.entries)
}

/// Entries on their way into slots.
struct Slots<'a> {
    streams: &'a [Stream],
    wants: &'a Wants,
    /// By m-line, the entry.
    entries: Vec<Option<usize>>,
    /// By entry, whether it has an m-line.
    placed: Vec<bool>,
}

impl Slots<'_> {
    fn place_named(&mut self) -> Result<(), WantsError> {
        for (entry, media) in self.wants.media.iter().enumerate() {
            let Slot::At(index) = media.slot else {
                continue;
            };
            let Some(stream) = self.streams.get(index) else {
                continue;
            };
            // RFC 3264 §8.1: a dead slot may be recycled for any kind.
            let fits = !stream.is_live() || stream.kind == media.kind;
            if !fits || self.entries[index].is_some() {
                return Err(WantsError::NoSuchSlot {
                    entry,
                    slot: media.slot,
                });
            }
            self.place(entry, index);
        }
        Ok(())
    }

    fn place_unnamed(&mut self, is_eligible: impl Fn(&Stream) -> bool) {
        for (entry, media) in self.wants.media.iter().enumerate() {
            if self.placed[entry] || media.slot != Slot::Any {
                continue;
            }
            let found = self
                .streams
                .iter()
                .zip(&self.entries)
                .position(|(stream, taken)| {
                    taken.is_none() && stream.kind == media.kind && is_eligible(stream)
                });
            if let Some(index) = found {
                self.place(entry, index);
            }
        }
    }

    fn append_rest(&mut self) -> Result<(), WantsError> {
        for (entry, media) in self.wants.media.iter().enumerate() {
            if self.placed[entry] {
                continue;
            }
            if matches!(media.slot, Slot::At(index) if index != self.entries.len()) {
                return Err(WantsError::NoSuchSlot {
                    entry,
                    slot: media.slot,
                });
            }
            self.entries.push(Some(entry));
        }
        let (actual, max) = (self.entries.len(), Limit::MediaLines.max());
        if actual > max {
            return Err(WantsError::TooMany {
                what: "m-lines",
                actual,
                max,
            });
        }
        Ok(())
    }

    fn place(&mut self, entry: usize, index: usize) {
        self.entries[index] = Some(entry);
        self.placed[entry] = true;
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
            voip_reports: wants.voip_reports,
            keyframes: wants.keyframes,
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
