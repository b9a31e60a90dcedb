//! `rtpmap`, `fmtp` and packet times: what the payload types mean.

use alloc::format;
use alloc::vec::Vec;

use talkpath_wire::{Format, PayloadType};

use super::{Report, Rule, shown};
use crate::attribute::{Attribute, Fmtp, MaxPtime, Ptime, RtpMap};
use crate::media::Media;
use crate::static_payload::{entry, static_format};
use crate::token::{small, split_at_byte};

pub(super) fn check(media: &Media<'_>, report: &mut Report) {
    for (line, attribute) in media.attributes() {
        let (number, value) = (line.number(), attribute.value);
        match attribute.name {
            b"rtpmap" => match RtpMap::parse(value) {
                Some(map) => rtpmap(media, number, &map, report),
                None => {
                    let message = format!(
                        "expected a=rtpmap:<type> <name>/<rate>[/<channels>], found {}",
                        shown(value)
                    );
                    report.add(number, Rule::MalformedRtpmap, message);
                }
            },
            b"fmtp" => match Fmtp::parse(value) {
                Some(fmtp) => check_fmtp(media, number, &fmtp, report),
                None => report.add(
                    number,
                    Rule::MalformedFmtp,
                    "expected a=fmtp:<format> <text>",
                ),
            },
            b"ptime" if Ptime::parse(value).is_none() => malformed_ptime(number, value, report),
            b"maxptime" if MaxPtime::parse(value).is_none() => {
                malformed_ptime(number, value, report);
            }
            _ => {}
        }
    }
    packet_times(media, report);
    if media.port() != 0 {
        event_clocks(media, report);
    }
}

fn rtpmap(media: &Media<'_>, number: usize, map: &RtpMap<'_>, report: &mut Report) {
    let payload_type = map.payload_type;
    if !media.payload_types().any(|listed| listed == payload_type) {
        let message = format!("payload type {payload_type} is not in the m= line; add or remove");
        report.add(number, Rule::RtpmapUnknownFormat, message);
    }
    let format = map.to_format();
    if let Some(first) = media.rtpmap(payload_type).map(|first| first.to_format())
        && first != format
    {
        let message = format!("payload type {payload_type} is {first} already; keep one meaning");
        report.add(number, Rule::RtpmapConflict, message);
    }
    if let Some(fixed) = static_format(payload_type)
        && !same_static(&fixed, &format)
    {
        let message =
            format!("payload type {payload_type} is {fixed}, not {format}; use 96 to 127");
        report.add(number, Rule::RtpmapContradictsStatic, message);
    }
    if format.is("G722") && format.clock_rate != 8000 {
        let message = "the RTP clock of G722 is 8000, though it samples at 16000";
        report.add(number, Rule::G722Clock, message);
    }
    if format.is("opus") && (format.clock_rate, format.channels) != (48000, 2) {
        let message = format!("Opus is always written opus/48000/2, found {format}");
        report.add(number, Rule::OpusRtpmap, message);
    }
}

fn same_static(fixed: &Format, format: &Format) -> bool {
    fixed.is(&format.encoding)
        && fixed.clock_rate == format.clock_rate
        && fixed.channels == format.channels
}

fn check_fmtp(media: &Media<'_>, number: usize, fmtp: &Fmtp<'_>, report: &mut Report) {
    if !media.formats().any(|format| format == fmtp.format) {
        let message = format!(
            "format {} is not in the m= line; add or remove",
            shown(fmtp.format)
        );
        report.add(number, Rule::FmtpUnknownFormat, message);
    }
    let events = fmtp
        .payload_type()
        .and_then(|payload_type| media.rtpmap(payload_type))
        .is_some_and(|map| map.to_format().is_telephone_event());
    if events && !is_event_list(fmtp.parameters) {
        let text = shown(fmtp.parameters);
        let message = format!("expected events like 0-15,66 up to 255, found {text}");
        report.add(number, Rule::TelephoneEvents, message);
    }
}

/// RFC 4733 §2.4.1: numbers and rising ranges, 0..=255, between commas.
fn is_event_list(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"events=").unwrap_or(text);
    text.split(|&b| b == b',')
        .all(|part| match split_at_byte(part, b'-') {
            Some((low, high)) => match (small::<u8>(low), small::<u8>(high)) {
                (Some(low), Some(high)) => low <= high,
                _ => false,
            },
            None => small::<u8>(part).is_some(),
        })
}

fn malformed_ptime(number: usize, value: &[u8], report: &mut Report) {
    let message = format!(
        "expected milliseconds from 1 to 10000, found {}",
        shown(value)
    );
    report.add(number, Rule::MalformedPtime, message);
}

fn packet_times(media: &Media<'_>, report: &mut Report) {
    let (Some(ptime), Some(maxptime)) = (media.ptime(), media.maxptime()) else {
        return;
    };
    if ptime.0 > maxptime.0 {
        let line = media
            .attributes()
            .find(|(_, attribute)| attribute.name == b"ptime");
        let number = line.map_or(media.line().number(), |(line, _)| line.number());
        let (ptime, maxptime) = (ptime.0.as_millis(), maxptime.0.as_millis());
        let message = format!("ptime {ptime} is above maxptime {maxptime}; lower it");
        report.add(number, Rule::PtimeAboveMaxptime, message);
    }
}

/// Telephone events share the timestamps of the audio beside them.
fn event_clocks(media: &Media<'_>, report: &mut Report) {
    let clocks: Vec<_> = media
        .payload_types()
        .filter_map(|listed| clock(media, listed))
        .collect();
    let voices = || clocks.iter().filter(|(_, role)| *role == ClockUse::Voice);
    for (rate, _) in clocks.iter().filter(|(_, role)| *role == ClockUse::Events) {
        if voices().next().is_some() && !voices().any(|(voice, _)| voice == rate) {
            let message = format!(
                "telephone-event/{rate} fits no codec here; offer it at the clock rate of each codec"
            );
            report.add(media.line().number(), Rule::TelephoneEventClock, message);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ClockUse {
    Voice,
    Events,
}

/// The clock rate of `payload_type`, and for what it is.
fn clock(media: &Media<'_>, payload_type: PayloadType) -> Option<(u32, ClockUse)> {
    match media.rtpmap(payload_type) {
        Some(map) if map.encoding.eq_ignore_ascii_case("telephone-event") => {
            Some((map.clock_rate, ClockUse::Events))
        }
        Some(map) => Some((map.clock_rate, ClockUse::Voice)),
        None => entry(payload_type).map(|(_, rate, _)| (rate, ClockUse::Voice)),
    }
}
