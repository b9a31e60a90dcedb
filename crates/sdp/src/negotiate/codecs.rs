//! Which codecs an exchange ends with, and in which order.
//!
//! In: the offered codecs, and those wanted or answered. Out: the common ones.
//! The first is the one to send (RFC 3264 §6.1, §7). Digits and comfort noise
//! alone are no agreement; digits go at the clock rates of the agreed codecs
//! (RFC 4733 §2.1). Whether two formats agree is the business of `compat`.

use alloc::vec::Vec;

use talkpath_wire::{Format, PayloadType};

use super::compat::{Agreement, agree, is_auxiliary};
use super::stream::{Codec, Rtcp};
use super::wants::{MediaWants, Preference, TelephoneEvent};

/// The codecs of a live slot, by direction.
#[derive(Default)]
pub(crate) struct Codecs {
    /// With the peer's numbers.
    pub(crate) send: Vec<Codec>,
    /// With ours.
    pub(crate) receive: Vec<Codec>,
}

/// An offered number and what was made of its codec.
type Pair = (PayloadType, Agreement);

/// What an answer of ours takes of the offer; empty when that is no codec.
pub(crate) fn of_offer(
    offered: &[Codec],
    wants: &MediaWants,
    preference: Preference,
    rtcp: Rtcp,
) -> Vec<Pair> {
    let offered: Vec<&Codec> = offered
        .iter()
        .filter(|codec| is_usable(codec, rtcp))
        .collect();
    let mut pairs = common(&offered, &wants.formats, preference);
    let only_auxiliary = offered.iter().all(|codec| is_auxiliary(&codec.format));
    if !only_auxiliary && pairs.iter().all(|(_, pair)| is_auxiliary(&pair.send)) {
        return Vec::new();
    }
    if let (TelephoneEvent::Events(events), false) = (wants.telephone_event, pairs.is_empty()) {
        let ours = Format::new("telephone-event", 0).with_fmtp(&events.to_parameters());
        add_events(&mut pairs, &offered, &ours);
    }
    pairs
}

/// What the peer's answer leaves of `ours`, in its order; nothing to send when
/// that is no codec.
///
/// Formats that were not offered are legal and mean that the peer could
/// receive them (RFC 3264 §6.1); they are not sent.
pub(crate) fn of_answer(ours: &[Codec], answered: &[Codec], rtcp: Rtcp) -> Codecs {
    let mut codecs = Codecs::default();
    for theirs in answered.iter().filter(|codec| is_usable(codec, rtcp)) {
        let is_new = |ours: &&Codec| {
            codecs
                .receive
                .iter()
                .all(|known| known.number != ours.number)
        };
        let mut candidates = ours.iter().filter(is_new);
        let found = candidates.find_map(|ours| Some((ours, agree(&ours.format, &theirs.format)?)));
        if let Some((ours, agreement)) = found {
            codecs.receive.push(ours.clone());
            codecs.send.push(Codec {
                number: theirs.number,
                format: agreement.send,
            });
        }
    }
    let only_auxiliary = ours.iter().all(|codec| is_auxiliary(&codec.format));
    if !only_auxiliary && codecs.send.iter().all(|codec| is_auxiliary(&codec.format)) {
        codecs.send.clear();
    }
    codecs
}

/// RFC 5761 §4: on a shared port 64..=95 would read as RTCP.
fn is_usable(codec: &Codec, rtcp: Rtcp) -> bool {
    rtcp == Rtcp::Separate || !codec.number.collides_with_rtcp()
}

/// The codecs that both have, each wanted format at most once.
fn common(offered: &[&Codec], wanted: &[Format], preference: Preference) -> Vec<Pair> {
    let mut used = alloc::vec![false; wanted.len()];
    let mut pairs: Vec<(usize, Pair)> = Vec::new();
    for theirs in offered {
        let free = wanted.iter().enumerate().filter(|(index, _)| !used[*index]);
        let mut found =
            free.filter_map(|(index, ours)| Some((index, agree(ours, &theirs.format)?)));
        if let Some((index, agreement)) = found.next() {
            used[index] = true;
            pairs.push((index, (theirs.number, agreement)));
        }
    }
    if preference == Preference::Local {
        pairs.sort_by_key(|(index, _)| *index);
    }
    pairs.into_iter().map(|(_, pair)| pair).collect()
}

/// Adds the offered telephone-events at the clock rates of the agreed codecs;
/// all that were offered when none has such a rate, so that no digit is lost.
fn add_events(pairs: &mut Vec<Pair>, offered: &[&Codec], ours: &Format) {
    let is_speech = |pair: &&Pair| !is_auxiliary(&pair.1.send);
    let rates: Vec<u32> = pairs
        .iter()
        .filter(is_speech)
        .map(|(_, pair)| pair.send.clock_rate)
        .collect();
    let events = || {
        offered
            .iter()
            .filter(|codec| codec.format.is_telephone_event())
    };
    let at_rate = |codec: &Codec| rates.contains(&codec.format.clock_rate);
    let any_at_rate = events().any(|codec| at_rate(codec));
    for theirs in events().filter(|codec| !any_at_rate || at_rate(codec)) {
        let clock_rate = theirs.format.clock_rate;
        let is_known = pairs
            .iter()
            .any(|(_, pair)| pair.send.is_telephone_event() && pair.send.clock_rate == clock_rate);
        let ours = Format {
            clock_rate,
            ..ours.clone()
        };
        if let Some(agreement) = agree(&ours, &theirs.format).filter(|_| !is_known) {
            pairs.push((theirs.number, agreement));
        }
    }
}
