//! What is seen: packets of video into frames, and requests for keyframes.
//!
//! In: packets of a video stream, and whether anybody watches. Out: whole frames
//! for the [`Ends`], and a PLI (RFC 4585 §6.3.1) or FIR (RFC 5104 §4.3.1) when
//! nothing can be shown before a keyframe, as far as the peer understands them.
//! Frames are put together only while somebody watches. Nothing is decoded.

use core::time::Duration;

use talkpath_sdp::negotiate::KeyframeRequests;
use talkpath_wire::rtcp::{FirEntry, FirWriter, PliWriter, WriteRtcp};
use talkpath_wire::{ExtSeq, RtpPacket, Ssrc, Time};

use super::Stream;
use crate::call::Context;
use crate::ends::{Ends, Picture, Watching};
use crate::room::Member;
use crate::rtp::Reports;
use crate::stats::Medium;
use crate::video::{Asking, FrameAssembler, VideoCodec, VideoPacket, VideoStats};

/// The video side of a stream.
#[derive(Default)]
pub(super) struct Pictures {
    watch: Watch,
    asking: Asking,
    /// How often the peer asked for a keyframe.
    wanted: u64,
}

#[derive(Default)]
enum Watch {
    /// Nobody watches.
    #[default]
    Off,
    /// Somebody does, and nothing has come.
    Waiting,
    On(Box<View>),
}

/// Frames of one source.
struct View {
    ssrc: Ssrc,
    codec: VideoCodec,
    assembler: FrameAssembler,
    /// Since when there are packets that were not looked at.
    fresh: Option<Time>,
    /// When the last packet came.
    last: Time,
}

impl Pictures {
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let Watch::On(view) = &self.watch else {
            return None;
        };
        let gap = view.assembler.poll_timeout();
        [view.fresh, gap].into_iter().flatten().min()
    }

    pub(super) fn asking(&self) -> &Asking {
        &self.asking
    }

    /// How often the peer asked for a keyframe.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// What became of the packets; none while nobody watches.
    pub(super) fn stats(&self) -> Option<VideoStats> {
        match &self.watch {
            Watch::On(view) => Some(view.assembler.stats()),
            Watch::Off | Watch::Waiting => None,
        }
    }
}

impl Stream {
    /// Begins to give whole frames to the stream's [`Ends`], from the next
    /// keyframe on, which is asked for.
    pub(crate) fn watch(&mut self) {
        if matches!(self.pictures.watch, Watch::Off) {
            self.pictures.watch = Watch::Waiting;
        }
        self.pictures.asking.want();
    }

    /// Whether what may come is video that is known here.
    pub(super) fn is_video(&self) -> bool {
        let mut formats = self.formats.iter();
        formats.any(|known| VideoCodec::of(&known.numbered.format).is_some())
    }

    /// What it carries.
    pub(super) fn medium(&self) -> Medium {
        match self.is_video() {
            true => Medium::Video,
            false => Medium::Sound,
        }
    }

    /// Asks the peer for a keyframe, on behalf of whom its packets pass to.
    pub(crate) fn pass_keyframe_request(&mut self) {
        self.pictures.asking.pass_on();
    }

    /// The peer asked for a keyframe of what leaves here; whether that is for
    /// somebody else to obey.
    pub(super) fn is_asked_for_keyframe(&mut self, cx: &mut Context<'_>) {
        self.pictures.wanted += 1;
        let (session, stream) = (cx.session, self.setup.stream);
        cx.passing.want_keyframe(Member { session, stream });
    }

    /// Looks at a packet, if it is video and somebody watches.
    pub(super) fn see(&mut self, now: Time, format: usize, packet: &RtpPacket<'_>, seq: ExtSeq) {
        let format = &self.formats[format].numbered.format;
        if matches!(self.pictures.watch, Watch::Off) {
            return;
        }
        let Some(codec) = VideoCodec::of(format) else {
            return;
        };
        let ssrc = packet.ssrc();
        match &self.pictures.watch {
            Watch::On(view) if view.is_of(ssrc, codec) => {}
            // One source at a time: another has to wait until this one is silent.
            Watch::On(view) if now < view.last + SILENT => return,
            _ => {
                self.pictures.watch = Watch::On(Box::new(View::new(ssrc, codec, now)));
                self.pictures.asking.want();
            }
        }
        if let Watch::On(view) = &mut self.pictures.watch {
            view.last = now;
            view.fresh.get_or_insert(now);
            view.assembler.push(
                now,
                &VideoPacket {
                    seq,
                    timestamp: packet.timestamp(),
                    marker: packet.marker(),
                    payload: packet.payload(),
                },
            );
        }
    }

    /// Shows the frames that are whole to whoever watches.
    pub(super) fn show(&mut self, now: Time, ends: &mut dyn Ends, cx: &mut Context<'_>) {
        if self.pictures.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        let Watch::On(view) = &mut self.pictures.watch else {
            return;
        };
        view.fresh = None;
        let (ssrc, codec) = (view.ssrc, view.codec);
        while let Some(frame) = view.assembler.next_frame(now) {
            let picture = Picture {
                at: now,
                ssrc,
                codec,
                frame,
            };
            let has_begun_anew = picture.frame.keyframe;
            match ends.see(cx.session, self.setup.stream, picture) {
                Watching::Clear if has_begun_anew => self.pictures.asking.rest(),
                Watching::Clear => self.pictures.asking.see(),
                Watching::Blind => self.pictures.asking.want(),
                Watching::Over => {
                    self.pictures.asking.rest();
                    self.pictures.watch = Watch::Off;
                    return;
                }
            }
        }
        if view.assembler.wants_keyframe() {
            self.pictures.asking.want();
        }
    }

    /// When to ask for a keyframe, if that can be done.
    pub(super) fn next_request(&self) -> Option<Time> {
        let due = self.pictures.asking.poll_timeout()?;
        let can = self.keyframe_requests() != KeyframeRequests::None
            && self.rtp.sources.latest().is_some()
            && self.transport.rtcp_destination().is_ok();
        can.then_some(due)
    }

    fn keyframe_requests(&self) -> KeyframeRequests {
        let agreement = self.agreement.as_ref();
        agreement.map_or(KeyframeRequests::None, |agreement| agreement.keyframes)
    }

    /// Asks for a keyframe if one is wanted.
    pub(super) fn ask(&mut self, now: Time, cx: &mut Context<'_>) {
        if self.next_request().is_none_or(|due| due > now) {
            return;
        }
        let (Some(source), Ok(to)) = (self.rtp.sources.latest(), self.transport.rtcp_destination())
        else {
            return;
        };
        let (sender, media) = (self.rtp.sender.ssrc(), source.ssrc());
        let Some(number) = self.pictures.asking.take(now) else {
            return;
        };
        let entry = FirEntry {
            target: media,
            sequence: number as u8,
        };
        let request: &dyn WriteRtcp = match self.keyframe_requests().pli() {
            true => &PliWriter { sender, media },
            false => &FirWriter { sender, entry },
        };
        let from = (cx.session, self.setup.stream, self.rtcp_socket());
        let reports = &mut self.rtp.reports;
        cx.out.transmits.push_with(from, to, Reports::ROOM, |room| {
            reports.write_feedback(sender, request, room).unwrap_or(0)
        });
    }
}

impl View {
    fn is_of(&self, ssrc: Ssrc, codec: VideoCodec) -> bool {
        self.ssrc == ssrc && self.codec == codec
    }

    fn new(ssrc: Ssrc, codec: VideoCodec, now: Time) -> Self {
        View {
            ssrc,
            codec,
            assembler: FrameAssembler::new(codec),
            fresh: None,
            last: now,
        }
    }
}

/// After so long without a packet another source may take the place of one.
const SILENT: Duration = Duration::from_millis(250);
