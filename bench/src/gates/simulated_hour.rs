//! An hour of two phones in the simulator: 20 ms of delay, 1 % of loss.

use std::io;
use std::time::Duration;

use talkpath_sim::{Keep, Link, LogDetail, Loss, Phone, PhoneSetup, World};

use crate::report::{Goal, Report};
use crate::rounds::{Spread, clock};

pub(super) fn run(report: &mut Report) {
    let mut speeds = Vec::new();
    for seed in 1..=HOURS {
        let mut heard = None;
        let took = clock(|| heard = hour(seed).ok());
        speeds.push(HOUR.as_secs_f64() / took.as_secs_f64());
        let Some(heard) = heard else {
            return report.require("the phones can be switched on", false);
        };
        report.require(
            "both heard nearly everything",
            heard.iter().all(|share| *share > 0.97),
        );
    }
    let speed = Spread::of(speeds);
    report.judge("one core, real time", speed, "×", Some(GOAL));
    report.note(format_args!(
        "{:.0} call-hours per minute and core, {:.0} in ten minutes on two",
        speed.median / 60.0,
        speed.median / 3.0,
    ));
}

/// An hour in which both speak all the time; which share of the frames each
/// heard as they were sent.
fn hour(seed: u64) -> io::Result<[f64; 2]> {
    let world = World::new(seed);
    world.keep_wire_log(LogDetail::Hash);
    let link = Link::after(Duration::from_millis(20)).with_loss(Loss::Random(0.01));
    world.link_both("10.0.0.1", "10.0.0.2", link);
    let setup = PhoneSetup {
        keep: Keep::Counts,
        ..PhoneSetup::default()
    };
    let phone = |ip: &str| Phone::start(&world.host(ip).driver(), 4000, setup.clone());
    let phones = [phone("10.0.0.1")?, phone("10.0.0.2")?];
    Phone::connect(&phones[0], &phones[1]);
    let second = saw();
    for _ in 0..HOUR.as_secs() {
        for phone in &phones {
            phone.say(&second);
        }
        world.run_for(Duration::from_secs(1));
    }
    let frames = HOUR.as_millis() as f64 / 20.0;
    Ok(phones.map(|phone| phone.ticks().played as f64 / frames))
}

/// A second of a saw of 110 Hz.
fn saw() -> Vec<i16> {
    (0..8_000)
        .map(|sample: i32| (sample * 900) as i16)
        .collect()
}

const HOURS: u64 = 5;
const HOUR: Duration = Duration::from_secs(3_600);
const GOAL: Goal = Goal {
    must: 1_200.0,
    stretch: 2_400.0,
};
