//! Whether media comes: first media, timeout, resumption.
//!
//! In: accepted packets, other signs of life, whether any media is expected,
//! `now`. Out: what is worth an event. A stream on hold, or one that nobody
//! sends to, never times out; nor does one whose peer says nothing and reports
//! all the same.

use core::time::Duration;

use talkpath_wire::Time;

/// What a watch has to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sighting {
    /// The first packet since the watch began.
    First,
    /// Packets again, after a timeout was reported.
    Resumed,
    /// Nothing new.
    Usual,
}

/// Watches one stream's incoming media.
#[derive(Debug)]
pub(crate) struct Watch {
    timeout: Duration,
    /// Since when packets are expected; none while they are not.
    expected: Option<Time>,
    last: Option<Time>,
    /// When something came that is no media.
    alive: Option<Time>,
    reported: bool,
}

impl Watch {
    pub(crate) fn new(timeout: Duration) -> Self {
        Watch {
            timeout,
            expected: None,
            last: None,
            alive: None,
            reported: false,
        }
    }

    /// Packets are expected from now on.
    pub(crate) fn expect(&mut self, now: Time) {
        if self.expected.is_none() {
            (self.expected, self.reported) = (Some(now), false);
        }
    }

    /// No packet is expected until further notice.
    pub(crate) fn expect_nothing(&mut self) {
        self.expected = None;
    }

    /// Something came that shows that the peer lives, and is no media: a
    /// report, a keepalive.
    pub(crate) fn sign_of_life(&mut self, now: Time) {
        self.alive = Some(now);
    }

    /// An accepted packet came.
    pub(crate) fn saw(&mut self, now: Time) -> Sighting {
        let first = self.last.is_none();
        self.last = Some(now);
        let resumed = std::mem::take(&mut self.reported);
        match (first, resumed) {
            (true, _) => Sighting::First,
            (false, true) => Sighting::Resumed,
            (false, false) => Sighting::Usual,
        }
    }

    /// When the last packet came.
    pub(crate) fn last(&self) -> Option<Time> {
        self.last
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        if self.reported { None } else { self.deadline() }
    }

    /// How long nothing has come, if that is to be reported now.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> Option<Duration> {
        let deadline = self.poll_timeout()?;
        if now < deadline {
            return None;
        }
        self.reported = true;
        Some(self.timeout + (now - deadline))
    }

    fn deadline(&self) -> Option<Time> {
        let since = self.expected?;
        Some(since.max(self.last.max(self.alive).unwrap_or(since)) + self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn silence_is_reported_once_and_its_end_too() {
        let mut watch = Watch::new(TIMEOUT);
        watch.expect(at(0));
        assert_eq!(watch.saw(at(1)), Sighting::First);
        assert_eq!(watch.handle_timeout(at(30)), None);
        assert_eq!(watch.handle_timeout(at(31)), Some(TIMEOUT));
        assert_eq!(watch.handle_timeout(at(99)), None);
        assert_eq!(watch.saw(at(100)), Sighting::Resumed);
        assert_eq!(watch.saw(at(101)), Sighting::Usual);
    }

    #[test]
    fn a_stream_on_hold_never_times_out() {
        let mut watch = Watch::new(TIMEOUT);
        watch.expect(at(0));
        watch.saw(at(1));
        watch.expect_nothing();
        assert_eq!(watch.poll_timeout(), None);
        watch.expect(at(500));
        assert_eq!(watch.poll_timeout(), Some(at(530)));
    }

    #[test]
    fn a_quiet_peer_that_reports_does_not_time_out() {
        let mut watch = Watch::new(TIMEOUT);
        watch.expect(at(0));
        watch.sign_of_life(at(20));
        assert_eq!(watch.handle_timeout(at(31)), None);
        assert_eq!(watch.handle_timeout(at(50)), Some(TIMEOUT));
    }
}
