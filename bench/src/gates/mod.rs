//! The gates by name.

mod codec_pairs;
mod conference;
#[cfg(feature = "libopus")]
mod libopus_alone;
mod mixing;
mod negotiation;
mod packet_path;
mod playout;
mod rtp_view;
mod sdp_text;
mod simulated_hour;

use crate::report::Report;

/// Something that Talkpath is held to.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it measures, in one line.
    pub what: &'static str,
    /// Measures.
    pub run: fn(&mut Report),
}

/// All gates, in the order in which they run.
pub const ALL: &[Gate] = &[
    Gate {
        name: "sdp-parse",
        what: "a 580-byte SIP offer parsed, against sdp-types: must 5×, stretch 10×",
        run: sdp_text::parse,
    },
    Gate {
        name: "sdp-parse-write",
        what: "the same parsed and written, against sdp-types: must 5×, stretch 10×",
        run: sdp_text::parse_and_write,
    },
    Gate {
        name: "rtp-view",
        what: "a 172-byte RTP packet viewed, against rtp-types: must 3×, stretch 4×",
        run: rtp_view::run,
    },
    Gate {
        name: "negotiation",
        what: "offer, answer, completion: microseconds, and a limit of allocations",
        run: negotiation::run,
    },
    Gate {
        name: "packet-path",
        what: "datagram to PCM and PCM to datagram: nanoseconds, and no allocation",
        run: packet_path::run,
    },
    Gate {
        name: "playout",
        what: "20 ms of G.711 through jitter buffer and concealment, against neteq: must 10×, stretch 16×, no allocation",
        run: playout::run,
    },
    Gate {
        name: "codec-pairs",
        what: "20 ms decoded, resampled, encoded, for every pair; libopus alone beside it: must 10 % over at most",
        run: codec_pairs::run,
    },
    Gate {
        name: "mixer",
        what: "conferences of 2 to 100: linear, and no allocation",
        run: mixing::run,
    },
    Gate {
        name: "conference",
        what: "a datagram in calls of 2 to 100 members: microseconds",
        run: conference::run,
    },
    Gate {
        name: "sim-hour",
        what: "a simulated two-party hour: must 1,200× real time, stretch 2,400×",
        run: simulated_hour::run,
    },
];
