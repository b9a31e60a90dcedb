//! What a capture holds, as one JSON document.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use talkpath::probe::{Carriage, Found, Named, Payload, Press, Stream, Told};

use super::Sounds;

/// The whole report.
pub(super) fn of(path: &Path, found: &Found, sounds: &Sounds) -> Value {
    let streams = found.streams.iter().enumerate();
    let streams = streams.map(|(index, stream)| {
        let sound = sounds.get(index).and_then(Option::as_ref);
        let mut value = of_stream(stream);
        value["wav"] = json!(sound.map(|path| path.display().to_string()));
        value
    });
    json!({
        "file": path.display().to_string(),
        "began_unix": rounded(found.began),
        "seconds": rounded(found.lasted),
        "datagrams": found.datagrams,
        "rtcp": found.rtcp,
        "other": found.other,
        "passed_over": found.skipped,
        "cut": found.cut.map(|error| error.to_string()),
        "streams": streams.collect::<Vec<_>>(),
    })
}

fn of_stream(stream: &Stream) -> Value {
    let losses = &stream.losses;
    json!({
        "from": stream.from.to_string(),
        "to": stream.to.to_string(),
        "ssrc": stream.ssrc.to_string(),
        "format": stream.format().map(ToString::to_string),
        "payload_types": stream.payloads.iter().map(payload).collect::<Vec<_>>(),
        "began": rounded(stream.began),
        "seconds": rounded(stream.lasted),
        "packet_ms": stream.packet_time.map(ms),
        "packets": stream.packets,
        "bytes": stream.payload_bytes,
        "expected": stream.expected(),
        "lost": stream.lost,
        "duplicates": stream.duplicates,
        "reordered": stream.reordered,
        "too_late": stream.discarded,
        "restarts": stream.restarts,
        "jitter_ms": ms(stream.jitter),
        "most_jitter_ms": ms(stream.most_jitter),
        "burst_ms": ms(losses.burst_duration),
        "burst_density": losses.burst_density,
        "gap_ms": ms(losses.gap_duration),
        "gap_density": losses.gap_density,
        "quality": stream.quality.map(|quality| json!({
            "mos": quality.rating.mos(),
            "r": quality.rating.r(),
            "missed": quality.loss,
            "burst_ratio": quality.burst_ratio,
        })),
        "playout": stream.playout.map(|playout| json!({
            "target_ms": ms(playout.target),
            "concealed_samples": playout.concealed,
            "recovered_samples": playout.recovered,
            "late": playout.late,
        })),
        "digits_as": match stream.carriage {
            Carriage::Event => "events",
            Carriage::Sound => "tones",
        },
        "digits": stream.digits.iter().map(digit).collect::<Vec<_>>(),
        "rtcp": told(&stream.told),
        "heard_in_part": stream.is_cut_short,
    })
}

fn payload(payload: &Payload) -> Value {
    json!({
        "number": payload.number.value(),
        "format": payload.format.as_ref().map(ToString::to_string),
        "known_by": match payload.named {
            Named::Described => "description",
            Named::Static => "number",
            Named::Guessed => "guess",
            Named::Unknown => "nothing",
        },
        "packets": payload.packets,
    })
}

fn digit(press: &Press) -> Value {
    json!({
        "digit": press.digit.to_string(),
        "at": rounded(press.began.since_start()),
        "ms": ms(press.duration),
        "volume": press.volume,
    })
}

fn told(told: &Told) -> Value {
    json!({
        "sender_reports": told.sender_reports,
        "receiver_reports": told.receiver_reports,
        "cname": told.cname,
        "bye": told.bye.map(|at| rounded(at.since_start())),
        "heard": told.heard.map(|heard| json!({
            "by": heard.from.to_string(),
            "lost": heard.block.cumulative_lost,
            "worst_share": told.worst_loss,
            "jitter_ticks": heard.block.jitter,
        })),
        "voip": told.voip.map(|metrics| json!({
            "r": metrics.r_factor,
            "mos_listening": metrics.mos_listening.map(|mos| f64::from(mos) / 10.0),
            "mos_conversing": metrics.mos_conversing.map(|mos| f64::from(mos) / 10.0),
            "lost_share": f64::from(metrics.loss_rate) / 256.0,
            "discarded_share": f64::from(metrics.discard_rate) / 256.0,
        })),
    })
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Seconds to the millisecond.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}
