//! Two clocks that run apart for an hour.
//!
//! A scripted peer speaks with a clock 200 ppm fast or slow; we say the same
//! speech by our own clock and record both. Once a minute each channel is looked
//! for in what was said: heard against when its packets came, said against when
//! the application said it. Speech all the time: nothing is corrected in pauses.

use std::time::Duration;

use talkpath::audio::g711;
use talkpath::{SampleRate, Wav};
use talkpath_interop::sound;
use talkpath_interop::verdict::{Failure, Verdict, While};
use talkpath_sim::LogDetail;
use talkpath_wire::Time;

use crate::call::{CALLEE, read, samples, write};
use crate::lag::place;
use crate::row::{Goal, Row, mean, range};
use crate::scripted::Scripted;

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let speech = read(&sound::speech(8_000)?)?;
    // Whole packets of the part that speaks.
    let spoken = &speech[8_000..speech.len() - 8_000];
    let spoken = &spoken[..spoken.len() / 160 * 160];
    let mut rows = Vec::new();
    for ppm in [200.0, -200.0] {
        let hour = hour(spoken, ppm)?;
        rows.extend(hour.rows(ppm));
    }
    Ok(rows)
}

/// What an hour came to.
#[derive(Default)]
struct Hour {
    /// Corrected in each 100 s, in milliseconds.
    corrected: Vec<f64>,
    /// The most that one frame was shortened or lengthened, in milliseconds.
    step: f64,
    /// Depths seen, in milliseconds.
    depths: Vec<f64>,
    /// By how much the heard channel lags, each minute, in milliseconds.
    heard: Vec<f64>,
    /// The same of the said one.
    said: Vec<f64>,
}

impl Hour {
    fn rows(&self, ppm: f64) -> [Row; 4] {
        let name = |what: &str| format!("drift {ppm:+} ppm, an hour: {what}");
        let (low, high) = range(&self.depths);
        let note = format!(
            "100 s that had most: {:.1} ms; depth {low:.0}-{high:.0} ms, mean {:.1}",
            range(&self.corrected).1,
            mean(&self.depths)
        );
        let apart: Vec<f64> = self
            .heard
            .iter()
            .zip(&self.said)
            .map(|(heard, said)| (heard - said).abs())
            .collect();
        let (heard, said) = (range(&self.heard), range(&self.said));
        let places = format!(
            "{} places: heard {:.1}-{:.1} ms after its packets, said {:.1}-{:.1} ms after the application",
            apart.len(),
            heard.0,
            heard.1,
            said.0,
            said.1
        );
        [
            Row::new(
                &name("corrected in 100 s"),
                mean(&self.corrected),
                " ms",
                Goal::AtMost(25.0, 25.0),
            )
            .note(note),
            Row::new(
                &name("largest step"),
                self.step,
                " ms",
                Goal::AtMost(LONGEST_PERIOD, 10.0),
            ),
            Row::new(
                &name("channels apart"),
                range(&apart).1,
                " ms",
                Goal::AtMost(40.0, 20.0),
            )
            .note(places),
            Row::new(
                &name("places found"),
                apart.len() as f64,
                "",
                Goal::AtLeast(50.0, 55.0),
            ),
        ]
    }
}

/// An hour of a peer whose clock gains `ppm` microseconds per second.
fn hour(spoken: &[i16], ppm: f64) -> Verdict<Hour> {
    let script = Scripted::new(1)?;
    script.world.keep_wire_log(LogDetail::Hash);
    let (mut say, mut hear) = script.session.audio().while_doing("listening")?.split();
    let coded: Vec<u8> = spoken.iter().map(|s| g711::encode_ulaw(*s)).collect();
    let recording = script
        .session
        .record(Wav::stereo(HOUR).rate(SampleRate::HZ_8000));
    let recording = recording.while_doing("recording")?;
    let began = script.world.now();
    let begin = began + Duration::from_millis(100);
    let arrives = |count: u32| {
        begin + Duration::from_nanos((f64::from(count) * 2e7 / (1.0 + ppm / 1e6)) as u64)
    };
    let (mut hour, mut sent, mut frame) = (Hour::default(), 0, [0; 160]);
    let (mut before, mut window) = (0.0, 0.0);
    for tick in 0..TICKS {
        while arrives(sent) < script.world.now() + Duration::from_secs(1) {
            let at = sent as usize * 160 % coded.len();
            script.send_pcmu(arrives(sent), sent, &coded[at..at + 160]);
            sent += 1;
        }
        let at = tick as usize * 160 % spoken.len();
        say.send_all(&spoken[at..at + 160])
            .while_doing("speaking")?;
        hear.recv(&mut frame).while_doing("listening")?;
        let stats = script.session.stats();
        let playout = stats.audio().and_then(|audio| audio.playout);
        let playout = playout.unwrap_or_default();
        let corrected = (playout.accelerated + playout.expanded).as_secs_f64() * 1e3;
        hour.step = hour.step.max(corrected - before);
        before = corrected;
        if tick % 50 == 49 {
            hour.depths.push(playout.depth.as_secs_f64() * 1e3);
        }
        if tick % 5_000 == 4_999 {
            hour.corrected.push(corrected - window);
            window = corrected;
        }
    }
    recording.finish().wait().while_doing("recording")?;
    let file = script.world.host(CALLEE).disk().get(HOUR);
    let pcm = samples(&file.ok_or_else(|| Failure::new("there is no recording"))?)?;
    let channel =
        |index: usize| -> Vec<i16> { pcm.iter().skip(index).step_by(2).copied().collect() };
    let (heard, said) = (channel(0), channel(1));
    write(
        &format!("drift{ppm:+}-end.wav"),
        SampleRate::HZ_8000,
        &heard[heard.len() - 160_000..],
    )?;
    let offset = |at: Time| (at - began).as_secs_f64() * 8_000.0;
    let rate = 1.0 + ppm / 1e6;
    for minute in 0..60_usize {
        for tenth in 0..20 {
            let at = minute * 480_000 + 40_000 + tenth * 4_000;
            // By the peer's own clock, and by ours.
            let own = (at as f64 - offset(begin)) * rate;
            let (Some(heard), Some(said)) = (
                lag(&heard, at, own, spoken),
                lag(&said, at, at as f64, spoken),
            ) else {
                continue;
            };
            hour.heard.push(heard);
            hour.said.push(said);
            break;
        }
    }
    Ok(hour)
}

/// By how many milliseconds what stands at `at` of `channel` lags behind what
/// was said at the sample `spoken_at` of the speech, over and over.
fn lag(channel: &[i16], at: usize, spoken_at: f64, spoken: &[i16]) -> Option<f64> {
    let window = channel.get(at..at + WINDOW)?;
    let place_of = spoken_at % spoken.len() as f64;
    let from = place_of as i64 - FURTHEST;
    if from < 0 {
        return None;
    }
    let (place, likeness) = place(window, spoken, from, place_of as i64 + FURTHEST / 4)?;
    (likeness > 0.9).then(|| (place_of - place as f64) / 8.0)
}

/// Ticks of an hour.
const TICKS: u32 = 180_000;
const HOUR: &str = "hour.wav";
/// What is looked for: 300 ms, and up to 400 ms away.
const WINDOW: usize = 2_400;
const FURTHEST: i64 = 3_200;
/// A pitch period of the lowest voice that is scaled, 66 Hz, in milliseconds.
const LONGEST_PERIOD: f64 = 15.2;
