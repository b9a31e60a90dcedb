//! Another codec in the middle of a stream.
//!
//! In: the first believed packet of another codec. Out: a playout at its rate.
//! Where the rates are equal, what waits keeps its decoder and is played in its
//! turn. Where they differ, what waits is decoded at once and resampled; what
//! still comes of the old codec is late.

use talkpath_audio::{Codec, Concealer, Resampler};
use talkpath_transport::{DropReason, Drops};
use talkpath_wire::Time;

use super::noise::Noise;
use super::regulate::Pace;
use super::speech::{Made, Speech};
use super::{Arrival, CAPACITY, LONGEST_PACKET, Phase, Playout};

impl Playout {
    /// Goes on with the codec of a packet whose number is that of the line.
    pub(super) fn follow_codec(
        &mut self,
        now: Time,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let codec = arrival.codec;
        if codec.sample_rate() != self.rate {
            let newest = self.line.source.map(|newest| newest.seq);
            if newest.is_some_and(|newest| arrival.seq <= newest) {
                self.stats.late += 1;
                return Err(DropReason::Late);
            }
            self.change_rate(now, codec, drops);
        }
        self.ring
            .enlarge(codec.max_payload_len(codec.sample_rate().samples_in(CAPACITY)));
        match self.decoders.change(codec) {
            true => Ok(()),
            false => Err(DropReason::Undecodable),
        }
    }

    /// Turns what waits into samples of another rate.
    fn change_rate(&mut self, now: Time, codec: &'static dyn Codec, drops: &mut Drops) {
        let (from, to) = (self.rate, codec.sample_rate());
        if let Phase::Filling = self.phase
            && let Some(first) = self.ring.first()
        {
            // It has not begun; it does with the first frame.
            self.line.head = first.at;
            self.phase = Phase::Playing { dry: 0 };
        }
        self.look_ahead(now, usize::MAX, drops);
        while self.ring.first().is_some() {
            self.skip_first(now, DropReason::Flushed, drops);
        }
        let mut speech = Speech::new(to, LONGEST_PACKET);
        let mut concealer = Concealer::new(to);
        // Rates without a resampler never pass negotiation.
        if let Ok(mut resampler) = Resampler::new(from, to) {
            let whole = self.rate.duration_of(self.speech.len() as u64);
            let samples = to.samples_in(whole);
            let delay = resampler.delay();
            let mut pcm = vec![0; delay + samples];
            let written = resampler.process(self.speech.queued(), &mut pcm).written;
            resampler.flush(&mut pcm[written..]);
            if let Some(room) = speech.room(samples) {
                room.copy_from_slice(&pcm[delay..]);
                concealer.good(room);
                speech.commit(Made::Received, samples);
            }
        }
        self.noise = Noise::new(to);
        self.line.rescale(from, to);
        (self.speech, self.concealer, self.rate) = (speech, concealer, to);
        let turn = self.pace.turn;
        self.pace = Pace::new(to);
        self.pace.turn = turn;
    }
}
