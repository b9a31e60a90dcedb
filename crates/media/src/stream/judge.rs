//! How good a stream sounds, here and at the peer.
//!
//! In: what sources, playout and reports counted. Out: the E-model's judgement
//! of both directions, and the metrics that go to a peer which asked for them
//! (RFC 3611 §4.7). What is heard is judged while packets come, twice a second:
//! what is made up when a peer has stopped is no loss.

use core::time::Duration;
use std::sync::Arc;

use talkpath_transport::DropReason;
use talkpath_wire::rtcp::{JitterBuffer, LossConcealment, ReceiverConfig, VoipMetrics};
use talkpath_wire::{ExtSeq, Ssrc, Time};

use super::Stream;
use crate::playout::{PlayoutStats, Pushed};
use crate::quality::{Conditions, GMIN, Impairment, Quality};
use crate::setup::VoipReports;

/// The judgements made last.
#[derive(Default)]
pub(super) struct Judged {
    /// When what is heard is judged again; at the first packet if none is set.
    again: Option<Time>,
    pub(super) here: Option<Quality>,
    pub(super) there: Option<Quality>,
}

impl Stream {
    /// Notes a packet that came, and was of no use any more.
    pub(super) fn judge(&mut self, ssrc: Ssrc, seq: ExtSeq, pushed: Pushed) {
        if let Pushed::Dropped(DropReason::Late | DropReason::BufferFull | DropReason::TooLong) =
            pushed
            && let Some(source) = self.rtp.sources.get_mut(ssrc)
        {
            source.discard(seq);
        }
    }

    /// A packet of `format` came: judges what is heard, if that is due.
    pub(super) fn rejudge(&mut self, now: Time, format: usize) {
        if self.counted.judged.again.is_none_or(|again| now >= again) {
            self.counted.judged.again = Some(now + JUDGED_EVERY);
            let format = &self.formats[format].numbered.format;
            // Speech is remembered, digits and noise between it are not.
            if Impairment::of(format).is_some() {
                self.counted.speech = Some(Arc::clone(format));
            }
            self.counted.judged.here = self.quality();
        }
    }

    /// A report came: judges what the peer hears.
    pub(super) fn rejudge_peer(&mut self) {
        self.counted.judged.there = self.remote_quality();
    }

    /// How good what is heard is.
    fn quality(&self) -> Option<Quality> {
        let codec = Impairment::of(self.counted.speech.as_ref()?)?;
        let source = self.rtp.sources.latest()?;
        let packet = source.packet_time().unwrap_or(USUAL_PACKET);
        let losses = source.losses().metrics(packet);
        let playout = self.playout();
        let missed = playout.as_ref().and_then(missed);
        let delay = self.one_way() + packet + playout.map_or(Duration::ZERO, |stats| stats.target);
        Some(Quality::of(&Conditions {
            codec,
            delay,
            loss: missed.unwrap_or(losses.loss()),
            burst_ratio: losses.burst_ratio,
        }))
    }

    /// How good what the peer hears is.
    fn remote_quality(&self) -> Option<Quality> {
        let reports = &self.rtp.reports;
        let report = reports.remote()?;
        let agreement = self.agreement.as_ref()?;
        let codec = Impairment::of(&agreement.send.as_ref()?.format)?;
        let sent = self.rtp.sender.packets().max(1);
        let (loss, its_delay) = match reports.remote_voip_metrics() {
            Some(voip) => {
                let missed = f64::from(voip.loss_rate) + f64::from(voip.discard_rate);
                let delay = Duration::from_millis(voip.end_system_delay.into());
                (missed / 256.0, delay)
            }
            None => {
                let loss = f64::from(report.lost.max(0)) / sent as f64;
                (loss, agreement.packet + 2 * report.jitter)
            }
        };
        Some(Quality::of(&Conditions {
            codec,
            delay: self.one_way() + agreement.packet + its_delay,
            loss,
            burst_ratio: 1.0,
        }))
    }

    /// What to tell a peer that asked for it, once its speech was heard.
    pub(super) fn voip_metrics(&self) -> Option<VoipMetrics> {
        let agreement = self.agreement.as_ref()?;
        let source = self.rtp.sources.latest()?;
        let quality = self.quality()?;
        if agreement.voip_reports == VoipReports::Unasked {
            return None;
        }
        let losses = source.losses();
        let packet = source.packet_time().unwrap_or(USUAL_PACKET);
        let bursts = losses.metrics(packet);
        let share = |count: u64| in_256ths(count as f64 / bursts.packets.max(1) as f64);
        let playout = self.playout().unwrap_or_default();
        let round_trip = self.rtp.reports.round_trip().last().unwrap_or_default();
        Some(VoipMetrics {
            loss_rate: share(losses.lost()),
            discard_rate: share(losses.discarded()),
            burst_density: in_256ths(bursts.burst_density),
            gap_density: in_256ths(bursts.gap_density),
            burst_duration: in_ms(bursts.burst_duration),
            gap_duration: in_ms(bursts.gap_duration),
            round_trip_delay: in_ms(round_trip),
            end_system_delay: in_ms(playout.target + agreement.packet),
            gmin: GMIN,
            r_factor: Some(quality.rating.r_whole()),
            mos_listening: Some(self.listening(&quality)),
            mos_conversing: Some(quality.rating.mos_tenths()),
            receiver: ReceiverConfig {
                concealment: LossConcealment::Enhanced,
                jitter_buffer: JitterBuffer::Adaptive,
                rate: 0,
            },
            jitter_buffer: in_ms(playout.target),
            jitter_buffer_maximum: in_ms(playout.target.max(playout.depth)),
            jitter_buffer_limit: LONGEST_TARGET_MS,
            ..VoipMetrics::of(source.ssrc())
        })
    }

    /// The opinion of who only listens: delay does not count (RFC 3611 §4.7.5).
    fn listening(&self, quality: &Quality) -> u8 {
        let codec = self.counted.speech.as_ref();
        let codec = codec.and_then(|format| Impairment::of(format));
        let listening = Quality::of(&Conditions {
            codec: codec.unwrap_or(Impairment::G711),
            delay: Duration::ZERO,
            loss: quality.loss,
            burst_ratio: quality.burst_ratio,
        });
        listening.rating.mos_tenths()
    }

    fn playout(&self) -> Option<PlayoutStats> {
        self.audio.ingress.as_ref().map(|ingress| ingress.stats())
    }

    /// Half of the way to the peer and back.
    fn one_way(&self) -> Duration {
        self.rtp.reports.round_trip().last().unwrap_or_default() / 2
    }
}

/// The share of speech that was made up; none before any was played.
fn missed(playout: &PlayoutStats) -> Option<f64> {
    let all = playout.played + playout.concealed;
    (all > 0).then(|| playout.concealed as f64 / all as f64)
}

fn in_256ths(share: f64) -> u8 {
    (share * 256.0).min(255.0) as u8
}

fn in_ms(time: Duration) -> u16 {
    u16::try_from(time.as_millis()).unwrap_or(u16::MAX)
}

const JUDGED_EVERY: Duration = Duration::from_millis(500);
const USUAL_PACKET: Duration = Duration::from_millis(20);
/// What playout's target can grow to, if not told otherwise.
const LONGEST_TARGET_MS: u16 = 400;
