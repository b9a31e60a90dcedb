//! What a capture holds, in words.

use std::fmt::{self, Write};
use std::path::Path;
use std::time::Duration;

use talkpath::VoipMetrics;
use talkpath::probe::{Carriage, Found, Named, Payload, Stream, Told};

use super::Sounds;
use crate::output::printable;
use crate::words::{counted, millis, seconds};

/// The whole report.
pub(super) fn of(path: &Path, found: &Found, sounds: &Sounds) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_summary(&mut text, path, found);
    for (index, stream) in found.streams.iter().enumerate() {
        let _ = write_stream(&mut text, index, stream, found);
        if let Some(Some(sound)) = sounds.get(index) {
            let _ = row(&mut text, "sound", sound.display());
        }
    }
    printable_lines(&text)
}

/// Names of files and of sources may hold anything.
fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}

fn write_summary(out: &mut String, path: &Path, found: &Found) -> fmt::Result {
    let streams = counted(found.streams.len() as u64, "RTP stream");
    write!(out, "{}: {streams} in ", path.display())?;
    write!(out, "{}", counted(found.datagrams, "UDP datagram"))?;
    writeln!(out, " and {}", seconds(found.lasted))?;
    if found.rtcp > 0 || found.other > 0 {
        let (rtcp, other) = (found.rtcp, found.other);
        row(
            out,
            "besides",
            format_args!("{rtcp} of RTCP, {other} of neither"),
        )?;
    }
    if let (1.., Some(why)) = (found.skipped, found.last_skip) {
        let packets = counted(found.skipped, "packet");
        row(
            out,
            "passed over",
            format_args!("{packets}, the last one {why}"),
        )?;
    }
    match found.cut {
        Some(error) => row(out, "cut", error),
        None => Ok(()),
    }
}

fn write_stream(out: &mut String, index: usize, stream: &Stream, found: &Found) -> fmt::Result {
    let (from, to, ssrc) = (stream.from, stream.to, stream.ssrc);
    writeln!(out, "\nStream {}: {from} to {to}, source {ssrc}", index + 1)?;
    let payloads: Vec<_> = stream.payloads.iter().map(payload).collect();
    row(out, "format", payloads.join("; "))?;
    let (began, lasted) = (seconds(stream.began), seconds(stream.lasted));
    write!(out, "  {:12}from {began} on, for {lasted}", "time")?;
    match stream.packet_time {
        Some(packet) => writeln!(out, "; {} ms a packet", packet.as_millis())?,
        None => writeln!(out)?,
    }
    write_packets(out, stream)?;
    let (jitter, most) = (millis(stream.jitter), millis(stream.most_jitter));
    row(
        out,
        "jitter",
        format_args!("{jitter} at the end, {most} at most"),
    )?;
    if let Some(playout) = &stream.playout {
        let target = millis(playout.target);
        write!(out, "  {:12}waits {target} at the end", "playout")?;
        let rate = stream.expected().max(1);
        let share = 100.0 * stream.discarded as f64 / rate as f64;
        writeln!(out, "; too late {} ({share:.1} %)", stream.discarded)?;
    }
    if let Some(quality) = &stream.quality {
        let rating = quality.rating;
        let (mos, r) = (rating.mos(), rating.r());
        row(
            out,
            "quality",
            format_args!("MOS {mos:.2}, R {r:.1}, the network's own delay left out"),
        )?;
    }
    if stream.is_cut_short {
        row(out, "heard", "only in part: it is too long")?;
    }
    write_digits(out, stream)?;
    write_told(out, &stream.told, stream, found)
}

fn write_packets(out: &mut String, stream: &Stream) -> fmt::Result {
    let packets = counted(stream.packets, "packet");
    let share = 100.0 * stream.lost as f64 / stream.expected().max(1) as f64;
    write!(
        out,
        "  {:12}{packets}; lost {} ({share:.1} %)",
        "received", stream.lost
    )?;
    let (again, late) = (stream.duplicates, stream.reordered);
    write!(out, ", twice {again}, out of order {late}")?;
    match stream.restarts {
        0 => writeln!(out)?,
        restarts => writeln!(out, ", began anew {}", counted(restarts, "time"))?,
    }
    let losses = &stream.losses;
    if losses.burst_duration > Duration::ZERO {
        let (length, density) = (losses.burst_duration, 100.0 * losses.burst_density);
        row(
            out,
            "bursts",
            format_args!(
                "of {} on average, {density:.0} % lost in them",
                millis(length)
            ),
        )?;
    }
    Ok(())
}

fn write_digits(out: &mut String, stream: &Stream) -> fmt::Result {
    if stream.digits.is_empty() {
        return Ok(());
    }
    let digit = |press: &talkpath::probe::Press| {
        let at = seconds(press.began.since_start());
        format!(
            "{} at {at} ({} ms)",
            press.digit,
            press.duration.as_millis()
        )
    };
    let all: Vec<_> = stream.digits.iter().take(MOST_DIGITS).map(digit).collect();
    let more = stream.digits.len().saturating_sub(MOST_DIGITS);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let how = match stream.carriage {
        Carriage::Event => "",
        Carriage::Sound => ", as tones in the sound",
    };
    row(out, "digits", format_args!("{}{more}{how}", all.join(", ")))
}

fn write_told(out: &mut String, told: &Told, stream: &Stream, found: &Found) -> fmt::Result {
    let reports = told.sender_reports + told.receiver_reports;
    let mut said = Vec::new();
    if reports > 0 {
        said.push(counted(reports, "report"));
    }
    said.extend(told.cname.as_ref().map(|cname| format!("name {cname}")));
    if let Some(bye) = told.bye {
        said.push(format!("goodbye at {}", seconds(bye.since_start())));
    }
    if !said.is_empty() {
        row(out, "RTCP", said.join(", "))?;
    } else if found.rtcp > 0 && told.heard.is_none() {
        row(out, "RTCP", "none of it is about this stream")?;
    }
    if let Some(heard) = &told.heard {
        let lost = heard.block.cumulative_lost;
        let worst = 100.0 * told.worst_loss;
        let clock = stream
            .format()
            .map_or(8000, |format| format.clock_rate.max(1));
        let jitter = 1000.0 * f64::from(heard.block.jitter) / f64::from(clock);
        let words = format!(
            "{} says: lost {lost} ({worst:.1} % at worst), jitter {jitter:.1} ms",
            heard.from
        );
        row(out, "", words)?;
    }
    told.voip
        .as_ref()
        .map_or(Ok(()), |metrics| write_voip(out, metrics))
}

fn write_voip(out: &mut String, metrics: &VoipMetrics) -> fmt::Result {
    let tenths = |mos: Option<u8>| match mos {
        Some(mos) => format!("{:.1}", f64::from(mos) / 10.0),
        None => "not said".into(),
    };
    let r = metrics
        .r_factor
        .map_or("not said".into(), |r| r.to_string());
    let (listening, talking) = (
        tenths(metrics.mos_listening),
        tenths(metrics.mos_conversing),
    );
    let delay = metrics.end_system_delay;
    let words = format!("MOS {talking} (listening {listening}), R {r}, {delay} ms in its system");
    row(out, "", words)
}

fn payload(payload: &Payload) -> String {
    let number = payload.number;
    match (&payload.format, payload.named) {
        (Some(format), Named::Guessed) => format!("{format} ({number}, a guess)"),
        (Some(format), _) => format!("{format} ({number})"),
        (None, _) => format!("unknown ({number}), --sdp FILE can name it"),
    }
}

fn row(out: &mut String, name: &str, what: impl fmt::Display) -> fmt::Result {
    writeln!(out, "  {name:12}{what}")
}

const MOST_DIGITS: usize = 32;
