//! What joins the calls of a scene: bridges at one application, and digits.
//!
//! In: a chance. Out: two or three calls whose far ends hear each other, and
//! digits, which at rest must arrive exactly once wherever they should.

use std::time::Duration;

use talkpath::{Happening, RoomId, SessionError};

use crate::chaos::Fault;
use crate::dice::Dice;
use crate::end::{End, Voice};
use crate::scene::{HOSTS, Scene};
use crate::talk::Done;
use crate::violation::require;

/// An end of a call: which call, which side.
type Place = (usize, usize);

impl Scene {
    /// Two calls of one application are joined, one more joins, or all part.
    pub(crate) fn join_or_part(&mut self) -> Done {
        let party = self.rng.below(HOSTS.len() as u64) as usize;
        let Some(office) = &self.parties[party].office else {
            return Ok(());
        };
        if let Some(bridge) = office.bridges.last().filter(|_| self.rng.chance(0.3)) {
            let (room, ended) = (bridge.room(), bridge.end());
            self.tolerate(ended)?;
            return self.part(party, room);
        }
        let mut free = self.ends_where(|end| end.party == party);
        // Joined at both of its ends, a call could go round in a circle.
        free.retain(|(talk, _)| self.talks[*talk].ends.iter().all(|end| end.room.is_none()));
        let joined = match (office.bridges.last().cloned(), &free[..]) {
            (Some(bridge), [one, ..]) if self.has_members(bridge.room()) => {
                let added = bridge.add(&self.end_at(*one).session);
                added.map(|()| (bridge, vec![*one]))
            }
            (_, [one, other, ..]) => {
                let (a, b) = (&self.end_at(*one).session, &self.end_at(*other).session);
                let made = office.manager.bridge(a, b);
                made.map(|bridge| (bridge, vec![*one, *other]))
            }
            _ => return Ok(()),
        };
        let joined = match joined {
            // Two workers have them.
            Err(SessionError::Apart) => return Ok(()),
            joined => self.tolerate(joined)?,
        };
        let Some((bridge, places)) = joined else {
            return Ok(());
        };
        let room = bridge.room();
        if let Some(office) = &mut self.parties[party].office {
            office.bridges.retain(|known| known.room() != room);
            office.bridges.push(bridge);
        }
        self.tell(|_| format!("{} joins {places:?} in {room:?}", HOSTS[party]));
        self.seat(&places, room);
        Ok(())
    }

    /// Who is joined mostly hears nothing himself: packets pass if they can.
    fn seat(&mut self, places: &[Place], room: RoomId) {
        let listens = self.rng.chance(0.3);
        for (talk, side) in places {
            self.talks[*talk].was_joined = true;
            let end = &mut self.talks[*talk].ends[*side];
            end.room = Some(room);
            if !listens {
                end.voice = None;
            }
        }
    }

    fn part(&mut self, party: usize, room: RoomId) -> Done {
        self.tell(|_| format!("{} parts {room:?}", HOSTS[party]));
        if let Some(office) = &mut self.parties[party].office {
            office.bridges.retain(|bridge| bridge.room() != room);
        }
        for end in self.talks.iter_mut().flat_map(|talk| &mut talk.ends) {
            if end.room == Some(room) && end.party == party {
                end.room = None;
            }
        }
        self.give_voices()
    }

    /// Whoever is joined to nobody speaks for himself.
    pub(crate) fn give_voices(&mut self) -> Done {
        for (talk, side) in self.ends_where(|end| end.voice.is_none() && !end.broken) {
            let end = self.end_at((talk, side));
            if end.room.is_some_and(|_| self.joined_to(end).len() > 1) {
                continue;
            }
            let now = self.world.now();
            let audio = self.tolerate(end.session.audio())?;
            self.talks[talk].ends[side].voice = audio.map(|audio| Voice::new(now, audio));
        }
        Ok(())
    }

    fn has_members(&self, room: RoomId) -> bool {
        let ends = self.talks.iter().flat_map(|talk| &talk.ends);
        ends.filter(|end| end.room == Some(room)).count() > 1
    }

    /// The ends in the same bridge, this one among them.
    fn joined_to(&self, end: &End) -> Vec<Place> {
        self.ends_where(|other| {
            other.room.is_some() && (other.party, other.room) == (end.party, end.room)
        })
    }

    fn ends_where(&self, is: impl Fn(&End) -> bool) -> Vec<Place> {
        let talks = self.talks.iter().enumerate();
        let whole = talks.filter(|(_, talk)| talk.is_whole());
        let ends = whole.flat_map(|(index, talk)| {
            let sides = talk.ends.iter().enumerate();
            sides.map(move |(side, end)| ((index, side), end))
        });
        ends.filter(|(_, end)| is(end)).map(|(at, _)| at).collect()
    }

    fn end_at(&self, (talk, side): Place) -> &End {
        &self.talks[talk].ends[side]
    }

    /// Somebody dials a digit or three.
    pub(crate) fn dial(&mut self, talk: usize, side: usize) -> Done {
        let talk = &mut self.talks[talk];
        let Some(end) = talk.ends.get_mut(side).filter(|end| !end.broken) else {
            return Ok(());
        };
        if !talk.is_established {
            return Ok(());
        }
        let keys = *self.rng.pick(&["1", "55", "#0*", "9"]);
        let dialled = end.session.dtmf(keys);
        end.dialled += keys.len() as u64;
        // The handle may go: it is dialled all the same.
        self.tolerate(dialled).map(drop)
    }

    /// A digit that was heard: never more of them than were dialled.
    pub(crate) fn hear_digit(&mut self, key: crate::wire::Key, what: &Happening) -> Done {
        let Happening::Digit { digit, .. } = what else {
            return Ok(());
        };
        let strange = self.chaos.has(Fault::Stranger);
        for talk in &mut self.talks {
            let Some(side) = talk.ends.iter().position(|end| end.key == key) else {
                continue;
            };
            talk.ends[side].digits += 1;
            let Some(other) = talk.ends.get(1 - side).filter(|_| !talk.was_joined) else {
                continue;
            };
            let (heard, dialled) = (talk.ends[side].digits, other.dialled);
            require(heard <= dialled || strange, "digits", || {
                format!("{digit} is the {heard}. heard of {dialled} dialled")
            })?;
        }
        Ok(())
    }

    /// At rest: what one dials everybody who hears him hears exactly once.
    pub(crate) fn judge_digits(&mut self) -> Done {
        for talk in 0..self.talks.len() {
            if !self.talks[talk].is_whole() {
                continue;
            }
            let joined = |end: &End| end.room.is_some() && self.joined_to(end).len() > 1;
            let leg = self.talks[talk].ends.iter().position(joined);
            let from = leg.map_or(0, |leg| 1 - leg);
            let far = match leg {
                None => vec![(talk, 1)],
                Some(leg) => {
                    let all = self.joined_to(self.end_at((talk, leg)));
                    let others = all.into_iter().filter(|(other, _)| *other != talk);
                    others.map(|(other, side)| (other, 1 - side)).collect()
                }
            };
            self.judge_digit((talk, from), &far)?;
        }
        Ok(())
    }

    fn judge_digit(&mut self, from: Place, far: &[Place]) -> Done {
        let before: Vec<u64> = far.iter().map(|at| self.end_at(*at).digits).collect();
        self.talks[from.0].ends[from.1].dialled += 1;
        let dialled = self.end_at(from).session.dtmf("7");
        if self.tolerate(dialled)?.is_none() {
            return Ok(());
        }
        self.pass(DIALLED_WITHIN)?;
        self.look()?;
        for (at, before) in far.iter().zip(before) {
            let end = self.end_at(*at);
            let heard = end.digits - before;
            require(heard == 1 || end.broken, "digits", || {
                let room = self.end_at(from).room;
                format!("one dialled at {from:?} in {room:?}, {heard} heard at {at:?}")
            })?;
        }
        Ok(())
    }
}

/// A digit, its way, and what carries it on.
const DIALLED_WITHIN: Duration = Duration::from_millis(2_500);
