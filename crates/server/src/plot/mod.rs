//! A picture of a call: jitter, delay and loss over time, as SVG.
//!
//! In: for each stream a title and its course, every 100 ms. Out: one SVG with
//! two lanes a stream, labelled axes and a legend; no script, no font of its
//! own. A long course is drawn by the worst of each of 480 stretches, so that
//! no moment of trouble is lost in it.

mod course;
mod lane;
mod scale;

use std::fmt::Write;
use std::fs::File;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::sound_file;
pub(crate) use course::{Course, Point, Watch};
use lane::Lane;
use scale::Scale;

/// Whether a picture can be drawn at `path`, before there is one.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    sound_file::check_target(path)?;
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::new(format!("{}: is there already", path.display())).hint(HINT)),
        Err(_) => Ok(()),
    }
}

/// Draws the courses into a file that is not there yet.
pub(crate) fn draw(path: &Path, name: &str, courses: &[Course]) -> Result<(), Failure> {
    let written = File::create_new(path)
        .and_then(|mut file| file.write_all(picture(name, courses).as_bytes()));
    written.map_err(|error| {
        let failure = Failure::file(path, &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure.hint(HINT),
            _ => failure,
        }
    })
}

/// Draws the courses below each other.
fn picture(name: &str, courses: &[Course]) -> String {
    let height = HEAD + BLOCK * courses.len() as f64 + FOOT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"12\" fill=\"#1f2937\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    // Writing into a string does not fail.
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"28\" font-size=\"17\" font-weight=\"600\">{}</text>",
        escaped(name)
    );
    legend(&mut svg);
    for (index, course) in courses.iter().enumerate() {
        block(&mut svg, course, HEAD + BLOCK * index as f64);
    }
    svg + "</svg>\n"
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    for (colour, label) in [
        (JITTER, "jitter"),
        (DEPTH, "waiting in playout"),
        (TARGET, "delay that playout aims at"),
        (LOST, "lost"),
        (LATE, "too late"),
    ] {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"42\" width=\"14\" height=\"8\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"50\">{label}</text>",
            x + 20.0
        );
        x += 44.0 + 6.6 * label.len() as f64;
    }
}

/// The two lanes of one stream, whose top is at `top`.
fn block(svg: &mut String, course: &Course, top: f64) {
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"600\">{}</text>",
        top + 16.0,
        escaped(&course.title)
    );
    let stretches = stretches(&course.points);
    let end = stretches.last().map_or(1.0, |it| it.until).max(0.1);
    let time = Scale::new(end, LEFT, RIGHT);
    let most_ms = stretches
        .iter()
        .map(|it| it.jitter.max(it.depth).max(it.target));
    let most_ms = most_ms.fold(10.0, f64::max);
    let delays = Lane::new(top + 28.0, 150.0, most_ms, " ms");
    delays.axes(svg, &time, lane::Labels::None);
    let line = |of: fn(&Stretch) -> f64| {
        let points = stretches.iter().map(move |it| (it.until, of(it)));
        points.collect::<Vec<_>>()
    };
    delays.line(svg, &time, &line(|it| it.target), TARGET);
    delays.line(svg, &time, &line(|it| it.depth), DEPTH);
    delays.line(svg, &time, &line(|it| it.jitter), JITTER);
    let most_lost = stretches.iter().map(|it| it.lost + it.late);
    let most_lost = most_lost.fold(5.0, f64::max).min(100.0);
    let losses = Lane::new(top + 198.0, 64.0, most_lost, " %");
    losses.axes(svg, &time, lane::Labels::Time);
    for it in &stretches {
        let span = (it.from, it.until);
        losses.bar(svg, &time, span, (0.0, it.lost), LOST);
        losses.bar(svg, &time, span, (it.lost, it.lost + it.late), LATE);
    }
}

/// The worst of a while: times in s, delays in ms, losses in percent.
struct Stretch {
    from: f64,
    until: f64,
    jitter: f64,
    depth: f64,
    target: f64,
    lost: f64,
    late: f64,
}

fn stretches(points: &[Point]) -> Vec<Stretch> {
    let step = points.len().div_ceil(MOST_STRETCHES).max(1);
    let mut before = None;
    let of = |part: &[Point]| {
        let last = part.last()?;
        let ms = |of: fn(&Point) -> Duration| {
            let all = part.iter().map(|it| of(it).as_secs_f64() * 1000.0);
            all.fold(0.0, f64::max)
        };
        let since = before.replace(*last);
        let more =
            |of: fn(&Point) -> u64| of(last).saturating_sub(since.as_ref().map_or(0, of)) as f64;
        let (came, lost, late) = (
            more(|it| it.packets),
            more(|it| it.lost),
            more(|it| it.late),
        );
        let share = |count: f64| 100.0 * (count / (came + lost).max(1.0)).min(1.0);
        Some(Stretch {
            from: since.map_or(0.0, |it| it.at.as_secs_f64()),
            until: last.at.as_secs_f64(),
            jitter: ms(|it| it.jitter),
            depth: ms(|it| it.depth),
            target: ms(|it| it.target),
            lost: share(lost),
            late: share(late),
        })
    };
    points.chunks(step).filter_map(of).collect()
}

/// Text as XML takes it; what it does not take is left out.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

const HINT: &str = "move it away, or name another";
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 24.0;
const HEAD: f64 = 66.0;
const BLOCK: f64 = 310.0;
const FOOT: f64 = 10.0;
const MOST_STRETCHES: usize = 480;
const JITTER: &str = "#d97706";
const DEPTH: &str = "#2563eb";
const TARGET: &str = "#93c5fd";
const LOST: &str = "#dc2626";
const LATE: &str = "#7c3aed";

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: u64) -> Vec<Point> {
        let point = |n: u64| Point {
            at: Duration::from_millis(100 * n),
            jitter: Duration::from_millis(n % 7),
            depth: Duration::from_millis(20 + n % 40),
            target: Duration::from_millis(40),
            packets: 5 * n,
            lost: n / 10,
            late: 0,
        };
        (0..count).map(point).collect()
    }

    #[test]
    fn a_picture_has_lanes_labels_and_no_foreign_text() {
        let points = points(100);
        let courses = [Course {
            title: "10.0.0.1 <to> \"B\" & co\u{1b}".into(),
            points,
        }];
        let svg = picture("call.pcap", &courses);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("10.0.0.1 &lt;to&gt; &quot;B&quot; &amp; co<"));
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert!(svg.contains(">9 s<") && svg.contains(" ms<") && svg.contains(" %<"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn an_hour_is_drawn_by_its_worst_moments() {
        let mut points = points(36_000);
        points[17_777].jitter = Duration::from_millis(333);
        let drawn = stretches(&points);
        assert!(drawn.len() <= MOST_STRETCHES);
        assert!(drawn.iter().any(|it| it.jitter == 333.0));
        let courses = [Course {
            title: String::new(),
            points,
        }];
        assert!(picture("", &courses).len() < 200_000);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for count in [0, 1] {
            let points = points(count);
            let courses = [Course {
                title: "short".into(),
                points,
            }];
            assert!(!picture("x", &courses).contains("NaN"));
        }
        assert!(picture("x", &[]).ends_with("</svg>\n"));
    }
}
