//! What a call came to: for people, and as JSON.
//!
//! Every number is read back from the session; nothing is repeated from what
//! was asked.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use talkpath::sdp::negotiate::Rtcp;
use talkpath::{
    Diagnosis, Direction, FileDone, Finding, Quality, SessionStats, Stream, StreamStats,
};

use crate::listened::Listened;
use crate::network::Trial;
use crate::words::{self, counted, millis, seconds};

/// What ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The seconds asked for have passed.
    Elapsed,
    /// The file was played to its end.
    Played,
    /// The other side said goodbye.
    PeerLeft,
    /// Ctrl-C.
    Interrupted,
    /// The session ended by itself.
    Closed,
}

/// What became of the files of a call.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) played: Option<FileDone>,
    pub(crate) recorded: Option<FileDone>,
    pub(crate) captured: Option<FileDone>,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Report {
    ending: Ending,
    lasted: Duration,
    agreed: Agreed,
    stats: Option<StreamStats>,
    findings: Vec<Finding>,
    files: Files,
    /// What the other side dialled.
    digits: String,
    /// What was dialled here.
    dialled: Option<String>,
    listened: Listened,
    trial: Option<Trial>,
}

/// What was negotiated about the sound.
#[derive(Debug)]
struct Agreed {
    direction: Direction,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    rtcp: Rtcp,
}

impl Report {
    pub(crate) fn new(
        ending: Ending,
        lasted: Duration,
        streams: &[Stream],
        stats: &SessionStats,
        diagnosis: &[Diagnosis],
        files: Files,
    ) -> Self {
        let line = streams.iter().position(Stream::is_live).unwrap_or(0);
        let of_line = |diagnosis: &&Diagnosis| usize::from(diagnosis.stream.0) == line;
        let findings = diagnosis.iter().find(of_line);
        let stream = streams.get(line);
        Report {
            ending,
            lasted,
            agreed: Agreed {
                direction: stream.map_or(Direction::Inactive, |stream| stream.direction),
                local: stream.and_then(|stream| Some(stream.local.as_ref()?.rtp)),
                remote: stream.and_then(|stream| stream.remote.as_ref()?.last),
                rtcp: stream.map_or(Rtcp::Separate, |stream| stream.rtcp),
            },
            stats: stats.audio().cloned(),
            findings: findings.map_or_else(Vec::new, |found| found.findings.clone()),
            files,
            digits: String::new(),
            dialled: None,
            listened: Listened::default(),
            trial: None,
        }
    }

    /// The same with the digits that the other side and that this side dialled.
    pub(crate) fn with_digits(self, digits: String, dialled: Option<String>) -> Self {
        Report {
            digits,
            dialled,
            ..self
        }
    }

    /// The same with what listening was like.
    pub(crate) fn with_listened(mut self, listened: Listened) -> Self {
        self.stats
            .iter_mut()
            .for_each(|stats| listened.correct(stats));
        Report { listened, ..self }
    }

    /// The same with what the network did that was tried out.
    pub(crate) fn with_trial(self, trial: Option<Trial>) -> Self {
        Report { trial, ..self }
    }

    /// A file that could not be played or written, in words.
    pub(crate) fn failed_file(&self) -> Option<String> {
        let Files {
            played,
            recorded,
            captured,
        } = &self.files;
        let mut files = [played, recorded, captured].into_iter().flatten();
        files.find_map(|file| Some(format!("{}: {}", file.path.display(), file.error.as_ref()?)))
    }

    /// As one JSON value.
    pub(crate) fn to_json(&self) -> Value {
        let Files {
            played,
            recorded,
            captured,
        } = &self.files;
        json!({
            "ended": self.ending.name(),
            "seconds": rounded(self.lasted),
            "direction": self.agreed.direction.as_str(),
            "local": self.agreed.local.map(|address| address.to_string()),
            "remote": self.remote().map(|address| address.to_string()),
            "rtcp_mux": self.agreed.rtcp == Rtcp::Muxed,
            "audio": self.stats.as_ref().map(stream_json),
            "played": played.as_ref().map(file_json),
            "recorded": recorded.as_ref().map(file_json),
            "captured": captured.as_ref().map(|file| file.path.display().to_string()),
            "digits": self.digits,
            "dialled": self.dialled,
            "jitter_buffer": self.listened.to_json(),
            "impaired": self.trial.map(Trial::to_json),
            "diagnosis": self.findings.iter().map(Finding::to_string).collect::<Vec<_>>(),
        })
    }

    /// Where the other side really is, else where it said it would be.
    fn remote(&self) -> Option<SocketAddr> {
        let seen = self.stats.as_ref().and_then(|stats| stats.remote);
        seen.or(self.agreed.remote)
    }

    /// Whether the other side was heard. A keepalive is no sound.
    pub(crate) fn was_heard(&self) -> bool {
        self.stats
            .as_ref()
            .is_some_and(|stats| stats.received.payload_bytes > 0)
    }
}

/// Statistics of a stream as JSON; also the demo's.
pub(crate) fn stream_json(stats: &StreamStats) -> Value {
    let (sent, received) = (&stats.sent, &stats.received);
    let drops = stats.drops.iter();
    let drops = drops.map(|(reason, count)| (reason.as_str().to_owned(), count.packets.into()));
    json!({
        "sending": stats.sending.as_ref().map(|format| format.to_string()),
        "receiving": stats.receiving.as_ref().map(|format| format.to_string()),
        "sent": {
            "packets": sent.packets,
            "bytes": sent.payload_bytes,
            "rtcp": sent.rtcp_packets,
            "errors": sent.errors,
        },
        "received": {
            "packets": received.packets,
            "bytes": received.payload_bytes,
            "lost": received.lost,
            "duplicates": received.duplicates,
            "reordered": received.reordered,
            "jitter_ms": received.jitter.as_secs_f64() * 1000.0,
            "rtcp": received.rtcp_packets,
        },
        "other_side": stats.remote_view.map(|view| json!({
            "lost": view.lost,
            "jitter_ms": view.jitter.as_secs_f64() * 1000.0,
        })),
        "round_trip_ms": stats.round_trip.map(|time| time.as_secs_f64() * 1000.0),
        "concealed_samples": stats.playout.map(|playout| playout.concealed),
        "playout": playout_json(stats),
        "quality": stats.quality.as_ref().map(quality_json),
        "drops": Value::Object(drops.collect()),
    })
}

fn playout_json(stats: &StreamStats) -> Option<Value> {
    let playout = stats.playout?;
    Some(json!({
        "played_samples": playout.played,
        "concealed_samples": playout.concealed,
        "recovered_samples": playout.recovered,
        "silent_samples": playout.silent,
        "late_packets": playout.late,
        "accelerated_ms": in_millis(playout.accelerated),
        "expanded_ms": in_millis(playout.expanded),
    }))
}

fn quality_json(quality: &Quality) -> Value {
    json!({
        "mos": quality.rating.mos(),
        "r": quality.rating.r(),
        "loss_percent": quality.loss * 100.0,
        "burst_ratio": quality.burst_ratio,
        "delay_ms": in_millis(quality.delay),
    })
}

fn in_millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// What became of a file as JSON; also the demo's.
pub(crate) fn file_json(file: &FileDone) -> Value {
    json!({
        "path": file.path.display().to_string(),
        "seconds": rounded(file.length),
        "gaps_seconds": rounded(file.gaps),
        "error": file.error.as_ref().map(ToString::to_string),
    })
}

/// Seconds to the millisecond.
fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Ending::Elapsed => "elapsed",
            Ending::Played => "played",
            Ending::PeerLeft => "peer_left",
            Ending::Interrupted => "interrupted",
            Ending::Closed => "closed",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Ending::Elapsed => "its time was over",
            Ending::Played => "the file was played",
            Ending::PeerLeft => "the other side said goodbye",
            Ending::Interrupted => "you interrupted it",
            Ending::Closed => "the session closed",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lasted, why) = (seconds(self.lasted), self.ending.words());
        writeln!(f, "The call lasted {lasted} and ended because {why}.")?;
        self.write_agreed(f)?;
        if let Some(stats) = &self.stats {
            write_stats(f, stats)?;
            self.write_sound(f, stats)?;
        }
        if let Some(dialled) = &self.dialled {
            writeln!(f, "  dialled     {dialled}")?;
        }
        if !self.digits.is_empty() {
            writeln!(f, "  digits      {} dialled by the other side", self.digits)?;
        }
        self.write_files(f)?;
        let expected = self.agreed.direction.receives();
        if expected && !self.was_heard() {
            writeln!(f, "Nothing was heard.")?;
            if self
                .stats
                .as_ref()
                .is_some_and(|stats| stats.received.packets > 0)
            {
                writeln!(f, "  what came were keepalives, without sound")?;
            }
            // What we said explains nothing of what we heard.
            let ours = |finding: &&Finding| !matches!(finding, Finding::NothingSaid);
            for finding in self.findings.iter().filter(ours) {
                writeln!(f, "  {finding}")?;
            }
            for hint in self.hints() {
                writeln!(f, "  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// What to do when nothing was heard, the likeliest first.
    fn hints(&self) -> Vec<String> {
        if let Some(trial) = self.trial.filter(Trial::is_total) {
            let lost = counted(trial.harm.lost, "packet");
            return vec![format!("all that came, {lost}, got lost by --loss")];
        }
        let mut hints = Vec::new();
        if let (Some(local), Some(remote)) = (self.agreed.local, self.agreed.remote) {
            hints.extend(words::unreachable(local.ip(), remote.ip()));
        }
        if hints.is_empty() && self.is_peer_there() {
            hints.push("the peer may have nothing to say (no --play there)".into());
        }
        hints.extend(self.findings.iter().find_map(advice).map(Into::into));
        hints
    }

    /// Whether the other side was heard by RTCP, or seems to hear us.
    fn is_peer_there(&self) -> bool {
        let stats = self.stats.as_ref();
        let seems = |stats: &StreamStats| {
            let is_sent = stats.sent.packets > 0 && stats.sent.errors == 0;
            stats.received.rtcp_packets > 0 || is_sent
        };
        self.ending == Ending::PeerLeft || stats.is_some_and(seems)
    }

    fn write_agreed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codec = self.stats.as_ref().and_then(|stats| {
            let format = stats.sending.as_ref().or(stats.receiving.as_ref())?;
            Some(format.to_string())
        });
        let codec = codec.unwrap_or_else(|| "none used".into());
        let way = words::direction(self.agreed.direction);
        writeln!(f, "  codec       {codec}, {way}")?;
        let address = |address: Option<SocketAddr>| {
            address.map_or_else(|| "nowhere".into(), |address| address.to_string())
        };
        let rtcp = match self.agreed.rtcp {
            Rtcp::Muxed => "on the same port",
            Rtcp::Separate => "on a port of its own",
        };
        let (local, remote) = (address(self.agreed.local), address(self.remote()));
        writeln!(f, "  addresses   {local} here, {remote} there; RTCP {rtcp}")
    }

    /// What became of the sound that was received.
    fn write_sound(&self, f: &mut fmt::Formatter<'_>, stats: &StreamStats) -> fmt::Result {
        if let Some(trial) = &self.trial {
            writeln!(f, "  impaired    {trial}")?;
        }
        if let Some(repairs) = repairs(stats) {
            writeln!(f, "  repaired    {repairs}")?;
        }
        if let Some(depth) = self.listened.depth() {
            let [mean, most, target] = depth.map(millis);
            writeln!(
                f,
                "  waited      {mean} in the jitter buffer, at most {most}; it aimed at {target}"
            )?;
        }
        if let Some(quality) = &stats.quality {
            writeln!(f, "  quality     {}, as heard here", opinion(quality))?;
        }
        Ok(())
    }

    fn write_files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Files {
            played,
            recorded,
            captured,
        } = &self.files;
        if let Some(played) = played {
            let (path, length) = (played.path.display(), seconds(played.length));
            writeln!(f, "  played      {path}: {length}")?;
            let sent = self.stats.as_ref().map_or(0, |stats| stats.sent.packets);
            if sent == 0 && self.agreed.direction.sends() && played.error.is_none() {
                writeln!(f, "  nothing of it was sent: a packet holds more")?;
            }
        }
        if let Some(recorded) = recorded {
            let (path, length) = (recorded.path.display(), seconds(recorded.length));
            match recorded.gaps {
                Duration::ZERO => writeln!(f, "  recorded    {path}: {length}, no gaps")?,
                gaps => writeln!(f, "  recorded    {path}: {length}, gaps {}", millis(gaps))?,
            }
        }
        if let Some(captured) = captured {
            writeln!(f, "  captured    {}", captured.path.display())?;
        }
        Ok(())
    }
}

fn write_stats(f: &mut fmt::Formatter<'_>, stats: &StreamStats) -> fmt::Result {
    let (sent, received) = (&stats.sent, &stats.received);
    let packets = counted(sent.packets, "packet");
    write!(f, "  sent        {packets}, {} bytes", sent.payload_bytes)?;
    if sent.errors > 0 {
        write!(f, "; the network refused {}", sent.errors)?;
    }
    if let Some(view) = &stats.remote_view {
        let (lost, jitter) = (view.lost, millis(view.jitter));
        write!(f, "; the other side lost {lost}, jitter {jitter}")?;
    }
    let packets = counted(received.packets, "packet");
    let (lost, jitter) = (received.lost, millis(received.jitter));
    writeln!(f)?;
    write!(
        f,
        "  received    {packets}, {} bytes",
        received.payload_bytes
    )?;
    writeln!(f, "; lost {lost}, jitter {jitter}")?;
    if let Some(time) = stats.round_trip {
        writeln!(f, "  round trip  {}", millis(time))?;
    }
    for (reason, count) in stats.drops.iter() {
        writeln!(
            f,
            "  dropped     {}: {}",
            counted(count.packets, "packet"),
            reason.as_str()
        )?;
    }
    Ok(())
}

/// How much of the sound was made up, or brought back.
pub(crate) fn repairs(stats: &StreamStats) -> Option<String> {
    let playout = stats.playout.filter(|playout| playout.packets > 0)?;
    let whole = playout.played + playout.concealed;
    let share = |samples: u64| 100.0 * samples as f64 / whole.max(1) as f64;
    let (concealed, recovered) = (share(playout.concealed), share(playout.recovered));
    let late = counted(playout.late, "packet");
    Some(format!(
        "{concealed:.1} % concealed, {recovered:.1} % recovered, {late} late"
    ))
}

/// How good a call sounds; the best that the E-model gives is 4.4.
pub(crate) fn opinion(quality: &Quality) -> String {
    let (mos, r) = (quality.rating.mos(), quality.rating.r());
    format!("MOS {mos:.1} of at most 4.4 (R {r:.0})")
}

/// What a caller can do about a finding.
fn advice(finding: &Finding) -> Option<&'static str> {
    match finding {
        Finding::WrongSource { .. } => {
            Some("--source-policy learn takes packets from where they really come from")
        }
        Finding::NothingReceived { .. } => {
            Some("a firewall, or a peer that sends elsewhere; --address and --advertise say where")
        }
        Finding::UnknownPayloadType { .. } => {
            Some("the other side does not send what it agreed to; --pcap FILE shows what it sends")
        }
        _ => None,
    }
}
