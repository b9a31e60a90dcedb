//! What was counted of a session, copied out for whoever asks.
//!
//! Counted where it happens and walked here; every number is since the stream
//! was set up. Durations are wall durations, not clock units.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use talkpath_sdp::Direction;
use talkpath_transport::Drops;
use talkpath_wire::rtcp::VoipMetrics;
use talkpath_wire::{Format, Ssrc, Time};

use crate::StreamIndex;
use crate::playout::PlayoutStats;
use crate::quality::Quality;
use crate::video::VideoStats;

/// Statistics of a session: one entry per live m-line.
#[derive(Clone, Debug, Default)]
pub struct SessionStats {
    /// When they were copied.
    pub at: Time,
    /// The streams, by m-line.
    pub streams: Vec<StreamStats>,
}

impl SessionStats {
    /// The first stream of sound, which is the only one of most calls.
    pub fn audio(&self) -> Option<&StreamStats> {
        self.first(Medium::Sound)
    }

    /// The first stream of video.
    pub fn video(&self) -> Option<&StreamStats> {
        self.first(Medium::Video)
    }

    fn first(&self, medium: Medium) -> Option<&StreamStats> {
        self.streams.iter().find(|stream| stream.medium == medium)
    }
}

/// What a stream carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Medium {
    /// Sound, or what is not known here.
    #[default]
    Sound,
    /// Video in a codec of [`VideoCodec`](crate::video::VideoCodec).
    Video,
}

/// Statistics of one stream.
#[derive(Clone, Debug)]
pub struct StreamStats {
    /// Its m-line.
    pub stream: StreamIndex,
    /// What it carries.
    pub medium: Medium,
    /// Who may send, seen from us.
    pub direction: Direction,
    /// What is sent; none while nothing may be.
    pub sending: Option<Arc<Format>>,
    /// What the last accepted packet of sound or pictures held.
    pub receiving: Option<Arc<Format>>,
    /// Where RTP is sent, and expected from.
    pub remote: Option<SocketAddr>,
    /// What went out.
    pub sent: Sent,
    /// What came in and was accepted.
    pub received: Received,
    /// What the peer last said of what it hears.
    pub remote_view: Option<RemoteView>,
    /// Round-trip time by RTCP (RFC 3550 §6.4.1), once known.
    pub round_trip: Option<Duration>,
    /// What was dropped, by reason.
    pub drops: Drops,
    /// The source that the policy refused last.
    pub stranger: Option<SocketAddr>,
    /// Playout, while somebody listens.
    pub playout: Option<PlayoutStats>,
    /// What became of packets of video, while somebody watches.
    pub video: Option<VideoStats>,
    /// How loud what is heard and what is said is.
    pub levels: Levels,
    /// How good what is heard is, by the E-model; none before speech of a
    /// codec that it knows was received.
    pub quality: Option<Quality>,
    /// What waits between the application and the stream.
    pub waiting: Waiting,
}

/// How much sound waits between an application and a stream: with the depth of
/// the playout, the delay of each stage that sound passes here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// Of what the application said.
    pub said: Duration,
    /// Of what it has not read yet.
    pub heard: Duration,
}

/// What went out on a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Our source.
    pub ssrc: Option<Ssrc>,
    /// RTP packets.
    pub packets: u64,
    /// Bytes of RTP payload.
    pub payload_bytes: u64,
    /// RTCP datagrams.
    pub rtcp_packets: u64,
    /// Requests for a keyframe among them (PLI, FIR).
    pub keyframe_requests: u64,
    /// Datagrams that the network refused.
    pub errors: u64,
    /// When the network last refused one.
    pub last_error: Option<Time>,
    /// Reports of the peer in a row that heard nothing new of us, though we had
    /// sent since the one before.
    pub unheard_reports: u32,
    /// When the last RTP packet went out.
    pub last: Option<Time>,
}

/// What came in on a stream, of all its sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// The source heard last.
    pub ssrc: Option<Ssrc>,
    /// RTP packets from where they may come. Those that are not played
    /// (duplicate, late, of an unknown payload type) are among them, and in
    /// [`StreamStats::drops`] too.
    pub packets: u64,
    /// Bytes of their payload.
    pub payload_bytes: u64,
    /// Packets lost by sequence numbers (RFC 3550 §6.4.1); negative when
    /// duplicates outnumber losses.
    pub lost: i64,
    /// Packets received again.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter: Duration,
    /// RTCP datagrams.
    pub rtcp_packets: u64,
    /// Requests for a keyframe among them (PLI, FIR).
    pub keyframe_requests: u64,
    /// When the last RTP packet came.
    pub last: Option<Time>,
}

/// What the peer reported of our source (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RemoteView {
    /// When the report came.
    pub at: Time,
    /// Share of packets lost since its report before, 0..=1.
    pub fraction_lost: f32,
    /// Packets lost in all.
    pub lost: i32,
    /// Interarrival jitter as the peer measured it.
    pub jitter: Duration,
    /// What it said of the speech, if it sends VoIP metrics (RFC 3611 §4.7).
    pub voip: Option<VoipMetrics>,
    /// How good what it hears is, by the E-model. Its playout is a guess from
    /// the jitter unless it sent VoIP metrics.
    pub quality: Option<Quality>,
}

/// Loudness in dBov: 0 is the loudest, −127 is silence (RFC 6464).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Levels {
    /// Of what was heard in the last frame, as −dBov, 0..=127.
    pub heard: u8,
    /// Of what was said in the last frame, as −dBov, 0..=127.
    pub said: u8,
    /// How long what is heard has been silence.
    pub silent: Duration,
}

impl Levels {
    /// −dBov from which on sound is silence.
    pub const SILENCE: u8 = 90;
}

impl Default for Levels {
    fn default() -> Self {
        Levels {
            heard: 127,
            said: 127,
            silent: Duration::ZERO,
        }
    }
}
