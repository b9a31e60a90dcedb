//! A phone: one call with one audio stream, straight over the network.
//!
//! In: what a test says into it, and what was agreed with the other end. Out:
//! what is heard, statistics, events. Between the virtual sockets and the call
//! stands nothing: no manager, no negotiation, so that media can be tested by
//! itself and hours of it pass quickly. It shows inner types of the library,
//! which carry no promise of stability.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use talkpath::driver::{Batch, Driver, Io, Next, Socket, SocketOptions, Task, Wake};
use talkpath_audio::SampleRate;
use talkpath_media::playout::Target;
use talkpath_media::rtp::{Cname, NtpAnchor};
use talkpath_media::{
    Agreement, Answer, Call, CallSetup, Component, Ends, FrameKind, MediaEvent, MediaHappening,
    Mute, Numbered, Outbox, Path, Pause, SessionId, SessionStats, SocketKey, StreamIndex,
    StreamSetup, StreamSockets, Tick,
};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Hold, KeyframeRequests, VoipReports};
use talkpath_transport::{AddressRules, DropReason, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, PayloadType, Time};

use crate::VirtualDriver;

/// One party of a call without signalling.
///
/// ```
/// use core::time::Duration;
/// use talkpath_sim::{Phone, PhoneSetup, World};
/// # fn main() -> std::io::Result<()> {
/// let world = World::new(1);
/// let phone = |ip| Phone::start(&world.host(ip).driver(), 4000, PhoneSetup::default());
/// let (caller, callee) = (phone("10.0.0.1")?, phone("10.0.0.2")?);
/// Phone::connect(&caller, &callee);
/// caller.say(&[1_000; 8_000]);
/// world.run_for(Duration::from_secs(2));
/// assert_eq!(callee.received(), 50);
/// assert!(callee.heard().iter().any(|sample| sample.abs_diff(1_000) < 32));
/// # Ok(())
/// # }
/// ```
pub struct Phone {
    driver: VirtualDriver,
    local: SocketAddr,
    line: Arc<Mutex<Line>>,
    wake: Arc<dyn Wake>,
}

/// What a phone is made of.
#[derive(Clone, Debug)]
pub struct PhoneSetup {
    /// Whose packets are taken.
    pub policy: SourcePolicy,
    /// The rate at which it is spoken into and listened to.
    pub rate: SampleRate,
    /// What is sent when nothing is said.
    pub pause: Pause,
    /// After how long without a packet it reports so.
    pub media_timeout: Duration,
    /// Whether what is heard is kept.
    pub keep: Keep,
    /// How long what comes waits before it is heard.
    pub playout: Target,
}

/// What a phone keeps of what it hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keep {
    /// Every sample, until it is taken.
    #[default]
    Samples,
    /// How many ticks of which kind: for long calls.
    Counts,
}

/// How many frames of 20 ms were heard, by how true they were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ticks {
    /// Received and played.
    pub played: u64,
    /// Lost in part or whole and made up.
    pub concealed: u64,
    /// Nothing was there.
    pub silent: u64,
}

impl Default for PhoneSetup {
    fn default() -> Self {
        PhoneSetup {
            policy: SourcePolicy::Signalled,
            rate: SampleRate::HZ_8000,
            pause: Pause::SendNothing,
            media_timeout: Duration::from_secs(20),
            keep: Keep::Samples,
            playout: Target::default(),
        }
    }
}

impl Phone {
    /// Switches a phone on, at `port` of its host's first address, RTCP
    /// multiplexed. It hears nobody until something is agreed.
    ///
    /// # Errors
    /// What [`Driver::bind`], [`Driver::entropy`] and [`Driver::start`] say.
    pub fn start(driver: &VirtualDriver, port: u16, setup: PhoneSetup) -> io::Result<Self> {
        let local = SocketAddr::new(driver.first_address(), port);
        let socket = driver.bind(local, &SocketOptions::default())?;
        let local = socket.local_addr();
        let line = Arc::new(Mutex::new(Line::new(driver, local, &setup)?));
        let task = Desk {
            socket: Some(socket),
            batch: Batch::new(BATCH),
            line: Arc::clone(&line),
        };
        let wake = driver.start("phone", Box::new(task))?;
        Ok(Phone {
            driver: driver.clone(),
            local,
            line,
            wake,
        })
    }

    /// Its address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Lets two phones send each other PCMU from now on.
    pub fn connect(one: &Phone, other: &Phone) {
        one.call(other.local, &pcmu());
        other.call(one.local, &pcmu());
    }

    /// Sends to and hears from `remote`, in `format`, from now on.
    pub fn call(&self, remote: SocketAddr, format: &Numbered) {
        self.agree(Agreement {
            answer: Answer::Settled,
            direction: Direction::SendRecv,
            send: Some(format.clone()),
            receive: [format.clone()].into(),
            packet: Duration::from_millis(20),
            remote: Some(Remote {
                rtp: remote,
                rtcp: RtcpRemote::Mux,
                signalling_source: None,
            }),
            hold: Hold::No,
            voip_reports: VoipReports::Unasked,
            keyframes: KeyframeRequests::None,
            accepts: [format.clone()].into(),
        });
    }

    /// Does what was agreed, whatever that is.
    pub fn agree(&self, agreement: Agreement) {
        self.with(|line, now| {
            line.call
                .agree(now, SESSION, STREAM, agreement, &mut line.outbox)
        });
    }

    /// Says `samples`, after what waits to be said.
    pub fn say(&self, samples: &[i16]) {
        self.with(|line, _| line.ear_and_mouth.words.extend(samples));
    }

    /// Says silence instead, or what is said again.
    pub fn mute(&self, mute: Mute) {
        self.with(|line, now| line.call.mute(now, SESSION, mute));
    }

    /// What was heard since this was last asked, from 20 ms before the first
    /// packet or so on; empty when only counts are kept.
    pub fn heard(&self) -> Vec<i16> {
        core::mem::take(&mut self.line().ear_and_mouth.heard)
    }

    /// How many frames were heard, by how true they were.
    pub fn ticks(&self) -> Ticks {
        self.line().ear_and_mouth.ticks
    }

    /// The statistics, as of now.
    pub fn stats(&self) -> SessionStats {
        let mut stats = SessionStats::default();
        let now = self.driver.now();
        self.line().call.stats_into(now, SESSION, &mut stats);
        stats
    }

    /// How many RTP packets came and were accepted.
    pub fn received(&self) -> u64 {
        self.stats()
            .audio()
            .map_or(0, |audio| audio.received.packets)
    }

    /// What happened, oldest first.
    pub fn happenings(&self) -> Vec<MediaHappening> {
        self.line()
            .events
            .iter()
            .map(|event| event.what.clone())
            .collect()
    }

    /// Says goodbye, and is off as soon as time passes.
    pub fn hang_up(&self) {
        self.with(|line, now| {
            line.call.close_session(now, SESSION, &mut line.outbox);
            line.power = Power::Off;
        });
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the line, which then has a turn.
    fn with(&self, change: impl FnOnce(&mut Line, Time)) {
        let now = self.driver.now();
        change(&mut self.line(), now);
        self.wake.wake();
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Phone").field(&self.local).finish()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// PCMU with its static payload type (RFC 3551 §6).
pub fn pcmu() -> Numbered {
    Numbered::built_in(PayloadType::PCMU, Format::new("PCMU", 8_000))
}

/// A call of one session with one stream, and its ends.
struct Line {
    call: Call,
    outbox: Outbox,
    events: Vec<MediaEvent>,
    ear_and_mouth: EarAndMouth,
    power: Power,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    Off,
}

impl Line {
    fn new(driver: &VirtualDriver, local: SocketAddr, setup: &PhoneSetup) -> io::Result<Self> {
        let (mut seed, mut name) = ([0; 8], [0; 12]);
        driver.entropy(&mut seed)?;
        driver.entropy(&mut name)?;
        let now = driver.now();
        let mut call = Call::new(CallSetup {
            seed: u64::from_be_bytes(seed),
            anchor: NtpAnchor {
                at: Time::ZERO,
                ntp: driver.wall_clock_at_zero(),
            },
            cname: Cname::from_random(name),
        });
        call.add_session(SESSION);
        let sockets = StreamSockets {
            rtp: KEY,
            rtcp: None,
            own: [local].into(),
        };
        call.add_stream(now, SESSION, stream_of(local, setup), sockets);
        call.listen(now, SESSION, STREAM);
        let ear_and_mouth = EarAndMouth {
            keep: setup.keep,
            words: VecDeque::new(),
            heard: Vec::new(),
            ticks: Ticks::default(),
        };
        let (outbox, events) = (Outbox::new(), Vec::new());
        Ok(Line {
            call,
            outbox,
            events,
            ear_and_mouth,
            power: Power::On,
        })
    }

    fn take(&mut self, now: Time, from: SocketAddr, bytes: Option<&mut [u8]>) {
        match bytes {
            Some(bytes) => {
                self.call
                    .handle_datagram(now, PATH, from, bytes, &mut self.outbox);
            }
            None => self
                .call
                .count_drop(now, SESSION, STREAM, DropReason::Truncated),
        }
    }

    fn flush(&mut self, io: &mut dyn Io) {
        let (call, now) = (&mut self.call, io.now());
        io.send(&self.outbox.transmits, &mut |_, _| {
            call.count_send_error(now, SESSION, STREAM)
        });
        self.events.append(&mut self.outbox.events);
        self.outbox.clear();
    }
}

fn stream_of(local: SocketAddr, setup: &PhoneSetup) -> StreamSetup {
    StreamSetup {
        stream: STREAM,
        policy: setup.policy,
        rules: AddressRules::for_local(local.ip()),
        rate: setup.rate,
        media_timeout: setup.media_timeout,
        pause: setup.pause,
        playout: setup.playout,
    }
}

/// What is said and heard.
struct EarAndMouth {
    keep: Keep,
    words: VecDeque<i16>,
    heard: Vec<i16>,
    ticks: Ticks,
}

impl Ends for EarAndMouth {
    fn has_words(&mut self, _: SessionId, _: StreamIndex) -> bool {
        !self.words.is_empty()
    }

    fn say(&mut self, _: SessionId, _: StreamIndex, frame: &mut [i16]) -> usize {
        let said = frame.len().min(self.words.len());
        for (sample, word) in frame.iter_mut().zip(self.words.drain(..said)) {
            *sample = word;
        }
        said
    }

    fn hear(&mut self, _: SessionId, _: StreamIndex, tick: Tick<'_>) {
        match tick.kind {
            FrameKind::Heard => self.ticks.played += 1,
            FrameKind::Concealed => self.ticks.concealed += 1,
            FrameKind::Silence => self.ticks.silent += 1,
        }
        if self.keep == Keep::Samples {
            self.heard.extend(tick.heard);
        }
    }
}

/// The task that moves datagrams between a socket and a line.
struct Desk {
    socket: Option<Socket>,
    batch: Batch,
    line: Arc<Mutex<Line>>,
}

impl Task for Desk {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        let now = io.now();
        if let Some(socket) = self.socket.take()
            && io.adopt(KEY, socket).is_err()
        {
            return Next::Finished;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        io.receive(&mut self.batch);
        self.batch
            .drain(|datagram| line.take(now, datagram.from, datagram.bytes));
        let line = &mut *line;
        if line.call.poll_timeout().is_some_and(|due| due <= now) {
            line.call
                .handle_timeout(now, &mut line.ear_and_mouth, &mut line.outbox);
        }
        line.flush(io);
        match line.call.poll_timeout() {
            _ if line.power == Power::Off => Next::Finished,
            Some(due) => Next::At(due),
            None => Next::WhenWoken,
        }
    }
}

const SESSION: SessionId = SessionId(0);
const STREAM: StreamIndex = StreamIndex(0);
const KEY: SocketKey = SocketKey(0);
const PATH: Path = Path {
    session: SESSION,
    stream: STREAM,
    component: Component::Rtp,
};
/// Datagrams a turn: a stall's worth.
const BATCH: usize = 32;
