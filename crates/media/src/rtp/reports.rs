//! RTCP of one stream: what is reported, and what reports tell.
//!
//! In: deadlines and the peer's compounds, with the stream's sender and
//! sources. Out: compounds into the caller's buffer, and events. A compound of
//! ours begins with SR or RR and always bears SDES CNAME.
//!
//! RFC 3550 §6.1, §6.3, §6.4, §6.6; CNAME of RFC 7022; VoIP metrics of RFC 3611
//! §4.7, where the peer asked for them. Feedback is left out, as is back-off of
//! BYE (§6.3.7), which two parties do not need.

use core::net::SocketAddr;
use core::time::Duration;

use talkpath_wire::rtcp::{
    ByeWriter, Compound, ReceiverReportWriter, ReportBlock, RtcpError, RtcpPacket, SdesWriter,
    SenderInfo, SenderReportWriter, VoipMetrics, VoipMetricsWriter, WriteRtcp, write_compound,
};
use talkpath_wire::{Ssrc, Time};

use super::{
    Chance, Cname, Conflict, MAX_SOURCES, NtpAnchor, Population, RoundTrip, RtcpMinimum,
    RtcpSchedule, RtcpTimer, Sender, SourceTable,
};

/// What a compound told.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RtcpEvent {
    /// The peer reported what it hears of us.
    Heard(RemoteReport),
    /// A round trip was measured.
    RoundTrip(Duration),
    /// A source that we heard said goodbye (RFC 3550 §6.6).
    Bye(Ssrc),
    /// Our own SSRC came back (RFC 3550 §8.2).
    Own(Conflict),
    /// The peer cannot show what we send before a keyframe (RFC 4585 §6.3.1,
    /// RFC 5104 §4.3.1).
    KeyframeWanted,
    /// A packet of the compound could not be read.
    Malformed(RtcpError),
}

/// What the peer reported of our source (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoteReport {
    /// When it came.
    pub at: Time,
    /// Who reported.
    pub from: Ssrc,
    /// Packets lost since its report before, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all; negative with duplicates.
    pub lost: i32,
    /// Interarrival jitter as the peer measured it.
    pub jitter: Duration,
}

/// RTCP of one stream.
///
/// ```
/// use talkpath_media::rtp::{
///     Chance, Cname, NtpAnchor, Reports, RtcpMinimum, Sender, SourceTable,
/// };
/// use talkpath_wire::{NtpTime, Time};
/// let mut chance = Chance::from_seed(1);
/// let sender = Sender::new(8000, &mut chance);
/// let mut sources = SourceTable::new(sender.ssrc());
/// let anchor = NtpAnchor { at: Time::ZERO, ntp: NtpTime::default() };
/// let cname = Cname::from_random([7; 12]);
/// let minimum = RtcpMinimum::Standard;
/// let mut reports = Reports::new(cname, anchor, 80_000, minimum, Time::ZERO, &mut chance);
/// let mut out = [0; Reports::ROOM];
/// let size = loop {
///     let now = reports.deadline();
///     if let Some(size) = reports.handle_timeout(now, &sender, &mut sources, &mut out) {
///         break size;
///     }
/// };
/// assert_eq!(out[..2], [0x80, 201]); // RR without blocks, then SDES
/// assert_eq!(size, 8 + 28);
/// ```
#[derive(Clone, Debug)]
pub struct Reports {
    cname: Cname,
    anchor: NtpAnchor,
    chance: Chance,
    schedule: RtcpSchedule,
    round_trip: RoundTrip,
    remote: Option<RemoteReport>,
    /// What is said of the speech we hear, with each report.
    voip: Option<VoipMetrics>,
    /// What the peer said of the speech it hears.
    remote_voip: Option<VoipMetrics>,
    heeded: Heeded,
    /// A sender report of a source not heard yet.
    early: Option<EarlyReport>,
    sent: u64,
    received: u64,
}

/// Whether the peer's reports show that our packets reach it.
#[derive(Clone, Copy, Debug, Default)]
struct Heeded {
    /// Our packets when its last report came.
    said: u64,
    /// The highest number that it had heard then (RFC 3550 §6.4.1).
    highest: Option<u32>,
    /// Reports in a row in which nothing new was heard of what we said.
    unheard: u32,
}

impl Heeded {
    /// A report came, with the highest number heard of us if it named us.
    fn report(&mut self, said: u64, highest: Option<u32>) {
        let spoke = said > self.said;
        let progressed = highest.is_some() && highest != self.highest;
        self.unheard = match (progressed, spoke) {
            (true, _) | (_, false) => 0,
            (false, true) => self.unheard.saturating_add(1),
        };
        self.said = said;
        self.highest = highest.or(self.highest);
    }
}

#[derive(Clone, Copy, Debug)]
struct EarlyReport {
    ssrc: Ssrc,
    info: SenderInfo,
    at: Time,
}

impl Reports {
    /// Room that every compound of ours fits into, in bytes.
    pub const ROOM: usize =
        28 + ReportBlock::LEN * MAX_SOURCES + 272 + 8 + 256 + VoipMetricsWriter::LEN;

    /// RTCP of a stream of `bandwidth` bits per second that begins `now`.
    pub fn new(
        cname: Cname,
        anchor: NtpAnchor,
        bandwidth: u32,
        minimum: RtcpMinimum,
        now: Time,
        chance: &mut Chance,
    ) -> Self {
        let mut chance = Chance::from_seed(chance.next_u64());
        let schedule = RtcpSchedule::new(bandwidth, minimum, now, &mut chance);
        Reports {
            cname,
            anchor,
            chance,
            schedule,
            round_trip: RoundTrip::default(),
            remote: None,
            voip: None,
            remote_voip: None,
            heeded: Heeded::default(),
            early: None,
            sent: 0,
            received: 0,
        }
    }

    /// Sends `metrics` with each report from now on, or none (RFC 3611 §4.7).
    pub fn set_voip_metrics(&mut self, metrics: Option<VoipMetrics>) {
        self.voip = metrics;
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn deadline(&self) -> Time {
        self.schedule.deadline()
    }

    /// Writes a report into `out` if one is due, and returns its length.
    ///
    /// `out` has at least [`Reports::ROOM`] bytes; a shorter one may lose the
    /// report.
    pub fn handle_timeout(
        &mut self,
        now: Time,
        sender: &Sender,
        sources: &mut SourceTable,
        out: &mut [u8],
    ) -> Option<usize> {
        if now < self.schedule.deadline() {
            return None;
        }
        let population = self.population(now, sender, sources);
        match self.schedule.at_deadline(now, population, &mut self.chance) {
            RtcpTimer::Wait => None,
            RtcpTimer::Send => self.write(now, population.we_sent, sender, sources, None, out),
        }
    }

    /// Writes the goodbye of our SSRC into `out` and returns its length; none
    /// if nothing was ever sent (RFC 3550 §6.3.7). `reason` may be empty.
    pub fn write_bye(
        &mut self,
        now: Time,
        sender: &Sender,
        sources: &mut SourceTable,
        reason: &[u8],
        out: &mut [u8],
    ) -> Option<usize> {
        let ever_sent = self.sent > 0 || sender.last_sent().is_some();
        let we_sent = sender.sent_since(self.schedule.sending_since());
        ever_sent.then(|| self.write(now, we_sent, sender, sources, Some(reason), out))?
    }

    /// Writes `feedback` of ours between two reports into `out`, behind a report
    /// without blocks, which takes nothing from the next (RFC 3550 §6.1), and
    /// returns the length.
    pub fn write_feedback(
        &mut self,
        ssrc: Ssrc,
        feedback: &dyn WriteRtcp,
        out: &mut [u8],
    ) -> Option<usize> {
        let report = ReceiverReportWriter { ssrc, blocks: &[] };
        let sdes = SdesWriter {
            ssrc,
            cname: self.cname.as_bytes(),
        };
        let size = write_compound(&[&report, &sdes, feedback], out).ok()?;
        self.sent += 1;
        self.schedule.note_size(size);
        Some(size)
    }

    /// RFC 3550 §6.1: SR or RR, SDES with CNAME, and BYE at the end.
    fn write(
        &mut self,
        now: Time,
        we_sent: bool,
        sender: &Sender,
        sources: &mut SourceTable,
        bye: Option<&[u8]>,
        out: &mut [u8],
    ) -> Option<usize> {
        let ssrc = sender.ssrc();
        let (blocks, count) = self.blocks(now, sources);
        let blocks = blocks.get(..count).unwrap_or_default();
        let sdes = SdesWriter {
            ssrc,
            cname: self.cname.as_bytes(),
        };
        // RFC 3550 §6.4: SR only of one that sent within two intervals.
        let info = if we_sent {
            sender.info(now, &self.anchor)
        } else {
            None
        };
        let report: &dyn WriteRtcp = match info {
            Some(info) => &SenderReportWriter { ssrc, info, blocks },
            None => &ReceiverReportWriter { ssrc, blocks },
        };
        let goodbye = ByeWriter {
            sources: &[ssrc],
            reason: bye.unwrap_or_default(),
        };
        let mut size = write_compound(&[report, &sdes], out).ok()?;
        if let Some(metrics) = self.voip {
            let xr = VoipMetricsWriter { ssrc, metrics };
            size += xr.write_into(out.get_mut(size..)?).ok()?;
        }
        if bye.is_some() {
            size += goodbye.write_into(out.get_mut(size..)?).ok()?;
        }
        if let Some(info) = info {
            self.round_trip.sent(info.ntp);
        }
        self.sent += 1;
        self.schedule.note_size(size);
        Some(size)
    }

    /// The blocks of all sources heard since the last report, and how many.
    fn blocks(
        &mut self,
        now: Time,
        sources: &mut SourceTable,
    ) -> ([ReportBlock; MAX_SOURCES], usize) {
        self.settle_early(sources);
        let mut blocks = [NO_BLOCK; MAX_SOURCES];
        let reportable = sources.iter_mut().filter(|source| source.is_reportable());
        let mut count = 0;
        for (slot, source) in blocks.iter_mut().zip(reportable) {
            *slot = source.report_block(now);
            count += 1;
        }
        (blocks, count)
    }

    /// Gives a sender report that came before its source's first packet to it.
    fn settle_early(&mut self, sources: &mut SourceTable) {
        if let Some(early) = self.early
            && let Some(source) = sources.get_mut(early.ssrc)
        {
            source.sender_report(early.info, early.at);
            self.early = None;
        }
    }

    fn population(&self, now: Time, sender: &Sender, sources: &SourceTable) -> Population {
        let since = self.schedule.sending_since();
        let we_sent = sender.sent_since(since);
        let speaking = sources.active(now, now - since);
        Population {
            members: 1 + sources.active(now, MEMBER_TIMEOUT).max(1),
            senders: speaking + usize::from(we_sent),
            we_sent,
        }
    }

    /// Takes in a compound that came `from` there `now`, and tells `on` what
    /// it says.
    pub fn handle(
        &mut self,
        now: Time,
        from: SocketAddr,
        compound: &Compound<'_>,
        sender: &Sender,
        sources: &mut SourceTable,
        mut on: impl FnMut(RtcpEvent),
    ) {
        self.received += 1;
        self.schedule.note_size(compound.size());
        for packet in compound.packets() {
            match packet {
                Ok(RtcpPacket::SenderReport(sr)) => {
                    if let Some(conflict) = sources.conflict(sr.ssrc(), from, now) {
                        return on(RtcpEvent::Own(conflict));
                    }
                    self.note_sender(sr.ssrc(), sr.info(), now, sources);
                    self.note_blocks(sr.ssrc(), sr.blocks(), now, sender, &mut on);
                }
                Ok(RtcpPacket::ReceiverReport(rr)) => {
                    if let Some(conflict) = sources.conflict(rr.ssrc(), from, now) {
                        return on(RtcpEvent::Own(conflict));
                    }
                    self.note_blocks(rr.ssrc(), rr.blocks(), now, sender, &mut on);
                }
                Ok(RtcpPacket::Bye(bye)) => {
                    bye.sources()
                        .for_each(|ssrc| self.note_bye(ssrc, now, sources, &mut on));
                }
                Ok(RtcpPacket::ExtendedReport(xr)) => {
                    let of_us = |metrics: &VoipMetrics| metrics.ssrc == sender.ssrc();
                    self.remote_voip = xr.voip_metrics().find(of_us).or(self.remote_voip);
                }
                Ok(RtcpPacket::PayloadFeedback(feedback)) => {
                    if feedback.asks_for_keyframe(sender.ssrc()) {
                        on(RtcpEvent::KeyframeWanted);
                    }
                }
                Ok(_) => {}
                Err(error) => on(RtcpEvent::Malformed(error)),
            }
        }
    }

    fn note_sender(&mut self, ssrc: Ssrc, info: SenderInfo, now: Time, sources: &mut SourceTable) {
        match sources.get_mut(ssrc) {
            Some(source) => source.sender_report(info, now),
            None => {
                self.early = Some(EarlyReport {
                    ssrc,
                    info,
                    at: now,
                })
            }
        }
    }

    fn note_blocks(
        &mut self,
        from: Ssrc,
        blocks: impl Iterator<Item = ReportBlock>,
        now: Time,
        sender: &Sender,
        on: &mut impl FnMut(RtcpEvent),
    ) {
        let mut highest = None;
        for block in blocks.filter(|block| block.ssrc == sender.ssrc()) {
            highest = Some(block.highest_seq);
            let clock = u64::from(sender.clock_rate().max(1));
            let jitter = u64::from(block.jitter) * 1_000_000_000 / clock;
            let report = RemoteReport {
                at: now,
                from,
                fraction_lost: block.fraction_lost,
                lost: block.cumulative_lost,
                jitter: Duration::from_nanos(jitter),
            };
            self.remote = Some(report);
            on(RtcpEvent::Heard(report));
            if let Some(time) = self.round_trip.measure(&block, self.anchor.ntp_at(now)) {
                on(RtcpEvent::RoundTrip(time));
            }
        }
        self.heeded.report(sender.packets(), highest);
    }

    /// RFC 3550 §6.3.4: a source that leaves, once, and only one that we heard.
    fn note_bye(
        &mut self,
        ssrc: Ssrc,
        now: Time,
        sources: &mut SourceTable,
        on: &mut impl FnMut(RtcpEvent),
    ) {
        let source = sources
            .get_mut(ssrc)
            .filter(|source| source.left().is_none());
        if let Some(source) = source {
            source.leave(now);
            self.schedule
                .member_left(now, 1 + sources.active(now, MEMBER_TIMEOUT));
            on(RtcpEvent::Bye(ssrc));
        }
    }

    /// What the peer reported of us last.
    pub fn remote(&self) -> Option<&RemoteReport> {
        self.remote.as_ref()
    }

    /// What the peer said last of the speech it hears of us (RFC 3611 §4.7).
    pub fn remote_voip_metrics(&self) -> Option<&VoipMetrics> {
        self.remote_voip.as_ref()
    }

    /// Reports of the peer in a row that heard nothing new of us, though we
    /// had sent since the one before. One can be a matter of timing.
    pub fn unheard(&self) -> u32 {
        self.heeded.unheard
    }

    /// The round-trip time.
    pub fn round_trip(&self) -> &RoundTrip {
        &self.round_trip
    }

    /// Compounds written.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Compounds taken in.
    pub fn received(&self) -> u64 {
        self.received
    }
}

/// Five of the standard's least intervals (RFC 3550 §6.3.5).
const MEMBER_TIMEOUT: Duration = Duration::from_secs(25);

const NO_BLOCK: ReportBlock = ReportBlock {
    ssrc: Ssrc::new(0),
    fraction_lost: 0,
    cumulative_lost: 0,
    highest_seq: 0,
    jitter: 0,
    last_sr: 0,
    delay_since_last_sr: 0,
};
