//! The delay that we add on a clean stream, from packet in to samples out.
//!
//! A pulse every half second, its packet's arrival shifted against our ticks by
//! 0 to 19 ms from call to call, for 20 s each: where the application hears each
//! pulse begin, against when its packet came.

use std::time::Duration;

use talkpath_interop::verdict::{Verdict, While};

use crate::row::{Goal, Row, mean, range};
use crate::scripted::{PACKET, Scripted};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let mut delays = Vec::new();
    for phase in 0..20 {
        delays.extend(pulses(Duration::from_millis(phase))?);
    }
    let (low, high) = range(&delays);
    let row = Row::new(
        "delay added, clean, 20 ms packets: most",
        high,
        " ms",
        Goal::AtMost(40.0, 30.0),
    );
    let note = format!(
        "{} pulses: mean {:.1}, {low:.1}-{high:.1} ms",
        delays.len(),
        mean(&delays)
    );
    Ok(vec![row.beside("160-325 ms reported of others").note(note)])
}

/// The delay of each pulse, in milliseconds.
fn pulses(phase: Duration) -> Verdict<Vec<f64>> {
    let script = Scripted::new(1)?;
    let (_, mut hear) = script.session.audio().while_doing("listening")?.split();
    let begin = script.world.now() + Duration::from_millis(100) + phase;
    for count in 0..PACKETS {
        let octet = if count % PERIOD == PERIOD - 1 {
            LOUD
        } else {
            SILENT
        };
        script.send_pcmu(begin + PACKET * count, count, &[octet; 160]);
    }
    let (mut delays, mut was_loud, mut frame) = (Vec::new(), false, [0; 160]);
    while script.world.now() < begin + PACKET * PACKETS {
        hear.recv(&mut frame).while_doing("listening")?;
        let out = (script.world.now() - begin).as_secs_f64() * 1e3;
        for (n, sample) in frame.iter().enumerate() {
            let is_loud = sample.unsigned_abs() > 4_000;
            if is_loud && !was_loud {
                let at = out + n as f64 / 8.0;
                let period = 20.0 * f64::from(PERIOD);
                // The last pulse that was sent before.
                let sent = ((at - 20.0 * f64::from(PERIOD - 1)) / period).floor() * period;
                delays.push(at - sent - 20.0 * f64::from(PERIOD - 1));
            }
            was_loud = is_loud;
        }
    }
    Ok(delays)
}

/// 20 s.
const PACKETS: u32 = 1_000;
/// Packets from pulse to pulse.
const PERIOD: u32 = 25;
const LOUD: u8 = 0x90;
const SILENT: u8 = 0xff;
