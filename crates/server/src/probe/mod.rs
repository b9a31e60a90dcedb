//! `talkpath probe FILE.pcap`: the streams of a capture, and how they sound.
//!
//! In: a capture, and the descriptions of its calls if there are any. Out:
//! words or JSON, a WAV file for each stream, a picture. What is RTP and how it
//! sounds is the library's business.

mod json;
mod tracks;
mod words;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use talkpath::SessionDescription;
use talkpath::probe::{Found, PcapError, Probe, Stream};

use crate::cli::ProbeArguments;
use crate::failure::Failure;
use crate::output::{print, print_line};
use crate::plot::{self, Course};
use crate::syntax;
use tracks::Tracks;

/// Looks into the capture; 1 when there is no stream in it.
pub(crate) fn run(arguments: &ProbeArguments) -> Result<u8, Failure> {
    let path = &arguments.file;
    let capture = fs::read(path).map_err(|error| {
        Failure::file(path, &error).hint("`tcpdump -i any -w FILE udp` captures one")
    })?;
    arguments.plot.as_deref().map_or(Ok(()), plot::check)?;
    let mut probe = Probe::new();
    for path in &arguments.sdp {
        probe = probe.describe(&description(path)?);
    }
    let (found, sounds) = look(&probe, &capture, arguments)?;
    if let Some(path) = &arguments.plot {
        let name = arguments.file.file_name().unwrap_or_default();
        plot::draw(path, &name.to_string_lossy(), &courses(&found))?;
    }
    match arguments.json {
        true => print_line(json::of(path, &found, &sounds)),
        false => print(&words::of(path, &found, &sounds)),
    }
    if found.streams.is_empty() {
        return Err(nothing(path, &found));
    }
    Ok(0)
}

/// A WAV file that was written, by stream.
pub(crate) type Sounds = Vec<Option<PathBuf>>;

fn look(
    probe: &Probe,
    capture: &[u8],
    arguments: &ProbeArguments,
) -> Result<(Found, Sounds), Failure> {
    let not_read = |error: PcapError| {
        let failure = Failure::new(format!("{}: {error}", arguments.file.display()));
        match error {
            PcapError::PcapNg => failure
                .hint("`editcap -F pcap IN OUT` makes a classic capture of it; so does tshark"),
            _ => failure.hint("tcpdump and `--pcap FILE` write captures of the pcap format"),
        }
    };
    let Some(folder) = &arguments.wav else {
        return Ok((probe.look(capture).map_err(not_read)?, Vec::new()));
    };
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    let mut tracks = Tracks::new(folder);
    let found = probe.listen(capture, &mut |stream, pcm, rate| {
        tracks.hear(stream, pcm, rate)
    });
    let found = found.map_err(not_read)?;
    Ok((found, tracks.finish()?))
}

fn description(path: &Path) -> Result<SessionDescription, Failure> {
    let text = fs::read(path).map_err(|error| {
        Failure::file(path, &error).hint("--sdp takes a file with an SDP body of the call")
    })?;
    let parsed = SessionDescription::parse(&text);
    parsed.map_err(|error| syntax::failure(&error, &text).at(path.display()))
}

fn courses(found: &Found) -> Vec<Course> {
    if found.streams.len() > MOST_DRAWN {
        eprintln!("warning: the picture shows the first {MOST_DRAWN} streams");
    }
    let course = |stream: &Stream| {
        let format = stream.format().map(ToString::to_string);
        let format = format.unwrap_or_else(|| "unknown format".into());
        Course {
            title: format!("{} to {}, {format}", stream.from, stream.to),
            points: stream.course.iter().map(Into::into).collect(),
        }
    };
    found.streams.iter().take(MOST_DRAWN).map(course).collect()
}

/// A file that was not there: what is there stays.
fn create(path: &Path) -> io::Result<File> {
    File::create_new(path)
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::file(path, error);
    match error.kind() {
        io::ErrorKind::AlreadyExists => failure.hint("move it away, or name another"),
        _ => failure,
    }
}

fn nothing(path: &Path, found: &Found) -> Failure {
    let failure = Failure::new(format!("{}: there is no RTP in it", path.display()));
    match (found.datagrams, found.skipped, found.last_skip) {
        (0, 1.., Some(why)) => failure.hint(format!(
            "none of its {} packets is a UDP datagram; the last is {why}",
            found.skipped
        )),
        (0, ..) => failure.hint("the capture is empty"),
        _ => failure.hint(
            "a stream is known by four packets of one source in sequence; --sdp FILE tells where \
             shorter ones are",
        ),
    }
}

/// Streams in one picture.
const MOST_DRAWN: usize = 8;
