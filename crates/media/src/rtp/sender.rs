//! One local SSRC: the sole owner of outgoing sequence numbers and timestamps.
//!
//! In: frames that are about to be sent, and silence. Out: their headers, and
//! the sender's part of reports. Numbers begin at random; the timestamp counts
//! samples of the RTP clock and goes on through silence; the first packet
//! after silence bears the marker.
//!
//! RFC 3550 §5.1, §6.4.1, §8.2; RFC 3551 §4.1. The timestamp never follows a
//! wall clock: [`Sender::catch_up`] moves it over a time in which nobody
//! counted frames, and only forward.

use talkpath_wire::rtcp::SenderInfo;
use talkpath_wire::{PayloadType, RtpHeader, RtpPacket, RtpTime, Seq, Ssrc, Time};

use super::relay::{FAR_BEHIND, Relay, Relayed, Renumbered};
use super::{Chance, NtpAnchor, Timing};

/// What is about to be sent in one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The payload type, as the peer numbered it.
    pub payload_type: PayloadType,
    /// How long it lasts, in ticks of the RTP clock.
    pub ticks: u32,
    /// Bytes of its payload.
    pub payload_len: usize,
}

/// One local SSRC.
///
/// ```
/// use talkpath_media::rtp::{Chance, Frame, Sender};
/// use talkpath_wire::{PayloadType, Time};
/// let mut sender = Sender::new(8000, &mut Chance::from_seed(1));
/// let frame = Frame { payload_type: PayloadType::PCMU, ticks: 160, payload_len: 160 };
/// let first = sender.send(frame, Time::ZERO);
/// sender.skip(160); // 20 ms of silence
/// let next = sender.send(frame, Time::from_millis(40));
/// assert_eq!(next.seq, first.seq.next());
/// assert_eq!(next.timestamp.ticks_since(first.timestamp), 320);
/// assert!(next.marker);
/// ```
#[derive(Clone, Debug)]
pub struct Sender {
    ssrc: Ssrc,
    next_seq: Seq,
    next_timestamp: RtpTime,
    clock_rate: u32,
    spurt: Spurt,
    /// The last frame: where the timestamp stood and when.
    line: Option<Moment>,
    last_sent: Option<Time>,
    /// The source that is relayed, while one is.
    relay: Option<Relay>,
    voice: Voice,
    /// Of this SSRC, as its sender reports say it.
    sent: Volume,
    /// Of the SSRCs given up.
    before: Volume,
}

/// Whether the next frame continues a talkspurt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spurt {
    Starting,
    Running,
}

/// Whose packets went out under this SSRC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Voice {
    /// None, or those of relayed sources alone, untouched.
    Lent,
    /// Ours too.
    Own,
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    timestamp: RtpTime,
    at: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Volume {
    packets: u64,
    octets: u64,
}

impl Volume {
    fn add(&mut self, payload_len: usize) {
        self.packets += 1;
        self.octets += payload_len as u64;
    }
}

impl Sender {
    /// A sender on an RTP clock of `clock_rate` Hz with random numbers.
    pub fn new(clock_rate: u32, chance: &mut Chance) -> Self {
        let (ssrc, seq, timestamp) = random_start(chance);
        Sender {
            ssrc,
            next_seq: seq,
            next_timestamp: timestamp,
            clock_rate,
            spurt: Spurt::Starting,
            line: None,
            last_sent: None,
            relay: None,
            voice: Voice::Lent,
            sent: Volume::default(),
            before: Volume::default(),
        }
    }

    /// The header of `frame`, which is sent `now`.
    pub fn send(&mut self, frame: Frame, now: Time) -> RtpHeader<'static> {
        let timestamp = self.next_timestamp;
        // RFC 3551 §4.1: the first packet of a talkspurt bears the marker.
        let marker = self.spurt == Spurt::Starting;
        self.spurt = Spurt::Running;
        self.next_timestamp = timestamp.plus(frame.ticks);
        self.line = Some(Moment { timestamp, at: now });
        self.number(frame.payload_type, timestamp, frame.payload_len, now)
            .with_marker(marker)
    }

    /// The header of a packet whose timestamp stands where an event began, as
    /// RFC 4733 §2.1 asks; the media timestamp is not moved: what time the
    /// event takes is [`skip`](Self::skip)ped.
    pub fn send_event(
        &mut self,
        payload_type: PayloadType,
        began: RtpTime,
        payload_len: usize,
        now: Time,
    ) -> RtpHeader<'static> {
        self.number(payload_type, began, payload_len, now)
    }

    fn number(
        &mut self,
        payload_type: PayloadType,
        timestamp: RtpTime,
        payload_len: usize,
        now: Time,
    ) -> RtpHeader<'static> {
        (self.relay, self.voice) = (None, Voice::Own);
        let seq = self.next_seq;
        self.next_seq = seq.next();
        self.last_sent = Some(now);
        self.sent.add(payload_len);
        RtpHeader::new(payload_type, seq, timestamp, self.ssrc)
    }

    /// The numbers of a packet that is relayed `now`. What comes in goes out
    /// untouched, its SSRC too, until something else has spoken here; from then
    /// on numbers are shifted, so that one continuous stream goes out. `None`
    /// for a straggler from before a shift: its number was given away. The
    /// timestamp of an event stands where it began, and says nothing of the
    /// media's.
    pub fn relay(&mut self, packet: &RtpPacket<'_>, timing: Timing, now: Time) -> Option<Relayed> {
        let known = self.relay.filter(|relay| relay.is_of(packet.ssrc()));
        let relay = known.unwrap_or_else(|| self.join(packet, now));
        let (relay, relayed) = match relay.renumber(packet, self.ssrc) {
            Renumbered::Goes(relayed) => (relay, relayed),
            Renumbered::Straggles => return None,
            Renumbered::Restarts => {
                self.catch_up(now);
                let relay = Relay::behind(packet, self.next_seq, self.next_timestamp);
                (relay, relay.first(packet, self.ssrc))
            }
        };
        let ahead = relayed.seq.distance_from(self.next_seq);
        // Far behind: the source began anew, under the same name.
        if !(-FAR_BEHIND..0).contains(&ahead) {
            self.next_seq = relayed.seq.next();
            if timing == Timing::Advances {
                let timestamp = relayed.timestamp;
                self.next_timestamp = timestamp;
                self.line = Some(Moment { timestamp, at: now });
            }
        }
        self.relay = Some(relay.going_on());
        self.spurt = Spurt::Starting;
        self.last_sent = Some(now);
        self.sent.add(packet.payload().len());
        Some(relayed)
    }

    /// Something that was to be relayed was not: what comes next goes on where
    /// this stopped, so that nobody takes it for lost.
    pub fn interrupt(&mut self) {
        if self.has_sent() {
            (self.relay, self.voice) = (None, Voice::Own);
        }
    }

    /// Lets another source go on here.
    fn join(&mut self, packet: &RtpPacket<'_>, now: Time) -> Relay {
        match self.voice {
            Voice::Lent => {
                self.retire_counts();
                self.ssrc = packet.ssrc();
                self.next_seq = packet.seq();
                Relay::untouched(packet)
            }
            Voice::Own => {
                self.catch_up(now);
                Relay::behind(packet, self.next_seq, self.next_timestamp)
            }
        }
    }

    /// Silence of `ticks`: the timestamp goes on, the next frame begins a
    /// talkspurt.
    pub fn skip(&mut self, ticks: u32) {
        self.next_timestamp = self.next_timestamp.plus(ticks);
        self.spurt = Spurt::Starting;
    }

    /// Silence since the last frame, of which nobody counted the ticks: the
    /// timestamp goes on to where it would stand `now`, never back.
    pub fn catch_up(&mut self, now: Time) {
        self.spurt = Spurt::Starting;
        let Some(line) = self.line else { return };
        let elapsed = (now - line.at).as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        let counted = self.next_timestamp.minus(line.timestamp.value()).value();
        if elapsed > u128::from(counted) {
            self.next_timestamp = line.timestamp.plus(elapsed as u32);
        }
    }

    /// Counts on another RTP clock from the next frame on. A source keeps one
    /// clock (RFC 7160 §4.1): one that has sent on another is to be
    /// [renewed](Self::renew) before.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            self.clock_rate = clock_rate;
            self.line = None;
            self.spurt = Spurt::Starting;
        }
    }

    /// Whether anything but empty packets was sent under this SSRC.
    pub fn has_spoken(&self) -> bool {
        self.sent.octets > 0
    }

    /// Whether anything was sent under this SSRC.
    pub fn has_sent(&self) -> bool {
        self.sent.packets > 0
    }

    /// Takes a new SSRC with new random numbers and gives back the old one:
    /// ours collided (RFC 3550 §8.2). A BYE for it is to be written before.
    pub fn renew(&mut self, chance: &mut Chance) -> Ssrc {
        let old = self.ssrc;
        let (ssrc, seq, timestamp) = random_start(chance);
        (self.ssrc, self.next_seq, self.next_timestamp) = (ssrc, seq, timestamp);
        self.spurt = Spurt::Starting;
        self.line = None;
        (self.relay, self.voice) = (None, Voice::Own);
        self.retire_counts();
        old
    }

    /// RFC 3550 §6.4.1: the counts are reset with the SSRC.
    fn retire_counts(&mut self) {
        self.before.packets += self.sent.packets;
        self.before.octets += self.sent.octets;
        self.sent = Volume::default();
    }

    /// What a sender report says `now`; none before the first frame.
    pub fn info(&self, now: Time, anchor: &NtpAnchor) -> Option<SenderInfo> {
        let line = self.line?;
        // RFC 3550 §6.4.1: the timestamp of the NTP time, not of the last
        // packet.
        let since = RtpTime::ticks_of(now - line.at, self.clock_rate);
        Some(SenderInfo {
            ntp: anchor.ntp_at(now),
            rtp: line.timestamp.plus(since),
            packets: self.sent.packets as u32,
            octets: self.sent.octets as u32,
        })
    }

    /// Whether RTP was sent at `since` or later.
    pub fn sent_since(&self, since: Time) -> bool {
        self.last_sent.is_some_and(|last| last >= since)
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The timestamp of the next frame: where an event that begins now begins.
    pub fn timestamp(&self) -> RtpTime {
        self.next_timestamp
    }

    /// The RTP clock, in Hz.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// When the last RTP packet was sent.
    pub fn last_sent(&self) -> Option<Time> {
        self.last_sent
    }

    /// RTP packets sent, under all SSRCs.
    pub fn packets(&self) -> u64 {
        self.before.packets + self.sent.packets
    }

    /// Payload bytes sent, under all SSRCs.
    pub fn octets(&self) -> u64 {
        self.before.octets + self.sent.octets
    }
}

/// RFC 3550 §5.1: all three are random. The sequence number begins in the
/// lower half, so that the first rollover is far (RFC 3711 §3.3.1).
fn random_start(chance: &mut Chance) -> (Ssrc, Seq, RtpTime) {
    let ssrc = Ssrc::new(chance.next_u32());
    let seq = Seq::new(chance.next_u16() & 0x7fff);
    (ssrc, seq, RtpTime::new(chance.next_u32()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use talkpath_wire::NtpTime;

    const FRAME: Frame = Frame {
        payload_type: PayloadType::PCMU,
        ticks: 160,
        payload_len: 160,
    };

    fn sender(seed: u64) -> Sender {
        Sender::new(8000, &mut Chance::from_seed(seed))
    }

    fn incoming(seq: u16, timestamp: u32) -> Vec<u8> {
        let header = RtpHeader::new(
            PayloadType::PCMU,
            Seq::new(seq),
            RtpTime::new(timestamp),
            Ssrc::new(77),
        );
        let mut bytes = vec![0; 172];
        header.write_into(&mut bytes).unwrap();
        bytes
    }

    fn relay(sender: &mut Sender, seq: u16, timestamp: u32, at: u64) -> Option<Relayed> {
        let bytes = incoming(seq, timestamp);
        sender.relay(
            &RtpPacket::parse(&bytes).unwrap(),
            Timing::Advances,
            Time::from_millis(at),
        )
    }

    #[test]
    fn a_relayed_source_passes_untouched_while_nothing_else_has_spoken() {
        let mut sender = sender(1);
        for (seq, at) in [(65_534, 0), (65_535, 20), (1, 60), (0, 61)] {
            let out = relay(&mut sender, seq, 9_000 + u32::from(seq), at).unwrap();
            let expected = (
                Ssrc::new(77),
                Seq::new(seq),
                RtpTime::new(9_000 + u32::from(seq)),
            );
            assert_eq!((out.ssrc, out.seq, out.timestamp), expected);
            assert!(!out.marker);
        }
        assert_eq!(sender.packets(), 4);
    }

    #[test]
    fn what_is_relayed_goes_on_where_our_own_voice_stopped_and_back() {
        let mut sender = sender(1);
        let own = sender.send(FRAME, Time::ZERO);
        // 100 ms later, 99 packets into another stream.
        let first = relay(&mut sender, 99, 5_000, 100).unwrap();
        assert_eq!((first.ssrc, first.seq), (own.ssrc, own.seq.next()));
        assert_eq!(first.timestamp.ticks_since(own.timestamp), 800);
        assert!(first.marker);
        assert_eq!(
            relay(&mut sender, 98, 4_840, 101),
            None,
            "its number was given away"
        );
        // Two are lost on the way here; the gap stays.
        let next = relay(&mut sender, 102, 5_480, 160).unwrap();
        assert_eq!(next.seq.distance_from(first.seq), 3);
        assert_eq!(next.timestamp.ticks_since(first.timestamp), 480);
        assert!(!next.marker);
        sender.catch_up(Time::from_millis(180));
        let back = sender.send(FRAME, Time::from_millis(180));
        assert_eq!((back.ssrc, back.seq), (own.ssrc, next.seq.next()));
        assert_eq!(back.timestamp.ticks_since(next.timestamp), 160);
        assert!(back.marker);
    }

    // RFC 3550 §5.1.
    #[test]
    fn every_sender_begins_with_other_numbers() {
        let (mut a, mut b) = (sender(1), sender(2));
        let (a, b) = (a.send(FRAME, Time::ZERO), b.send(FRAME, Time::ZERO));
        assert!(a.ssrc != b.ssrc && a.seq != b.seq && a.timestamp != b.timestamp);
        assert!(a.seq.value() < 0x8000);
    }

    #[test]
    fn numbers_go_on_across_both_wraps() {
        let mut sender = sender(1);
        (sender.next_seq, sender.next_timestamp) = (Seq::new(65_535), RtpTime::new(u32::MAX - 100));
        let first = sender.send(FRAME, Time::ZERO);
        let second = sender.send(FRAME, Time::from_millis(20));
        assert_eq!(second.seq.distance_from(first.seq), 1);
        assert_eq!(second.timestamp.ticks_since(first.timestamp), 160);
    }

    // RFC 3551 §4.1.
    #[test]
    fn the_marker_stands_at_the_beginning_of_each_talkspurt_only() {
        let mut sender = sender(1);
        let mut markers = Vec::new();
        for n in 0..9u64 {
            if (3..6).contains(&n) {
                sender.skip(160);
            } else {
                markers.push(sender.send(FRAME, Time::from_millis(20 * n)).marker);
            }
        }
        assert_eq!(markers, [true, false, false, true, false, false]);
    }

    #[test]
    fn the_timestamp_goes_on_through_silence_and_the_number_does_not() {
        let mut sender = sender(1);
        let before = sender.send(FRAME, Time::ZERO);
        sender.skip(1600);
        let after = sender.send(FRAME, Time::from_millis(220));
        assert_eq!(after.timestamp.ticks_since(before.timestamp), 1760);
        assert_eq!(after.seq.distance_from(before.seq), 1);
    }

    #[test]
    fn a_silence_that_nobody_counted_is_caught_up_with() {
        for millis in [500u64, 4 * 86_400_000, 400 * 86_400_000] {
            let start = Time::from_millis(1 << 32);
            let mut sender = sender(1);
            let before = sender.send(FRAME, start);
            let now = start + Duration::from_millis(millis);
            sender.catch_up(now);
            let after = sender.send(FRAME, now);
            assert_eq!(after.timestamp, before.timestamp.plus((millis * 8) as u32));
            assert!(after.marker);
        }
    }

    #[test]
    fn catching_up_never_goes_back() {
        let mut sender = sender(1);
        for _ in 0..10 {
            sender.send(FRAME, Time::from_millis(5));
        }
        let next = sender.timestamp();
        sender.catch_up(Time::from_millis(24));
        assert_eq!(sender.timestamp(), next);
    }

    // RFC 4733 §2.1.
    #[test]
    fn events_share_the_numbers_and_keep_their_timestamp() {
        let mut sender = sender(1);
        let audio = sender.send(FRAME, Time::ZERO);
        let began = sender.timestamp();
        let event_type = PayloadType::new(101).unwrap();
        for n in 1..4u64 {
            let now = Time::from_millis(20 * n);
            let event = sender.send_event(event_type, began, 4, now);
            assert_eq!(event.timestamp.ticks_since(audio.timestamp), 160);
            assert_eq!(i64::from(event.seq.distance_from(audio.seq)), n as i64);
            sender.skip(160);
        }
        let after = sender.send(FRAME, Time::from_millis(80));
        assert_eq!(after.timestamp.ticks_since(audio.timestamp), 640);
        assert!(after.marker);
    }

    // RFC 3550 §6.4.1.
    #[test]
    fn the_sender_report_maps_its_own_moment_and_not_the_last_packet() {
        for start in [0u64, 1 << 31, 1 << 32, 400 * 86_400_000] {
            let start = Time::from_millis(start);
            let unix = Duration::from_secs(1_700_000_000);
            let anchor = NtpAnchor {
                at: start,
                ntp: NtpTime::from_unix(unix),
            };
            let mut sender = sender(1);
            assert_eq!(sender.info(start, &anchor), None);
            let sent = sender.send(FRAME, start + Duration::from_secs(1));
            let info = sender
                .info(start + Duration::from_millis(1500), &anchor)
                .unwrap();
            assert_eq!(info.rtp, sent.timestamp.plus(4000));
            assert_eq!(
                info.ntp,
                NtpTime::from_unix(unix + Duration::from_millis(1500))
            );
            assert_eq!((info.packets, info.octets), (1, 160));
        }
    }

    // RFC 3550 §8.2, §6.4.1.
    #[test]
    fn a_collision_renews_all_numbers_and_resets_the_report() {
        let mut chance = Chance::from_seed(1);
        let mut sender = Sender::new(8000, &mut chance);
        let before = sender.send(FRAME, Time::ZERO);
        assert_eq!(sender.renew(&mut chance), before.ssrc);
        let after = sender.send(FRAME, Time::from_millis(20));
        assert!(after.marker && after.ssrc != before.ssrc);
        let anchor = NtpAnchor {
            at: Time::ZERO,
            ntp: NtpTime::default(),
        };
        let info = sender.info(Time::from_millis(20), &anchor).unwrap();
        assert_eq!(
            (info.packets, sender.packets(), sender.octets()),
            (1, 2, 320)
        );
    }
}
