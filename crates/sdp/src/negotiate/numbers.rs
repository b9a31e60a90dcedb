//! Which payload type number stands for which codec, for a session's life.
//!
//! Numbers are per direction: ours say what we receive, the peer's what we
//! send. A number of ours is never given to another codec within the session
//! (RFC 3264 §8.3.2), not even after a rollback or in a recycled slot. Static
//! numbers are those of RFC 3551 §6; 64..=95 look like RTCP (RFC 5761 §4).

use alloc::vec::Vec;

use talkpath_wire::{Format, PayloadType};

use super::compat::same_codec;
use super::stream::Codec;
use crate::static_format;

/// Every number that was ever bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    ours: Vec<Binding>,
    /// What the peer means, or last meant, by its own.
    theirs: Vec<Binding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    line: usize,
    number: PayloadType,
    format: Format,
}

impl Numbers {
    /// What `number` means when it arrives on `line`, now or earlier.
    pub(crate) fn meaning(&self, line: usize, number: PayloadType) -> Option<&Format> {
        self.find(line, number).map(|binding| &binding.format)
    }

    /// Our number for `format` on `line`: the one it has, else a new one.
    /// `None` when all are bound.
    pub(crate) fn assign(&mut self, line: usize, format: &Format) -> Option<PayloadType> {
        // RFC 5761 §4: a number adopted while RTCP had its own port may not do
        // in an offer that shares it.
        let here = |binding: &&Binding| {
            binding.line == line
                && same_codec(&binding.format, format)
                && !binding.number.collides_with_rtcp()
        };
        if let Some(binding) = self.ours.iter().rev().find(here) {
            let number = binding.number;
            self.bind(line, number, format);
            return Some(number);
        }
        // One number for both directions spares trouble with simple peers.
        let number = self
            .number_of_theirs(line, format)
            .or_else(|| self.number_elsewhere(line, format))
            .or_else(|| self.fresh(line, format))?;
        self.bind(line, number, format);
        Some(number)
    }

    /// Our number for `format` on `line` when the peer calls it `number`: the
    /// same (RFC 3264 §6.1), unless that is bound to another codec.
    pub(crate) fn adopt(
        &mut self,
        line: usize,
        number: PayloadType,
        format: &Format,
    ) -> Option<PayloadType> {
        match self.find(line, number) {
            Some(bound) if !same_codec(&bound.format, format) => self.assign(line, format),
            _ => {
                self.bind(line, number, format);
                Some(number)
            }
        }
    }

    /// Remembers what the peer's numbers mean on `line`, so that a later offer
    /// of ours gives them the same meaning or none.
    pub(crate) fn note_theirs(&mut self, line: usize, codecs: &[Codec]) {
        for Codec { number, format } in codecs {
            let (number, format) = (*number, format.clone());
            self.theirs
                .retain(|binding| (binding.line, binding.number) != (line, number));
            self.theirs.push(Binding {
                line,
                number,
                format,
            });
        }
    }

    fn is_theirs(&self, line: usize, number: PayloadType) -> bool {
        self.theirs
            .iter()
            .any(|binding| binding.line == line && binding.number == number)
    }

    /// The number by which the peer calls `format` on `line`.
    fn number_of_theirs(&self, line: usize, format: &Format) -> Option<PayloadType> {
        let same = |binding: &&Binding| {
            binding.line == line
                && same_codec(&binding.format, format)
                && !binding.number.collides_with_rtcp()
                && self.is_free_on(line, binding.number)
        };
        self.theirs.iter().find(same).map(|binding| binding.number)
    }

    fn find(&self, line: usize, number: PayloadType) -> Option<&Binding> {
        self.ours
            .iter()
            .find(|binding| binding.line == line && binding.number == number)
    }

    fn bind(&mut self, line: usize, number: PayloadType, format: &Format) {
        // The newest parameters, and the newest of several numbers, come last.
        self.ours
            .retain(|binding| (binding.line, binding.number) != (line, number));
        self.ours.push(Binding {
            line,
            number,
            format: format.clone(),
        });
    }

    fn number_elsewhere(&self, line: usize, format: &Format) -> Option<PayloadType> {
        self.ours
            .iter()
            .find(|binding| {
                same_codec(&binding.format, format)
                    && !binding.number.collides_with_rtcp()
                    && self.is_free_on(line, binding.number)
            })
            .map(|binding| binding.number)
    }

    fn fresh(&self, line: usize, format: &Format) -> Option<PayloadType> {
        let dynamic = || (96..=127).filter_map(|number| PayloadType::new(number).ok());
        // 35..=63 are unassigned and no RTCP: the reserve.
        let reserve = || (35..=63).filter_map(|number| PayloadType::new(number).ok());
        let unused = |number: &PayloadType| self.is_unused(*number);
        let unseen =
            |number: &PayloadType| self.is_free_on(line, *number) && !self.is_theirs(line, *number);
        let free = |number: &PayloadType| self.is_free_on(line, *number);
        customary(format)
            .filter(unseen)
            .or_else(|| dynamic().find(unused))
            .or_else(|| dynamic().find(unseen))
            .or_else(|| reserve().find(unseen))
            .or_else(|| dynamic().find(free))
            .or_else(|| reserve().find(free))
    }

    fn is_free_on(&self, line: usize, number: PayloadType) -> bool {
        self.find(line, number).is_none()
    }

    fn is_unused(&self, number: PayloadType) -> bool {
        // 101 is left to telephone-event, below.
        number.value() != 101
            && self.ours.iter().all(|binding| binding.number != number)
            && self.theirs.iter().all(|binding| binding.number != number)
    }
}

/// The number that RFC 3551 or custom gives to `format`. Some gateways look
/// for digits under 101 alone.
fn customary(format: &Format) -> Option<PayloadType> {
    if format.is_telephone_event() && format.clock_rate == 8000 {
        return PayloadType::new(101).ok();
    }
    let named = |number: &PayloadType| {
        static_format(*number).is_some_and(|fixed| {
            fixed.is(&format.encoding)
                && fixed.clock_rate == format.clock_rate
                && fixed.channels == format.channels
        })
    };
    (0..=34)
        .filter_map(|number| PayloadType::new(number).ok())
        .find(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pt(value: u8) -> PayloadType {
        PayloadType::new(value).unwrap()
    }

    #[test]
    fn the_peers_number_is_taken_for_the_peers_codec_only() {
        let opus = Format::new("opus", 48000).with_channels(2);
        let theirs = [Codec {
            number: pt(111),
            format: opus.clone(),
        }];
        let mut numbers = Numbers::default();
        numbers.note_theirs(0, &theirs);
        assert_eq!(numbers.assign(0, &opus), Some(pt(111)));
        let taken = [Codec {
            number: PayloadType::PCMU,
            format: Format::new("X", 8000),
        }];
        numbers.note_theirs(0, &taken);
        assert_eq!(numbers.assign(0, &Format::new("PCMU", 8000)), Some(pt(96)));
    }

    // RFC 3551 §6
    #[test]
    fn static_codecs_keep_their_static_numbers() {
        let mut numbers = Numbers::default();
        assert_eq!(
            numbers.assign(0, &Format::new("PCMU", 8000)),
            Some(PayloadType::PCMU)
        );
        assert_eq!(
            numbers.assign(0, &Format::new("g722", 8000)),
            Some(PayloadType::G722)
        );
    }

    // RFC 3264 §8.3.2
    #[test]
    fn a_number_bound_here_is_not_adopted_for_another_codec() {
        let mut numbers = Numbers::default();
        let opus = Format::new("opus", 48000).with_channels(2);
        let speex = Format::new("speex", 16000);
        assert_eq!(numbers.assign(0, &opus), Some(pt(96)));
        assert_eq!(numbers.adopt(0, pt(96), &speex), Some(pt(97)));
        assert!(numbers.meaning(0, pt(96)).unwrap().is("opus"));
        assert!(numbers.meaning(0, pt(97)).unwrap().is("speex"));
    }

    #[test]
    fn another_line_uses_the_same_number_for_the_same_codec() {
        let mut numbers = Numbers::default();
        let opus = Format::new("opus", 48000).with_channels(2);
        let number = numbers.assign(0, &opus);
        assert_eq!(numbers.assign(1, &opus), number);
        assert_ne!(numbers.assign(1, &Format::new("VP8", 90000)), number);
    }

    #[test]
    fn sixty_one_codecs_fit_and_no_number_looks_like_rtcp() {
        let mut numbers = Numbers::default();
        let mut seen = Vec::new();
        for rate in 1..=61 {
            let number = numbers.assign(0, &Format::new("X-CODEC", rate));
            if let Some(number) = number {
                assert!(!number.collides_with_rtcp());
                assert!(!seen.contains(&number));
                seen.push(number);
            }
        }
        assert_eq!(seen.len(), 61);
        assert_eq!(numbers.assign(0, &Format::new("X-CODEC", 62)), None);
    }
}
