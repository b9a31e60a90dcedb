//! Statistics of a stream, walked where they were counted.

use talkpath_sdp::Direction;

use super::Stream;
use crate::stats::{Received, RemoteView, Sent, StreamStats, Waiting};

impl Stream {
    /// Copies the statistics out.
    pub(crate) fn stats(&self) -> StreamStats {
        let agreement = self.agreement.as_ref();
        StreamStats {
            waiting: Waiting::default(), // known to who owns the ends
            stream: self.index(),
            medium: self.medium(),
            direction: agreement.map_or(Direction::Inactive, |agreement| agreement.direction),
            sending: agreement
                .and_then(|a| a.send.as_ref())
                .map(|send| send.format.clone()),
            receiving: self.counted.receiving.clone(),
            remote: self.transport.rtp_destination().ok(),
            sent: self.sent(),
            received: self.received(),
            remote_view: self.remote_view(),
            round_trip: self.rtp.reports.round_trip().last(),
            drops: self.transport.drops().clone(),
            stranger: self.transport.wrong_source().map(|wrong| wrong.from),
            playout: self.audio.ingress.as_ref().map(|ingress| ingress.stats()),
            video: self.pictures.stats(),
            levels: self.audio.levels,
            quality: self.counted.judged.here,
        }
    }

    fn sent(&self) -> Sent {
        let sender = &self.rtp.sender;
        Sent {
            ssrc: Some(sender.ssrc()),
            packets: sender.packets(),
            payload_bytes: sender.octets(),
            rtcp_packets: self.rtp.reports.sent(),
            keyframe_requests: self.pictures.asking().asked(),
            errors: self.counted.send_errors,
            last_error: self.counted.last_send_error,
            unheard_reports: self.rtp.reports.unheard(),
            last: sender.last_sent(),
        }
    }

    fn received(&self) -> Received {
        let counts = self.rtp.sources.counts();
        let latest = self.rtp.sources.latest();
        Received {
            ssrc: latest.map(|source| source.ssrc()),
            packets: counts.packets,
            payload_bytes: counts.payload_bytes,
            lost: counts.lost,
            duplicates: counts.duplicates,
            reordered: counts.late,
            jitter: latest
                .map(|source| source.jitter().duration())
                .unwrap_or_default(),
            rtcp_packets: self.rtp.reports.received(),
            keyframe_requests: self.pictures.wanted(),
            last: self.watch.last(),
        }
    }

    fn remote_view(&self) -> Option<RemoteView> {
        let report = self.rtp.reports.remote()?;
        Some(RemoteView {
            at: report.at,
            fraction_lost: f32::from(report.fraction_lost) / 256.0,
            lost: report.lost,
            jitter: report.jitter,
            voip: self.rtp.reports.remote_voip_metrics().copied(),
            quality: self.counted.judged.there,
        })
    }
}
