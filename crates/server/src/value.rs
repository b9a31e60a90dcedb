//! The values of arguments: text in, what it stands for or what is wanted out.

use std::ops::RangeInclusive;
use std::time::Duration;

use talkpath::{Codec, SampleRate, UnknownCodec};

use crate::sound_rate;

/// `5`, `0.5`
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "a number of seconds is wanted, such as 5 or 0.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => Err(format!("0 to {} seconds are possible", LONGEST.as_secs())),
    }
}

/// `5`, `0.5`: long enough for a packet.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        length if length < PACKET => Err(format!(
            "{} to {} seconds are possible: a packet holds so much",
            PACKET.as_secs_f64(),
            LONGEST.as_secs()
        )),
        length => Ok(length),
    }
}

/// `10`, of milliseconds.
pub(crate) fn packet_time(text: &str) -> Result<u16, String> {
    let millis = text
        .parse()
        .ok()
        .filter(|millis| (10..=60).contains(millis));
    millis.ok_or_else(|| "packets hold 10 to 60 ms".into())
}

/// `200`, of milliseconds.
pub(crate) fn delay(text: &str) -> Result<u16, String> {
    let millis = text.parse().ok();
    let millis = millis.filter(|millis| (20..=500).contains(millis));
    millis.ok_or_else(|| "20 to 500 ms can be waited".into())
}

/// `10000-10100`
pub(crate) fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wanted = || "a range of ports is wanted, such as 10000-10100".to_owned();
    let (first, last) = text.split_once('-').ok_or_else(wanted)?;
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wanted());
    let (first, last) = (port(first)?, port(last)?);
    if first == 0 || last < first {
        return Err(format!(
            "{first}-{last} holds no port: it begins at 1 or above and does not end below that"
        ));
    }
    Ok(first..=last)
}

/// `5`, `0.5`, `5%`, as a share of 1.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse();
    let percent = number
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent));
    let percent: f64 = percent.ok_or("0 to 100 percent are possible")?;
    Ok(percent / 100.0)
}

/// `40`, of milliseconds.
pub(crate) fn lateness(text: &str) -> Result<Duration, String> {
    let millis: Option<f64> = text.parse().ok();
    let millis = millis.filter(|millis| (0.0..=MOST_LATE.as_secs_f64() * 1000.0).contains(millis));
    let millis = millis.ok_or_else(|| {
        let most = MOST_LATE.as_millis();
        format!("0 to {most} milliseconds are possible")
    })?;
    Ok(Duration::from_secs_f64(millis / 1000.0))
}

/// `opus`, `L16/16000`: what is heard here.
pub(crate) fn codec(text: &str) -> Result<Codec, String> {
    text.trim().parse().map_err(|unknown: UnknownCodec| {
        let name = text.trim().split('/').next().unwrap_or_default();
        let is_it = |known: &str| known.eq_ignore_ascii_case(name);
        match PASSED_ON.into_iter().find(|known| is_it(known)) {
            Some(known) => format!(
                "{known} can be relayed and captured unread, but nothing here decodes it: two \
                 sides that talk need one of opus, G722, PCMU, PCMA, L16"
            ),
            None if is_it("telephone-event") => {
                "digits are always offered beside the codecs".into()
            }
            None if is_it("L16") => format!("{unknown}, with a rate, such as L16/16000"),
            None => unknown.to_string(),
        }
    })
}

pub(crate) fn rate(text: &str) -> Result<SampleRate, String> {
    let hz = text.parse().unwrap_or(0);
    let found = sound_rate::RATES.into_iter().find(|rate| rate.hz() == hz);
    found.ok_or_else(|| "8000, 16000, 24000 or 48000 is wanted".to_owned())
}

/// A hundred days.
const LONGEST: Duration = Duration::from_secs(8_640_000);
/// What most packets hold, and those of the demo.
const PACKET: Duration = Duration::from_millis(20);

/// What a packet may be late by when a bad network is tried out.
const MOST_LATE: Duration = Duration::from_secs(1);
/// [`Codec::USUAL`]
pub(crate) const USUAL: &str = "opus,g722,pcmu,pcma";
/// Formats of other people's calls, which pass through unread.
const PASSED_ON: [&str; 9] = [
    "G729", "G723", "AMR", "AMR-WB", "EVS", "iLBC", "GSM", "speex", "G726-32",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_what_a_jitter_buffer_can_keep() {
        assert_eq!((delay("20"), delay("500")), (Ok(20), Ok(500)));
        for bad in ["", "19", "501", "-1", "0.5"] {
            assert!(delay(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ranges_of_ports_are_read_and_bad_ones_refused() {
        assert_eq!(ports("10000-10100"), Ok(10_000..=10_100));
        assert_eq!(ports("7-7"), Ok(7..=7));
        for bad in ["", "10000", "5-4", "0-3", "1-70000", "a-b", "1-2-3"] {
            assert!(ports(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_usual_codecs_are_the_library_s() {
        let usual: Result<Vec<_>, _> = USUAL.split(',').map(codec).collect();
        assert_eq!(usual.as_deref(), Ok(&Codec::USUAL[..]));
        assert_eq!(codec("l16/16000"), Ok(Codec::L16_16000));
    }

    #[test]
    fn formats_that_only_pass_through_are_refused_by_name() {
        let said = codec("g729").unwrap_err();
        assert!(said.starts_with("G729 can be relayed"), "{said}");
        let said = codec("vorbis").unwrap_err();
        assert!(said.starts_with("there is no codec \"vorbis\""), "{said}");
    }

    #[test]
    fn impairments_are_shares_and_milliseconds_within_bounds() {
        assert_eq!(percent("5"), Ok(0.05));
        assert_eq!(percent("0.5%"), Ok(0.005));
        assert_eq!(lateness("40"), Ok(Duration::from_millis(40)));
        for bad in ["-1", "101", "nan", "", "much"] {
            assert!(percent(bad).is_err(), "{bad:?}");
        }
        for bad in ["-1", "1001", "inf", ""] {
            assert!(lateness(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction_and_an_end() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["", "-1", "nan", "inf", "1e30", "five"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }
}
