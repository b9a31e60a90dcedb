use super::*;
use proptest::prelude::*;

const RATE: SampleRate = SampleRate::HZ_16000;
const FRAME: usize = 320;

/// A mixer with so many parties.
fn mixer(parties: usize) -> (Mixer, Vec<Party>) {
    let mut mixer = Mixer::new(RATE, FRAME);
    let joined = (0..parties).map(|_| mixer.join()).collect();
    (mixer, joined)
}

fn minus(mixer: &mut Mixer, party: Party) -> Vec<i16> {
    let mut out = vec![99; FRAME];
    mixer.mix_minus(party, &mut out);
    out
}

fn all(mixer: &mut Mixer) -> Vec<i16> {
    let mut out = vec![99; FRAME];
    mixer.mix_all(&mut out);
    out
}

fn frame() -> impl Strategy<Value = Vec<i16>> {
    proptest::collection::vec(any::<i16>(), FRAME)
}

/// A frame of one level with alternating signs.
fn buzz(level: i16) -> Vec<i16> {
    (0..FRAME)
        .map(|at| if at % 2 == 0 { level } else { -level })
        .collect()
}

#[test]
fn who_says_nothing_hears_all_and_costs_nothing() {
    let (mut mixer, parties) = mixer(3);
    mixer.begin(FRAME);
    mixer.add(parties[0], &[100; FRAME]);
    mixer.add(parties[1], &[20; FRAME]);
    assert_eq!(minus(&mut mixer, parties[2]), [120; FRAME]);
    assert_eq!(all(&mut mixer), [120; FRAME]);
    mixer.begin(FRAME);
    assert_eq!(minus(&mut mixer, parties[0]), [0; FRAME]);
}

#[test]
fn own_voice_is_not_heard_however_loud_it_is() {
    let (mut mixer, parties) = mixer(5);
    for round in 0..10 {
        mixer.begin(FRAME);
        for &party in &parties {
            mixer.add(party, &[i16::MAX; FRAME]);
        }
        // One of them turns its sign: what it hears must not.
        mixer.add(parties[3], &[i16::MIN; FRAME]);
        let heard = minus(&mut mixer, parties[3]);
        assert!(heard.iter().all(|&sample| sample > 32_000), "round {round}");
        // What others hear of three against one is what is left of it.
        let heard = minus(&mut mixer, parties[0]);
        assert!(heard.iter().all(|&sample| sample > 20_000), "round {round}");
    }
}

#[test]
fn a_sum_that_is_too_loud_is_turned_down_without_a_step() {
    let (mut mixer, parties) = mixer(3);
    // Whole periods in a frame, so that who comes and goes makes no step.
    let wave = |at: usize| (at as f64 * std::f64::consts::TAU / 160.0).sin();
    let mut heard = Vec::new();
    for round in 0..100 {
        mixer.begin(FRAME);
        // The second is there for a second only.
        let speakers = if (25..75).contains(&round) { 2 } else { 1 };
        for &party in &parties[..speakers] {
            let pcm: Vec<i16> = (0..FRAME)
                .map(|at| (wave(round * FRAME + at) * 24_000.0) as i16)
                .collect();
            mixer.add(party, &pcm);
        }
        heard.extend(minus(&mut mixer, parties[2]));
    }
    let is_top = |sample: i16| sample.unsigned_abs() >= 32_767;
    let pairs = heard.windows(2);
    let flat = pairs
        .filter(|pair| is_top(pair[0]) && is_top(pair[1]))
        .count();
    assert!(flat < 50, "{flat} samples clipped");
    // The steepest that two such waves are, and what turning down adds.
    let steps = heard.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    assert!(steps.skip(1).max().unwrap() < 2 * 943 + 500);
    // Half a second after the second one left, all is as it was.
    let last = &heard[99 * FRAME..];
    let same = (0..FRAME).all(|at| last[at] == (wave(99 * FRAME + at) * 24_000.0) as i16);
    assert!(same);
}

#[test]
fn gains_fade_within_a_frame_and_then_hold() {
    let (mut mixer, parties) = mixer(2);
    let hear = |mixer: &mut Mixer| {
        mixer.begin(FRAME);
        mixer.add(parties[0], &[1_000; FRAME]);
        minus(mixer, parties[1])
    };
    assert_eq!(hear(&mut mixer), [1_000; FRAME]);
    mixer.set_gain(parties[0], Gain::from_db(6.020_6));
    let fading = hear(&mut mixer);
    assert!(fading.is_sorted() && fading[0] < 1_010 && fading[FRAME - 1] == 2_000);
    assert_eq!(hear(&mut mixer), [2_000; FRAME]);
    mixer.set_gain(parties[0], Gain::MUTE);
    let fading = hear(&mut mixer);
    assert!(fading[0] > 1_980 && fading[FRAME - 1] == 0);
    assert_eq!(hear(&mut mixer), [0; FRAME]);
    mixer.set_gain(parties[0], Gain::UNITY);
    hear(&mut mixer);
    assert_eq!(hear(&mut mixer), [1_000; FRAME]);
}

#[test]
fn frames_of_other_lengths_are_cut_or_followed_by_silence() {
    let (mut mixer, parties) = mixer(2);
    mixer.begin(100);
    mixer.add(parties[0], &[7; 40]);
    let heard = minus(&mut mixer, parties[1]);
    assert_eq!((&heard[..40], &heard[40..]), (&[7; 40][..], &[0; 280][..]));
    mixer.add(parties[0], &[8; FRAME]);
    let heard = minus(&mut mixer, parties[1]);
    assert_eq!(
        (&heard[..100], &heard[100..]),
        (&[8; 100][..], &[0; 220][..])
    );
    mixer.begin(usize::MAX);
    mixer.add(parties[0], &[1; 2 * FRAME]);
    mixer.mix_minus(parties[1], &mut []);
    assert_eq!(minus(&mut mixer, parties[1]), [1; FRAME]);
}

#[test]
fn who_left_is_neither_heard_nor_hears() {
    let (mut mixer, parties) = mixer(2);
    mixer.begin(FRAME);
    mixer.add(parties[0], &[500; FRAME]);
    mixer.leave(parties[0]);
    assert_eq!(minus(&mut mixer, parties[1]), [0; FRAME]);
    let next = mixer.join();
    mixer.add(parties[0], &[500; FRAME]);
    mixer.add(next, &[30; FRAME]);
    mixer.add(parties[1], &[2; FRAME]);
    assert_eq!(minus(&mut mixer, parties[0]), [0; FRAME]);
    assert_eq!(minus(&mut mixer, next), [2; FRAME]);
    mixer.leave(parties[0]);
    assert_eq!(minus(&mut mixer, parties[1]), [30; FRAME]);
}

/// Rounds until the speaker changes, with these levels.
fn rounds(mixer: &mut Mixer, said: &[(Party, i16)]) -> Option<(usize, Party)> {
    (1..=100).find_map(|round| {
        mixer.begin(FRAME);
        for &(party, level) in said {
            mixer.add(party, &buzz(level));
        }
        Some((round, mixer.finish()?))
    })
}

#[test]
fn the_active_speaker_is_the_loudest_of_late() {
    let (mut mixer, parties) = mixer(3);
    let (ann, bob) = (parties[0], parties[1]);
    assert_eq!(rounds(&mut mixer, &[(ann, 20), (bob, 30)]), None); // room noise
    let (after, who) = rounds(&mut mixer, &[(ann, 3_000), (bob, 30)]).unwrap();
    assert_eq!(who, ann);
    assert!((10..=13).contains(&after), "{after}");
    // Nearly as loud is not enough, and silence changes nothing.
    assert_eq!(rounds(&mut mixer, &[(ann, 3_000), (bob, 4_000)]), None);
    assert_eq!(rounds(&mut mixer, &[]), None);
    assert_eq!(mixer.speaker(), Some(ann));
    let (after, who) = rounds(&mut mixer, &[(bob, 1_000)]).unwrap();
    assert_eq!(who, bob);
    assert!((10..=13).contains(&after), "{after}");
    assert!((mixer.level(bob).0 + 30.3).abs() < 1.0);
    mixer.leave(bob);
    assert_eq!(mixer.speaker(), None);
}

#[test]
fn a_cough_does_not_make_a_speaker() {
    let (mut mixer, parties) = mixer(2);
    mixer.begin(FRAME);
    mixer.add(parties[0], &buzz(20_000));
    assert_eq!(mixer.finish(), None);
    assert_eq!(rounds(&mut mixer, &[]), None);
    rounds(&mut mixer, &[(parties[0], 2_000)]).unwrap();
    for round in 0..100 {
        mixer.begin(FRAME);
        mixer.add(parties[0], &buzz(2_000));
        if round % 50 < 4 {
            mixer.add(parties[1], &buzz(5_000));
        }
        assert_eq!(mixer.finish(), None, "round {round}");
    }
}

#[test]
fn the_muted_do_not_become_speakers() {
    let (mut mixer, parties) = mixer(2);
    mixer.set_gain(parties[0], Gain::MUTE);
    assert_eq!(rounds(&mut mixer, &[(parties[0], 9_000)]), None);
}

proptest! {
    #[test]
    fn of_two_each_hears_exactly_the_other(one in frame(), other in frame()) {
        let (mut mixer, parties) = mixer(2);
        mixer.begin(FRAME);
        mixer.add(parties[0], &one);
        mixer.add(parties[1], &other);
        prop_assert_eq!(minus(&mut mixer, parties[0]), other);
        prop_assert_eq!(minus(&mut mixer, parties[1]), one);
    }

    #[test]
    fn the_order_of_parties_does_not_matter(
        frames in proptest::collection::vec(frame(), 2..6),
        turn in 0usize..6,
    ) {
        let (mut mixer, parties) = mixer(frames.len());
        let mut other = mixer.clone();
        mixer.begin(FRAME);
        other.begin(FRAME);
        for at in 0..frames.len() {
            mixer.add(parties[at], &frames[at]);
            let at = (at + turn) % frames.len();
            other.add(parties[at], &frames[at]);
        }
        for &party in &parties {
            prop_assert_eq!(minus(&mut mixer, party), minus(&mut other, party));
        }
        prop_assert_eq!(all(&mut mixer), all(&mut other));
    }

    #[test]
    fn what_one_hears_does_not_depend_on_what_one_says(
        mine in frame(), instead in frame(), others in proptest::collection::vec(frame(), 1..5),
    ) {
        let hears = |mine: &[i16]| {
            let (mut mixer, parties) = mixer(others.len() + 1);
            mixer.begin(FRAME);
            mixer.add(parties[0], mine);
            for (&party, pcm) in parties[1..].iter().zip(&others) {
                mixer.add(party, pcm);
            }
            minus(&mut mixer, parties[0])
        };
        prop_assert_eq!(hears(&mine), hears(&instead));
    }

    #[test]
    fn no_list_of_operations_panics(
        operations in proptest::collection::vec((0u8..8, 0usize..6, -100f32..40.0, any::<i16>()), 0..80),
    ) {
        let (mut mixer, mut parties) = mixer(1);
        for (operation, at, db, level) in operations {
            let party = parties[at % parties.len()];
            match operation {
                0 => parties.push(mixer.join()),
                1 => mixer.leave(party),
                2 => mixer.set_gain(party, Gain::from_db(db)),
                3 => mixer.begin(at * 70),
                4 => { mixer.finish(); }
                5 => { all(&mut mixer); }
                6 => { minus(&mut mixer, party); }
                _ => mixer.add(party, &vec![level; at * 100]),
            }
        }
        mixer.begin(FRAME);
        prop_assert_eq!(all(&mut mixer), [0; FRAME]);
    }
}
