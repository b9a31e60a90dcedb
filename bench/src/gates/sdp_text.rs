//! SDP text of a SIP phone, against sdp-types.

use std::hint::black_box;

use sdp_types::Session;
use talkpath_sdp::SessionDescription;

use crate::corpus::SIP_OFFER;
use crate::report::{Goal, Report};
use crate::rounds::compare;

pub(super) fn parse(report: &mut Report) {
    let text = SIP_OFFER.as_bytes();
    report.require("the offer has 580 bytes", text.len() == 580);
    let compared = compare(
        || Session::parse(black_box(text)),
        || SessionDescription::parse(black_box(text)),
    );
    report.ratio("parse", compared, Some(GOAL));
}

pub(super) fn parse_and_write(report: &mut Report) {
    let text = SIP_OFFER.as_bytes();
    let theirs = || {
        let mut out = Vec::with_capacity(ROOM);
        let parsed = Session::parse(black_box(text)).expect("the offer is accepted");
        parsed.write(&mut out).expect("a vector takes everything");
        out
    };
    let ours = || {
        let mut out = Vec::with_capacity(ROOM);
        let parsed = SessionDescription::parse(black_box(text)).expect("the offer is accepted");
        parsed.write_into(&mut out);
        out
    };
    report.require("ours writes what it read", ours() == text);
    let compared = compare(theirs, ours);
    report.ratio("parse and write", compared, Some(GOAL));
    // Not what the goal asks, but what a relay does.
    let edited = || {
        let parsed = SessionDescription::parse(black_box(text)).expect("the offer is accepted");
        let media = parsed.media().next().expect("it has an m-line");
        let mut edits = parsed.edit();
        edits
            .replace(media.line().index(), "audio 5000 RTP/AVP 0 8")
            .expect("an m-line is replaced by another");
        edits.to_bytes()
    };
    let compared = compare(theirs, edited);
    report.ratio("parse, edit a line and write", compared, None);
}

const GOAL: Goal = Goal {
    must: 5.0,
    stretch: 10.0,
};
/// Room for the offer, so that neither grows its buffer.
const ROOM: usize = 1024;
