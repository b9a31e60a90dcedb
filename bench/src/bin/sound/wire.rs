//! Clean speech over real sockets, each way, with GStreamer and ffmpeg.
//!
//! Our own binary is run as a user would run it. In three calls at once per
//! codec and peer both sides play the same file, and each side's recordings are
//! scored by their median against the file through the same codec without a
//! wire. The interop tests make the same calls and look at their packets too.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use talkpath_interop::description::{Direction, Rtcp, audio_port, is_whole, of_peer};
use talkpath_interop::peers::{GStreamer, ffmpeg_hears, ffmpeg_sends};
use talkpath_interop::ports;
use talkpath_interop::sound::{self, Codec};
use talkpath_interop::talkpath::{Delay, Session};
use talkpath_interop::verdict::{Failure, Verdict, While};

use crate::call::folder;
use crate::row::{Goal, Row};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let mut rows = Vec::new();
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        let speech = sound::speech(codec.rate())?;
        let clean = sound::speech_in(&speech, &sound::offline(&speech, codec)?)?.pesq;
        let wire = Wire { codec, speech };
        for peer in [Peer::GStreamer, Peer::Ffmpeg] {
            let (ours, theirs) = wire.thrice(peer)?;
            let name = |way: &str| format!("{} clean, {} {way}", codec.name(), peer.name());
            for (what, heard, within) in
                [(name("to us"), ours, 0.1), (name("from us"), theirs, 0.15)]
            {
                let row = Row::new(&what, clean - heard, "", Goal::AtMost(within, 0.05));
                rows.push(
                    row.beside(format!("offline {clean:.2}"))
                        .note(format!("{heard:.2} over the wire, median of 3")),
                );
            }
        }
    }
    Ok(rows)
}

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Peer {
    GStreamer,
    Ffmpeg,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Peer::GStreamer => "GStreamer",
            Peer::Ffmpeg => "ffmpeg",
        }
    }
}

/// Calls of one codec.
struct Wire {
    codec: Codec,
    speech: PathBuf,
}

impl Wire {
    /// The medians of three calls: of our recordings, and of theirs.
    fn thrice(&self, peer: Peer) -> Verdict<(f64, f64)> {
        let calls: Vec<(PathBuf, PathBuf)> = thread::scope(|scope| {
            let started = [1, 2, 3].map(|number| {
                scope.spawn(move || {
                    let own =
                        folder()?.join(format!("{}-{}-{number}", self.codec.name(), peer.name()));
                    fs::create_dir_all(&own).while_doing(own.display())?;
                    match peer {
                        Peer::GStreamer => self.with_gstreamer(&own),
                        Peer::Ffmpeg => Ok((self.hear_ffmpeg(&own)?, self.speak_to_ffmpeg(&own)?)),
                    }
                })
            });
            let joined = started.map(|call| {
                call.join()
                    .unwrap_or_else(|_| Err(Failure::new("a call's thread panicked")))
            });
            joined.into_iter().collect::<Verdict<_>>()
        })?;
        let (ours, theirs): (Vec<PathBuf>, Vec<PathBuf>) = calls.into_iter().unzip();
        Ok((self.median(&ours)?, self.median(&theirs)?))
    }

    fn median(&self, heard: &[PathBuf]) -> Verdict<f64> {
        let scores = sound::speeches_in(&self.speech, heard)?;
        let mut scores: Vec<f64> = scores.iter().map(|speech| speech.pesq).collect();
        scores.sort_by(f64::total_cmp);
        Ok(scores[scores.len() / 2])
    }

    /// A call in which both speak: what we heard, and what it heard.
    fn with_gstreamer(&self, own: &Path) -> Verdict<(PathBuf, PathBuf)> {
        let block = ports::block(10)?;
        let port = block.start() + 6;
        let seconds = sound::seconds(&self.speech)? + 1.5;
        let (ours, theirs) = (own.join("ours.wav"), own.join("theirs.wav"));
        let peer = GStreamer {
            codec: self.codec,
            port,
            rtcp: Rtcp::Muxed,
            play: self.speech.clone(),
            record: theirs.clone(),
            seconds,
        };
        let session = self.session(own, *block.start(), seconds + 1.5);
        let session = Session {
            play: Some(self.speech.clone()),
            record: Some(ours.clone()),
            ..session
        };
        let mut gstreamer = peer.start()?;
        forget(own, &ours)?;
        let offer = of_peer(port, self.codec, Direction::SendRecv, Rtcp::Muxed);
        hand_over(&session.remote_sdp, &offer)?;
        let mut talkpath = session.answer()?;
        let answer = talkpath.wait_for_file(&session.sdp_out, is_whole, PATIENCE)?;
        GStreamer::meet(&mut gstreamer, audio_port(&answer)?)?;
        gstreamer.finish(PATIENCE)?;
        talkpath.finish(PATIENCE)?;
        Ok((ours, theirs))
    }

    /// What we hear of ffmpeg.
    fn hear_ffmpeg(&self, own: &Path) -> Verdict<PathBuf> {
        let block = ports::block(10)?;
        let port = block.start() + 6;
        let record = own.join("ours.wav");
        let session = self.session(own, *block.start(), sound::seconds(&self.speech)? + 2.0);
        let session = Session {
            record: Some(record.clone()),
            ..session
        };
        forget(own, &record)?;
        let offer = of_peer(port, self.codec, Direction::SendOnly, Rtcp::NextPort);
        hand_over(&session.remote_sdp, &offer)?;
        let mut talkpath = session.answer()?;
        let answer = talkpath.wait_for_file(&session.sdp_out, is_whole, PATIENCE)?;
        ffmpeg_sends(self.codec, port, audio_port(&answer)?, &self.speech)?.finish(PATIENCE)?;
        talkpath.finish(PATIENCE)?;
        Ok(record)
    }

    /// What ffmpeg hears of us.
    fn speak_to_ffmpeg(&self, own: &Path) -> Verdict<PathBuf> {
        let block = ports::block(10)?;
        let port = block.start() + 6;
        let (record, listens) = (own.join("theirs.wav"), own.join("ffmpeg.sdp"));
        let seconds = sound::seconds(&self.speech)? + 2.0;
        let session = self.session(own, *block.start(), seconds);
        let session = Session {
            play: Some(self.speech.clone()),
            ..session
        };
        forget(own, &record)?;
        let mut talkpath = session.offer()?;
        talkpath.wait_for_file(&session.sdp_out, is_whole, PATIENCE)?;
        let answer = of_peer(port, self.codec, Direction::RecvOnly, Rtcp::NextPort);
        hand_over(&listens, &answer)?;
        let hears = ffmpeg_hears(self.codec, &listens, &record, seconds + 1.0)?;
        hand_over(&session.remote_sdp, &answer)?;
        talkpath.finish(PATIENCE)?;
        hears.finish(PATIENCE)?;
        Ok(record)
    }

    /// A session of ours that neither speaks nor listens yet.
    fn session(&self, own: &Path, first: u16, seconds: f64) -> Session {
        Session {
            ports: first..=first + 3,
            codecs: vec![self.codec],
            sdp_out: own.join("ours.sdp"),
            remote_sdp: own.join("theirs.sdp"),
            play: None,
            record: None,
            seconds,
            delay: Delay::Follows,
        }
    }
}

/// Removes what a run before left where this one waits for files.
fn forget(own: &Path, recording: &Path) -> Verdict {
    for file in [&own.join("ours.sdp"), &own.join("theirs.sdp"), recording] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::new(format!("{}: {error}", file.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts a description where the other side waits for it, whole at once.
fn hand_over(file: &Path, sdp: &str) -> Verdict {
    let part = file.with_extension("part");
    fs::write(&part, sdp).while_doing(part.display())?;
    fs::rename(&part, file).while_doing(file.display())
}

const PATIENCE: Duration = Duration::from_secs(60);
