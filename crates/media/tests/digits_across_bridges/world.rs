//! A call whose clock is turned by hand, with a peer behind each session.
//!
//! In: what is agreed, what the peers send. Out: what they are sent and what
//! the application is told.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_audio::dtmf::{Detected, Detector, Key, KeyTone};
use talkpath_audio::g711::{decode_ulaw, encode_ulaw};
use talkpath_media::dtmf::{Carriage, DialEnd, DialId, Dtmf, Inband, Pressing};
use talkpath_media::rtp::{Cname, NtpAnchor};
use talkpath_media::{
    Agreement, Answer, Call, CallSetup, Ends, KeyframeRequests, MediaEvent, MediaHappening,
    Numbered, Outbox, Path, Pause, RoomId, SessionId, SocketKey, StreamIndex, StreamSetup,
    StreamSockets, Tick, VoipReports,
};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::Hold;
use talkpath_transport::{AddressRules, Component, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, NtpTime, PayloadType, Time};

pub(crate) const AUDIO: StreamIndex = StreamIndex(0);
pub(crate) const ROOM: RoomId = RoomId(7);

/// Sessions that somebody listens to.
#[derive(Default)]
struct Listened(Vec<SessionId>);

impl Ends for Listened {
    fn has_words(&mut self, _: SessionId, _: StreamIndex) -> bool {
        false
    }
    fn say(&mut self, _: SessionId, _: StreamIndex, _: &mut [i16]) -> usize {
        0
    }
    fn is_attended(&mut self, session: SessionId, _: StreamIndex) -> bool {
        self.0.contains(&session)
    }
    fn hear(&mut self, _: SessionId, _: StreamIndex, _: Tick<'_>) {}
}

pub(crate) struct World {
    pub(crate) call: Call,
    pub(crate) now: Time,
    listened: Listened,
    sent: Vec<(SessionId, Vec<u8>)>,
    events: Vec<MediaEvent>,
    numbers: [u16; 8],
}

pub(crate) fn pcmu() -> Numbered {
    numbered(0, "PCMU")
}

pub(crate) fn events() -> Numbered {
    numbered(101, "telephone-event")
}

/// A format that nothing here decodes.
pub(crate) fn g729() -> Numbered {
    numbered(18, "G729")
}

fn numbered(number: u8, name: &str) -> Numbered {
    Numbered::built_in(PayloadType::new(number).unwrap(), Format::new(name, 8000))
}

fn peer(session: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, session], 4000))
}

pub(crate) fn agreed(session: u8, formats: &[Numbered]) -> Agreement {
    Agreement {
        answer: Answer::Settled,
        direction: Direction::SendRecv,
        send: formats
            .iter()
            .find(|format| format.codec.is_some())
            .cloned(),
        receive: formats.into(),
        packet: Duration::from_millis(20),
        remote: Some(Remote {
            rtp: peer(session),
            rtcp: RtcpRemote::Mux,
            signalling_source: None,
        }),
        hold: Hold::No,
        voip_reports: VoipReports::Unasked,
        keyframes: KeyframeRequests::None,
        accepts: formats.into(),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let anchor = NtpAnchor {
            at: Time::ZERO,
            ntp: NtpTime::from_unix(Duration::from_secs(1_800_000_000)),
        };
        World {
            call: Call::new(CallSetup {
                seed: 3,
                anchor,
                cname: Cname::from_random([1; 12]),
            }),
            now: Time::from_millis(1000),
            listened: Listened::default(),
            sent: Vec::new(),
            events: Vec::new(),
            numbers: [0; 8],
        }
    }

    /// Sessions numbered from 1, all in one room.
    pub(crate) fn bridged(sessions: &[&[Numbered]]) -> Self {
        let mut world = World::new();
        for (n, formats) in sessions.iter().enumerate() {
            world.add(n as u8 + 1, formats);
            world.join(n as u8 + 1);
        }
        world
    }

    pub(crate) fn add(&mut self, session: u8, formats: &[Numbered]) {
        let own = SocketAddr::from(([198, 51, 100, session], 5000));
        let setup = StreamSetup {
            stream: AUDIO,
            policy: SourcePolicy::Signalled,
            rules: AddressRules::for_local(own.ip()),
            rate: SampleRate::HZ_8000,
            media_timeout: Duration::from_secs(20),
            pause: Pause::SendNothing,
            playout: talkpath_media::playout::Target::default(),
        };
        let sockets = StreamSockets {
            rtp: SocketKey(session.into()),
            rtcp: None,
            own: [own].into(),
        };
        self.call.add_session(id(session));
        self.call.add_stream(self.now, id(session), setup, sockets);
        self.agree(session, agreed(session, formats));
    }

    pub(crate) fn agree(&mut self, session: u8, agreement: Agreement) {
        let mut out = Outbox::new();
        self.call
            .agree(self.now, id(session), AUDIO, agreement, &mut out);
        self.take(out);
    }

    pub(crate) fn join(&mut self, session: u8) {
        self.call.join(self.now, ROOM, id(session), AUDIO);
    }

    /// Somebody listens to a session: samples are wanted.
    pub(crate) fn attend(&mut self, session: u8) {
        self.listened.0.push(id(session));
        self.call.listen(self.now, id(session), AUDIO);
    }

    pub(crate) fn detect(&mut self, session: u8, inband: Inband) {
        let mut out = Outbox::new();
        let who = (id(session), AUDIO);
        self.call.listen_for_digits(self.now, who, inband, &mut out);
        self.take(out);
    }

    pub(crate) fn dial(&mut self, session: u8, dial: u64, keys: &str) {
        let mut out = Outbox::new();
        let what = (DialId(dial), Dtmf::new(keys).unwrap());
        self.call
            .dial(self.now, (id(session), AUDIO), what, &mut out);
        self.take(out);
    }

    pub(crate) fn remove(&mut self, session: u8) {
        let mut out = Outbox::new();
        self.call
            .remove_stream(self.now, id(session), AUDIO, &mut out);
        self.take(out);
    }

    pub(crate) fn run(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(due) = self.call.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            let mut out = Outbox::new();
            self.call
                .handle_timeout(self.now, &mut self.listened, &mut out);
            self.take(out);
        }
        self.now = until;
    }

    fn take(&mut self, mut out: Outbox) {
        for transmit in out.transmits.iter() {
            let (session, _) = transmit.owner.unwrap();
            self.sent.push((session, transmit.bytes.to_vec()));
        }
        self.events.append(&mut out.events);
    }

    /// The peer of a session sends a packet.
    pub(crate) fn send(&mut self, session: u8, number: u8, timestamp: u32, payload: &[u8]) {
        let seq = &mut self.numbers[usize::from(session)];
        *seq += 1;
        let mut bytes = vec![0x80, number];
        bytes.extend(seq.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 0xa, session]);
        bytes.extend(payload);
        let path = Path {
            session: id(session),
            stream: AUDIO,
            component: Component::Rtp,
        };
        let mut out = Outbox::new();
        self.call
            .handle_datagram(self.now, path, peer(session), &mut bytes, &mut out);
        self.take(out);
    }

    /// The peer of a session presses a key for 100 ms, as sound, and then is
    /// quiet for a second.
    pub(crate) fn press_as_sound(&mut self, session: u8, key: char) {
        let mut pcm = vec![0; 1600];
        let at = pcm.len();
        pcm.resize(at + 800, 0);
        let key = Key::from_char(key).unwrap();
        KeyTone::new(key, Duration::from_millis(100), SampleRate::HZ_8000).fill(&mut pcm[at..]);
        pcm.resize(pcm.len() + 8000, 0);
        for (n, frame) in pcm.chunks(160).enumerate() {
            let payload: Vec<u8> = frame.iter().map(|pcm| encode_ulaw(*pcm)).collect();
            self.send(session, 0, 160 * n as u32, &payload);
            self.run(20);
        }
    }

    /// RTP that the peer of a session was sent.
    pub(crate) fn rtp(&self, session: u8) -> impl Iterator<Item = &[u8]> {
        let ours = self.sent.iter().filter(move |(to, _)| *to == id(session));
        let packets = ours.map(|(_, bytes)| &bytes[..]);
        packets.filter(|bytes| !(200..=207).contains(&bytes[1]) && bytes.len() > 12)
    }

    /// Keys that the peer of a session hears in the sound it is sent.
    pub(crate) fn keys_in_sound(&self, session: u8) -> String {
        let mut detector = Detector::new(SampleRate::HZ_8000);
        let (mut keys, mut next) = (String::new(), None);
        for bytes in self.rtp(session).filter(|bytes| bytes[1] & 0x7f == 0) {
            let mut tell = |what| match what {
                Detected::Began { key, .. } => keys.push(key.as_char()),
                Detected::Ended { .. } => {}
            };
            let gap = timestamp(bytes).wrapping_sub(next.unwrap_or(timestamp(bytes)));
            if gap < 80_000 {
                detector.push(&vec![0; gap as usize], &mut tell);
            }
            let pcm: Vec<i16> = bytes[12..].iter().map(|code| decode_ulaw(*code)).collect();
            detector.push(&pcm, &mut tell);
            next = Some(timestamp(bytes).wrapping_add(160));
        }
        keys
    }

    /// Keys that the peer of a session was sent as events.
    pub(crate) fn keys_in_events(&self, session: u8) -> String {
        let events = self.rtp(session).filter(|bytes| bytes[1] & 0x7f == 101);
        let mut seen: Vec<_> = events.map(|bytes| (bytes[12], timestamp(bytes))).collect();
        seen.dedup();
        let keys = seen.into_iter().map(|(code, _)| code + b'0');
        keys.map(char::from).collect()
    }

    /// Keys that the application was told of, each when it was let go.
    pub(crate) fn keys_told(&self, session: u8) -> Vec<(char, Carriage)> {
        let ours = self.events.iter().filter(|e| e.session == id(session));
        let digits = ours.filter_map(|event| match &event.what {
            MediaHappening::Digit {
                what: Pressing::Ended(press),
                carriage,
            } => Some((press.digit.as_char(), *carriage)),
            _ => None,
        });
        digits.collect()
    }

    /// How what was dialled ended.
    pub(crate) fn dialled(&self) -> Vec<(u64, DialEnd)> {
        let ends = self.events.iter().filter_map(|event| match event.what {
            MediaHappening::Dialled { id, end } => Some((id.0, end)),
            _ => None,
        });
        ends.collect()
    }
}

pub(crate) fn id(session: u8) -> SessionId {
    SessionId(session.into())
}

fn timestamp(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[4..8].try_into().unwrap())
}
