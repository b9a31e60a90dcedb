//! What the world's beginning was in NTP time.
//!
//! In: one pair of moments, taken where there is a clock. Out: the NTP time of
//! any `now`, for sender reports. Steps of the system's clock are not followed:
//! a stream's reports stay on one line (RFC 3550 §4).

use talkpath_wire::{NtpTime, Time};

/// One moment on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NtpAnchor {
    /// The moment on our clock.
    pub at: Time,
    /// The same moment in NTP time.
    pub ntp: NtpTime,
}

impl NtpAnchor {
    /// The NTP time of `now`; of the anchor, when `now` is before it.
    pub fn ntp_at(&self, now: Time) -> NtpTime {
        self.ntp.plus(now - self.at)
    }
}
