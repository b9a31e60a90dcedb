//! The payload types that need no `rtpmap`. RFC 3551 §6, tables 4 and 5.

use talkpath_wire::{Format, PayloadType};

/// What `payload_type` means without an `rtpmap`; `None` if unassigned.
pub fn static_format(payload_type: PayloadType) -> Option<Format> {
    let (encoding, clock_rate, channels) = entry(payload_type)?;
    Some(Format::new(encoding, clock_rate).with_channels(channels))
}

pub(crate) fn entry(payload_type: PayloadType) -> Option<(&'static str, u32, u8)> {
    Some(match payload_type.value() {
        0 => ("PCMU", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        9 => ("G722", 8000, 1),
        10 => ("L16", 44100, 2),
        11 => ("L16", 44100, 1),
        12 => ("QCELP", 8000, 1),
        13 => ("CN", 8000, 1),
        14 => ("MPA", 90000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11025, 1),
        17 => ("DVI4", 22050, 1),
        18 => ("G729", 8000, 1),
        25 => ("CelB", 90000, 1),
        26 => ("JPEG", 90000, 1),
        28 => ("nv", 90000, 1),
        31 => ("H261", 90000, 1),
        32 => ("MPV", 90000, 1),
        33 => ("MP2T", 90000, 1),
        34 => ("H263", 90000, 1),
        _ => return None,
    })
}
