//! A media manager for calls: from the SDP body to the samples.
//!
//! An application (softphone, PBX, voice agent) does the signalling; Talkpath
//! does everything else of a call's sound: it negotiates (RFC 3264), holds
//! ports, carries RTP and RTCP (RFC 3550), plays out, bridges, records, and says
//! why nothing is heard. Linux and macOS; Windows is missing.
//!
//! ```
//! use talkpath::{Audio, Codec, MediaManager};
//!
//! let manager = MediaManager::builder().interface("127.0.0.1").ports(10000..=10100).build()?;
//! let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::PCMU, Codec::PCMA]))?;
//! let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::PCMU]))?;
//! caller.apply_answer(&answer)?;                       // both active
//!
//! let (mut say, _) = caller.audio()?.split();
//! let (_, mut hear) = callee.audio()?.split();
//! say.send_all(&[1000; 160])?;                         // 20 ms at 8 kHz
//! let mut frame = [0; 160];
//! hear.recv(&mut frame)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where there is a runtime, the same is awaited; none in particular is needed:
//!
//! ```
//! # use talkpath::{Audio, Codec, MediaManager};
//! # async fn echo(offer: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let manager = MediaManager::builder().interface("127.0.0.1").build()?;
//! let (session, answer) = manager.accept_offer(offer, Audio::sendrecv(Codec::USUAL))?;
//! println!("{answer}");
//! let (mut say, mut hear) = session.audio()?.split();
//! let mut frame = vec![0; hear.frame_len()];
//! for _ in 0..500 {
//!     hear.recv_async(&mut frame).await?;
//!     say.send_all_async(&frame).await?;
//! }
//! session.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to find what
//!
//! | for | see |
//! |---|---|
//! | speaking and hearing | [`Session::audio`]: [`Say`], [`Hear`]; [`Feed`] for speech synthesis, with [`Say::clear`] and [`Say::mark`] |
//! | recording | [`Session::record`]: [`Wav`], [`Opus`], [`Mkv`], [`Pcap`]; [`recover()`] after a crash |
//! | playing files and tones | [`Session::play`]: [`Play`] |
//! | digits | [`Session::dtmf`], [`Happening::Digit`], [`Session::detect_inband`] |
//! | bridges and conferences | [`MediaManager::bridge`]: [`Bridge`] |
//! | listening along, interruptions | [`Session::tap`], [`Session::detect_speech`] |
//! | hold, codec changes, streams added | [`Session::hold`], [`Session::offer`] with a [`Change`] |
//! | video | [`Constraints::and_video`], [`Mkv`] |
//! | what happens | [`MediaManager::events`], [`Happening`] |
//! | loss, delay, MOS; why nothing is heard | [`SessionRef::stats`], [`SessionRef::diagnose`] |
//! | captures | [`probe`] |
//! | tests without a network | [`driver`], the crate `talkpath-sim` |
//!
//! # How it behaves
//!
//! - **Control calls are plain functions**: they compute, bind sockets and hand
//!   a message to a worker; they never wait for the network. What takes time
//!   returns a [`Pending`] that can be waited for or awaited on any runtime.
//! - **A call that fails has changed nothing**, and its error says whose fault
//!   it is ([`SessionError::sip_status`]).
//! - **Dropping closes.** Dropping a [`Session`] says goodbye, gives its ports
//!   back and ends in a `Closed` event; dropping the [`MediaManager`] does so
//!   for all of them.
//! - **The peer's packets are taken from where its SDP says**
//!   ([`SourcePolicy::Signalled`]); `learn` and `open` are there for those who
//!   need them, and say what they cost.
//! - **Every queue is bounded**: see the table in `ARCHITECTURE.md`.
#![deny(unsafe_code)]

mod bridge;
mod change;
mod codec;
mod constraints;
mod description;
pub mod driver;
mod error;
mod event;
mod events;
mod files;
mod interface;
mod mailbox;
mod manager;
mod ports;
pub mod probe;
mod recover;
mod rings;
mod session;
mod video;
mod wait;
mod worker;

pub use bridge::Bridge;
pub use change::Change;
pub use codec::{Codec, UnknownCodec};
pub use constraints::{Audio, Constraints, Silence};
pub use description::{IntoAnswer, IntoOffer};
pub use driver::Existing;
pub use error::{BuildError, Fault, SessionError};
pub use event::{Agreed, CloseReason, Event, Happening, Trouble};
pub use events::{Events, NoEvent, Notice};
pub use files::{
    FileDone, FileError, FileFault, OpusError, Pause, Pausing, RecordingId, RecordingState, Sides,
};
pub use interface::{BoundInterface, Interface};
pub use manager::{Builder, MediaManager};
pub use ports::{LeaseKind, PortError, PortOrder};
pub use recover::{Recovered, Recovery, Unrepairable, recover, recover_in};
pub use rings::{MarkError, Marked};
pub use session::{
    AudioEnd, Digits, Ended, Feed, Hear, HearError, HeardFrame, Mkv, Opus, Over, Packet,
    PacketKind, Packets, Pcap, Play, Playback, Record, Recording, Say, Session, SessionRef,
    SessionState, SpeechDetection, Tap, Tapped, UnknownName, Wav,
};
pub use talkpath_audio::{Loudness, SampleRate};
pub use talkpath_media::dtmf::{Carriage, DialEnd, Digit, Dtmf, DtmfError, Inband};
pub use talkpath_media::playout::{PlayoutStats, Target as Playout};
pub use talkpath_media::quality::{Quality, Rating};
pub use talkpath_media::video::VideoStats;
pub use talkpath_media::{
    Component, Diagnosis, Finding, FrameKind, Levels, Medium, Mute, Received, RemoteView, RoomId,
    Sent, SessionId, SessionStats, StreamIndex, StreamStats, Waiting,
};
pub use talkpath_sdp::negotiate::{Note, Preference, RtcpMux, Stream, TelephoneEvent, VoipReports};
pub use talkpath_sdp::{Answer, Direction, Offer, ParseError, SessionDescription};
pub use talkpath_transport::{DropReason, Drops, Evidence, SourceChanged, SourcePolicy};
pub use talkpath_wire::rtcp::VoipMetrics;
pub use talkpath_wire::{Format, PayloadType, RtpTime, Seq, Ssrc, Time};
pub use video::{UnknownVideoCodec, Video, VideoCodec};
pub use wait::{Abandoned, Pending};

/// Measuring and making sound.
pub use talkpath_audio as audio;
/// Reading and explaining session descriptions.
pub use talkpath_sdp as sdp;

/// The programs in README compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../README.ru.md")]
struct ReadMe;
