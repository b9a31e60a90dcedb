//! A room: streams of a call whose parties hear each other.
//!
//! Each hears all the others and never itself. Two whose formats agree, and to
//! whom nobody else listens, have their packets passed as they are; else the
//! room ticks, and what each says is the sum of what the others are heard to
//! say. What it does is decided anew whenever an agreement, the members or the
//! listeners change ([`decide`]).

use talkpath_audio::SampleRate;
use talkpath_audio::mixer::{Gain, Mixer, Party};
use talkpath_wire::{PayloadType, Time};

use crate::call::Streams;
use crate::dtmf::{Carriage, DialId, Digit, Dtmf, Inband, Wish};
use crate::ends::Ends;
use crate::passing::Carried;
use crate::place::{Onward, Place, Voice};
use crate::route::{Needs, Route, decide, expected};
use crate::setup::Agreement;
use crate::stream::Stream;
use crate::ticker::Ticker;
use crate::{MediaHappening, RoomId, SessionId, StreamIndex};

/// Who sits together.
pub(crate) struct Room {
    id: RoomId,
    members: Vec<Member>,
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

/// What the members say to each other, at one rate.
struct Mix {
    rate: SampleRate,
    mixer: Mixer,
    /// As many as there are members, in their order.
    parties: Vec<(Party, Gain)>,
    frame: Box<[i16]>,
    /// How many say something in this tick.
    speaking: usize,
    /// Who has a key in what he says: the first two of them.
    keys: [Option<(usize, Digit)>; 2],
}

impl Room {
    /// An empty room.
    pub(crate) fn new(id: RoomId) -> Self {
        Room {
            id,
            members: Vec::new(),
            ticker: None,
            mix: Mix::new(SampleRate::HZ_8000),
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
            self.mix.join();
        }
        self.arrange(now, streams);
    }

    /// Lets a stream go; the application alone is at its other end again.
    pub(crate) fn leave(&mut self, now: Time, member: Member, streams: &mut Streams<'_>) {
        self.forget(|known| known == member);
        if let Some((stream, mut cx)) = streams.with_context(member) {
            stream.listen_for_digits(now, (Wish::Room, Inband::Ignored), &mut cx);
            stream.sit(now, None);
        }
        self.arrange(now, streams);
    }

    /// Makes a member louder or quieter to the others, or mutes it.
    pub(crate) fn set_gain(&mut self, member: Member, gain: Gain) {
        if let Some(index) = self.members.iter().position(|known| *known == member) {
            self.mix.set_gain(index, gain);
        }
    }

    /// Takes those members off the list.
    fn forget(&mut self, mut which: impl FnMut(Member) -> bool) {
        for index in (0..self.members.len()).rev() {
            if which(self.members[index]) {
                self.members.remove(index);
                self.mix.leave(index);
            }
        }
    }

    /// Lets everybody go.
    pub(crate) fn end(&mut self, now: Time, streams: &mut Streams<'_>) {
        for member in &self.members {
            if let Some((stream, mut cx)) = streams.with_context(*member) {
                stream.listen_for_digits(now, (Wish::Room, Inband::Ignored), &mut cx);
                stream.sit(now, None);
            }
        }
        self.forget(|_| true);
    }

    /// Seats everybody and decides what becomes of packets and samples.
    pub(crate) fn arrange(&mut self, now: Time, streams: &mut Streams<'_>) {
        self.forget(|member| streams.stream(member).is_none());
        let (id, rate) = (self.id, shared_rate(&self.members, streams));
        self.mix.set_rate(rate);
        for member in &self.members {
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
            // Alone, it has whoever attends to it.
            let alone = self.members.len() == 1;
            let voice = match alone || others.any(|(_, onward)| *onward == Onward::Hear) {
                true => Voice::Samples,
                false => Voice::Packets,
            };
            let hears = onward[index] == Onward::Hear && self.needs_keys(*member, streams);
            if let Some((stream, mut cx)) = streams.with_context(*member) {
                stream.route(now, onward[index].clone(), voice);
                let inband = match hears {
                    true => Inband::Detected,
                    false => Inband::Ignored,
                };
                stream.listen_for_digits(now, (Wish::Room, inband), &mut cx);
            }
        }
        match onward.contains(&Onward::Hear) {
            true => {
                self.ticker.get_or_insert_with(|| Ticker::new(now));
            }
            false => self.ticker = None,
        }
    }

    /// Whether a member can dial as sound alone, and another takes events.
    fn needs_keys(&self, member: Member, streams: &mut Streams<'_>) -> bool {
        let mut agrees = |member, what: fn(&Agreement) -> bool| {
            let stream = streams.stream(member);
            stream.and_then(|stream| stream.agreement()).map(what)
        };
        let others = self.members.iter().filter(|other| **other != member);
        let mut others = others.copied();
        agrees(member, Agreement::hears_events) == Some(false)
            && others.any(|other| agrees(other, Agreement::takes_events) == Some(true))
    }

    /// What becomes of the packets of a member.
    fn onward(&self, member: Member, streams: &mut Streams<'_>) -> Onward {
        let Some(other) = self.other(member) else {
            return Onward::Hear;
        };
        let needs_samples = [member, other].into_iter().any(|member| {
            let stream = streams.stream(member);
            stream.is_some_and(|stream| stream.needs_samples())
        });
        let turned = |stream: &mut Stream| stream.place().is_some_and(|place| place.turned);
        let has_turned = streams.stream(member).is_some_and(turned);
        let needs = match needs_samples || has_turned || !self.mix.is_plain() {
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

    /// Lets the others dial what a member dialled: each in its own way, as
    /// events of its own clock or as sound. A key that came as sound reaches
    /// those who take no events in what they hear anyhow. Who is on hold
    /// hears of no key, now or later.
    pub(crate) fn carry(&self, now: Time, (by, key): (Member, Carried), streams: &mut Streams<'_>) {
        for member in self.members.iter().filter(|member| **member != by) {
            let Some((stream, mut cx)) = streams.with_context(*member) else {
                continue;
            };
            let hears_sound = key.carriage == Carriage::Sound && !stream.takes_events();
            if stream.may_be_sent_keys() && !hears_sound {
                stream.dial(now, CARRIED, Dtmf::from(key.press), &mut cx);
            }
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
            self.mix.begin();
            for (index, member) in self.members.iter().enumerate() {
                if let Some((stream, mut cx)) = streams.with_context(*member) {
                    stream.pull(turn);
                    stream.listen_for_keys(turn.at, &mut cx);
                    self.mix.add(index, stream.heard(), stream.key_in_sound());
                }
            }
            if let Some(index) = self.mix.finish()
                && let Some((stream, mut cx)) = streams.with_context(self.members[index])
            {
                stream.tell(MediaHappening::ActiveSpeaker { room: self.id }, &mut cx);
            }
            for (index, member) in self.members.iter().enumerate() {
                let Some((stream, mut cx)) = streams.with_context(*member) else {
                    continue;
                };
                let key = self.mix.key_of_others(index);
                let takes_events = stream.takes_events();
                if let (Some(key), false) = (key, takes_events) {
                    stream.expect_echo(key, turn.at);
                }
                // Who is to be told of a key by events hears nothing of it, but
                // for the up to 40 ms after which it is known to be a key.
                let words = match (key, takes_events) {
                    (Some(_), true) => None,
                    _ => self.mix.without(index, stream.heard().is_some()),
                };
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
    fn new(rate: SampleRate) -> Self {
        Mix {
            rate,
            mixer: Mixer::new(rate, rate.frame_len()),
            parties: Vec::new(),
            frame: vec![0; rate.frame_len()].into(),
            speaking: 0,
            keys: [None; 2],
        }
    }

    /// Goes on at another rate, with the same parties.
    fn set_rate(&mut self, rate: SampleRate) {
        if rate != self.rate {
            let parties = core::mem::take(&mut self.parties);
            *self = Mix::new(rate);
            for (index, (_, gain)) in parties.into_iter().enumerate() {
                self.join();
                self.set_gain(index, gain);
            }
        }
    }

    fn join(&mut self) {
        self.parties.push((self.mixer.join(), Gain::UNITY));
    }

    fn leave(&mut self, index: usize) {
        let (party, _) = self.parties.remove(index);
        self.mixer.leave(party);
    }

    fn set_gain(&mut self, index: usize, gain: Gain) {
        let (party, known) = &mut self.parties[index];
        self.mixer.set_gain(*party, gain);
        *known = gain;
    }

    /// Whether everybody is as loud as he is.
    fn is_plain(&self) -> bool {
        self.parties.iter().all(|(_, gain)| *gain == Gain::UNITY)
    }

    fn begin(&mut self) {
        self.mixer.begin(self.frame.len());
        self.speaking = 0;
        self.keys = [None; 2];
    }

    fn add(&mut self, index: usize, heard: Option<&[i16]>, key: Option<Digit>) {
        let free = self.keys.iter_mut().find(|place| place.is_none());
        if let (Some(key), Some(free)) = (key, free) {
            *free = Some((index, key));
        }
        if let Some(heard) = heard {
            self.mixer.add(self.parties[index].0, heard);
            self.speaking += 1;
        }
    }

    /// A key in what any other than this one says.
    fn key_of_others(&self, index: usize) -> Option<Digit> {
        let mut keys = self.keys.iter().flatten();
        keys.find(|(by, _)| *by != index).map(|(_, key)| *key)
    }

    /// Ends the adding; who became the active speaker, if that changed. Of
    /// two, nobody asks.
    fn finish(&mut self) -> Option<usize> {
        let speaker = self.mixer.finish()?;
        let found = self.parties.iter().position(|(party, _)| *party == speaker);
        found.filter(|_| self.parties.len() > 2)
    }

    /// What all say but this one, who says something itself or not; nothing
    /// when no other says anything.
    fn without(&mut self, index: usize, speaks: bool) -> Option<&[i16]> {
        if self.speaking <= usize::from(speaks) {
            return None;
        }
        self.mixer.mix_minus(self.parties[index].0, &mut self.frame);
        Some(&self.frame)
    }
}

/// Digits that are carried: nobody waits for them to be dialled.
const CARRIED: DialId = DialId(u64::MAX);

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
