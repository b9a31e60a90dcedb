//! One lane of a picture: its axes, and what is drawn in it.

use std::fmt::Write;

use super::scale::Scale;
use super::{LEFT, RIGHT};

/// A lane with values from 0 upwards.
pub(super) struct Lane {
    top: f64,
    bottom: f64,
    values: Scale,
    unit: &'static str,
}

/// Whether the time stands below a lane.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    None,
    Time,
}

impl Lane {
    pub(super) fn new(top: f64, height: f64, most: f64, unit: &'static str) -> Self {
        let bottom = top + height;
        Lane {
            top,
            bottom,
            values: Scale::up_to_a_tick(most, bottom, top),
            unit,
        }
    }

    /// The grid, with values at the left and time below.
    pub(super) fn axes(&self, svg: &mut String, time: &Scale, labels: Labels) {
        // Writing into a string does not fail.
        let last = self.values.ticks().last();
        for value in self.values.ticks() {
            let y = self.values.at(value);
            let unit = if Some(value) == last { self.unit } else { "" };
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#e5e7eb\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#6b7280\">{}{unit}</text>",
                LEFT - 8.0,
                y + 4.0,
                number(value)
            );
        }
        for at in time.ticks() {
            let x = time.at(at);
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#f3f4f6\"/>",
                self.top, self.bottom
            );
            if labels == Labels::Time {
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#6b7280\">{} s</text>",
                    self.bottom + 18.0,
                    number(at)
                );
            }
        }
    }

    /// A line through points of time and value.
    pub(super) fn line(&self, svg: &mut String, time: &Scale, points: &[(f64, f64)], colour: &str) {
        let mut places = String::new();
        for (at, value) in points {
            let _ = write!(places, "{:.1},{:.1} ", time.at(*at), self.values.at(*value));
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" \
             stroke-linejoin=\"round\"/>",
            places.trim_end()
        );
    }

    /// A bar over a span of time, from one value to another.
    pub(super) fn bar(
        &self,
        svg: &mut String,
        time: &Scale,
        (from, until): (f64, f64),
        (low, high): (f64, f64),
        colour: &str,
    ) {
        if high <= low {
            return;
        }
        let (left, right) = (time.at(from), time.at(until));
        let (top, bottom) = (self.values.at(high), self.values.at(low));
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            (right - left).max(1.0),
            bottom - top
        );
    }
}

/// A tick's value, without digits that say nothing.
fn number(value: f64) -> String {
    let rounded = (value * 1000.0).round() / 1000.0;
    format!("{rounded}")
}
