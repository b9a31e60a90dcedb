//! Rounds of set-up and teardown, a quarter of which fail or are aborted.
//!
//! In: managers, a chance. Out: every round ended; whatever it held is to be
//! back. A round that fails where it should not, or succeeds where it should
//! fail, is an error in words.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use talkpath::{
    Audio, Change, Codec, Event, Events, Existing, FileDone, Happening, MediaManager, Notice, Opus,
    Pending, Play, Record, SampleRate, Session, SessionError, Tap, Wav,
};
use talkpath_sim::{Call, Rng, World};

/// Where the rounds take place.
pub(crate) struct Stage {
    /// The virtual world, if it is one.
    pub(crate) world: Option<World>,
    pub(crate) alice: MediaManager,
    pub(crate) bob: MediaManager,
    /// A manager with four ports only.
    pub(crate) tiny: MediaManager,
    pub(crate) events: Events<Event>,
    pub(crate) chance: Rng,
    /// Where a recording goes.
    pub(crate) wav: PathBuf,
    /// Files that are not finished yet.
    pub(crate) files: Vec<Pending<FileDone>>,
    pub(crate) tally: Tally,
}

/// What the rounds came to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) completed: u64,
    pub(crate) spoilt: [u64; Spoiler::ALL.len()],
    pub(crate) created: u64,
    pub(crate) closed: u64,
}

/// How a round goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spoiler {
    DroppedBeforeAnswer,
    GarbageAnswer,
    ShortAnswer,
    RolledBack,
    NothingInCommon,
    PortsExhausted,
    ReofferCancelled,
    RecordingAborted,
    PlaybackAborted,
    DiallingAborted,
    BridgeAborted,
    ForkDropped,
    BindFails,
    NoEntropy,
    AdoptFails,
    NoFile,
}

impl Spoiler {
    pub(crate) const ALL: [Spoiler; 16] = [
        Spoiler::DroppedBeforeAnswer,
        Spoiler::GarbageAnswer,
        Spoiler::ShortAnswer,
        Spoiler::RolledBack,
        Spoiler::NothingInCommon,
        Spoiler::PortsExhausted,
        Spoiler::ReofferCancelled,
        Spoiler::RecordingAborted,
        Spoiler::PlaybackAborted,
        Spoiler::DiallingAborted,
        Spoiler::BridgeAborted,
        Spoiler::ForkDropped,
        Spoiler::BindFails,
        Spoiler::NoEntropy,
        Spoiler::AdoptFails,
        Spoiler::NoFile,
    ];

    /// Whether only a virtual world can fail so on request.
    fn needs_world(self) -> bool {
        use Spoiler::{AdoptFails, BindFails, NoEntropy, NoFile};
        matches!(self, BindFails | NoEntropy | AdoptFails | NoFile)
    }
}

/// A round that did not go as it should.
pub(crate) struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SessionError> for Wrong {
    fn from(error: SessionError) -> Self {
        Wrong(format!("failed where it should not: {error}"))
    }
}

type Round = Result<(), Wrong>;

impl Stage {
    /// One round: a quarter goes wrong.
    pub(crate) fn round(&mut self) -> Round {
        if self.chance.below(4) > 0 {
            self.complete()?;
            self.tally.completed += 1;
        } else {
            let spoiler = self.any_spoiler();
            self.spoil(spoiler)
                .map_err(|wrong| Wrong(format!("{spoiler:?}: {wrong}")))?;
            self.tally.spoilt[spoiler as usize] += 1;
        }
        // Timers that were given up are forgotten when their time has come.
        self.pass(BETWEEN);
        self.count_events()
    }

    /// Waits until all that was asked of the workers has been done: commands
    /// are carried out in order.
    pub(crate) fn settle(&mut self) -> Round {
        for manager in [&self.alice, &self.bob, &self.tiny] {
            let (session, _offer) = manager.create_offer(any())?;
            finish(session)?;
        }
        self.finish_files()?;
        self.pass(Duration::from_millis(200));
        self.count_events()?;
        // The last event may come a moment after what it tells of.
        while self.tally.created > self.tally.closed {
            match self.events.recv_timeout(PATIENCE) {
                Ok(notice) => self.count(notice)?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Waits for the files of earlier rounds: all go to the same place.
    fn finish_files(&mut self) -> Round {
        for file in std::mem::take(&mut self.files) {
            let done = file.wait();
            done.map_err(|error| Wrong(format!("a file was not finished: {error}")))?;
        }
        Ok(())
    }

    fn any_spoiler(&mut self) -> Spoiler {
        loop {
            let spoiler = Spoiler::ALL[self.chance.below(Spoiler::ALL.len() as u64) as usize];
            if self.world.is_some() || !spoiler.needs_world() {
                return spoiler;
            }
        }
    }

    fn pass(&self, time: Duration) {
        if let Some(world) = &self.world {
            world.run_for(time);
        }
    }

    fn call(&self) -> Result<(Session, Session), Wrong> {
        self.call_of(&Codec::G711)
    }

    fn call_of(&self, codecs: &[Codec]) -> Result<(Session, Session), Wrong> {
        let audio = || Audio::sendrecv(codecs.to_vec());
        let (caller, offer) = self.alice.create_offer(audio())?;
        let (callee, answer) = self.bob.accept_offer(&offer, audio())?;
        caller.apply_answer(&answer)?;
        Ok((caller, callee))
    }

    /// Offer, answer, sometimes a word or a hold, close.
    fn complete(&mut self) -> Round {
        let codecs = match self.chance.below(64) {
            0 => [Codec::OPUS, Codec::PCMU],
            1..=8 => [Codec::G722, Codec::PCMA],
            9..=12 => [Codec::L16_16000, Codec::PCMA],
            _ => Codec::G711,
        };
        let (caller, callee) = self.call_of(&codecs)?;
        if self.chance.below(4) == 0 {
            let (mut say, _hear) = caller.audio()?.split();
            let _hears = callee.audio()?;
            let _ = say.send(&[1_000; 320]);
            self.pass(Duration::from_millis(60));
        }
        if self.chance.below(8) == 0 {
            let offer = callee.hold()?;
            callee.apply_answer(&caller.answer(&offer)?)?;
        }
        match self.chance.below(16) {
            0 => self.record_and_play(&caller, &callee)?,
            1 => {
                let digits = caller.dtmf("1")?;
                self.pass(Duration::from_millis(260));
                // Over real sockets it takes as long as it takes.
                drop(digits);
            }
            2 => self.bridge_and_end(&caller)?,
            3 => self.listen_in(&caller)?,
            _ => {}
        }
        finish(caller)?;
        finish(callee)
    }

    /// One side is recorded while a file is played to it.
    fn record_and_play(&mut self, caller: &Session, callee: &Session) -> Round {
        self.finish_files()?;
        let record: Record = match self.chance.below(4) {
            // Few: an encoder of Opus is slow to begin.
            0 => Opus::heard(self.wav.with_extension("opus"))
                .existing(Existing::Replace)
                .into(),
            1 => Wav::heard(&self.wav).existing(Existing::Replace).into(),
            _ => Wav::stereo(&self.wav).existing(Existing::Replace).into(),
        };
        let recording = caller.record(record)?;
        let playback = callee.play(words())?;
        self.pass(Duration::from_millis(100));
        self.files.push(recording.finish());
        self.files.push(playback.stop());
        Ok(())
    }

    /// Another call whose caller hears this one, for a moment; sometimes a
    /// third.
    fn bridge_and_end(&mut self, caller: &Session) -> Round {
        let (second, other) = self.call()?;
        let Some(bridge) = together(self.alice.bridge(caller, &second))? else {
            finish(second)?;
            return finish(other);
        };
        self.pass(Duration::from_millis(60));
        if self.chance.below(2) == 0 {
            let (third, far) = self.call_of(&[Codec::G722])?;
            if together(bridge.add(&third))?.is_some() {
                bridge.set_gain(&third, -6.0)?;
            }
            self.pass(Duration::from_millis(60));
            finish(third)?;
            finish(far)?;
        }
        if self.chance.below(2) == 0 {
            bridge.end()?;
        }
        finish(second)?;
        finish(other)
    }

    /// Somebody reads what is heard and every packet.
    fn listen_in(&mut self, caller: &Session) -> Round {
        let mut tapped = caller.tap(Tap::both().rate(SampleRate::HZ_16000))?;
        let mut packets = caller.packets()?;
        self.pass(Duration::from_millis(60));
        let mut frame = vec![0; tapped.frame_len() * tapped.channels()];
        while let Ok(Some(_)) = tapped.try_recv(&mut frame) {}
        while packets.try_next().is_some() {}
        Ok(())
    }

    fn spoil(&mut self, spoiler: Spoiler) -> Round {
        match spoiler {
            Spoiler::DroppedBeforeAnswer => {
                drop(self.alice.create_offer(any())?);
                Ok(())
            }
            Spoiler::GarbageAnswer => {
                let (caller, _offer) = self.alice.create_offer(any())?;
                fails(caller.apply_answer("v=0\r\nnot a description"))
            }
            Spoiler::ShortAnswer => {
                let (caller, offer) = self.alice.create_offer(any())?;
                let (_callee, answer) = self.bob.accept_offer(&offer, any())?;
                let text = answer.to_string();
                let short = text.split("m=").next().unwrap_or_default();
                fails(caller.apply_answer(short))
            }
            Spoiler::RolledBack => {
                let (caller, _offer) = self.alice.create_offer(any())?;
                Ok(caller.rollback()?)
            }
            Spoiler::NothingInCommon => {
                let (caller, offer) = self.alice.create_offer(Audio::sendrecv([Codec::PCMU]))?;
                let refused = self
                    .bob
                    .accept_offer(&offer, Audio::sendrecv([Codec::PCMA]));
                drop(caller);
                fails(refused)
            }
            Spoiler::PortsExhausted => self.exhaust(),
            Spoiler::ReofferCancelled => {
                let (caller, callee) = self.call()?;
                let offer = caller.offer(Change::Add(any()))?;
                fails(caller.offer(Change::Nothing))?;
                if self.chance.below(2) == 0 {
                    callee.answer(&offer)?;
                }
                Ok(caller.rollback()?)
            }
            Spoiler::RecordingAborted => {
                self.finish_files()?;
                let (caller, _callee) = self.call()?;
                let recording = caller.record(Wav::heard(&self.wav).existing(Existing::Replace))?;
                self.files.push(recording.done());
                let _ends = caller.audio()?;
                self.pass(Duration::from_millis(40));
                Ok(())
            }
            Spoiler::PlaybackAborted => {
                let (caller, _callee) = self.call()?;
                let playback = caller.play(words().for_ever())?;
                self.files.push(playback.done());
                self.pass(Duration::from_millis(40));
                Ok(())
            }
            Spoiler::DiallingAborted => {
                let (caller, _callee) = self.call()?;
                let _first = caller.dtmf("123")?;
                let second = caller.dtmf("4,5")?;
                self.pass(Duration::from_millis(60));
                if self.chance.below(2) == 0 {
                    second.stop()?;
                }
                Ok(())
            }
            Spoiler::BridgeAborted => {
                let (one, _callee) = self.call()?;
                let (two, _other) = self.call()?;
                let bridge = together(self.alice.bridge(&one, &two))?;
                self.pass(Duration::from_millis(40));
                drop(one);
                if let Some(bridge) = bridge.filter(|_| self.chance.below(2) == 0) {
                    self.pass(Duration::from_millis(40));
                    bridge.add(&two)?;
                }
                Ok(())
            }
            Spoiler::ForkDropped => {
                let (caller, offer) = self.alice.create_offer(any())?;
                let (_one, early) = self.bob.accept_offer(&offer, any())?;
                let (_other, answer) = self.bob.accept_offer(&offer, any())?;
                let fork = caller.fork(&early)?;
                if self.chance.below(2) == 0 {
                    caller.apply_answer(&answer)?;
                }
                drop(fork);
                Ok(())
            }
            Spoiler::BindFails => self.with_fault(Call::Bind, 2),
            Spoiler::NoEntropy => self.with_fault(Call::Entropy, 1),
            Spoiler::AdoptFails => self.with_fault(Call::Adopt, 2),
            Spoiler::NoFile => {
                self.finish_files()?;
                let (caller, _callee) = self.call()?;
                self.plan_fault(Call::Create, 1);
                fails(caller.record(Wav::heard(&self.wav).existing(Existing::Replace)))
            }
        }
    }

    /// Takes ports until there are none, then lets go.
    fn exhaust(&mut self) -> Round {
        let mut held = Vec::new();
        for _ in 0..3 {
            match self.tiny.create_offer(any()) {
                Ok(session) => held.push(session),
                Err(SessionError::Ports(_)) if !held.is_empty() => {
                    held.into_iter()
                        .try_for_each(|(session, _)| finish(session))?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Wrong("four ports were enough for three pairs".into()))
    }

    fn plan_fault(&self, call: Call, n: u64) {
        if let Some(world) = &self.world {
            world.faults().fail_nth(call, n);
        }
    }

    /// A call in which one of the first `most` system calls of a kind fails:
    /// it fails, or its worker closes it.
    fn with_fault(&mut self, call: Call, most: u64) -> Round {
        let nth = 1 + self.chance.below(most);
        self.plan_fault(call, nth);
        let made = self.call();
        self.pass(Duration::from_millis(20));
        let planned = self.world.as_ref().map(|world| world.faults().planned());
        if planned.is_some_and(|planned| planned > 0) {
            return Err(Wrong("the fault never came about".into()));
        }
        match (call, made) {
            // The worker notices, after the call was made.
            (Call::Adopt, Ok(_)) | (_, Err(_)) => Ok(()),
            (_, Ok(_)) => Err(Wrong("it worked in spite of the fault".into())),
        }
    }

    fn count_events(&mut self) -> Round {
        while let Ok(notice) = self.events.try_recv() {
            self.count(notice)?;
        }
        Ok(())
    }

    fn count(&mut self, notice: Notice<Event>) -> Round {
        match notice {
            Notice::Event(Event { what, .. }) => match what {
                Happening::Created => self.tally.created += 1,
                Happening::Closed { .. } => self.tally.closed += 1,
                _ => {}
            },
            Notice::Lagged(lost) => return Err(Wrong(format!("{lost} events were lost"))),
        }
        Ok(())
    }
}

const BETWEEN: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(2);

fn any() -> Audio {
    Audio::sendrecv(Codec::G711)
}

/// A tenth of a second of something.
fn words() -> Play {
    Play::samples(vec![700; 800], SampleRate::HZ_8000)
}

/// What joins sessions, unless two workers have them.
fn together<T>(joined: Result<T, SessionError>) -> Result<Option<T>, Wrong> {
    match joined {
        Ok(joined) => Ok(Some(joined)),
        Err(SessionError::Apart) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn finish(session: Session) -> Round {
    let closed = session.close().wait();
    closed.map_err(|error| Wrong(format!("a session did not close: {error}")))
}

fn fails<T>(result: Result<T, SessionError>) -> Round {
    match result {
        Err(_) => Ok(()),
        Ok(_) => Err(Wrong("it worked where it should fail".into())),
    }
}
