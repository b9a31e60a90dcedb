//! What is heard: payloads of the peer into PCM at the application's rate.
//!
//! In: placed packets of negotiated formats, and a tick every 20 ms. Out: one
//! frame per tick and how true it is. The codec follows the packets: a peer may
//! change between its formats at any packet (RFC 3264 §7), which playout judges
//! before it follows.

use talkpath_audio::{Codec, LevelMeter, Parameters, ResampleError, Resampler, SampleRate};
use talkpath_transport::Drops;
use talkpath_wire::{ExtSeq, Ssrc, Time};

use crate::playout::{Arrival, FrameKind, Playout, PlayoutStats, Pushed, Target};

/// The way in of one stream, while somebody listens.
pub(crate) struct Ingress {
    playout: Playout,
    resampler: Resampler,
    rate: SampleRate,
    /// A frame at the codec's rate.
    decoded: Box<[i16]>,
    decoded_rate: SampleRate,
    /// The same at the application's.
    frame: Box<[i16]>,
    meter: LevelMeter,
}

impl Ingress {
    /// A way in for `codec` that gives frames at `rate`, after a delay of
    /// `target`.
    pub(crate) fn new(
        codec: &'static dyn Codec,
        rate: SampleRate,
        target: Target,
    ) -> Result<Self, ResampleError> {
        Ok(Ingress {
            playout: Playout::new(codec, target),
            resampler: Resampler::new(codec.sample_rate(), rate)?,
            rate,
            decoded: vec![0; codec.sample_rate().frame_len()].into(),
            decoded_rate: codec.sample_rate(),
            frame: vec![0; rate.frame_len()].into(),
            meter: LevelMeter::new(),
        })
    }

    /// Takes a packet.
    pub(crate) fn push(&mut self, now: Time, arrival: &Arrival<'_>, drops: &mut Drops) -> Pushed {
        self.playout.push(now, arrival, drops)
    }

    /// Takes a description of comfort noise (RFC 3389), whose clock is that of
    /// the codec that is heard.
    pub(crate) fn push_noise(&mut self, now: Time, arrival: &Arrival<'_>, drops: &mut Drops) {
        self.playout.push_noise(now, arrival, drops);
    }

    /// A packet of the source that holds no sound is not missing.
    pub(crate) fn pass(&mut self, ssrc: Ssrc, seq: ExtSeq) {
        self.playout.pass(ssrc, seq);
    }

    /// Learns what we said of what we receive of `codec`.
    pub(crate) fn set_parameters(&mut self, codec: &'static dyn Codec, ours: Parameters<'_>) {
        self.playout.set_parameters(codec, ours);
    }

    /// The codec of what comes now.
    pub(crate) fn codec(&self) -> &'static dyn Codec {
        self.playout.codec()
    }

    /// Makes the next frame.
    pub(crate) fn tick(&mut self, now: Time, drops: &mut Drops) -> (&[i16], FrameKind) {
        self.fit_rate();
        let kind = self.playout.pull(now, &mut self.decoded, drops);
        let progress = self.resampler.process(&self.decoded, &mut self.frame);
        self.frame[progress.written..].fill(0);
        self.meter.push(&self.frame);
        (&self.frame, kind)
    }

    /// Whether the peer pauses, and described what is heard meanwhile.
    pub(crate) fn hears_noise(&self) -> bool {
        self.playout.hears_noise()
    }

    /// The frame made last, at the application's rate.
    pub(crate) fn frame(&self) -> &[i16] {
        &self.frame
    }

    /// The same as the codec gave it.
    pub(crate) fn decoded(&self) -> (&[i16], SampleRate) {
        (&self.decoded, self.decoded_rate)
    }

    pub(crate) fn stats(&self) -> PlayoutStats {
        self.playout.stats()
    }

    /// Loudness of what was heard since asked last, as −dBov.
    pub(crate) fn level(&mut self) -> u8 {
        self.meter.take().rms.minus_dbov()
    }

    /// Follows the rate of the codec that is heard.
    fn fit_rate(&mut self) {
        let rate = self.playout.codec().sample_rate();
        if rate == self.decoded_rate {
            return;
        }
        // Rates that cannot be resampled never pass negotiation.
        if let Ok(resampler) = Resampler::new(rate, self.rate) {
            self.resampler = resampler;
        }
        self.decoded = vec![0; rate.frame_len()].into();
        self.decoded_rate = rate;
    }
}
