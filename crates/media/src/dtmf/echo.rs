//! Keys that were sent as sound, and may come back as echo.
//!
//! In: which key sounds to the peer, tick by tick. Out: whether a key that is
//! heard can be its echo. A few keys are kept: an echo of one may come while the
//! next one sounds.

use core::time::Duration;

use talkpath_wire::Time;

use super::Digit;

/// Keys that sounded a moment ago.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echoes {
    /// Each with when it sounded last.
    keys: [Option<(Digit, Time)>; KEPT],
}

impl Echoes {
    /// A key sounds to the peer at `at`.
    pub(crate) fn sounds(&mut self, digit: Digit, at: Time) {
        let of_key = |kept: &Option<(Digit, Time)>| kept.is_some_and(|(key, _)| key == digit);
        let known = self.keys.iter().position(of_key);
        let oldest = || (0..KEPT).min_by_key(|n| self.keys[*n].map(|(_, last)| last));
        let place = known.or_else(oldest).unwrap_or(0);
        self.keys[place] = Some((digit, at));
    }

    /// Whether a key that is heard to begin at `at` can be an echo.
    pub(crate) fn is_echo(&self, digit: Digit, at: Time) -> bool {
        let mut kept = self.keys.iter().flatten();
        kept.any(|(key, last)| *key == digit && at <= *last + ECHO)
    }
}

/// How long after a key its echo may begin: there and back again, with the
/// jitter buffers of both ends.
const ECHO: Duration = Duration::from_millis(300);
/// Keys of 40 ms with 40 ms between them fit so many times into it.
const KEPT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_for_a_while_and_others_do_not() {
        let digit = |key| Digit::from_char(key).unwrap();
        let at = Time::from_millis;
        let mut echoes = Echoes::default();
        for (n, key) in "12345".chars().enumerate() {
            echoes.sounds(digit(key), at(1000 + 80 * n as u64));
        }
        assert!(!echoes.is_echo(digit('1'), at(1320)), "the oldest is gone");
        assert!(echoes.is_echo(digit('2'), at(1380)));
        assert!(!echoes.is_echo(digit('2'), at(1381)));
        assert!(!echoes.is_echo(digit('6'), at(1320)));
        echoes.sounds(digit('2'), at(1400));
        assert!(echoes.is_echo(digit('2'), at(1700)));
        assert!(
            echoes.is_echo(digit('5'), at(1620)),
            "it took no other's place"
        );
    }
}
