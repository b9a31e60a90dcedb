//! Everybody hears everybody else: the mixer of a conference.
//!
//! In: in each round, a frame of each party that has something to say. Out: for
//! each party the sum of the others (mix-minus), the sum of all, and who speaks.
//! All is summed once in 32 bits; a listener's own part is subtracted before the
//! sum is brought back to 16, so that nobody hears themselves however loud it is.
//! A round costs in proportion to the parties, and nothing for those that are
//! silent. Left out: rates, channels and clocks; all frames are of one rate.

mod gain;
mod limiter;
mod speaker;

use crate::level::Dbov;
use crate::rate::SampleRate;

use gain::Fader;
pub use gain::Gain;
use limiter::Limiter;
use speaker::{Judge, Power};

/// Mixes the frames of a conference.
///
/// Each round is [`Mixer::begin`], [`Mixer::add`] for each party that has a
/// frame, [`Mixer::finish`], and [`Mixer::mix_minus`] for each that listens. It
/// allocates only in [`Mixer::new`] and [`Mixer::join`]. Up to 65,535 parties
/// can speak at once.
///
/// ```
/// use talkpath_audio::SampleRate;
/// use talkpath_audio::mixer::Mixer;
/// let mut mixer = Mixer::new(SampleRate::HZ_16000, 320);
/// let (ann, bob, eve) = (mixer.join(), mixer.join(), mixer.join());
/// mixer.begin(320);
/// mixer.add(ann, &[1_000; 320]);
/// mixer.add(bob, &[-30; 320]);
/// mixer.finish();
///
/// let mut heard = [0; 320];
/// mixer.mix_minus(ann, &mut heard);
/// assert_eq!(heard, [-30; 320]);
/// mixer.mix_minus(eve, &mut heard);
/// assert_eq!(heard, [970; 320]);
/// ```
#[derive(Clone, Debug)]
pub struct Mixer {
    /// Of the frames of this round; the first `len` samples count.
    sum: Box<[i32]>,
    len: usize,
    /// The sum without the listener at hand.
    others: Box<[i32]>,
    slots: Vec<Slot>,
    judge: Judge,
    /// Of [`Mixer::mix_all`].
    limiter: Limiter,
}

/// One party of a [`Mixer`], from [`Mixer::join`] until [`Mixer::leave`].
///
/// After that it names nobody: what is added for it is not heard.
///
/// ```
/// use talkpath_audio::{SampleRate, mixer::Mixer};
/// let mut mixer = Mixer::new(SampleRate::HZ_8000, 160);
/// let party = mixer.join();
/// mixer.leave(party);
/// assert_ne!(mixer.join(), party);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Party {
    slot: u32,
    generation: u32,
}

/// A place for a party, used again after it left.
#[derive(Clone, Debug)]
struct Slot {
    generation: u32,
    is_taken: bool,
    /// What the party adds to this round, as it is in the sum.
    own: Box<[i16]>,
    /// How much of `own` is; 0 when it adds nothing.
    said: usize,
    fader: Fader,
    limiter: Limiter,
    power: Power,
}

impl Mixer {
    /// A mixer without parties, for frames of at most `longest` samples.
    #[must_use]
    pub fn new(rate: SampleRate, longest: usize) -> Self {
        Self {
            sum: vec![0; longest].into(),
            len: 0,
            others: vec![0; longest].into(),
            slots: Vec::new(),
            judge: Judge::new(rate),
            limiter: Limiter::new(rate),
        }
    }

    /// Takes in another party, with a gain of 1.
    pub fn join(&mut self) -> Party {
        let limiter = Limiter::new(self.judge.rate());
        if let Some(free) = self.slots.iter().position(|slot| !slot.is_taken) {
            let slot = &mut self.slots[free];
            slot.is_taken = true;
            slot.fader = Fader::default();
            slot.limiter = limiter;
            return slot.party(free);
        }
        self.slots.push(Slot {
            generation: 0,
            is_taken: true,
            own: vec![0; self.sum.len()].into(),
            said: 0,
            fader: Fader::default(),
            limiter,
            power: Power::default(),
        });
        self.slots[self.slots.len() - 1].party(self.slots.len() - 1)
    }

    /// Lets a party go; what it said in this round is no longer heard.
    pub fn leave(&mut self, party: Party) {
        self.retract(party);
        if let Some(slot) = self.slot(party) {
            slot.is_taken = false;
            slot.generation = slot.generation.wrapping_add(1);
            slot.power = Power::default();
            self.judge.forget(party);
        }
    }

    /// Makes a party louder or quieter to the others, or mutes it.
    ///
    /// The gain moves within the party's next frame, so that it does not click.
    pub fn set_gain(&mut self, party: Party, gain: Gain) {
        if let Some(slot) = self.slot(party) {
            slot.fader.fade_to(gain);
        }
    }

    /// Begins a round with frames of `len` samples, at most what
    /// [`Mixer::new`] was told.
    pub fn begin(&mut self, len: usize) {
        self.len = len.min(self.sum.len());
        self.sum[..self.len].fill(0);
        for slot in &mut self.slots {
            slot.said = 0;
        }
    }

    /// Adds what a party says in this round; a second time replaces the first.
    ///
    /// A shorter frame is followed by silence, a longer one is cut.
    pub fn add(&mut self, party: Party, pcm: &[i16]) {
        self.retract(party);
        let len = pcm.len().min(self.len);
        let Some(slot) = self.slots.get_mut(party.slot as usize) else {
            return;
        };
        if !slot.is(party) || !slot.fader.apply(&pcm[..len], &mut slot.own[..len]) {
            return;
        }
        slot.said = len;
        for (sum, &sample) in self.sum.iter_mut().zip(&slot.own[..len]) {
            *sum += i32::from(sample);
        }
    }

    /// Ends the adding; returns who became the active speaker, if that changed.
    ///
    /// That is who was loudest of late: another must be 3 dB louder for 200 ms to
    /// take over. When all are silent, who spoke last remains.
    pub fn finish(&mut self) -> Option<Party> {
        let before = self.judge.speaker();
        let share = self.judge.share(self.len);
        for slot in &mut self.slots {
            slot.meter(self.len, share);
        }
        let taken = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.is_taken);
        let powers = taken.map(|(at, slot)| (slot.party(at), slot.power));
        self.judge.decide(powers, self.len);
        self.judge.speaker().filter(|&now| before != Some(now))
    }

    /// Fills `out` with what all say but `listener`, once in a round.
    ///
    /// Where the sum is too loud for 16 bits, it is turned down smoothly. A
    /// listener that left hears silence. What is longer than the round is
    /// silence too.
    pub fn mix_minus(&mut self, listener: Party, out: &mut [i16]) {
        let Some(slot) = self.slots.get_mut(listener.slot as usize) else {
            out.fill(0);
            return;
        };
        if !slot.is(listener) {
            out.fill(0);
            return;
        }
        let others = &mut self.others[..self.len];
        others.copy_from_slice(&self.sum[..self.len]);
        for (sum, &own) in others.iter_mut().zip(&slot.own[..slot.said]) {
            *sum -= i32::from(own);
        }
        let len = out.len().min(self.len);
        out[len..].fill(0);
        slot.limiter.limit(&others[..len], &mut out[..len]);
    }

    /// Fills `out` with what all say, as for a recording.
    pub fn mix_all(&mut self, out: &mut [i16]) {
        let len = out.len().min(self.len);
        out[len..].fill(0);
        self.limiter.limit(&self.sum[..len], &mut out[..len]);
    }

    /// Who speaks, or spoke last; nobody before anyone did.
    #[must_use]
    pub fn speaker(&self) -> Option<Party> {
        self.judge.speaker()
    }

    /// How loud a party was of late, after its gain.
    #[must_use]
    pub fn level(&self, party: Party) -> Dbov {
        let slot = self.slots.get(party.slot as usize);
        let power = slot
            .filter(|slot| slot.is(party))
            .map_or(0.0, |slot| slot.power.of_late);
        Dbov(10.0 * (power / FULL_SCALE_POWER).log10())
    }

    fn slot(&mut self, party: Party) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(party.slot as usize)?;
        slot.is(party).then_some(slot)
    }

    /// Takes what a party said in this round out of the sum again.
    fn retract(&mut self, party: Party) {
        let Some(slot) = self.slots.get_mut(party.slot as usize) else {
            return;
        };
        if slot.is(party) {
            for (sum, &sample) in self.sum.iter_mut().zip(&slot.own[..slot.said]) {
                *sum -= i32::from(sample);
            }
            slot.said = 0;
        }
    }
}

impl Slot {
    fn party(&self, slot: usize) -> Party {
        Party {
            slot: slot as u32,
            generation: self.generation,
        }
    }

    fn is(&self, party: Party) -> bool {
        self.is_taken && self.generation == party.generation
    }

    /// Counts what was said in a round of `len` samples.
    fn meter(&mut self, len: usize, share: f32) {
        let squares: i64 = self.own[..self.said]
            .iter()
            .map(|&sample| i64::from(i32::from(sample).pow(2)))
            .sum();
        let power = squares as f32 / len.max(1) as f32;
        self.power.learn(power, share);
    }
}

const FULL_SCALE_POWER: f32 = 1_073_741_824.0;

#[cfg(test)]
mod tests;
