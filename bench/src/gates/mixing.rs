//! What a conference costs by the number of its parties, all of whom speak.
//!
//! Of a few the sum is rarely too loud, of twenty always: with its limiter at
//! work a party costs more, and from there on the same each.

use talkpath_audio::SampleRate;
use talkpath_audio::mixer::{Mixer, Party};

use crate::allocation::count;
use crate::report::{Goal, Report};
use crate::rounds::{compare, measure};
use crate::speech;

pub(super) fn run(report: &mut Report) {
    report.note("20 ms at 16 kHz, mixed for everybody");
    for parties in [2, 5, 10, 20, 50, 100] {
        let mut conference = Conference::new(parties);
        let cost = measure(|| conference.round()).median;
        let each = cost / parties as f64;
        report.note(format_args!(
            "  {parties:3} parties {:8.1} µs, {each:6.0} ns each",
            cost / 1e3
        ));
    }
    let (mut small, mut large) = (Conference::new(20), Conference::new(100));
    let compared = compare(
        || (0..5).map(|_| small.round()).sum::<i32>(),
        || large.round(),
    );
    report.ratio("five rounds of 20, one of 100", compared, Some(GOAL));
    let ((), allocations) = count(|| {
        (0..1_000).for_each(|_| {
            large.round();
        });
    });
    report.count("allocations, 1,000 rounds", allocations, 0);
}

struct Conference {
    mixer: Mixer,
    parties: Vec<Party>,
    speech: Vec<i16>,
    at: usize,
    heard: Vec<i16>,
}

impl Conference {
    fn new(parties: usize) -> Self {
        let rate = SampleRate::HZ_16000;
        let mut mixer = Mixer::new(rate, rate.frame_len());
        Conference {
            parties: (0..parties).map(|_| mixer.join()).collect(),
            mixer,
            speech: speech::frames(rate, 200),
            at: 0,
            heard: vec![0; rate.frame_len()],
        }
    }

    fn round(&mut self) -> i32 {
        let len = self.heard.len();
        self.mixer.begin(len);
        for (n, party) in self.parties.iter().enumerate() {
            // Each is somewhere else in the same words.
            let at = (self.at + n * 37 * 160) % (self.speech.len() - len);
            self.mixer.add(*party, &self.speech[at..at + len]);
        }
        self.at += len;
        self.mixer.finish();
        let mut last = 0;
        for party in &self.parties {
            self.mixer.mix_minus(*party, &mut self.heard);
            last += i32::from(self.heard[0]);
        }
        last
    }
}

/// A party of a hundred may cost a quarter more than one of twenty.
const GOAL: Goal = Goal {
    must: 0.8,
    stretch: 1.0,
};
