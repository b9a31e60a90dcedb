//! Packets of video in, whole frames out.
//!
//! Frames come in their order and only as long as they can be shown: behind a
//! loss nothing comes until the next keyframe, and one is wanted.

use talkpath_wire::Time;

use super::frame::{Draft, DraftState, Misfit, VideoCodec, VideoFrame, VideoPacket};
use super::h264::H264;
use super::reorder::{Next, Pushed, Reorder};
use super::vp8;

/// Puts the frames of one source together.
///
/// After each [`push`](Self::push), and when the deadline of
/// [`poll_timeout`](Self::poll_timeout) has come, all frames are to be taken with
/// [`next_frame`](Self::next_frame). A source with another SSRC needs another one.
///
/// ```
/// use talkpath_media::video::{FrameAssembler, VideoCodec, VideoPacket};
/// use talkpath_wire::{ExtSeq, RtpTime, Time};
///
/// let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
/// let keyframe = [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
/// assembler.push(Time::ZERO, &VideoPacket {
///     seq: ExtSeq::new(1),
///     timestamp: RtpTime::new(3_000),
///     marker: true,
///     payload: &keyframe,
/// });
/// let frame = assembler.next_frame(Time::ZERO).expect("its only packet came");
/// assert_eq!((frame.data, frame.size), (&keyframe[1..], Some((640, 480))));
/// assert!(!assembler.wants_keyframe());
/// ```
#[derive(Clone, Debug)]
pub struct FrameAssembler {
    reorder: Reorder,
    codec: Codec,
    draft: Draft,
    /// Whether the frame was given away, and its memory can be used again.
    given: bool,
    sight: Sight,
    stats: VideoStats,
}

/// What an assembler has met with.
///
/// ```
/// use talkpath_media::video::{FrameAssembler, VideoCodec, VideoStats};
/// let stats = FrameAssembler::new(VideoCodec::H264).stats();
/// assert_eq!(stats, VideoStats::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// Frames that were given, keyframes among them.
    pub frames: u64,
    /// Keyframes that were given.
    pub keyframes: u64,
    /// Frames of which parts were missing or wrong.
    pub broken_frames: u64,
    /// Whole frames that could not be shown before the next keyframe.
    pub skipped_frames: u64,
    /// Packets that never came, or not in time.
    pub lost_packets: u64,
    /// Packets that came twice or too late.
    pub late_packets: u64,
    /// Packets whose payload cannot be read.
    pub malformed_packets: u64,
}

#[derive(Clone, Debug)]
enum Codec {
    Vp8,
    H264(H264),
}

/// Whether what comes can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Clear,
    /// Not before the next keyframe.
    Blind,
}

impl FrameAssembler {
    /// Waits for a keyframe.
    #[must_use]
    pub fn new(codec: VideoCodec) -> Self {
        Self {
            reorder: Reorder::new(),
            codec: match codec {
                VideoCodec::Vp8 => Codec::Vp8,
                VideoCodec::H264 => Codec::H264(H264::default()),
            },
            draft: Draft::new(),
            given: false,
            sight: Sight::Blind,
            stats: VideoStats::default(),
        }
    }

    /// Takes parameter sets that came by another way, such as the
    /// `sprop-parameter-sets` of RFC 6184 §8.1: one NAL unit. Others are ignored.
    pub fn learn_parameter_set(&mut self, unit: &[u8]) {
        if let Codec::H264(h264) = &mut self.codec {
            h264.learn(unit);
        }
    }

    /// Takes a packet. Packets without payload are fine: they keep the numbers.
    pub fn push(&mut self, now: Time, packet: &VideoPacket<'_>) {
        match self.reorder.push(now, packet) {
            Pushed::Kept | Pushed::Full => {}
            Pushed::Late => self.stats.late_packets += 1,
        }
    }

    /// The next frame that can be shown, if it is whole.
    pub fn next_frame(&mut self, now: Time) -> Option<VideoFrame<'_>> {
        if std::mem::take(&mut self.given) {
            self.begin();
        }
        loop {
            match self.reorder.next(now) {
                Next::Nothing => return None,
                Next::Gap(lost) => self.lose(lost),
                Next::Packet => {
                    if let Some(size) = self.packet(now) {
                        return Some(self.give(size));
                    }
                }
            }
        }
    }

    /// When packets that are missing are given up: frames may be ready then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.reorder.deadline()
    }

    /// Whether nothing can be shown before a keyframe comes: ask for one.
    #[must_use]
    pub fn wants_keyframe(&self) -> bool {
        self.sight == Sight::Blind
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> VideoStats {
        self.stats
    }

    /// Packets are missing, and with them maybe frames.
    fn lose(&mut self, packets: u64) {
        self.stats.lost_packets += packets;
        self.sight = Sight::Blind;
        // What comes next may also belong to a frame that is new.
        if self.draft.state != DraftState::Empty {
            self.draft.state = DraftState::Broken;
        }
    }

    /// Takes the packet that is due; of a frame that is then whole and can be
    /// shown, the size if it is a keyframe.
    fn packet(&mut self, now: Time) -> Option<Option<(u16, u16)>> {
        let packet = self.reorder.packet()?;
        // A sender that never sets the marker: the next timestamp ends a frame.
        if self
            .draft
            .timestamp
            .is_some_and(|begun| begun != packet.timestamp)
        {
            return self.end();
        }
        let marker = packet.marker;
        if !packet.payload.is_empty() {
            self.draft.timestamp = Some(packet.timestamp);
            if self.draft.state != DraftState::Broken {
                let added = match &mut self.codec {
                    Codec::Vp8 => vp8::add(&mut self.draft, packet.payload),
                    Codec::H264(h264) => h264.add(&mut self.draft, packet.payload),
                };
                self.draft.state = match added {
                    Ok(()) => DraftState::Whole,
                    Err(misfit) => {
                        self.stats.malformed_packets += u64::from(misfit == Misfit::Malformed);
                        DraftState::Broken
                    }
                };
            }
        }
        self.reorder.drop_packet(now);
        if marker && self.draft.timestamp.is_some() {
            return self.end();
        }
        None
    }

    /// Ends the frame at hand; as [`packet`](Self::packet).
    fn end(&mut self) -> Option<Option<(u16, u16)>> {
        let finished = match (&self.codec, self.draft.state) {
            (_, DraftState::Empty | DraftState::Broken) => Err(Misfit::Incomplete),
            (Codec::Vp8, _) => vp8::finish(&self.draft),
            (Codec::H264(h264), _) => h264.finish(),
        };
        match finished {
            Err(_) => {
                self.stats.broken_frames += 1;
                self.sight = Sight::Blind;
            }
            Ok(None) if self.sight == Sight::Blind => self.stats.skipped_frames += 1,
            Ok(size) => return Some(size),
        }
        self.begin();
        None
    }

    fn give(&mut self, size: Option<(u16, u16)>) -> VideoFrame<'_> {
        self.given = true;
        self.sight = Sight::Clear;
        self.stats.frames += 1;
        self.stats.keyframes += u64::from(size.is_some());
        let parameter_sets = match &self.codec {
            Codec::H264(h264) if size.is_some() => h264.parameter_sets(),
            _ => None,
        };
        VideoFrame {
            data: &self.draft.bytes,
            timestamp: self.draft.timestamp.unwrap_or_default(),
            keyframe: size.is_some(),
            size,
            parameter_sets,
        }
    }

    fn begin(&mut self) {
        self.draft.clear();
        if let Codec::H264(h264) = &mut self.codec {
            h264.begin();
        }
    }
}
