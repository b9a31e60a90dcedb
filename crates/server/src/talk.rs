//! A session that is active: sound goes both ways until something ends it.
//!
//! In: the session, its events, the clock and Ctrl-C. Out: a [`Report`].

use std::path::PathBuf;
use std::time::{Duration, Instant};

use talkpath::{
    DialEnd, Digit, Digits, Dtmf, Event, Events, FileDone, Happening, Notice, Pending, Playback,
    Recording, Session, SessionRef,
};

use crate::cli::CallArguments;
use crate::failure::Failure;
use crate::interrupt;
use crate::listened::Listened;
use crate::live::Live;
use crate::plot::{self, Watch};
use crate::recording;
use crate::report::{Ending, Files, Report};
use crate::sound_rate;
use crate::words;

/// From when the seconds of a call count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Both sides are active.
    Now,
    /// The other side still has to read our answer: its first packet shows
    /// that it has. If none comes for as long as the call is to last, now.
    AtFirstPacket,
}

/// A call that goes on.
pub(crate) struct Talk {
    session: Session,
    events: Events<Event>,
    recording: Option<Recording>,
    playing: Option<Pending<FileDone>>,
    played: Option<FileDone>,
    /// What is still to be dialled, and what is being dialled.
    dtmf: Option<Dtmf>,
    dialling: Option<(String, Digits)>,
    dialled: Option<String>,
    /// What the other side dialled.
    digits: String,
    listened: Listened,
    /// What is to be drawn of the call, and where.
    plot: Option<(PathBuf, Watch)>,
    /// Length that was asked for.
    seconds: Option<Duration>,
}

impl Talk {
    /// Begins to play and to record.
    pub(crate) fn begin(
        call: &CallArguments,
        session: Session,
        events: Events<Event>,
    ) -> Result<Self, Failure> {
        let streams = session.streams();
        let Some(stream) = streams.iter().find(|stream| stream.is_live()) else {
            return Err(
                Failure::new("the other side refused the sound: its port is 0").hint(
                    "`talkpath sdp FILE` shows what its description says; --codecs what is \
                       taken here",
                ),
            );
        };
        if let Some(path) = call.play.as_ref().filter(|_| !stream.direction.sends()) {
            let (path, agreed) = (path.display(), stream.direction.as_str());
            eprintln!(
                "warning: {path} is not heard: what is agreed on is {agreed}, seen from here"
            );
        }
        if let Some(remote) = stream.remote.as_ref().and_then(|remote| remote.last)
            && let Some(words) = words::unreachable(call.address, remote.ip())
        {
            eprintln!("warning: {words}");
        }
        let recording = match &call.record {
            Some(path) => {
                let agreed = stream.receive.first().or(stream.send.first());
                let rate = agreed.and_then(|codec| sound_rate::of(&codec.format));
                let rate = call.rate.or(rate);
                Some(session.record(recording::of_what_is_heard(path, rate)?)?)
            }
            None => None,
        };
        let playing = call.play.as_ref().map(|path| session.play(path));
        let playing = playing.transpose()?.map(Playback::done);
        Ok(Talk {
            session,
            events,
            recording,
            playing,
            played: None,
            dtmf: call.dtmf.clone(),
            dialling: None,
            dialled: None,
            listened: Listened::default(),
            plot: call.plot.clone().map(|path| (path, Watch::default())),
            digits: String::new(),
            seconds: call.seconds,
        })
    }

    /// Talks until something ends it, and closes.
    pub(crate) fn run(mut self, begin: Begin, capture: Option<Recording>) -> Report {
        let began = Instant::now();
        let ending = self.last(begin, began);
        let (streams, diagnosis) = (self.session.streams(), self.session.diagnose());
        let lasted = began.elapsed();
        if self.is_dialling() {
            eprintln!("warning: the call ended before all digits were dialled");
        }
        if let Some((path, watch)) = self.plot.take()
            && let Err(failure) = plot::draw(&path, "A call", &[watch.course("What was received")])
        {
            eprintln!("{failure}");
        }
        let watch = SessionRef::clone(&self.session);
        let recording = self.recording.take().map(Recording::done);
        let capture = capture.map(Recording::done);
        let closed = self.session.close().wait_timeout(CLOSING);
        if closed.is_none() {
            eprintln!(
                "warning: the session did not close within {} s",
                CLOSING.as_secs()
            );
        }
        let files = Files {
            played: self.played.or_else(|| done(self.playing)),
            recorded: done(recording),
            captured: done(capture),
        };
        let report = Report::new(ending, lasted, &streams, &watch.stats(), &diagnosis, files);
        report
            .with_digits(self.digits, self.dialled)
            .with_listened(self.listened)
    }

    /// Lets the call last; says what ended it.
    fn last(&mut self, begin: Begin, began: Instant) -> Ending {
        let mut live = Live::new();
        let mut until = self.seconds.map(|seconds| began + seconds);
        let mut waits_for_first = begin == Begin::AtFirstPacket;
        let ending = loop {
            if interrupt::is_asked() {
                break Ending::Interrupted;
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break Ending::Elapsed;
            }
            if !waits_for_first {
                self.dial();
            }
            let is_dialling = self.is_dialling();
            if self.has_played() && !is_dialling && self.seconds.is_none() {
                break Ending::Played;
            }
            let stats = self.session.stats();
            self.listened.look(stats.audio());
            if let Some((_, watch)) = &mut self.plot {
                watch.look(began.elapsed(), stats.audio());
            }
            live.draw(began.elapsed(), stats.audio());
            let Ok(Notice::Event(event)) = self.events.recv_timeout(TURN) else {
                continue;
            };
            if let Some(words) = worth_saying(&event.what) {
                live.say(&words);
            }
            match event.what {
                Happening::FirstMedia { .. } if waits_for_first => {
                    waits_for_first = false;
                    until = self.seconds.map(|seconds| Instant::now() + seconds);
                }
                Happening::Digit { digit, .. } => self.digits.push(digit.as_char()),
                Happening::Bye { .. } if self.seconds.is_none() => break Ending::PeerLeft,
                Happening::Closed { .. } => break Ending::Closed,
                _ => {}
            }
        };
        live.clear();
        ending
    }

    /// Begins to dial, once.
    fn dial(&mut self) {
        let Some(dtmf) = self.dtmf.take() else { return };
        let text = dtmf.digits().map(Digit::as_char).collect();
        match self.session.dtmf(dtmf) {
            Ok(digits) => self.dialling = Some((text, digits)),
            Err(error) => eprintln!("warning: nothing is dialled: {error}"),
        }
    }

    /// Whether something is still to be dialled.
    fn is_dialling(&mut self) -> bool {
        let Some((_, digits)) = &mut self.dialling else {
            return self.dtmf.is_some();
        };
        let Some(end) = digits.wait_timeout(Duration::ZERO) else {
            return true;
        };
        let text = self.dialling.take().map(|(text, _)| text);
        self.dialled = text.filter(|_| end == Ok(DialEnd::Dialled));
        false
    }

    /// Whether the file has been played to its end.
    fn has_played(&mut self) -> bool {
        let done = self
            .playing
            .as_mut()
            .and_then(|playing| playing.wait_timeout(Duration::ZERO));
        if let Some(done) = done {
            self.playing = None;
            self.played = done.ok();
        }
        self.played.is_some()
    }
}

/// What became of a file, now that its session is closed.
fn done(file: Option<Pending<FileDone>>) -> Option<FileDone> {
    file?.wait_timeout(CLOSING)?.ok()
}

/// What somebody who waits would like to know at once.
fn worth_saying(what: &Happening) -> Option<String> {
    match what {
        Happening::FirstMedia { .. }
        | Happening::MediaTimeout { .. }
        | Happening::MediaResumed { .. }
        | Happening::SsrcCollision { .. }
        | Happening::Bye { .. }
        | Happening::Digit { .. }
        | Happening::Error(_) => Some(words::of(what)),
        Happening::SourceChanged { change, .. } if change.from.is_some() => Some(words::of(what)),
        _ => None,
    }
}

/// How often the clock and Ctrl-C are looked at.
const TURN: Duration = Duration::from_millis(20);
/// How long a goodbye, and the last bytes of a file, may take.
const CLOSING: Duration = Duration::from_secs(5);
