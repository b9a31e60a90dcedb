//! Rooms at their edges: packets that pass while things change around them.

#![allow(clippy::unwrap_used)] // only tests are in here

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_media::rtp::{Cname, NtpAnchor};
use talkpath_media::{
    Agreement, Answer, Call, CallSetup, Component, Ends, Mute, Numbered, Outbox, Path, Pause,
    RoomId, SessionId, SessionStats, SocketKey, StreamIndex, StreamSetup, StreamSockets, Tick,
    VoipReports,
};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Hold, KeyframeRequests};
use talkpath_transport::{AddressRules, DropReason, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, NtpTime, PayloadType, Time};

const STREAM: StreamIndex = StreamIndex(0);
const ROOM: RoomId = RoomId(7);

/// Those who speak, a rising tone each, and listen.
#[derive(Default)]
struct Speakers {
    speaking: BTreeSet<SessionId>,
    level: i16,
}

impl Ends for Speakers {
    fn has_words(&mut self, session: SessionId, _: StreamIndex) -> bool {
        self.speaking.contains(&session)
    }

    fn say(&mut self, session: SessionId, _: StreamIndex, frame: &mut [i16]) -> usize {
        if !self.speaking.contains(&session) {
            return 0;
        }
        for sample in frame.iter_mut() {
            self.level = self.level.wrapping_add(900);
            *sample = self.level;
        }
        frame.len()
    }

    fn is_attended(&mut self, session: SessionId, _: StreamIndex) -> bool {
        self.speaking.contains(&session)
    }

    fn hear(&mut self, _: SessionId, _: StreamIndex, _: Tick<'_>) {}
}

/// A call of sessions 1, 2, ... each with a peer of its number.
struct Calls {
    call: Call,
    speakers: Speakers,
    now: Time,
    sent: Vec<Sent>,
}

/// A datagram that left.
#[derive(Clone, Debug)]
struct Sent {
    by: SessionId,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Sent {
    fn is_rtp(&self) -> bool {
        !(200..=207).contains(&self.bytes[1]) && self.bytes.len() > 12
    }

    fn number(&self) -> u8 {
        self.bytes[1] & 0x7f
    }

    fn seq(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    fn timestamp(&self) -> u32 {
        u32::from_be_bytes(self.bytes[4..8].try_into().unwrap())
    }

    fn ssrc(&self) -> u32 {
        u32::from_be_bytes(self.bytes[8..12].try_into().unwrap())
    }
}

fn peer(n: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n as u8], 4000))
}

fn format(number: u8, name: &str, clock_rate: u32) -> Numbered {
    let channels = if name == "opus" { 2 } else { 1 };
    let format = Format::new(name, clock_rate).with_channels(channels);
    Numbered::built_in(PayloadType::new(number).unwrap(), format)
}

fn pcmu() -> Numbered {
    format(0, "PCMU", 8_000)
}

fn pcma() -> Numbered {
    format(8, "PCMA", 8_000)
}

fn opus() -> Numbered {
    format(111, "opus", 48_000)
}

fn events() -> Numbered {
    format(101, "telephone-event", 8_000)
}

fn agreed(n: u64, formats: &[Numbered]) -> Agreement {
    Agreement {
        answer: Answer::Settled,
        direction: Direction::SendRecv,
        send: formats.iter().find(|f| f.codec.is_some()).cloned(),
        receive: formats.into(),
        packet: Duration::from_millis(20),
        remote: Some(Remote {
            rtp: peer(n),
            rtcp: RtcpRemote::Mux,
            signalling_source: None,
        }),
        hold: Hold::No,
        voip_reports: VoipReports::Unasked,
        keyframes: KeyframeRequests::None,
        accepts: formats.into(),
    }
}

fn packet(number: u8, seq: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, number];
    bytes.extend(seq.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    match number {
        111 => bytes.extend([0x78, 1, 2, 3]),
        101 => bytes.extend([5, 10, 0, 160]),
        _ => bytes.extend([0x11; 160]),
    }
    bytes
}

impl Calls {
    /// Sessions of so many formats each; the first two share a room.
    fn bridged(formats: &[&[Numbered]]) -> Self {
        let mut calls = Calls {
            call: Call::new(CallSetup {
                seed: 3,
                anchor: NtpAnchor {
                    at: Time::ZERO,
                    ntp: NtpTime::from_unix(Duration::from_secs(1_800_000_000)),
                },
                cname: Cname::from_random([7; 12]),
            }),
            speakers: Speakers::default(),
            now: Time::from_millis(1000),
            sent: Vec::new(),
        };
        for (n, formats) in (1..).zip(formats) {
            calls.add(n, formats);
        }
        calls.join(ROOM, 1);
        calls.join(ROOM, 2);
        calls
    }

    fn add(&mut self, n: u64, formats: &[Numbered]) {
        let own = SocketAddr::from(([198, 51, 100, n as u8], 5000));
        self.call.add_session(SessionId(n));
        let setup = StreamSetup {
            stream: STREAM,
            policy: SourcePolicy::Signalled,
            rules: AddressRules::for_local(own.ip()),
            rate: SampleRate::HZ_8000,
            media_timeout: Duration::from_secs(30),
            pause: Pause::SendNothing,
            playout: Default::default(),
        };
        let sockets = StreamSockets {
            rtp: SocketKey(n as u32),
            rtcp: None,
            own: [own].into(),
        };
        self.call.add_stream(self.now, SessionId(n), setup, sockets);
        self.agree(n, agreed(n, formats));
    }

    fn join(&mut self, room: RoomId, n: u64) {
        self.call.join(self.now, room, SessionId(n), STREAM);
    }

    fn agree(&mut self, n: u64, agreement: Agreement) {
        let mut out = Outbox::new();
        self.call
            .agree(self.now, SessionId(n), STREAM, agreement, &mut out);
        self.take(&out);
    }

    fn take(&mut self, out: &Outbox) {
        self.sent.extend(out.transmits.iter().map(|sent| Sent {
            by: sent.owner.unwrap().0,
            to: sent.to,
            bytes: sent.bytes.to_vec(),
        }));
    }

    fn receive(&mut self, n: u64, from: SocketAddr, mut bytes: Vec<u8>) {
        let mut out = Outbox::new();
        let path = Path {
            session: SessionId(n),
            stream: STREAM,
            component: Component::Rtp,
        };
        self.call
            .handle_datagram(self.now, path, from, &mut bytes, &mut out);
        self.take(&out);
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.call.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let mut out = Outbox::new();
            self.call
                .handle_timeout(self.now, &mut self.speakers, &mut out);
            self.take(&out);
        }
        self.now = end;
    }

    /// The peer `n` says packets `seqs` of one source, 20 ms apart.
    fn speech(&mut self, n: u64, number: u8, seqs: core::ops::Range<u16>) {
        let ticks = if number == 111 { 960 } else { 160 };
        for seq in seqs {
            let bytes = packet(number, seq, ticks * u32::from(seq), 0xa0 + n as u32);
            self.receive(n, peer(n), bytes);
            self.run(20);
        }
    }

    /// The RTP that session `n` sent since this was last asked.
    fn sent_by(&mut self, n: u64) -> Vec<Sent> {
        let all = std::mem::take(&mut self.sent);
        let (mine, others) = all
            .into_iter()
            .partition(|sent| sent.by == SessionId(n) && sent.is_rtp());
        self.sent = others;
        mine
    }

    fn speaks(&mut self, n: u64) {
        self.speakers.speaking.insert(SessionId(n));
        self.call.listen(self.now, SessionId(n), STREAM);
    }

    fn dropped(&self, n: u64, reason: DropReason) -> u64 {
        let mut stats = SessionStats::default();
        self.call.stats_into(self.now, SessionId(n), &mut stats);
        stats.streams[0].drops.of(reason).packets
    }
}

#[test]
fn media_held_for_an_answer_goes_to_its_own_room_only() {
    let law = [pcmu()];
    let mut calls = Calls::bridged(&[&law, &law, &law, &law]);
    calls.join(RoomId(8), 3);
    calls.join(RoomId(8), 4);
    calls.speech(1, 0, 0..5);
    let mut open = agreed(1, &law);
    open.answer = Answer::Awaited;
    calls.agree(1, open);
    let moved = SocketAddr::from(([192, 0, 2, 99], 6000));
    for seq in 5..8 {
        calls.receive(1, moved, packet(0, seq, 160 * u32::from(seq), 0xa1));
        calls.run(20);
    }
    calls.sent.clear();
    let mut settled = agreed(1, &law);
    settled.remote = Some(Remote {
        rtp: moved,
        rtcp: RtcpRemote::Mux,
        signalling_source: None,
    });
    calls.agree(1, settled);
    let passed = calls.sent_by(2);
    assert_eq!(passed.len(), 3, "{passed:?}");
    assert!(passed.iter().all(|sent| sent.to == peer(2)));
    calls.speech(3, 0, 0..1);
    let strays: Vec<_> = calls.sent.iter().filter(|sent| sent.is_rtp()).collect();
    assert_eq!(strays.len(), 1);
    assert_eq!((strays[0].to, strays[0].ssrc()), (peer(4), 0xa3));
}

// RFC 3264 §7: a peer may change between its formats at any packet.
#[test]
fn a_peer_that_changes_to_what_cannot_pass_is_heard_instead() {
    let mut calls = Calls::bridged(&[&[pcmu(), pcma()], &[pcmu()]]);
    calls.speech(1, 0, 0..50);
    assert_eq!(calls.sent_by(2).len(), 50);
    calls.speech(1, 8, 50..150);
    let sent = calls.sent_by(2);
    assert!(sent.len() > 90, "{} of 100", sent.len());
    assert!(sent.iter().all(|sent| sent.number() == 0));
    assert_eq!(calls.dropped(1, DropReason::NowhereToGo), 1);
    // What they agree on anew is decided anew.
    calls.agree(1, agreed(1, &[pcmu()]));
    calls.sent.clear();
    calls.speech(1, 0, 150..200);
    let seqs: Vec<_> = calls.sent_by(2).iter().map(Sent::seq).collect();
    assert!(
        seqs.windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{seqs:?}"
    );
}

#[test]
fn nothing_loud_leaves_a_session_that_is_muted_while_packets_pass() {
    let law = [pcmu()];
    let mut calls = Calls::bridged(&[&law, &law]);
    calls.speech(1, 0, 0..10);
    calls.sent.clear();
    calls.call.mute(calls.now, SessionId(2), Mute::On);
    calls.speech(1, 0, 10..60);
    let sent = calls.sent_by(2);
    assert!(sent.len() > 40);
    let loud = |sent: &Sent| sent.bytes[12..].iter().any(|octet| *octet | 0x80 != 0xff);
    assert!(!sent.iter().any(loud));
    calls.call.mute(calls.now, SessionId(2), Mute::Off);
    calls.speech(1, 0, 60..70);
    assert!(calls.sent_by(2).iter().any(loud));
}

// RFC 7160: the clock of what passes is that of its format.
#[test]
fn opus_that_passes_keeps_its_source_through_re_offers() {
    let wide = [opus()];
    let mut calls = Calls::bridged(&[&wide, &wide]);
    calls.speech(1, 111, 0..50);
    calls.agree(2, agreed(2, &wide));
    calls.speech(1, 111, 50..100);
    let sent = calls.sent_by(2);
    assert_eq!(sent.len(), 100);
    assert!(sent.iter().all(|sent| sent.ssrc() == 0xa1));
    let bye = |sent: &&Sent| sent.by == SessionId(2) && sent.bytes.contains(&203);
    assert_eq!(
        calls
            .sent
            .iter()
            .filter(|sent| !sent.is_rtp())
            .filter(bye)
            .count(),
        0
    );
    // Own words five seconds later stand five seconds later.
    calls.run(5000);
    calls.speaks(2);
    calls.run(200);
    let own = calls.sent_by(2);
    let step = own[0].timestamp().wrapping_sub(sent[99].timestamp());
    assert!((5_000 * 48..5_200 * 48).contains(&step), "{step}");
    assert_eq!(own[0].ssrc(), 0xa1);
}

// RFC 7160 §4.1.
#[test]
fn what_passes_on_one_clock_and_is_said_on_another_has_two_sources() {
    let mut calls = Calls::bridged(&[&[pcmu()], &[opus(), pcmu()]]);
    calls.speech(1, 0, 0..50);
    let passed = calls.sent_by(2);
    assert!(
        passed
            .iter()
            .all(|sent| sent.number() == 0 && sent.ssrc() == 0xa1)
    );
    calls.speaks(1);
    calls.speech(1, 0, 50..100);
    let said = calls.sent_by(2);
    let of = |number: u8| said.iter().filter(move |sent| sent.number() == number);
    assert!(of(111).count() > 30, "{said:?}");
    assert!(of(111).all(|sent| sent.ssrc() != 0xa1));
}

#[test]
fn one_that_is_left_alone_still_says_what_its_application_says() {
    let law = [pcmu()];
    let mut calls = Calls::bridged(&[&law, &law]);
    calls.speech(1, 0, 0..10);
    calls.call.remove_session(calls.now, SessionId(2));
    calls.speaks(1);
    calls.run(1000);
    assert!(calls.sent_by(1).len() > 40);
}

// RFC 4733 §2.2.1: an event's timestamp stands where it began.
#[test]
fn an_event_that_passes_does_not_set_the_media_clock_back() {
    let both = [pcmu(), events()];
    let mut calls = Calls::bridged(&[&both, &both]);
    calls.speech(1, 0, 0..50);
    for seq in 50..100 {
        calls.receive(1, peer(1), packet(101, seq, 160 * 50, 0xa1));
        calls.run(20);
    }
    let passed = calls.sent_by(2);
    assert_eq!(passed.last().unwrap().timestamp(), 160 * 50);
    calls.speaks(2);
    calls.run(200);
    let own = calls.sent_by(2);
    assert!(own[0].timestamp() >= 160 * 100, "{}", own[0].timestamp());
}

#[test]
fn a_source_that_begins_anew_from_behind_is_followed() {
    let law = [pcmu()];
    let mut calls = Calls::bridged(&[&law, &law]);
    calls.speech(1, 0, 30_000..30_050);
    calls.speech(1, 0, 10_950..11_000);
    calls.speaks(2);
    calls.run(200);
    let sent = calls.sent_by(2);
    let own = sent.iter().find(|sent| sent.bytes[12] != 0x11).unwrap();
    assert_eq!(own.seq(), 11_000);
}

#[test]
fn what_was_withheld_while_held_is_no_loss_afterwards() {
    let law = [pcmu()];
    let mut calls = Calls::bridged(&[&law, &law]);
    calls.speech(1, 0, 0..50);
    let mut held = agreed(2, &law);
    held.direction = Direction::RecvOnly;
    calls.agree(2, held);
    calls.speech(1, 0, 50..100);
    calls.agree(2, agreed(2, &law));
    calls.speech(1, 0, 100..150);
    let seqs: Vec<_> = calls.sent_by(2).iter().map(Sent::seq).collect();
    assert_eq!(seqs.len(), 100);
    assert!(
        seqs.windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{seqs:?}"
    );
}

#[test]
fn a_room_that_a_session_left_has_no_more_to_say_about_it() {
    let law = [pcmu()];
    let mut calls = Calls::bridged(&[&law, &law, &law]);
    calls.join(RoomId(8), 1);
    calls.join(RoomId(8), 3);
    calls.call.leave(calls.now, ROOM, SessionId(1), STREAM);
    calls.speech(1, 0, 0..10);
    assert_eq!(calls.sent_by(3).len(), 10);
    assert_eq!(calls.sent_by(2).len(), 0);
}
