//! One party of a call: a `Call` with one stream of PCMU and somebody to talk.
//!
//! In: datagrams and ticks, by hand and in virtual time. Out: datagrams and
//! frames. No network and no world around it, so that what is measured or
//! counted is the call alone.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_media::rtp::{Cname, NtpAnchor};
use talkpath_media::{
    Agreement, Answer, Call, CallSetup, Component, Ends, FrameKind, Numbered, Outbox, Path, Pause,
    SessionId, SocketKey, StreamIndex, StreamSetup, StreamSockets, Tick,
};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Hold, KeyframeRequests, VoipReports};
use talkpath_transport::{AddressRules, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, NtpTime, PayloadType, Time};

/// A call of one session with one stream.
#[derive(Debug)]
pub struct Party {
    call: Call,
    /// What it sends, until it is taken.
    pub out: Outbox,
    /// Who speaks and listens.
    pub talker: Talker,
    peer: SocketAddr,
}

/// Somebody who always speaks, or never, and counts what is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Talker {
    /// The next sample to say; none for a listener.
    pub speaks: Option<i16>,
    /// Frames received and played.
    pub played: u64,
    /// Frames made up.
    pub concealed: u64,
}

impl Talker {
    /// Somebody who speaks all the time.
    pub const SPEAKER: Self = Talker {
        speaks: Some(0),
        played: 0,
        concealed: 0,
    };
    /// Somebody who only listens.
    pub const LISTENER: Self = Talker {
        speaks: None,
        played: 0,
        concealed: 0,
    };
}

impl Party {
    /// A party at `own` that talks to `peer` from the world's beginning.
    pub fn new(seed: u64, own: SocketAddr, peer: SocketAddr, talker: Talker) -> Self {
        let mut call = Call::new(CallSetup {
            seed,
            anchor: NtpAnchor {
                at: Time::ZERO,
                ntp: NtpTime::from_unix(Duration::from_secs(1_800_000_000)),
            },
            cname: Cname::from_random([seed as u8; 12]),
        });
        let mut out = Outbox::new();
        call.add_session(PATH.session);
        let sockets = StreamSockets {
            rtp: SocketKey(0),
            rtcp: None,
            own: [own].into(),
        };
        call.add_stream(Time::ZERO, PATH.session, setup(own), sockets);
        call.agree(
            Time::ZERO,
            PATH.session,
            PATH.stream,
            agreement(peer),
            &mut out,
        );
        call.listen(Time::ZERO, PATH.session, PATH.stream);
        Party {
            call,
            out,
            talker,
            peer,
        }
    }

    /// Takes a datagram of its peer.
    pub fn receive(&mut self, now: Time, bytes: &mut [u8]) {
        self.call
            .handle_datagram(now, PATH, self.peer, bytes, &mut self.out);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Time) {
        self.call
            .handle_timeout(now, &mut self.talker, &mut self.out);
    }

    /// Moves what it sent to `other`, through `buffer`.
    pub fn deliver(&mut self, now: Time, other: &mut Party, buffer: &mut [u8]) {
        for transmit in self.out.transmits.iter() {
            let bytes = &mut buffer[..transmit.bytes.len()];
            bytes.copy_from_slice(transmit.bytes);
            other.receive(now, bytes);
        }
        self.out.clear();
    }
}

impl Ends for Talker {
    fn has_words(&mut self, _: SessionId, _: StreamIndex) -> bool {
        self.speaks.is_some()
    }

    fn say(&mut self, _: SessionId, _: StreamIndex, frame: &mut [i16]) -> usize {
        let Some(next) = &mut self.speaks else {
            return 0;
        };
        for sample in &mut *frame {
            // A saw of 110 Hz: cheap, and nothing that a codec could skip.
            *next = next.wrapping_add(900);
            *sample = *next;
        }
        frame.len()
    }

    fn hear(&mut self, _: SessionId, _: StreamIndex, tick: Tick<'_>) {
        match tick.kind {
            FrameKind::Heard => self.played += 1,
            FrameKind::Concealed => self.concealed += 1,
            FrameKind::Silence => {}
        }
        std::hint::black_box(tick.heard);
    }
}

/// PCMU with its static payload type (RFC 3551 §6).
fn pcmu() -> Numbered {
    Numbered::built_in(PayloadType::PCMU, Format::new("PCMU", 8_000))
}

fn setup(own: SocketAddr) -> StreamSetup {
    StreamSetup {
        stream: PATH.stream,
        policy: SourcePolicy::Signalled,
        rules: AddressRules::for_local(own.ip()),
        rate: SampleRate::HZ_8000,
        media_timeout: Duration::from_secs(20),
        pause: Pause::SendNothing,
        playout: talkpath_media::playout::Target::default(),
    }
}

fn agreement(peer: SocketAddr) -> Agreement {
    Agreement {
        answer: Answer::Settled,
        direction: Direction::SendRecv,
        send: Some(pcmu()),
        receive: [pcmu()].into(),
        packet: TICK,
        remote: Some(Remote {
            rtp: peer,
            rtcp: RtcpRemote::Mux,
            signalling_source: None,
        }),
        hold: Hold::No,
        voip_reports: VoipReports::Unasked,
        keyframes: KeyframeRequests::None,
        accepts: [pcmu()].into(),
    }
}

const PATH: Path = Path {
    session: SessionId(1),
    stream: StreamIndex(0),
    component: Component::Rtp,
};
/// A packet and a frame.
pub const TICK: Duration = Duration::from_millis(20);
