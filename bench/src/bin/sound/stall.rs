//! The network stands still for 500 ms, then brings all at once.
//!
//! Continuous speech in G.711; after the burst the place of what is heard is
//! looked for in what was sent, until it stays within the budget of a clean
//! stream. A click would be a step between two samples that is larger than any
//! in the speech.

use std::time::Duration;

use talkpath::audio::g711;
use talkpath_interop::sound;
use talkpath_interop::verdict::{Verdict, While};

use crate::call::read;
use crate::lag::place;
use crate::row::{Goal, Row, mean, range};
use crate::scripted::{PACKET, Scripted};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let speech = read(&sound::speech(8_000)?)?;
    let speech = &speech[8_000..speech.len() - 8_000];
    let coded: Vec<u8> = speech.iter().map(|s| g711::encode_ulaw(*s)).collect();
    let sent: Vec<i16> = coded.iter().map(|o| g711::decode_ulaw(*o)).collect();
    let (mut seconds, mut steps) = (Vec::new(), Vec::new());
    for start in 0..STALLS {
        let heard = stalled(&coded, 100 + 23 * start)?;
        seconds.push(heard.recovery(&sent));
        steps.push(heard.click(&sent));
    }
    let (low, high) = range(&seconds);
    let (_, click) = range(&steps);
    let recovery = Row::new(
        "after a 500 ms stall: back within 40 ms",
        high,
        " s",
        Goal::AtMost(3.0, 1.5),
    );
    let note = format!(
        "{STALLS} stalls: mean {:.2}, {low:.2}-{high:.2} s",
        mean(&seconds)
    );
    let clicks = Row::new(
        "the same: largest step, of the speech's own",
        click,
        "×",
        Goal::AtMost(1.0, 1.0),
    );
    Ok(vec![
        recovery.beside("others keep the delay for ever").note(note),
        clicks,
    ])
}

/// What was heard around a stall.
struct Heard {
    /// From the first packet on.
    pcm: Vec<i16>,
    /// When the first of it was out, after the first packet came, in samples.
    offset: i64,
    /// When the burst came, in samples after the first packet.
    burst: usize,
}

/// A call whose packets from number `start` on wait for 500 ms.
fn stalled(coded: &[u8], start: u32) -> Verdict<Heard> {
    let script = Scripted::new(u64::from(start))?;
    let (_, mut hear) = script.session.audio().while_doing("listening")?.split();
    let begin = script.world.now() + Duration::from_millis(107);
    let burst = PACKET * start + STALL;
    for (count, payload) in (0..).zip(coded.chunks_exact(160)) {
        let due = PACKET * count;
        let held = count >= start && due < burst;
        script.send_pcmu(begin + if held { burst } else { due }, count, payload);
    }
    let (mut pcm, mut frame, mut offset) = (Vec::new(), [0; 160], 0);
    let packets = (coded.len() / 160) as u32;
    while script.world.now() < begin + PACKET * packets {
        hear.recv(&mut frame).while_doing("listening")?;
        if pcm.is_empty() {
            let (now, begin) = (script.world.now().as_nanos(), begin.as_nanos());
            offset = (now as i64 - begin as i64) * 8 / 1_000_000;
        }
        pcm.extend_from_slice(&frame);
    }
    let burst = (burst.as_millis() * 8) as usize;
    Ok(Heard { pcm, offset, burst })
}

impl Heard {
    /// Seconds from the burst until what is heard stays within the budget.
    fn recovery(&self, sent: &[i16]) -> f64 {
        let mut late = 0.0_f64;
        let mut at = self.index(self.burst);
        while at + WINDOW <= self.pcm.len() {
            let out = at as i64 + self.offset;
            let window = &self.pcm[at..at + WINDOW];
            let found = place(window, sent, out - 6_400, out);
            if let Some((place, likeness)) = found
                && likeness > 0.9
                && out - place > BUDGET
            {
                late = late.max((out - self.burst as i64) as f64 / 8_000.0);
            }
            at += 160;
        }
        late
    }

    /// The largest step between two samples from the burst on, as a share of the
    /// largest that was sent.
    fn click(&self, sent: &[i16]) -> f64 {
        let largest = |pcm: &[i16]| {
            let steps = pcm.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
            f64::from(steps.max().unwrap_or(0))
        };
        let around = self.index(self.burst - 8_000);
        largest(&self.pcm[around..]) / largest(sent)
    }

    /// The index in `pcm` of what was out at `samples` after the first packet.
    fn index(&self, samples: usize) -> usize {
        (samples as i64 - self.offset).max(0) as usize
    }
}

const STALLS: u32 = 12;
const STALL: Duration = Duration::from_millis(500);
/// What is looked for: 60 ms.
const WINDOW: usize = 480;
/// A packet and 20 ms, and what a window finds no more exactly.
const BUDGET: i64 = 8 * 40;
