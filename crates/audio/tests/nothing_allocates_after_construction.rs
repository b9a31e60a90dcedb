//! Counts heap allocations on the path of samples: there are none.
#![allow(unsafe_code, reason = "a global allocator cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use talkpath_audio::comfort_noise::{Analyser, Description, Generator};
use talkpath_audio::dtmf::{Detector, Key, KeyTone};
use talkpath_audio::mixer::{Gain, Mixer};
use talkpath_audio::{
    Concealer, Dbov, LevelMeter, Parameters, Resampler, SampleRate, TimeScaler, Tone,
    ToneGenerator, Urgency, codec, voice,
};

struct Counting;

thread_local! {
    /// Allocations of this thread only: the harness has others.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes unchanged to the system's allocator; the counter is a
// plain cell without a destructor, so that it cannot allocate itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's own promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(Box::new(1)))) >= 1);
}

#[test]
fn codecs_do_not_allocate_per_frame() {
    for codec in codec::BUILT_IN {
        // Opus in Rust takes scratch memory for each frame, and gives it back.
        let most = match codec.name() {
            "opus" if cfg!(not(feature = "libopus")) => 100 * 350,
            _ => 0,
        };
        let (mut encoder, mut decoder) = (
            codec.encoder(Parameters::NONE),
            codec.decoder(Parameters::NONE),
        );
        let samples = codec.sample_rate().frame_len();
        let mut said = vec![0; samples * usize::from(codec.channels())];
        let (mut payload, mut pcm) = (vec![0; codec.max_payload_len(samples)], said.clone());
        let count = allocations(|| {
            for value in 0..100 {
                said.fill(value * 300);
                let len = encoder.encode(&said, &mut payload).unwrap();
                decoder.decode(&payload[..len], &mut pcm).unwrap();
            }
        });
        assert!(count <= most, "{}: {count}", codec.name());
    }
}

#[test]
fn resamplers_do_not_allocate_per_frame() {
    for from in [8_000, 16_000, 24_000, 48_000].map(|hz| SampleRate::new(hz).unwrap()) {
        for to in [8_000, 16_000, 24_000, 48_000].map(|hz| SampleRate::new(hz).unwrap()) {
            let mut resampler = Resampler::new(from, to).unwrap();
            let input = vec![1_000; from.frame_len()];
            let mut output = vec![0; to.frame_len()];
            let count = allocations(|| {
                for _ in 0..50 {
                    resampler.process(&input, &mut output);
                }
                resampler.process(&input[..77], &mut output);
                resampler.flush(&mut output);
                resampler.reset();
            });
            assert_eq!(count, 0, "{from} to {to}");
        }
    }
}

#[test]
fn comfort_noise_does_not_allocate() {
    let (rate, mut frame) = (SampleRate::HZ_16000, [0; 320]);
    let mut generator = Generator::new(rate, 1);
    let mut analyser = Analyser::new(rate);
    let mut payload = [0; Description::MAX_LEN];
    let count = allocations(|| {
        for level in 30..90 {
            generator.update(&Description::parse(&[level, 40, 160]).unwrap());
            generator.fill(&mut frame);
            analyser.push(&frame);
            analyser.describe(10).write(&mut payload).unwrap();
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn voice_detection_does_not_allocate() {
    for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000] {
        let mut detector = voice::Detector::new(rate, voice::Settings::default()).unwrap();
        let mut frame = vec![0; rate.frame_len()];
        let count = allocations(|| {
            for n in 0..100 {
                frame.fill(n * 99);
                frame[..40].fill(-n * 300);
                detector.push(&frame);
            }
            detector.reset();
        });
        assert_eq!(count, 0, "{rate}");
    }
}

#[test]
fn mixing_does_not_allocate_per_round() {
    let mut mixer = Mixer::new(SampleRate::HZ_48000, 960);
    let parties = [(); 5].map(|()| mixer.join());
    let mut heard = [0; 960];
    let count = allocations(|| {
        for round in 0..100 {
            mixer.begin(960);
            for (at, &party) in parties.iter().enumerate() {
                mixer.set_gain(party, Gain::from_db(round as f32 / 10.0));
                mixer.add(party, &[7_000 * at as i16; 960]);
            }
            mixer.finish();
            for &party in &parties {
                mixer.mix_minus(party, &mut heard);
            }
            mixer.mix_all(&mut heard);
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn concealment_tones_and_meters_do_not_allocate() {
    let mut concealer = Concealer::new(SampleRate::HZ_48000);
    let mut tone = ToneGenerator::new(Tone::busy(), SampleRate::HZ_48000);
    let mut meter = LevelMeter::new();
    let mut frame = [0; 960];
    let mut loudest = Dbov(f32::NEG_INFINITY);
    let count = allocations(|| {
        for n in 0..100 {
            tone.fill(&mut frame);
            match n % 5 {
                0 => drop(concealer.conceal(&mut frame)),
                2 => drop(concealer.conceal_between(&mut frame, &[700; 960])),
                _ => concealer.good(&mut frame),
            }
            meter.push(&frame);
            loudest = Dbov(loudest.0.max(meter.take().rms.0));
        }
    });
    assert_eq!(count, 0);
    assert!(loudest > Dbov(-20.0), "{loudest:?}");
}

#[test]
fn time_is_scaled_without_allocating() {
    let rate = SampleRate::HZ_48000;
    let mut scaler = TimeScaler::new(rate);
    let mut pcm = [0; 2 * 1_440];
    ToneGenerator::new(Tone::busy(), rate).fill(&mut pcm);
    let mut scaled = 0;
    let count = allocations(|| {
        for _ in 0..50 {
            scaled += scaler.shorten(&mut pcm[..1_440], Urgency::Urgent);
            scaled += scaler.lengthen(&mut pcm, 1_440, Urgency::Gentle);
        }
    });
    assert_eq!(count, 0);
    assert!(scaled > 0);
}

#[test]
fn keys_are_made_and_heard_without_allocating() {
    let (rate, key) = (SampleRate::HZ_48000, Key::from_char('5').unwrap());
    let mut tone = KeyTone::new(key, Duration::from_millis(100), rate);
    let mut detector = Detector::new(rate);
    let (mut frame, mut told) = ([0; 960], 0);
    let count = allocations(|| {
        for _ in 0..20 {
            tone.fill(&mut frame);
            detector.push(&frame, &mut |_| told += 1);
        }
    });
    assert_eq!((count, told), (0, 2));
}
