//! A call with three sessions, in rooms or not: datagrams, agreements, ticks,
//! digits and goodbyes in any order.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_audio::mixer::Gain;
use talkpath_media::dtmf::{DialId, Dtmf, Inband};
use talkpath_media::playout::Target;
use talkpath_media::rtp::{Cname, NtpAnchor};
use talkpath_media::{
    Agreement, Answer, Call, CallSetup, Component, Ends, Mute, Numbered, Outbox, Path, Pause,
    RoomId, SessionId, SessionStats, SocketKey, StreamIndex, StreamSetup, StreamSockets, Tick,
};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Hold, KeyframeRequests, VoipReports};
use talkpath_transport::{AddressRules, DropReason, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, NtpTime, PayloadType, Time};

use crate::script::Script;

/// No list of operations breaks a call; nothing is sent to an address that
/// nobody named, and frames come at their times.
pub fn call(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut run = Run::new(script.u16().into());
    while let Some(operation) = script.next(16) {
        run.apply(operation, &mut script);
        run.check();
    }
    for session in SESSIONS {
        run.call.close_session(run.now, session, &mut run.out);
        run.call.remove_session(run.now, session);
    }
    run.check();
    assert!(run.call.is_empty());
    assert_eq!(run.call.poll_timeout(), None);
}

struct Run {
    call: Call,
    out: Outbox,
    ends: Listener,
    now: Time,
    /// What was sent last, to be sent back or on.
    last: Vec<u8>,
}

impl Run {
    fn new(seed: u64) -> Self {
        Run {
            call: Call::new(CallSetup {
                seed,
                anchor: NtpAnchor {
                    at: Time::ZERO,
                    ntp: NtpTime::from_unix(Duration::from_secs(1_800_000_000)),
                },
                cname: Cname::from_random([7; 12]),
            }),
            out: Outbox::new(),
            ends: Listener { talks: true },
            now: Time::ZERO,
            last: Vec::new(),
        }
    }

    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        let (now, session) = (self.now, script.one_of(&SESSIONS));
        let stream = StreamIndex(script.below(2));
        let out = &mut self.out;
        match operation {
            0 => self.call.add_session(session),
            1 => {
                let sockets = sockets(script);
                self.call
                    .add_stream(now, session, setup(stream, script), sockets);
            }
            2 | 3 => self
                .call
                .agree(now, session, stream, agreement(script), out),
            4 => self.call.listen(now, session, stream),
            5 => self.wait(Duration::from_millis(u64::from(script.u16() % 2_000))),
            6 => (0..50).for_each(|_| self.wait(Duration::from_millis(20))),
            7 | 8 => {
                let bytes = self.datagram(script);
                self.receive(session, stream, bytes, script);
            }
            9 => (0..script.below(20)).for_each(|n| {
                let bytes = packet(n, script);
                self.receive(session, stream, bytes, script);
                self.wait(Duration::from_millis(20));
            }),
            10 => self.small(session, stream, script),
            11..=13 => self.rooms(session, stream, script),
            14 => self.digits(session, stream, script),
            _ => match script.below(3) {
                0 => self.call.close_session(now, session, out),
                1 => self.call.remove_stream(now, session, stream, out),
                _ => self.call.remove_session(now, session),
            },
        }
    }

    fn rooms(&mut self, session: SessionId, stream: StreamIndex, script: &mut Script<'_>) {
        let (now, room) = (self.now, RoomId(script.below(2).into()));
        match script.below(8) {
            0..=4 => self.call.join(now, room, session, stream),
            5 => self.call.leave(now, room, session, stream),
            6 => self.call.end_room(now, room),
            _ => {
                let gain = Gain::from_db(f32::from(script.u8()) - 200.0);
                self.call.set_gain(now, room, (session, stream), gain);
            }
        }
    }

    fn digits(&mut self, session: SessionId, stream: StreamIndex, script: &mut Script<'_>) {
        let (now, id, out) = (self.now, DialId(script.below(4).into()), &mut self.out);
        match script.below(6) {
            0 => self.call.stop_dialling(session, stream, id, out),
            1 => {
                let inband = script.one_of(&[Inband::Detected, Inband::Ignored]);
                self.call
                    .listen_for_digits(now, (session, stream), inband, out);
            }
            _ => {
                let key = char::from(script.one_of(b"0123456789*#ABCD!,"));
                let tone = Duration::from_millis(script.u16().into());
                let dtmf = Dtmf::new(&key.to_string()).expect("it is a key");
                self.call
                    .dial(now, (session, stream), (id, dtmf.tone(tone)), out);
            }
        }
    }

    fn small(&mut self, session: SessionId, stream: StreamIndex, script: &mut Script<'_>) {
        match script.below(7) {
            0 => self
                .call
                .mute(self.now, session, script.one_of(&[Mute::On, Mute::Off])),
            1 => self.call.free_rtcp(session, stream),
            2 => self.call.count_send_error(self.now, session, stream),
            3 => {
                let reason = DropReason::Truncated;
                self.call.count_drop(self.now, session, stream, reason);
            }
            4 => self.ends.talks = script.flag(),
            5 => self.call.watch(session, stream),
            _ => {
                let mut stats = SessionStats::default();
                self.call.stats_into(self.now, session, &mut stats);
                assert!(stats.streams.len() <= 2);
            }
        }
    }

    /// Garbage, a report, or what the call itself sent.
    fn datagram(&self, script: &mut Script<'_>) -> Vec<u8> {
        match script.below(4) {
            0 => script.bytes(120).to_vec(),
            1 => self.last.clone(),
            2 => vec![0x80, 201, 0, 1, 0, 0, 0, script.below(4)],
            _ => packet(script.u8(), script),
        }
    }

    fn receive(
        &mut self,
        session: SessionId,
        stream: StreamIndex,
        mut bytes: Vec<u8>,
        script: &mut Script<'_>,
    ) {
        let path = Path {
            session,
            stream,
            component: script.one_of(&[Component::Rtp, Component::Rtp, Component::Rtcp]),
        };
        let from = script.one_of(&HOSTS);
        self.call
            .handle_datagram(self.now, path, from, &mut bytes, &mut self.out);
    }

    /// Lets time pass, deadline by deadline.
    fn wait(&mut self, how_long: Duration) {
        let until = self.now + how_long;
        let mut turns = 0;
        while let Some(due) = self.call.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.call
                .handle_timeout(self.now, &mut self.ends, &mut self.out);
            turns += 1;
            assert!(turns < 5_000, "a deadline that is never met");
        }
        self.now = until;
    }

    fn check(&mut self) {
        for transmit in self.out.transmits.iter() {
            assert!(HOSTS[..NAMED].contains(&transmit.to) || is_beside(transmit.to));
            assert!(transmit.bytes.len() <= 1_500);
            self.last = transmit.bytes.to_vec();
        }
        self.out.clear();
    }
}

/// The port for RTCP of a host that was named.
fn is_beside(to: SocketAddr) -> bool {
    HOSTS[..NAMED].iter().any(|host| host.ip() == to.ip())
}

/// Somebody who hears all and says ones.
struct Listener {
    talks: bool,
}

impl Ends for Listener {
    fn has_words(&mut self, _: SessionId, _: StreamIndex) -> bool {
        self.talks
    }

    fn say(&mut self, _: SessionId, _: StreamIndex, frame: &mut [i16]) -> usize {
        frame.fill(1);
        if self.talks { frame.len() } else { 0 }
    }

    fn hear(&mut self, _: SessionId, _: StreamIndex, tick: Tick<'_>) {
        assert_eq!(tick.heard.len(), tick.said.len());
    }
}

fn setup(stream: StreamIndex, script: &mut Script<'_>) -> StreamSetup {
    let own = SocketAddr::from(([192, 0, 2, 1], 10_000));
    StreamSetup {
        stream,
        policy: SourcePolicy::Signalled,
        rules: AddressRules::for_local(own.ip()),
        rate: script.one_of(&[
            SampleRate::HZ_8000,
            SampleRate::HZ_16000,
            SampleRate::HZ_48000,
        ]),
        media_timeout: Duration::from_millis(u64::from(script.u16())),
        pause: script.one_of(&[Pause::SendNothing, Pause::SendSilence, Pause::Suppress]),
        playout: script.one_of(&[Target::default(), Target::Fixed(Duration::from_millis(60))]),
    }
}

fn sockets(script: &mut Script<'_>) -> StreamSockets {
    StreamSockets {
        rtp: SocketKey(0),
        rtcp: script.flag().then_some(SocketKey(1)),
        own: [SocketAddr::from(([192, 0, 2, 1], 10_000))].into(),
    }
}

fn agreement(script: &mut Script<'_>) -> Agreement {
    let format = |number, format: Format| {
        let number = PayloadType::from_header_byte(number);
        Numbered::built_in(number, format)
    };
    let all = [
        format(0, Format::new("PCMU", 8_000)),
        format(9, Format::new("G722", 8_000)),
        format(8, Format::new("PCMA", 8_000)),
        format(101, Format::new("telephone-event", 8_000)),
        format(13, Format::new("CN", 8_000)),
        format(96, Format::new("L16", 16_000)),
        format(102, Format::new("telephone-event", 16_000)),
        format(97, Format::new("unknown", 8_000)),
        format(98, Format::new("VP8", 90_000)),
    ];
    let (first, sent) = (usize::from(script.below(4)), usize::from(script.below(3)));
    let remote = script.one_of(&HOSTS[..NAMED]);
    let beside = SocketAddr::new(remote.ip(), remote.port() + 1);
    Agreement {
        answer: script.one_of(&[Answer::Settled, Answer::Settled, Answer::Awaited]),
        direction: script.one_of(&Direction::ALL),
        send: (script.below(4) > 0).then(|| all[sent].clone()),
        receive: all[first..].into(),
        packet: Duration::from_millis(10 * u64::from(1 + script.below(6))),
        remote: (script.below(4) > 0).then_some(Remote {
            rtp: remote,
            rtcp: script.one_of(&[RtcpRemote::Mux, RtcpRemote::At(beside)]),
            signalling_source: None,
        }),
        hold: script.one_of(&[Hold::No, Hold::No, Hold::Direction, Hold::Address]),
        voip_reports: script.one_of(&[VoipReports::Unasked, VoipReports::Asked]),
        keyframes: script.one_of(&[
            KeyframeRequests::None,
            KeyframeRequests::Fir,
            KeyframeRequests::Both,
        ]),
        accepts: all[sent..usize::from(4 + script.below(6))].into(),
    }
}

/// A packet, mostly of sound, and mostly of a format that was agreed.
fn packet(seq: u8, script: &mut Script<'_>) -> Vec<u8> {
    let number = script.one_of(&[0, 0, 0, 8, 9, 96, 101, 102, 97, 98, 13]);
    let jump = script.one_of(&[0, 0, 0, 0, 1, 60]);
    let ticks = u32::from(seq) * 160;
    let mut packet = vec![0x80, number, jump, seq];
    packet.extend(ticks.to_be_bytes());
    packet.extend([0, 0, 0, script.one_of(&[1, 1, 1, 2])]);
    packet.resize(
        12 + usize::from(script.one_of(&[160u8, 160, 160, 80, 4, 1, 0])),
        0xd5,
    );
    packet
}

const SESSIONS: [SessionId; 3] = [SessionId(1), SessionId(2), SessionId(3)];
/// How many of the hosts signalling may name.
const NAMED: usize = 2;
const HOSTS: [SocketAddr; 3] = [
    SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)),
        4_000,
    ),
    SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 8)),
        4_000,
    ),
    SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 66)),
        6_666,
    ),
];
