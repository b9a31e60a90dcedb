//! Interleaved samples from the session's rate to the recording's.
//!
//! In: ticks. Out: the same sound at another rate, moved by nothing: what a
//! resampler is late by is cut off at the beginning and drawn out at the end.

use talkpath_audio::{ResampleError, Resampler, SampleRate};

/// One resampler for each channel; none between equal rates.
#[derive(Debug)]
pub(super) struct Reshape {
    from: SampleRate,
    to: SampleRate,
    channels: Vec<Channel>,
    /// Frames taken, and given.
    taken: u64,
    given: u64,
}

#[derive(Debug)]
struct Channel {
    resampler: Resampler,
    /// Samples that are late: not given.
    late: usize,
    input: Vec<i16>,
    output: Vec<i16>,
}

impl Reshape {
    /// # Errors
    /// [`ResampleError`] for rates without a common block.
    pub(super) fn new(
        from: SampleRate,
        to: SampleRate,
        channels: u16,
    ) -> Result<Self, ResampleError> {
        let wanted = if from == to { 0 } else { channels };
        let channel = |_| {
            let resampler = Resampler::new(from, to)?;
            Ok(Channel {
                late: resampler.delay(),
                resampler,
                input: Vec::new(),
                output: Vec::new(),
            })
        };
        Ok(Reshape {
            from,
            to,
            channels: (0..wanted).map(channel).collect::<Result<_, _>>()?,
            taken: 0,
            given: 0,
        })
    }

    /// Appends what `samples` become to `out`.
    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        if self.channels.is_empty() {
            return out.extend_from_slice(samples);
        }
        let width = self.channels.len();
        self.taken += (samples.len() / width) as u64;
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel
                .input
                .extend(samples.iter().skip(index).step_by(width));
            channel.work();
        }
        self.give(u64::MAX, out);
    }

    /// Ends the sound: appends what is still inside.
    pub(super) fn finish(&mut self, out: &mut Vec<i16>) {
        self.channels.iter_mut().for_each(Channel::flush);
        let whole = self.taken * u64::from(self.to.hz()) / u64::from(self.from.hz());
        self.give(whole.saturating_sub(self.given), out);
    }

    fn give(&mut self, most: u64, out: &mut Vec<i16>) {
        let ready = self
            .channels
            .iter()
            .map(|channel| channel.output.len())
            .min();
        let frames = (ready.unwrap_or(0) as u64).min(most) as usize;
        for frame in 0..frames {
            out.extend(self.channels.iter().map(|channel| channel.output[frame]));
        }
        for channel in &mut self.channels {
            channel.output.drain(..frames);
        }
        self.given += frames as u64;
    }
}

impl Channel {
    fn work(&mut self) {
        let mut piece = [0; PIECE];
        let mut read = 0;
        loop {
            let progress = self.resampler.process(&self.input[read..], &mut piece);
            read += progress.read;
            self.keep(&piece[..progress.written]);
            if progress.read == 0 && progress.written == 0 {
                break;
            }
        }
        self.input.drain(..read);
    }

    fn flush(&mut self) {
        let mut piece = [0; PIECE];
        loop {
            let written = self.resampler.flush(&mut piece);
            if written == 0 {
                return;
            }
            self.keep(&piece[..written]);
        }
    }

    fn keep(&mut self, samples: &[i16]) {
        let late = self.late.min(samples.len());
        self.late -= late;
        self.output.extend_from_slice(&samples[late..]);
    }
}

const PIECE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_moved_and_nothing_is_lost() {
        for (from, to) in [
            (8_000, 48_000),
            (48_000, 16_000),
            (16_000, 16_000),
            (24_000, 44_100),
        ] {
            let rate = |hz| SampleRate::new(hz).unwrap();
            let mut reshape = Reshape::new(rate(from), rate(to), 2).unwrap();
            let (mut out, tick) = (Vec::new(), from as usize / 50);
            for n in 0..50 {
                let level = if n < 25 { 0 } else { 8_000 };
                let samples: Vec<i16> = (0..tick).flat_map(|_| [level, -level]).collect();
                reshape.push(&samples, &mut out);
            }
            reshape.finish(&mut out);
            assert_eq!(out.len(), to as usize * 2, "{from} to {to}");
            let rises = out.iter().step_by(2).position(|s| *s > 4_000).unwrap();
            let apart = rises.abs_diff(to as usize / 2);
            assert!(apart <= to as usize / 4_000, "{from} to {to}: {apart}");
            assert_eq!(
                rises,
                out.iter()
                    .skip(1)
                    .step_by(2)
                    .position(|s| *s < -4_000)
                    .unwrap()
            );
        }
    }
}
