//! Samples that are decoded and not yet played.
//!
//! In: what was decoded or made up, at the end. Out: frames, at the beginning,
//! and of how many samples of each kind they are. In between the signal can be
//! shortened and lengthened by pitch periods. Memory is taken once.

use std::time::Duration;

use talkpath_audio::{SampleRate, TimeScaler, Urgency};

/// What a frame is made of, in samples.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Mix {
    pub(super) played: usize,
    pub(super) concealed: usize,
    pub(super) silent: usize,
}

/// Where samples come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Made {
    Received,
    Concealed,
    Silent,
}

impl Mix {
    pub(super) fn add(&mut self, made: Made, samples: usize) {
        match made {
            Made::Received => self.played += samples,
            Made::Concealed => self.concealed += samples,
            Made::Silent => self.silent += samples,
        }
    }
}

/// A queue of samples in one piece.
pub(super) struct Speech {
    pcm: Box<[i16]>,
    start: usize,
    end: usize,
    /// Kinds and lengths of what is queued, oldest first.
    spans: [(Made, usize); SPANS],
    /// How many of them there are.
    kinds: usize,
    scaler: TimeScaler,
    /// What was there before a trial.
    kept: Box<[i16]>,
    /// Samples that are scaled at once, and the most of a pitch period.
    piece: usize,
    period: usize,
}

impl Speech {
    /// Room for the longest packet, for what precedes it, and for scaling.
    pub(super) fn new(rate: SampleRate, longest: Duration) -> Self {
        let piece = rate.samples_in(PIECE);
        Speech {
            pcm: vec![0; rate.samples_in(longest) + 4 * piece].into(),
            start: 0,
            end: 0,
            spans: [(Made::Silent, 0); SPANS],
            kinds: 0,
            scaler: TimeScaler::new(rate),
            kept: vec![0; piece].into(),
            piece,
            period: rate.samples_in(PERIOD),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples that [`shorten`](Self::shorten) looks at.
    pub(super) fn piece(&self) -> usize {
        self.piece
    }

    pub(super) fn clear(&mut self) {
        (self.start, self.end, self.kinds) = (0, 0, 0);
    }

    /// What is queued.
    pub(super) fn queued(&self) -> &[i16] {
        &self.pcm[self.start..self.end]
    }

    /// Room for so many samples behind what is queued, if there is.
    pub(super) fn room(&mut self, len: usize) -> Option<&mut [i16]> {
        if len > self.pcm.len() - self.len() {
            return None;
        }
        if len > self.pcm.len() - self.end {
            self.pcm.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        Some(&mut self.pcm[self.end..self.end + len])
    }

    /// So many samples were written to the [room](Self::room).
    pub(super) fn commit(&mut self, made: Made, len: usize) {
        let len = len.min(self.pcm.len() - self.end);
        if len == 0 {
            return;
        }
        self.end += len;
        let last = self.kinds.checked_sub(1);
        match last.map(|last| &mut self.spans[last]) {
            Some((kind, samples)) if *kind == made || self.kinds == SPANS => *samples += len,
            _ => {
                self.spans[self.kinds] = (made, len);
                self.kinds += 1;
            }
        }
    }

    /// Moves as many samples as both sides allow, and says how many.
    pub(super) fn take(&mut self, into: &mut [i16], mix: &mut Mix) -> usize {
        let len = into.len().min(self.len());
        into[..len].copy_from_slice(&self.pcm[self.start..self.start + len]);
        self.start += len;
        self.forget(len, |made, samples| mix.add(made, samples));
        len
    }

    /// Takes one pitch period out of the beginning, unless `accept` does not
    /// like its length; returns that length, or 0.
    pub(super) fn shorten(&mut self, urgency: Urgency, accept: impl Fn(usize) -> bool) -> usize {
        let len = self.len().min(self.piece);
        let piece = &mut self.pcm[self.start..self.start + len];
        self.kept[..len].copy_from_slice(piece);
        let removed = self.scaler.shorten(piece, urgency);
        if removed == 0 || !accept(removed) {
            piece.copy_from_slice(&self.kept[..len]);
            return 0;
        }
        // What is left moves to what follows it.
        piece.copy_within(..len - removed, removed);
        self.start += removed;
        self.forget(removed, |_, _| {});
        removed
    }

    /// Puts one pitch period into the beginning; returns its length, or 0.
    pub(super) fn lengthen(&mut self, urgency: Urgency) -> usize {
        if self.room(self.period).is_none() || self.is_empty() {
            return 0;
        }
        let len = self.len();
        let whole = &mut self.pcm[self.start..self.end + self.period];
        let added = self.scaler.lengthen(whole, len, urgency);
        self.end += added;
        self.spans[0].1 += added;
        added
    }

    /// Takes the kinds of so many samples from the beginning.
    fn forget(&mut self, mut len: usize, mut each: impl FnMut(Made, usize)) {
        let mut gone = 0;
        for (made, samples) in &mut self.spans[..self.kinds] {
            let part = len.min(*samples);
            *samples -= part;
            len -= part;
            each(*made, part);
            if *samples > 0 {
                break;
            }
            gone += 1;
        }
        self.spans.copy_within(gone..self.kinds, 0);
        self.kinds -= gone;
    }
}

/// Kinds that can wait side by side.
const SPANS: usize = 16;
/// What is scaled at once.
const PIECE: Duration = Duration::from_millis(60);
/// The longest pitch period.
const PERIOD: Duration = Duration::from_millis(15);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use talkpath_audio::{Dbov, Tone, ToneGenerator};

    const RATE: SampleRate = SampleRate::HZ_8000;

    fn speech() -> Speech {
        Speech::new(RATE, Duration::from_millis(200))
    }

    fn put(speech: &mut Speech, made: Made, pcm: &[i16]) {
        speech.room(pcm.len()).unwrap().copy_from_slice(pcm);
        speech.commit(made, pcm.len());
    }

    #[test]
    fn samples_come_out_in_order_with_their_kinds() {
        let mut speech = speech();
        put(&mut speech, Made::Received, &[1; 100]);
        put(&mut speech, Made::Concealed, &[2; 60]);
        put(&mut speech, Made::Received, &[3; 40]);
        let (mut frame, mut mix) = ([0; 160], Mix::default());
        assert_eq!(speech.take(&mut frame, &mut mix), 160);
        assert_eq!((mix.played, mix.concealed, mix.silent), (100, 60, 0));
        assert_eq!((frame[99], frame[100], frame[159]), (1, 2, 2));
        assert_eq!(speech.queued(), [3; 40]);
    }

    #[test]
    fn a_length_that_is_not_liked_leaves_all_as_it_was() {
        let mut speech = speech();
        let mut pcm = [0; 400];
        ToneGenerator::new(Tone::sine(200.0, Dbov(-10.0)), RATE).fill(&mut pcm);
        put(&mut speech, Made::Received, &pcm);
        assert_eq!(speech.shorten(Urgency::Gentle, |_| false), 0);
        assert_eq!(speech.queued(), pcm);
        let removed = speech.shorten(Urgency::Gentle, |_| true);
        assert!(removed > 0 && removed.is_multiple_of(40), "{removed}");
        let steps = speech
            .queued()
            .windows(2)
            .map(|p| p[0].abs_diff(p[1]))
            .max();
        assert!(
            steps
                <= pcm
                    .windows(2)
                    .map(|p| p[0].abs_diff(p[1]))
                    .max()
                    .map(|s| s + 50)
        );
        assert_eq!(speech.queued()[400 - removed - 1], pcm[399]);
    }

    proptest! {
        #[test]
        fn no_sample_is_counted_twice_or_forgotten(
            steps in proptest::collection::vec((0u8..5, 0usize..700), 0..200)
        ) {
            let mut speech = speech();
            let (mut mix, mut put_in, mut removed, mut added) = (Mix::default(), 0, 0, 0);
            for (step, len) in steps {
                let made = [Made::Received, Made::Concealed, Made::Silent][usize::from(step) % 3];
                match step {
                    0..3 => if let Some(room) = speech.room(len) {
                        room.fill(len as i16);
                        speech.commit(made, len);
                        put_in += len;
                    },
                    3 => { speech.take(&mut vec![0; len], &mut mix); }
                    _ => {
                        removed += speech.shorten(Urgency::Urgent, |removed| removed.is_multiple_of(2));
                        added += speech.lengthen(Urgency::Urgent);
                    }
                }
                let out = mix.played + mix.concealed + mix.silent;
                prop_assert_eq!(out + speech.len() + removed, put_in + added);
                let spans: usize = speech.spans[..speech.kinds].iter().map(|s| s.1).sum();
                prop_assert_eq!(spans, speech.len());
            }
        }
    }
}
