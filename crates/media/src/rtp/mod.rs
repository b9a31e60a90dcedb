//! RTP and RTCP sessions: what RFC 3550 keeps in memory, as state machines.
//!
//! In: parsed packets, `now`, chance from a seed. Out: where each packet
//! belongs, headers for what is sent, reports, and events. No socket, no
//! clock, no allocation per packet.
//!
//! - [`SourceTable`]: the remote SSRCs of a stream; each [`Source`] judges its
//!   sequence ([`Sequence`], A.1, A.3) and its [`Jitter`] (A.8).
//! - [`Sender`]: the local SSRC, sole owner of outgoing numbers.
//! - [`RtcpSchedule`]: when to report (§6.3, A.7).
//! - [`Reports`]: what to report, and what is learned from the peer's reports.

mod arrival;
mod chance;
mod cname;
mod conflict;
mod interval;
mod jitter;
mod ntp_anchor;
mod population;
mod relay;
mod reports;
mod round_trip;
mod sender;
mod sequence;
mod source;
mod source_table;
#[cfg(test)]
mod tests;

pub use arrival::{Arrival, Continuity, Placement, Timing};
pub use chance::Chance;
pub use cname::{Cname, CnameError};
pub use conflict::{Conflict, Conflicts};
pub use interval::{RtcpMinimum, RtcpSchedule, RtcpTimer};
pub use jitter::Jitter;
pub use ntp_anchor::NtpAnchor;
pub use population::Population;
pub use relay::Relayed;
pub use reports::{RemoteReport, Reports, RtcpEvent};
pub use round_trip::RoundTrip;
pub use sender::{Frame, Sender};
pub use sequence::{Order, Sequence, Validity};
pub use source::{Source, SourceCounts};
pub use source_table::{MAX_SOURCES, Reception, SourceTable};
