//! Counts heap allocations of a call that leaves its pauses out, and of one
//! that hears them described, in steady state.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use talkpath_audio::comfort_noise::{Description, Generator};
use talkpath_audio::{Dbov, SampleRate};
use talkpath_media::playout::Target;
use talkpath_media::rtp::{Cname, NtpAnchor};
use talkpath_media::{
    Agreement, Answer, Call, CallSetup, Component, Ends, KeyframeRequests, Numbered, Outbox, Path,
    Pause, SessionId, SocketKey, StreamIndex, StreamSetup, StreamSockets, Tick, VoipReports,
};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::Hold;
use talkpath_transport::{AddressRules, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, NtpTime, PayloadType, Time};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "an allocator that counts and forwards")]
// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SESSION: SessionId = SessionId(0);
const STREAM: StreamIndex = StreamIndex(0);
const PATH: Path = Path {
    session: SESSION,
    stream: STREAM,
    component: Component::Rtp,
};
const TICK: Duration = Duration::from_millis(20);
const RATE: SampleRate = SampleRate::HZ_8000;

/// A voice of one second, and a room of two without it.
struct Voice {
    noise: Generator,
    ticks: u64,
}

impl Voice {
    fn new() -> Self {
        let mut noise = Generator::new(RATE, 9);
        noise.update(&Description::new(Dbov(-50.0), &[-0.5]));
        Voice { noise, ticks: 0 }
    }
}

impl Ends for Voice {
    fn has_words(&mut self, _: SessionId, _: StreamIndex) -> bool {
        true
    }

    fn say(&mut self, _: SessionId, _: StreamIndex, frame: &mut [i16]) -> usize {
        self.noise.fill(frame);
        if self.ticks % 150 < 50 {
            for (n, sample) in frame.iter_mut().enumerate() {
                *sample += if n % 50 < 25 { 6_000 } else { -6_000 };
            }
        }
        self.ticks += 1;
        frame.len()
    }

    fn hear(&mut self, _: SessionId, _: StreamIndex, _: Tick<'_>) {}
}

struct Party {
    call: Call,
    voice: Voice,
    outbox: Outbox,
    at: SocketAddr,
}

impl Party {
    fn new(seed: u8) -> Self {
        let at = SocketAddr::from(([10, 0, 0, seed], 4_000));
        let mut call = Call::new(CallSetup {
            seed: seed.into(),
            anchor: NtpAnchor {
                at: Time::ZERO,
                ntp: NtpTime::default(),
            },
            cname: Cname::from_random([seed; 12]),
        });
        let setup = StreamSetup {
            stream: STREAM,
            policy: SourcePolicy::Signalled,
            rules: AddressRules::for_local(at.ip()),
            rate: RATE,
            media_timeout: Duration::from_secs(20),
            pause: Pause::Suppress,
            playout: Target::default(),
        };
        let sockets = StreamSockets {
            rtp: SocketKey(0),
            rtcp: None,
            own: [at].into(),
        };
        call.add_session(SESSION);
        call.add_stream(Time::ZERO, SESSION, setup, sockets);
        call.listen(Time::ZERO, SESSION, STREAM);
        Party {
            call,
            voice: Voice::new(),
            outbox: Outbox::with_capacity(64, 64 * 1_024),
            at,
        }
    }

    fn agree_with(&mut self, peer: SocketAddr) {
        let format = |name, number| Numbered::built_in(number, Format::new(name, 8_000));
        let all = [
            format("PCMU", PayloadType::PCMU),
            format("CN", PayloadType::CN),
        ];
        let agreement = Agreement {
            answer: Answer::Settled,
            direction: Direction::SendRecv,
            send: Some(all[0].clone()),
            receive: all.clone().into(),
            packet: TICK,
            remote: Some(Remote {
                rtp: peer,
                rtcp: RtcpRemote::Mux,
                signalling_source: None,
            }),
            hold: Hold::No,
            voip_reports: VoipReports::Unasked,
            keyframes: KeyframeRequests::None,
            accepts: all.into(),
        };
        let out = &mut self.outbox;
        self.call.agree(Time::ZERO, SESSION, STREAM, agreement, out);
    }

    /// Does what is due, and sends to `peer`; how much of it described noise.
    fn run(&mut self, now: Time, peer: &mut Party) -> usize {
        let Party { call, voice, .. } = self;
        call.handle_timeout(now, voice, &mut self.outbox);
        let (mut datagram, mut noise) = ([0; 1_500], 0);
        for transmit in self.outbox.transmits.iter() {
            let datagram = &mut datagram[..transmit.bytes.len()];
            datagram.copy_from_slice(transmit.bytes);
            noise += usize::from(datagram[1] == PayloadType::CN.value());
            let out = &mut peer.outbox;
            peer.call.handle_datagram(now, PATH, self.at, datagram, out);
        }
        self.outbox.clear();
        noise
    }
}

#[test]
fn pauses_that_are_left_out_and_described_take_no_memory() {
    let (mut a, mut b) = (Party::new(1), Party::new(2));
    a.agree_with(b.at);
    b.agree_with(a.at);
    let (mut before, mut noise) = (0, 0);
    for tick in 0..1_200u32 {
        if tick == 300 {
            before = ALLOCATIONS.get();
        }
        let now = Time::ZERO + TICK * tick;
        noise += a.run(now, &mut b) + b.run(now, &mut a);
    }
    assert_eq!(ALLOCATIONS.get(), before);
    // Eight pauses of two seconds each way.
    assert!((24..=80).contains(&noise), "{noise}");
    let mut stats = talkpath_media::SessionStats::default();
    let end = Time::ZERO + TICK * 1_200;
    b.call.stats_into(end, SESSION, &mut stats);
    let heard = stats.audio().unwrap();
    let packets = heard.received.packets;
    assert!((500..=900).contains(&packets), "{packets}");
    assert_eq!((heard.received.lost, heard.drops.total()), (0, 0));
    assert_eq!(heard.playout.unwrap().concealed, 0);
}
