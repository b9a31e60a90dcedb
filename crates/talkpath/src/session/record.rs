//! Recording: what a session hears, says and exchanges, into files.
//!
//! In: a [`Wav`], an [`Opus`], an [`Mkv`] or a [`Pcap`], which says what, where to and how.
//! Out: a [`Recording`] that can be paused, resumed, stopped and waited for. Its
//! handles detach when dropped: it goes on until it is stopped, or its session
//! closes, and [`SessionRef::recordings`](super::SessionRef::recordings) has new
//! ones.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use talkpath_audio::SampleRate;
use talkpath_media::StreamIndex;
use talkpath_media::video::VideoCodec;

use super::core::Core;
use super::file::{Places, prepare};
use crate::driver::{Driver, Existing};
use crate::error::SessionError;
use crate::files::{
    Control, Duty, FileDone, Form, PacketWriter, Pausing, Plan, Recorder, RecordingId,
    RecordingState, Sides, Told, Work, packet_track, picture_track,
};
use crate::wait::Pending;
use crate::worker::{Command, End};

/// What is to be recorded: a [`Wav`], an [`Opus`], an [`Mkv`] or a [`Pcap`].
///
/// ```
/// use talkpath::{Record, Sides};
/// assert!(Record::by_name("call.opus", Sides::Stereo).is_ok());
/// let error = Record::by_name("call.mp3", Sides::Stereo).unwrap_err();
/// assert_eq!(error.to_string(), "call.mp3: no recording ends in that; .wav, .opus, .mkv and .pcap do");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "it is recorded by Session::record"]
pub struct Record {
    what: What,
    path: PathBuf,
    existing: Existing,
    pausing: Pausing,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    Sound { sides: Sides, form: Form },
    Packets,
}

/// A name that says nothing of how to record: the caller's fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: no recording ends in that; .wav, .opus, .mkv and .pcap do", path = path.display())]
pub struct UnknownName {
    /// The file.
    pub path: PathBuf,
}

impl Record {
    /// What the end of a file's name says: `.wav`, `.opus` (or `.ogg`) of
    /// `sides`, `.mkv` of these and the video, `.pcap` of the packets.
    ///
    /// # Errors
    /// [`UnknownName`] for every other.
    pub fn by_name(path: impl Into<PathBuf>, sides: Sides) -> Result<Self, UnknownName> {
        let path = path.into();
        let end = path.extension().unwrap_or_default().to_ascii_lowercase();
        match end.to_str() {
            Some("wav") => Ok(Wav::new(path, sides).into()),
            Some("opus" | "ogg") => Ok(Opus::new(path, sides).into()),
            Some("mkv") => Ok(Mkv::new(path).sides(sides).into()),
            Some("pcap") => Ok(Pcap::new(path).into()),
            _ => Err(UnknownName { path }),
        }
    }

    /// What becomes of time in which it is paused; silence if not said. A
    /// capture has no silence: it leaves the packets out. A Matroska file always
    /// has it, so that its video stays where it was.
    pub fn pausing(mut self, pausing: Pausing) -> Self {
        self.pausing = pausing;
        self
    }

    /// What becomes of a file that has the name; it stays, and the recording
    /// is refused, if not said.
    pub fn existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    fn sound(path: PathBuf, sides: Sides, form: Form) -> Self {
        Record {
            what: What::Sound { sides, form },
            path,
            existing: Existing::default(),
            pausing: Pausing::default(),
        }
    }
}

/// Recording into a WAV file of 16-bit PCM.
///
/// ```no_run
/// # use talkpath::{Audio, Codec, MediaManager, Pausing, SampleRate, Wav};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25600..=25700).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # caller.apply_answer(&answer)?;
/// let wav = Wav::stereo("call.wav").rate(SampleRate::HZ_16000).pausing(Pausing::Cut);
/// let recording = caller.record(wav)?;
/// recording.pause(); // a card number is said
/// recording.resume();
/// let done = recording.finish().wait()?;
/// println!("{} s in {}", done.length.as_secs(), done.path.display());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "it is recorded by Session::record"]
pub struct Wav(Record);

impl Wav {
    /// What `sides` says.
    pub fn new(path: impl Into<PathBuf>, sides: Sides) -> Self {
        Wav(Record::sound(path.into(), sides, Form::Wav { rate: None }))
    }

    /// What is heard, one channel.
    pub fn heard(path: impl Into<PathBuf>) -> Self {
        Wav::new(path, Sides::Heard)
    }

    /// What is said, one channel.
    pub fn said(path: impl Into<PathBuf>) -> Self {
        Wav::new(path, Sides::Said)
    }

    /// What is heard and what is said, together in one channel.
    pub fn mixed(path: impl Into<PathBuf>) -> Self {
        Wav::new(path, Sides::Mixed)
    }

    /// What is heard on the left, what is said on the right.
    pub fn stereo(path: impl Into<PathBuf>) -> Self {
        Wav::new(path, Sides::Stereo)
    }

    /// The file's sample rate, 8,000 to 48,000 Hz; that of the stream if not
    /// said.
    pub fn rate(mut self, hz: SampleRate) -> Self {
        if let What::Sound { form, .. } = &mut self.0.what {
            *form = Form::Wav { rate: Some(hz) };
        }
        self
    }

    /// As [`Record::pausing`].
    pub fn pausing(self, pausing: Pausing) -> Self {
        Wav(self.0.pausing(pausing))
    }

    /// As [`Record::existing`].
    pub fn existing(self, existing: Existing) -> Self {
        Wav(self.0.existing(existing))
    }
}

/// Recording into an Ogg Opus file (RFC 7845): a tenth of a WAV's size. What is
/// heard and said is encoded anew, on the files thread.
///
/// ```no_run
/// # use talkpath::{Audio, Codec, MediaManager, Opus};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25600..=25700).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// let recording = caller.record(Opus::mixed("call.opus"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "it is recorded by Session::record"]
pub struct Opus(Record);

impl Opus {
    /// What `sides` says.
    pub fn new(path: impl Into<PathBuf>, sides: Sides) -> Self {
        Opus(Record::sound(
            path.into(),
            sides,
            Form::Opus { bitrate: None },
        ))
    }

    /// What is heard, one channel.
    pub fn heard(path: impl Into<PathBuf>) -> Self {
        Opus::new(path, Sides::Heard)
    }

    /// What is said, one channel.
    pub fn said(path: impl Into<PathBuf>) -> Self {
        Opus::new(path, Sides::Said)
    }

    /// What is heard and what is said, together in one channel.
    pub fn mixed(path: impl Into<PathBuf>) -> Self {
        Opus::new(path, Sides::Mixed)
    }

    /// What is heard on the left, what is said on the right.
    pub fn stereo(path: impl Into<PathBuf>) -> Self {
        Opus::new(path, Sides::Stereo)
    }

    /// The most bits per second, 6,000 to 510,000. If not said it is what
    /// speech at the stream's rate takes: 20,000 to 32,000 of one channel, twice
    /// that of two; no more than that is ever used.
    pub fn bitrate(mut self, most: u32) -> Self {
        if let What::Sound { form, .. } = &mut self.0.what {
            *form = Form::Opus {
                bitrate: Some(most),
            };
        }
        self
    }

    /// As [`Record::pausing`].
    pub fn pausing(self, pausing: Pausing) -> Self {
        Opus(self.0.pausing(pausing))
    }

    /// As [`Record::existing`].
    pub fn existing(self, existing: Existing) -> Self {
        Opus(self.0.existing(existing))
    }
}

/// Recording every datagram of the session, sent and received, into a pcap
/// file that Wireshark reads.
///
/// ```no_run
/// # use talkpath::{Audio, Codec, MediaManager, Pcap};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25600..=25700).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// let recording = caller.record(Pcap::new("call.pcap"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "it is recorded by Session::record"]
pub struct Pcap(Record);

impl Pcap {
    /// The packets of all streams.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Pcap(Record {
            what: What::Packets,
            path: path.into(),
            existing: Existing::default(),
            pausing: Pausing::default(),
        })
    }

    /// As [`Record::existing`].
    pub fn existing(self, existing: Existing) -> Self {
        Pcap(self.0.existing(existing))
    }
}

/// Recording into a Matroska file: sound as 16-bit PCM, and beside it the video
/// that comes, VP8 or H.264 as its sender encoded it. Nothing decodes or encodes
/// the video: it begins with a keyframe, and behind a loss it goes on with the
/// next one; both are asked for (PLI, FIR) if the peer understands that.
///
/// The video is that of the session's first m-line of video, in the codec that is
/// agreed on when the recording begins; a session without video has sound alone.
/// It stands where it came, by its sender's clock; sound stands where it was
/// played, the delay of the jitter buffer later.
///
/// ```no_run
/// use talkpath::{Audio, Codec, Constraints, MediaManager, Mkv, Video, VideoCodec};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25600..=25700).build()?;
/// # let offer = "";
/// let wanted = Constraints::from(Audio::sendrecv(Codec::USUAL))
///     .and_video(Video::recvonly(VideoCodec::ALL));
/// let (session, answer) = manager.accept_offer(offer, wanted)?;
/// let recording = session.record(Mkv::new("call.mkv"))?;
/// // ...
/// let done = recording.finish().wait()?;
/// println!("{} frames in {} s", done.pictures, done.length.as_secs());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "it is recorded by Session::record"]
pub struct Mkv(Record);

impl Mkv {
    /// What is heard on the left, what is said on the right, and the video.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Mkv(Record::sound(path.into(), Sides::Stereo, Form::Mkv))
    }

    /// The same with other sound beside the video.
    pub fn sides(mut self, sides: Sides) -> Self {
        if let What::Sound { sides: known, .. } = &mut self.0.what {
            *known = sides;
        }
        self
    }

    /// As [`Record::existing`].
    pub fn existing(self, existing: Existing) -> Self {
        Mkv(self.0.existing(existing))
    }
}

impl From<Mkv> for Record {
    fn from(mkv: Mkv) -> Self {
        mkv.0
    }
}

impl From<Wav> for Record {
    fn from(wav: Wav) -> Self {
        wav.0
    }
}

impl From<Opus> for Record {
    fn from(opus: Opus) -> Self {
        opus.0
    }
}

impl From<Pcap> for Record {
    fn from(pcap: Pcap) -> Self {
        pcap.0
    }
}

/// A recording that goes on; dropped, it goes on all the same.
///
/// ```
/// # use talkpath::{Audio, Codec, MediaManager, RecordingState, Wav};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25600..=25700).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let folder = std::env::temp_dir().join(format!("talkpath-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("handles.wav");
/// drop(caller.record(Wav::heard(&path))?);
///
/// let again = caller.recordings().pop().expect("it goes on");
/// again.pause();
/// assert_eq!(again.state(), RecordingState::Paused);
/// let done = again.finish().wait()?;
/// assert_eq!((done.path, done.error), (path, None));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    control: Arc<Control>,
}

impl Recording {
    /// Its number, unique within its session.
    pub fn id(&self) -> RecordingId {
        self.control.id()
    }

    /// The file that it will be.
    pub fn path(&self) -> &Path {
        self.control.path()
    }

    /// Where it stands.
    pub fn state(&self) -> RecordingState {
        self.control.state()
    }

    /// Records nothing from the next 20 ms on; what was heard and said before
    /// is still written. Paused twice is paused once.
    pub fn pause(&self) {
        self.control.pause();
    }

    /// Records again.
    pub fn resume(&self) {
        self.control.resume();
    }

    /// Stops recording; the value comes when the file is in place.
    pub fn finish(self) -> Pending<FileDone> {
        self.control.stop.ask();
        self.control.done()
    }

    /// What becomes of it, when it was stopped or its session has closed.
    pub fn done(self) -> Pending<FileDone> {
        self.control.done()
    }
}

/// The recordings of a session that go on.
#[derive(Debug, Default)]
pub(crate) struct Recordings(Mutex<Register>);

#[derive(Debug, Default)]
struct Register {
    last: u64,
    live: Vec<Arc<Control>>,
}

impl Recordings {
    fn begin(&self, path: &Path, driver: Arc<dyn Driver>) -> Arc<Control> {
        let mut register = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        register.last += 1;
        Control::new(RecordingId(register.last), path, driver)
    }

    fn add(&self, control: &Arc<Control>) {
        let mut register = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        register.live.retain(|control| !control.is_over());
        register.live.push(Arc::clone(control));
    }

    /// A handle of each.
    pub(super) fn all(&self) -> Vec<Recording> {
        let mut register = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        register.live.retain(|control| !control.is_over());
        let handle = |control: &Arc<Control>| Recording {
            control: Arc::clone(control),
        };
        register.live.iter().map(handle).collect()
    }
}

/// Begins a recording of `stream`, or of all packets.
pub(super) fn record(
    core: &Core,
    stream: impl FnOnce() -> Result<StreamIndex, SessionError>,
    video: Option<(StreamIndex, VideoCodec)>,
    record: Record,
) -> Result<Recording, SessionError> {
    let driver = Arc::clone(&core.shared.driver);
    let control = core.recordings.begin(&record.path, Arc::clone(&driver));
    let told = Told::Recording(Duty::new(&control));
    match record.what {
        What::Sound { sides, form } => {
            let stream = stream()?;
            let (places, rate) = prepare(core, stream)?;
            let video = video.filter(|_| form == Form::Mkv);
            let (seen, pictures) = match video {
                Some((stream, codec)) => {
                    let (writer, track) = picture_track(codec, driver.now(), &control);
                    (Some((core.reserve()?, stream, writer)), Some(track))
                }
                None => (None, None),
            };
            let pausing = match form {
                Form::Mkv => Pausing::Silence,
                Form::Wav { .. } | Form::Opus { .. } => record.pausing,
            };
            let plan = Plan {
                sides,
                form,
                rate,
                existing: record.existing,
                pausing,
                pictures,
            };
            let (recorder, track) = Recorder::create(&driver, plan, &control)?;
            let work = Work::Record(Box::new(recorder));
            places.begin_told(core, stream, (work, told), End::Recorder(track));
            if let Some((place, stream, writer)) = seen {
                place.send(Command::Attach {
                    session: core.id,
                    stream,
                    end: End::Pictures(writer),
                    farewell: None,
                });
            }
        }
        What::Packets => {
            drop(core.open_state()?);
            let places = Places::reserve(core)?;
            let (tap, track) = packet_track(Some(&control));
            let track = (track, tap.lost());
            let writer = PacketWriter::create(&driver, track, record.existing, &control)?;
            let work = Work::Packets(Box::new(writer));
            places.begin_told(core, StreamIndex(0), (work, told), End::Packets(tap));
        }
    }
    core.recordings.add(&control);
    Ok(Recording { control })
}
