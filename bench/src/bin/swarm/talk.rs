//! The calls of a scene: what two applications do with each other.
//!
//! In: a chance. Out: one operation after another: calls set up, answered,
//! abandoned and torn down, holds, codecs, streams, rollbacks, glare, files;
//! bridges and digits are in `together.rs`.

use std::ops::RangeInclusive;
use std::time::Duration;

use talkpath::{
    Abandoned, Answer, Audio, Change, Codec, Constraints, Direction, Existing, FileDone, Mute,
    Offer, Opus, Record, RtcpMux, SampleRate, Session, SessionError, Silence, StreamIndex, Time,
    Wav,
};

use crate::chaos::Fault;
use crate::dice::Dice;
use crate::end::{Account, End, Tape, Voice};
use crate::party::SPEECH;
use crate::scene::{HOSTS, Scene};
use crate::violation::{Violation, require};
use crate::wire::addresses;

/// A call between two applications.
pub(crate) struct Talk {
    pub(crate) ends: Vec<End>,
    pub(crate) is_established: bool,
    /// A second stream was added once.
    has_grown: bool,
    /// It was joined with another call.
    pub(crate) was_joined: bool,
}

pub(crate) type Done = Result<(), Violation>;

impl Talk {
    /// Whether both ends live.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_established && self.ends.iter().all(|end| !end.broken)
    }

    /// Both ends must hear the other nearly all the time.
    pub(crate) fn judge_sound(&self) -> Done {
        for end in &self.ends {
            let Some(voice) = &end.voice else { continue };
            let heard = voice.frames > 90 && voice.sounding * 100 >= voice.frames * 95;
            require(heard, "resumption", || {
                format!(
                    "{} {:?} heard {} of {} frames: {:?}",
                    HOSTS[end.party],
                    end.id(),
                    voice.sounding,
                    voice.frames,
                    end.session.diagnose()
                )
            })?;
        }
        Ok(())
    }
}

impl Scene {
    /// An application does something.
    pub(crate) fn do_something(&mut self) -> Done {
        self.forget_broken()?;
        if self.talks.is_empty() || (self.talks.len() < MOST_TALKS && self.rng.chance(0.1)) {
            return self.begin();
        }
        let talk = self.rng.below(self.talks.len() as u64) as usize;
        let side = self.rng.below(2) as usize;
        match self.rng.below(24) {
            0 => {
                let talk = self.talks.swap_remove(talk);
                self.hang_up(talk)
            }
            1..=4 => self.exchange(talk, side, Change::Hold),
            5..=8 => self.exchange(talk, side, Change::Resume),
            9 | 10 => {
                let codecs = self.codecs();
                self.exchange(talk, side, Change::Codecs(FIRST, codecs))
            }
            11 => self.exchange(talk, side, Change::Nothing),
            12 => self.grow_or_shrink(talk, side),
            13 => self.roll_back(talk, side),
            14 => self.glare(talk),
            15 => {
                let mute = *self.rng.pick(&[Mute::On, Mute::Off]);
                let muted = self.talks[talk].ends[side].session.mute(mute);
                self.tolerate(muted).map(drop)
            }
            16 | 17 => self.tape(talk, side),
            20 | 21 => self.dial(talk, side),
            22 | 23 => self.join_or_part(),
            _ => self.play_a_file(talk, side),
        }
    }

    /// A success, nothing when a planned fault struck, or a violation.
    pub(crate) fn tolerate<T>(
        &self,
        result: Result<T, SessionError>,
    ) -> Result<Option<T>, Violation> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.chaos.has(Fault::System) => Ok(None),
            // Nothing in common is an outcome.
            Err(SessionError::Answer(_)) => Ok(None),
            Err(SessionError::File(_)) if self.chaos.has(Fault::FullDisk) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn codecs(&mut self) -> Vec<Codec> {
        match self.rng.below(8) {
            0 | 4 => vec![Codec::PCMA],
            2 => vec![Codec::G722, Codec::PCMU],
            3 => vec![Codec::L16_16000, Codec::PCMA],
            1 | 5 => vec![Codec::PCMA, Codec::PCMU],
            _ => Codec::G711.into(),
        }
    }

    fn wishes(&mut self) -> Constraints {
        let codecs = match self.rng.below(64) {
            // Opus costs a hundred times the others.
            0 => [Codec::OPUS, Codec::PCMA],
            1..=4 => [Codec::G722, Codec::PCMU],
            5..=7 => [Codec::L16_16000, Codec::PCMU],
            8..=35 => [Codec::PCMA, Codec::PCMU],
            _ => Codec::G711,
        };
        let mut audio = Audio::sendrecv(codecs);
        if self.rng.chance(0.1) {
            audio = audio.rate(*self.rng.pick(&[SampleRate::HZ_16000, SampleRate::HZ_48000]));
        }
        if self.rng.chance(0.2) {
            let ptime = *self.rng.pick(&[10, 20, 30, 40, 60]);
            audio = audio.ptime(Duration::from_millis(ptime));
        }
        audio = audio.rtcp_mux(*self.rng.pick(&[
            RtcpMux::Offer,
            RtcpMux::Offer,
            RtcpMux::Only,
            RtcpMux::Off,
        ]));
        let silence = if self.rng.chance(0.2) {
            Silence::Packets
        } else {
            Silence::Nothing
        };
        Constraints::from(audio)
            .source_policy(self.policy)
            .media_timeout(self.rng.millis(1_000, 30_000))
            .silence(silence)
    }

    /// A call is offered, and mostly answered.
    fn begin(&mut self) -> Done {
        let from = self.rng.below(HOSTS.len() as u64) as usize;
        let to = (from + 1 + self.rng.below(2) as usize) % HOSTS.len();
        let (wishes, others) = (self.wishes(), self.wishes());
        let Some((caller, offer)) = self.offer_call(from, wishes)? else {
            return Ok(());
        };
        self.talks.push(Talk {
            ends: vec![caller],
            is_established: false,
            has_grown: false,
            was_joined: false,
        });
        let talk = self.talks.len() - 1;
        let wait = self.rng.millis(0, 90);
        self.pass(wait)?;
        if self.rng.chance(0.1) {
            let wait = self.rng.millis(0, 3_000);
            self.pass(wait)?;
            return self.give_up(talk);
        }
        let Some((callee, answer)) = self.answer_call(to, &offer, others)? else {
            return self.give_up(talk);
        };
        self.talks[talk].ends.push(callee);
        let wait = self.rng.millis(0, 300);
        self.pass(wait)?;
        if self.rng.chance(0.05) {
            return self.give_up(talk);
        }
        if self.apply(talk, 0, &answer)?.is_none() {
            return self.give_up(talk);
        }
        self.outcome.calls += 1;
        self.talks[talk].is_established = true;
        let now = self.world.now();
        for side in 0..2 {
            let end = self.talks[talk].ends[side].session.audio();
            let end = self.tolerate(end)?;
            self.talks[talk].ends[side].voice = end.map(|end| Voice::new(now, end));
        }
        Ok(())
    }

    fn offer_call(
        &mut self,
        party: usize,
        wishes: Constraints,
    ) -> Result<Option<(End, Offer)>, Violation> {
        let Some(office) = &self.parties[party].office else {
            return Ok(None);
        };
        let made = self.tolerate(office.manager.create_offer(wishes))?;
        Ok(made.map(|(session, offer)| (self.take_in(party, session), offer)))
    }

    fn answer_call(
        &mut self,
        party: usize,
        offer: &Offer,
        wishes: Constraints,
    ) -> Result<Option<(End, Answer)>, Violation> {
        let Some(office) = &self.parties[party].office else {
            return Ok(None);
        };
        let text = offer.to_string();
        let made = self.tolerate(office.manager.accept_offer(text.as_str(), wishes))?;
        Ok(made.map(|(session, answer)| {
            let end = self.take_in(party, session);
            self.permit(&end, &text);
            (end, answer)
        }))
    }

    fn take_in(&mut self, party: usize, session: Session) -> End {
        let key = self.wire.open();
        self.keys.insert((party, session.id()), key);
        let end = End::new(party, session, key, self.parties[party].is_prompt());
        self.follow_ports(&end);
        end
    }

    /// Notes which ports a session holds now.
    fn follow_ports(&mut self, end: &End) {
        let (now, mut held) = (self.world.now(), Vec::new());
        for (line, stream) in end.session.streams().iter().enumerate() {
            let Some(lease) = stream.local else { continue };
            let mut rtcp = lease.rtp;
            rtcp.set_port(lease.rtcp.unwrap_or(lease.rtp.port()));
            for local in [lease.rtp, rtcp] {
                self.wire.hold(now, end.key, line, local);
                held.push(local);
            }
        }
        self.wire
            .retain(now, end.key, |local| held.contains(&local));
    }

    /// Notes where a description lets a session send.
    fn permit(&mut self, end: &End, description: &str) {
        for remote in addresses(description) {
            self.wire.allow(end.key, remote);
        }
    }

    /// Lets `work` use an end while the scene is changed.
    fn with_end(&mut self, talk: usize, side: usize, work: impl FnOnce(&mut Self, &mut End)) {
        let mut ends = std::mem::take(&mut self.talks[talk].ends);
        if let Some(end) = ends.get_mut(side) {
            work(self, end);
        }
        self.talks[talk].ends = ends;
    }

    fn apply(
        &mut self,
        talk: usize,
        side: usize,
        answer: &Answer,
    ) -> Result<Option<()>, Violation> {
        let text = answer.to_string();
        let applied = self.talks[talk].ends[side]
            .session
            .apply_answer(text.as_str());
        let applied = self.tolerate(applied)?;
        if applied.is_some() {
            self.with_end(talk, side, |scene, end| {
                scene.permit(end, &text);
                scene.follow_ports(end);
            });
        }
        Ok(applied)
    }

    fn answer(
        &mut self,
        talk: usize,
        side: usize,
        offer: &Offer,
    ) -> Result<Option<Answer>, Violation> {
        let text = offer.to_string();
        let answer = self.talks[talk].ends[side].session.answer(text.as_str());
        let answer = self.tolerate(answer)?;
        if answer.is_some() {
            self.with_end(talk, side, |scene, end| {
                scene.permit(end, &text);
                scene.follow_ports(end);
            });
        }
        Ok(answer)
    }

    /// A re-offer and its answer, each some time on its way.
    pub(crate) fn exchange(&mut self, talk: usize, side: usize, change: Change) -> Done {
        if !self.talks[talk].is_whole() {
            return Ok(());
        }
        self.tell(|_| format!("talk {talk}, side {side}: {change:?}"));
        let Some(offer) = self.tolerate(self.talks[talk].ends[side].session.offer(change))? else {
            return Ok(());
        };
        self.with_end(talk, side, |scene, end| scene.follow_ports(end));
        let wait = self.rng.millis(0, 150);
        self.pass(wait)?;
        let Some(answer) = self.answer(talk, 1 - side, &offer)? else {
            return self.take_back(talk, side);
        };
        let wait = self.rng.millis(0, 150);
        self.pass(wait)?;
        self.apply(talk, side, &answer).map(drop)
    }

    fn take_back(&mut self, talk: usize, side: usize) -> Done {
        let rolled_back = self.talks[talk].ends[side].session.rollback();
        self.tolerate(rolled_back)?;
        self.with_end(talk, side, |scene, end| scene.follow_ports(end));
        Ok(())
    }

    fn grow_or_shrink(&mut self, talk: usize, side: usize) -> Done {
        let streams = self.talks[talk].ends[side].session.streams();
        let second = streams.get(1).is_some_and(|stream| stream.is_live());
        if second && self.talks[talk].is_whole() {
            return self.exchange(talk, side, Change::Remove(StreamIndex(1)));
        }
        if std::mem::replace(&mut self.talks[talk].has_grown, true) {
            return Ok(());
        }
        self.exchange(talk, side, Change::Add(Audio::sendrecv(Codec::G711)))
    }

    fn roll_back(&mut self, talk: usize, side: usize) -> Done {
        if !self.talks[talk].is_whole() {
            return Ok(());
        }
        let change = if self.rng.chance(0.5) {
            Change::Hold
        } else {
            Change::Nothing
        };
        let offered = self.talks[talk].ends[side].session.offer(change);
        if self.tolerate(offered)?.is_none() {
            return Ok(());
        }
        let wait = self.rng.millis(0, 1_000);
        self.pass(wait)?;
        self.take_back(talk, side)
    }

    /// Both offer at once: each refuses with 491 and takes its own back.
    fn glare(&mut self, talk: usize) -> Done {
        if !self.talks[talk].is_whole() {
            return Ok(());
        }
        let mut offers = Vec::new();
        for side in 0..2 {
            let offer = self.talks[talk].ends[side].session.offer(Change::Nothing);
            offers.push(self.tolerate(offer)?);
        }
        let wait = self.rng.millis(0, 90);
        self.pass(wait)?;
        for (side, offer) in offers.iter().enumerate() {
            let (Some(offer), Some(_)) = (offer, &offers[1 - side]) else {
                continue;
            };
            let other = &self.talks[talk].ends[1 - side].session;
            let status = other.answer(offer).map_err(|error| error.sip_status());
            let refused = status.as_ref().is_err_and(|status| *status == 491);
            let excused = self.chaos.has(Fault::System);
            require(refused || excused, "operation", || {
                format!("glare: {status:?}")
            })?;
        }
        let made = offers.iter().enumerate().filter(|(_, o)| o.is_some());
        for (side, _) in made {
            self.take_back(talk, side)?;
        }
        Ok(())
    }

    /// Begins a recording, or ends and judges it.
    fn tape(&mut self, talk: usize, side: usize) -> Done {
        let end = &mut self.talks[talk].ends[side];
        if end.broken || !self.talks[talk].is_established {
            return Ok(());
        }
        let end = &mut self.talks[talk].ends[side];
        if let Some(tape) = end.recording.take() {
            let party = end.party;
            return self.stop_tape(party, tape);
        }
        let kind = self.rng.below(32);
        let ending = if kind == 0 { "opus" } else { "wav" };
        let path = format!("{}-{}.{ending}", end.party, end.key);
        let Some(office) = &self.parties[end.party].office else {
            return Ok(());
        };
        let began = office.manager.now();
        let prompt = self.parties[end.party].is_prompt();
        let wav = match kind {
            1..=4 => Wav::stereo(&path),
            5..=7 => Wav::mixed(&path),
            8 => Wav::said(&path),
            _ => Wav::heard(&path),
        };
        let record: Record = match kind {
            0 => Opus::heard(&path).existing(Existing::Replace).into(),
            _ => wav.existing(Existing::Replace).into(),
        };
        let taped = end.session.record(record);
        if let (Some(recording), true) = (self.tolerate(taped)?, prompt) {
            let tape = Tape {
                recording,
                began,
                path,
            };
            self.talks[talk].ends[side].recording = Some(tape);
        }
        Ok(())
    }

    fn stop_tape(&mut self, party: usize, tape: Tape) -> Done {
        let Some(office) = &self.parties[party].office else {
            return Ok(());
        };
        let asked = office.manager.now();
        let done = tape.recording.finish().wait();
        // It goes on until the files' task has looked.
        let ended = asked..=office.manager.now();
        let (began, path) = (tape.began, tape.path);
        self.judge_tape(party, (&path, began), done, ended)
    }

    /// A recording that nobody stopped ended with its manager, at `ended`.
    pub(crate) fn find_tape(&mut self, party: usize, tape: Tape, ended: Time) -> Done {
        let done = tape.recording.done().wait();
        let (began, path) = (tape.began, tape.path);
        self.judge_tape(party, (&path, began), done, ended..=ended)
    }

    fn judge_tape(
        &mut self,
        party: usize,
        (path, began): (&str, Time),
        done: Result<FileDone, Abandoned>,
        ended: RangeInclusive<Time>,
    ) -> Done {
        let prompt = self.parties[party].is_prompt();
        let since = |end: &Time| end.saturating_since(began);
        let span = since(ended.start())..=since(ended.end());
        let done = done.map_err(|error| Violation::new("recording", error.to_string()))?;
        let spoilt = self.chaos.has(Fault::FullDisk) || self.chaos.has(Fault::System);
        if spoilt && done.error.is_some() {
            return Ok(());
        }
        self.tell(|_| format!("{path}: {:?} of {span:?}", done.length));
        let slack = if prompt {
            Duration::ZERO
        } else {
            Duration::from_millis(800)
        };
        judge_length(path, began, &done, span, slack)?;
        let file = self.parties[party]
            .host
            .disk()
            .get(path)
            .unwrap_or_default();
        let stored = file.len().saturating_sub(44) as u64 / 2;
        require(stored > 0 || done.length.is_zero(), "recording", || {
            format!("{path} is empty")
        })
    }

    fn play_a_file(&mut self, talk: usize, side: usize) -> Done {
        let end = &self.talks[talk].ends[side];
        if end.broken || !self.talks[talk].is_established {
            return Ok(());
        }
        let played = end.session.play(SPEECH);
        if let Some(playback) = self.tolerate(played)? {
            self.talks[talk].ends[side].playback = Some(playback.done());
        }
        Ok(())
    }

    /// Ends a call that came to nothing.
    fn give_up(&mut self, talk: usize) -> Done {
        self.tell(|_| format!("talk {talk} comes to nothing"));
        let talk = self.talks.swap_remove(talk);
        self.hang_up(talk)
    }

    /// Calls of which an end broke are over.
    fn forget_broken(&mut self) -> Done {
        let broken = |talk: &Talk| talk.ends.iter().any(|end| end.broken);
        while let Some(index) = self.talks.iter().position(broken) {
            let talk = self.talks.swap_remove(index);
            self.hang_up(talk)?;
        }
        Ok(())
    }

    /// Both sides close, at once or one after the other.
    pub(crate) fn hang_up(&mut self, talk: Talk) -> Done {
        for mut end in talk.ends {
            if let Some(tape) = end.recording.take().filter(|_| !end.broken) {
                self.stop_tape(end.party, tape)?;
            }
            let exact = end.exact && !end.broken && self.parties[end.party].is_prompt();
            let name = format!("{} {:?}", HOSTS[end.party], end.id());
            let (watch, key, playback) = (end.watch(), end.key, end.playback.take());
            // The application goes on speaking until the end, or not.
            let voice = end.voice.take().filter(|_| self.rng.chance(0.5));
            let closed = end.session.close().wait();
            drop(voice);
            let gone = self.parties[end.party].office.is_none();
            require(closed.is_ok() || gone || end.broken, "closed", || {
                format!("{name}: never")
            })?;
            if let Some(playback) = playback {
                // Abandoned when its manager is gone.
                let _ = playback.wait();
            }
            self.wire.retain(self.world.now(), key, |_| false);
            self.accounts.push(Account {
                key,
                name,
                stats: watch.stats(),
                exact,
            });
            if self.rng.chance(0.5) {
                let wait = self.rng.millis(0, 200);
                self.pass(wait)?;
            }
        }
        // Who was joined to it may be alone now.
        self.give_voices()
    }

    /// Holds end, everybody speaks.
    pub(crate) fn resume_talks(&mut self) -> Done {
        self.forget_broken()?;
        self.give_voices()?;
        for talk in 0..self.talks.len() {
            for side in 0..2 {
                self.exchange(talk, side, Change::Resume)?;
                let all = Change::Direction(FIRST, Direction::SendRecv);
                self.exchange(talk, side, all)?;
                let muted = self.talks[talk].ends[side].session.mute(Mute::Off);
                self.tolerate(muted)?;
            }
        }
        self.each_voice(Voice::speak_steadily);
        Ok(())
    }

    pub(crate) fn each_voice(&mut self, what: impl Fn(&mut Voice)) {
        let ends = self.talks.iter_mut().flat_map(|talk| &mut talk.ends);
        ends.filter_map(|end| end.voice.as_mut()).for_each(what);
    }
}

fn judge_length(
    path: &str,
    began: Time,
    done: &FileDone,
    span: RangeInclusive<Duration>,
    slack: Duration,
) -> Done {
    let (least, most) = (*span.start(), *span.end());
    let true_to_time =
        done.length + TRUE_TO_TIME + slack >= least && done.length <= most + TRUE_TO_TIME + slack;
    require(true_to_time, "recording", || {
        format!(
            "{path} from {began:?}: {:?} for {span:?}, gaps {:?}",
            done.length, done.gaps
        )
    })?;
    require(done.error.is_none(), "recording", || format!("{done:?}"))
}

const FIRST: StreamIndex = StreamIndex(0);
const MOST_TALKS: usize = 3;
const TRUE_TO_TIME: Duration = Duration::from_millis(40);
