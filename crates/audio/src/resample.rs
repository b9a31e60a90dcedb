//! Changing the sample rate of a stream of mono PCM.
//!
//! In: samples at one rate, in pieces of any size. Out: samples at another. The
//! work is done in blocks of 20 ms by FFT (rubato), flat to 0.42 of the lower
//! rate and with aliases below -100 dB; equal rates only copy. Left out: rates
//! that drift, and several channels, which take one resampler each.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::rate::SampleRate;

/// Resamples one stream of mono PCM.
///
/// [`Resampler::process`] takes what it can use and gives what it has, and is
/// told by the lengths of both how far it came. Between 8, 16, 24, 32 and 48 kHz
/// a frame of 20 ms (or a multiple of it) that goes in comes out in the same
/// call; with other lengths samples wait inside until a block of 20 ms is whole.
/// It allocates only in [`Resampler::new`].
///
/// ```
/// use talkpath_audio::{Progress, Resampler, SampleRate};
/// let mut resampler = Resampler::new(SampleRate::HZ_8000, SampleRate::HZ_48000)?;
/// let mut out = [0; 960];
/// let progress = resampler.process(&[100; 160], &mut out);
/// assert_eq!(progress, Progress { read: 160, written: 960 });
/// assert_eq!(resampler.delay(), 480); // 10 ms at 48 kHz
/// # Ok::<(), talkpath_audio::ResampleError>(())
/// ```
pub struct Resampler {
    engine: Engine,
}

/// How far a call of [`Resampler::process`] came.
///
/// ```
/// use talkpath_audio::{Progress, Resampler, SampleRate};
/// let mut resampler = Resampler::new(SampleRate::HZ_8000, SampleRate::HZ_16000)?;
/// // Half a block waits inside, its second half brings both out.
/// assert_eq!(resampler.process(&[0; 80], &mut []), Progress { read: 80, written: 0 });
/// assert_eq!(resampler.process(&[0; 80], &mut [0; 999]), Progress { read: 80, written: 320 });
/// # Ok::<(), talkpath_audio::ResampleError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Samples taken from the input.
    pub read: usize,
    /// Samples written to the output.
    pub written: usize,
}

/// Two rates without a common block short enough: the caller's fault.
///
/// ```
/// use talkpath_audio::{Resampler, SampleRate};
/// let odd = SampleRate::new(8_001).expect("it is within range");
/// assert!(Resampler::new(odd, SampleRate::HZ_8000).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{from} and {to} have no common block within 100 ms")]
pub struct ResampleError {
    /// Rate of the input.
    pub from: SampleRate,
    /// Rate of the output.
    pub to: SampleRate,
}

enum Engine {
    Copy,
    Fft(Box<Blocks>),
}

/// A resampler of whole blocks between a queue on each side.
struct Blocks {
    fft: Fft<f32>,
    /// One block of input, of which the first `filled` samples are there.
    input: Vec<f32>,
    filled: usize,
    /// One block of output, of which the samples from `taken` on are left.
    output: Vec<f32>,
    taken: usize,
    /// Input samples ever taken, and output samples ever given: for `flush`.
    read: u64,
    written: u64,
}

impl Resampler {
    /// Prepares for a stream that begins with silence.
    ///
    /// # Errors
    /// [`ResampleError`] when the rates have no common block within 100 ms. All
    /// of 8, 11.025, 12, 16, 22.05, 24, 32, 44.1, 48 and 96 kHz have one.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        if from == to {
            return Ok(Self {
                engine: Engine::Copy,
            });
        }
        let error = ResampleError { from, to };
        // The shortest block is one period of both rates' common divisor.
        if gcd(from.hz(), to.hz()) < 10 {
            return Err(error);
        }
        let (from, to) = (from.hz() as usize, to.hz() as usize);
        let fft = Fft::new(from, to, from / 50, 1, FixedSync::Both).map_err(|_| error)?;
        let (input, output) = (fft.input_frames_next(), fft.output_frames_next());
        let blocks = Blocks {
            fft,
            input: vec![0.0; input],
            filled: 0,
            output: vec![0.0; output],
            taken: output,
            read: 0,
            written: 0,
        };
        Ok(Self {
            engine: Engine::Fft(Box::new(blocks)),
        })
    }

    /// Takes samples and gives samples, as many of each as it can.
    ///
    /// It returns when the input is used up or the output is full. With an empty
    /// input it gives what is ready.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> Progress {
        match &mut self.engine {
            Engine::Copy => {
                let len = input.len().min(output.len());
                output[..len].copy_from_slice(&input[..len]);
                Progress {
                    read: len,
                    written: len,
                }
            }
            Engine::Fft(blocks) => blocks.process(input, output),
        }
    }

    /// Ends the stream: gives what is still inside, in as many calls as it takes.
    ///
    /// Returns the samples written; 0 when all is out. In sum the stream is then
    /// [`Resampler::delay`] longer than its input, and that much later.
    pub fn flush(&mut self, output: &mut [i16]) -> usize {
        match &mut self.engine {
            Engine::Copy => 0,
            Engine::Fft(blocks) => blocks.flush(output),
        }
    }

    /// How much later the signal comes out, in samples of the output.
    ///
    /// 10 ms between the rates of telephony, 0 between equal ones. Samples that
    /// wait for a block to be whole come on top.
    #[must_use]
    pub fn delay(&self) -> usize {
        match &self.engine {
            Engine::Copy => 0,
            Engine::Fft(blocks) => blocks.fft.output_delay(),
        }
    }

    /// Samples of input and of output in a block: 20 ms for usual rates.
    ///
    /// Equal rates have blocks of one sample.
    #[must_use]
    pub fn block(&self) -> (usize, usize) {
        match &self.engine {
            Engine::Copy => (1, 1),
            Engine::Fft(blocks) => (blocks.input.len(), blocks.output.len()),
        }
    }

    /// Forgets the stream, as for a new source.
    pub fn reset(&mut self) {
        if let Engine::Fft(blocks) = &mut self.engine {
            blocks.fft.reset();
            blocks.filled = 0;
            blocks.taken = blocks.output.len();
            (blocks.read, blocks.written) = (0, 0);
        }
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (input, output) = self.block();
        f.debug_struct("Resampler")
            .field("input", &input)
            .field("output", &output)
            .finish()
    }
}

impl Blocks {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> Progress {
        let mut progress = Progress::default();
        loop {
            progress.written += self.give(&mut output[progress.written..]);
            progress.read += self.take(&input[progress.read..]);
            // A block is made only once the one before it is gone.
            if self.filled < self.input.len() || self.taken < self.output.len() {
                return progress;
            }
            self.transform();
        }
    }

    fn flush(&mut self, output: &mut [i16]) -> usize {
        let mut written = 0;
        loop {
            let wanted = self.total_output().saturating_sub(self.written);
            let wanted = usize::try_from(wanted)
                .unwrap_or(usize::MAX)
                .min(output.len() - written);
            if wanted == 0 {
                return written;
            }
            written += self.give(&mut output[written..][..wanted]);
            if self.taken == self.output.len() {
                self.input[self.filled..].fill(0.0);
                self.transform();
            }
        }
    }

    /// The length of the whole stream with its delay, rounded up.
    fn total_output(&self) -> u64 {
        if self.read == 0 {
            return 0;
        }
        let (input, output) = (self.input.len() as u64, self.output.len() as u64);
        let blocks = self.read / input * output;
        blocks + (self.read % input * output).div_ceil(input) + self.fft.output_delay() as u64
    }

    fn take(&mut self, input: &[i16]) -> usize {
        let free = &mut self.input[self.filled..];
        let len = free.len().min(input.len());
        for (slot, &sample) in free.iter_mut().zip(input) {
            *slot = f32::from(sample);
        }
        self.filled += len;
        self.read += len as u64;
        len
    }

    fn give(&mut self, output: &mut [i16]) -> usize {
        let ready = &self.output[self.taken..];
        let len = ready.len().min(output.len());
        for (slot, &sample) in output.iter_mut().zip(ready) {
            // Half away from zero; the cast truncates and saturates.
            *slot = (sample + 0.5f32.copysign(sample)) as i16;
        }
        self.taken += len;
        self.written += len as u64;
        len
    }

    fn transform(&mut self) {
        const OWN: &str = "both blocks have the lengths that the resampler asked for";
        let (input, output) = (self.input.len(), self.output.len());
        let from = InterleavedSlice::new(&self.input[..], 1, input).expect(OWN);
        let mut to = InterleavedSlice::new_mut(&mut self.output[..], 1, output).expect(OWN);
        self.fft
            .process_into_buffer(&from, &mut to, None)
            .expect(OWN);
        self.filled = 0;
        self.taken = 0;
    }
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Dbov;
    use crate::measure;
    use crate::tone::{Tone, ToneGenerator};
    use proptest::prelude::*;

    const RATES: [SampleRate; 4] = [
        SampleRate::HZ_8000,
        SampleRate::HZ_16000,
        SampleRate::HZ_24000,
        SampleRate::HZ_48000,
    ];

    fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
        RATES
            .into_iter()
            .flat_map(|from| RATES.into_iter().map(move |to| (from, to)))
    }

    fn sine(hz: f32, rate: SampleRate, samples: usize) -> Vec<i16> {
        let mut pcm = vec![0; samples];
        ToneGenerator::new(Tone::sine(hz, Dbov(-10.0)), rate).fill(&mut pcm);
        pcm
    }

    /// The whole of a stream, pushed and pulled in pieces, and its end.
    fn resample(from: SampleRate, to: SampleRate, input: &[i16], piece: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut heard = Vec::new();
        let mut room = vec![0; piece];
        for mut rest in input.chunks(piece) {
            loop {
                let progress = resampler.process(rest, &mut room);
                heard.extend(&room[..progress.written]);
                rest = &rest[progress.read..];
                if progress == Progress::default() {
                    break;
                }
            }
            assert!(rest.is_empty());
        }
        loop {
            let written = resampler.flush(&mut room);
            heard.extend(&room[..written]);
            if written == 0 {
                return heard;
            }
        }
    }

    #[test]
    fn a_frame_of_20_ms_gives_a_frame_of_20_ms_at_once() {
        for (from, to) in pairs() {
            let mut resampler = Resampler::new(from, to).unwrap();
            for frames in [1, 1, 3] {
                let (input, expected) = (frames * from.frame_len(), frames * to.frame_len());
                let mut out = vec![0; expected];
                let progress = resampler.process(&vec![1; input], &mut out);
                assert_eq!(
                    progress,
                    Progress {
                        read: input,
                        written: expected
                    },
                    "{from} {to}"
                );
            }
        }
    }

    #[test]
    fn a_tone_keeps_its_frequency_its_level_and_its_purity() {
        for (from, to) in pairs() {
            for hz in [300.0, 3_300.0] {
                let out = resample(from, to, &sine(hz, from, from.hz() as usize / 2), 777);
                let middle = &out[to.frame_len() * 2..to.frame_len() * 22];
                let heard = measure::tone(middle, to).unwrap();
                assert!(
                    (heard.hz - f64::from(hz)).abs() < 0.05,
                    "{from} {to}: {heard:?}"
                );
                assert!(
                    (heard.level.0 - -10.0).abs() < 0.02,
                    "{from} {to}: {heard:?}"
                );
                assert!(heard.snr_db > 75.0, "{from} {to}: {heard:?}");
            }
        }
    }

    #[test]
    fn a_quiet_tone_is_rounded_and_not_cut() {
        let mut input = vec![0; 8_000];
        let tone = Tone::sine(437.0, Dbov(-50.0));
        ToneGenerator::new(tone, SampleRate::HZ_8000).fill(&mut input);
        let out = resample(SampleRate::HZ_8000, SampleRate::HZ_16000, &input, 160);
        let heard = measure::tone(&out[640..15_000], SampleRate::HZ_16000).unwrap();
        // Rounded twice, the noise is a sixth of a step squared: 48.1 dB under
        // the tone. Cut instead of rounded the second time, it would be 44 dB.
        assert!(heard.snr_db > 47.0, "{heard:?}");
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let input = sine(5_000.0, SampleRate::HZ_48000, 48_000);
        let out = resample(SampleRate::HZ_48000, SampleRate::HZ_8000, &input, 960);
        let middle = &out[1_600..6_400];
        assert!(
            middle.iter().all(|sample| sample.abs() <= 1),
            "{:?}",
            middle.iter().max()
        );
    }

    #[test]
    fn the_delay_is_the_one_it_names() {
        for (from, to) in pairs() {
            let mut input = vec![0; from.frame_len() * 10];
            let at = from.frame_len() * 4;
            input[at] = 30_000;
            let out = resample(from, to, &input, 160);
            let peak = (0..out.len())
                .max_by_key(|&n| out[n].unsigned_abs())
                .unwrap();
            let delay = Resampler::new(from, to).unwrap().delay();
            let expected = at * to.hz() as usize / from.hz() as usize + delay;
            assert!(
                peak.abs_diff(expected) <= 1,
                "{from} {to}: {peak} {expected}"
            );
            assert!(delay <= to.frame_len() / 2);
        }
    }

    #[test]
    fn full_scale_saturates_instead_of_wrapping() {
        let square: Vec<i16> = (0..1_600)
            .map(|n| if n / 10 % 2 == 0 { i16::MAX } else { i16::MIN })
            .collect();
        let out = resample(SampleRate::HZ_8000, SampleRate::HZ_48000, &square, 160);
        // The filter's overshoot passes full scale; wrapped, it would jump by 65,535.
        let step = out
            .windows(2)
            .map(|w| (i32::from(w[0]) - i32::from(w[1])).abs())
            .max();
        assert!(step < Some(40_000), "{step:?}");
        assert!(out.contains(&i16::MAX) && out.contains(&i16::MIN));
    }

    #[test]
    fn rates_of_files_work_and_unrelated_ones_are_refused() {
        for hz in [11_025, 12_000, 22_050, 32_000, 44_100, 96_000] {
            let from = SampleRate::new(hz).unwrap();
            for to in RATES {
                let out = resample(from, to, &sine(440.0, from, hz as usize / 3), 500);
                let heard = measure::tone(&out[to.frame_len() * 3..], to).unwrap();
                assert!((heard.hz - 440.0).abs() < 0.2, "{from} {to}: {heard:?}");
            }
        }
        let odd = SampleRate::new(8_001).unwrap();
        let error = Resampler::new(odd, SampleRate::HZ_48000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "8001 Hz and 48000 Hz have no common block within 100 ms"
        );
    }

    #[test]
    fn a_resampler_can_move_to_its_worker() {
        fn movable<T: Send + 'static>() {}
        movable::<Resampler>();
    }

    #[test]
    fn reset_forgets_what_was_heard() {
        let mut resampler = Resampler::new(SampleRate::HZ_16000, SampleRate::HZ_8000).unwrap();
        resampler.process(&[20_000; 500], &mut [0; 100]);
        resampler.reset();
        let mut out = [1; 160];
        assert_eq!(
            resampler.process(&[0; 320], &mut out),
            Progress {
                read: 320,
                written: 160
            }
        );
        assert_eq!(out, [0; 160]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_samples_do_not_depend_on_the_sizes_of_the_pieces(
            from in 0usize..4, to in 0usize..4, piece in 1usize..2_000, len in 0usize..4_000,
        ) {
            let (from, to) = (RATES[from], RATES[to]);
            let input = sine(440.0, from, len);
            let out = resample(from, to, &input, piece);
            let delay = Resampler::new(from, to).unwrap().delay();
            let expected = match len {
                0 => 0,
                _ => (len * to.hz() as usize).div_ceil(from.hz() as usize) + delay,
            };
            prop_assert_eq!(out.len(), expected);
            prop_assert_eq!(out, resample(from, to, &input, 5_000));
        }
    }
}
