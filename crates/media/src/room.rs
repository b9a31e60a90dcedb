//! A room: streams of a call whose parties hear each other.
//!
//! Each hears all the others and never itself. Two whose formats agree, and to
//! whom nobody else listens, have their packets passed as they are; else the
//! room ticks, and what each says is the sum of what the others are heard to
//! say. What it does is decided anew whenever an agreement, the members or the
//! listeners change ([`decide`]).

use talkpath_audio::SampleRate;
use talkpath_wire::{PayloadType, Time};

use crate::call::Streams;
use crate::ends::Ends;
use crate::place::{Onward, Place, Voice};
use crate::route::{Needs, Route, decide, expected};
use crate::setup::Agreement;
use crate::ticker::Ticker;
use crate::{RoomId, SessionId, StreamIndex};

/// Who sits together.
pub(crate) struct Room {
    id: RoomId,
    members: Vec<Member>,
    rate: SampleRate,
    /// Ticks while any of them is heard as samples.
    ticker: Option<Ticker>,
    mix: Mix,
}

/// A stream in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) session: SessionId,
    pub(crate) stream: StreamIndex,
}

/// The sum of a tick.
#[derive(Default)]
struct Mix {
    sum: Vec<i32>,
    frame: Vec<i16>,
    speaking: usize,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(id: RoomId) -> Self {
        Room {
            id,
            members: Vec::new(),
            rate: SampleRate::HZ_8000,
            ticker: None,
            mix: Mix::default(),
        }
    }

    pub(crate) fn id(&self) -> RoomId {
        self.id
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn has(&self, member: Member) -> bool {
        self.members.contains(&member)
    }

    /// The only other one, where there are two.
    pub(crate) fn other(&self, member: Member) -> Option<Member> {
        match self.members[..] {
            [one, other] if one == member => Some(other),
            [other, one] if one == member => Some(other),
            _ => None,
        }
    }

    /// Lets a stream in.
    pub(crate) fn join(&mut self, now: Time, member: Member, streams: &mut Streams<'_>) {
        if !self.has(member) {
            self.members.push(member);
        }
        self.arrange(now, streams);
    }

    /// Lets a stream go; the application alone is at its other end again.
    pub(crate) fn leave(&mut self, now: Time, member: Member, streams: &mut Streams<'_>) {
        self.members.retain(|known| *known != member);
        if let Some(stream) = streams.stream(member) {
            stream.sit(now, None);
        }
        self.arrange(now, streams);
    }

    /// Lets everybody go.
    pub(crate) fn end(&mut self, now: Time, streams: &mut Streams<'_>) {
        for member in core::mem::take(&mut self.members) {
            if let Some(stream) = streams.stream(member) {
                stream.sit(now, None);
            }
        }
    }

    /// Seats everybody and decides what becomes of packets and samples.
    pub(crate) fn arrange(&mut self, now: Time, streams: &mut Streams<'_>) {
        self.members
            .retain(|member| streams.stream(*member).is_some());
        self.rate = shared_rate(&self.members, streams);
        for member in &self.members {
            let (id, rate) = (self.id, self.rate);
            let Some(stream) = streams.stream(*member) else {
                continue;
            };
            let fits = |place: &Place| place.room == id && place.rate == rate;
            if !stream.place().is_some_and(fits) {
                let heard_at = stream.parts().0.rate;
                // Rates that cannot be resampled never pass negotiation.
                stream.sit(now, Place::new(id, rate, heard_at).ok());
            }
        }
        self.decide(now, streams);
    }

    /// Decides what becomes of packets and samples.
    pub(crate) fn decide(&mut self, now: Time, streams: &mut Streams<'_>) {
        let onward: Vec<_> = self
            .members
            .iter()
            .map(|member| self.onward(*member, streams))
            .collect();
        for (index, member) in self.members.iter().enumerate() {
            let mut others = onward
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            let voice = match others.any(|(_, onward)| *onward == Onward::Hear) {
                true => Voice::Samples,
                false => Voice::Packets,
            };
            if let Some(stream) = streams.stream(*member) {
                stream.route(now, onward[index].clone(), voice);
            }
        }
        match onward.contains(&Onward::Hear) {
            true => {
                self.ticker.get_or_insert_with(|| Ticker::new(now));
            }
            false => self.ticker = None,
        }
    }

    /// What becomes of the packets of a member.
    fn onward(&self, member: Member, streams: &mut Streams<'_>) -> Onward {
        let Some(other) = self.other(member) else {
            return Onward::Hear;
        };
        let attended = [member, other].into_iter().any(|member| {
            let stream = streams.stream(member);
            stream.is_some_and(|stream| stream.is_attended())
        });
        let needs = match attended {
            true => Needs::Samples,
            false => Needs::Packets,
        };
        let agreement =
            |streams: &mut Streams<'_>, member| streams.stream(member)?.agreement().cloned();
        match (agreement(streams, member), agreement(streams, other)) {
            (Some(from), Some(to)) => onward(&from, &to, needs),
            _ => Onward::Hear,
        }
    }

    /// When the next tick is due.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.ticker.as_ref().map(Ticker::next)
    }

    /// Does the ticks that are due: all hear, then all say what the others
    /// were heard to say.
    pub(crate) fn tick(&mut self, now: Time, ends: &mut dyn Ends, streams: &mut Streams<'_>) {
        while let Some(turn) = self.ticker.as_mut().and_then(|ticker| ticker.turn(now)) {
            self.mix.begin(self.rate);
            for member in &self.members {
                if let Some(stream) = streams.stream(*member) {
                    stream.pull(turn);
                    self.mix.add(stream.heard());
                }
            }
            for member in &self.members {
                let Some((stream, mut cx)) = streams.with_context(*member) else {
                    continue;
                };
                let words = self.mix.without(stream.heard());
                stream.speak(turn, words, ends, &mut cx);
                stream.attend(turn, words, ends, &mut cx);
            }
            self.look_around(now, ends, streams);
        }
    }

    /// Decides anew when somebody who listened is gone.
    fn look_around(&mut self, now: Time, ends: &mut dyn Ends, streams: &mut Streams<'_>) {
        let mut has_changed = false;
        for member in &self.members {
            if let Some(stream) = streams.stream(*member) {
                let before = stream.is_attended();
                stream.look_for(member.session, ends);
                has_changed |= before != stream.is_attended();
            }
        }
        if has_changed {
            self.decide(now, streams);
        }
    }
}

impl Mix {
    fn begin(&mut self, rate: SampleRate) {
        self.sum.clear();
        self.sum.resize(rate.frame_len(), 0);
        self.frame.resize(rate.frame_len(), 0);
        self.speaking = 0;
    }

    fn add(&mut self, heard: Option<&[i16]>) {
        let Some(heard) = heard else { return };
        self.speaking += 1;
        for (sum, sample) in self.sum.iter_mut().zip(heard) {
            *sum += i32::from(*sample);
        }
    }

    /// What all say but the one who was heard to say `own`; nothing when no
    /// other says anything. Own words go before what is too loud is cut.
    fn without(&mut self, own: Option<&[i16]>) -> Option<&[i16]> {
        if self.speaking <= usize::from(own.is_some()) {
            return None;
        }
        let own = own.unwrap_or(&[]);
        let own = own.iter().copied().chain(core::iter::repeat(0));
        for ((frame, sum), own) in self.frame.iter_mut().zip(&self.sum).zip(own) {
            let others = sum - i32::from(own);
            *frame = others.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
        Some(&self.frame)
    }
}

/// What becomes of packets that come by `from` and may leave by `to`: they pass
/// if speech does, in the format that is to be expected.
fn onward(from: &Agreement, to: &Agreement, needs: Needs) -> Onward {
    let speech = expected(from).map(|format| decide(format, from, to, needs));
    if !matches!(speech, Some(Route::Relay(_))) {
        return Onward::Hear;
    }
    let passes = from
        .receive
        .iter()
        .filter_map(|format| match decide(format, from, to, needs) {
            Route::Relay(number) => Some((format.number, number)),
            Route::Transcode | Route::Impossible => None,
        });
    Onward::Pass(passes.collect::<Vec<(PayloadType, PayloadType)>>().into())
}

/// The highest rate that two of the members have: more is of no use to anybody.
fn shared_rate(members: &[Member], streams: &mut Streams<'_>) -> SampleRate {
    let rate = |member: &Member| {
        let agreement = streams.stream(*member)?.agreement()?;
        let codecs = agreement.receive.iter().chain(&agreement.send);
        let codecs = codecs.filter_map(|format| format.codec);
        codecs.map(|codec| codec.sample_rate()).max()
    };
    let mut rates: Vec<_> = members.iter().filter_map(rate).collect();
    rates.sort_unstable();
    let shared = rates.iter().rev().nth(1).or(rates.last());
    shared.copied().unwrap_or(SampleRate::HZ_8000)
}
