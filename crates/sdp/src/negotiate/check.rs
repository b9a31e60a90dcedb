//! Whether wants can be written as SDP: what a caller got wrong, before
//! anything is planned. RFC 8866 §9 (grammar), §5.14 and §6.15.

use talkpath_wire::Format;

use super::error::WantsError;
use super::wants::{Kind, MediaWants, Wants};
use crate::token::token;
use crate::{BuildError, Limit, ParseError};

impl Wants {
    /// Looks at each entry.
    pub(crate) fn check(&self) -> Result<(), WantsError> {
        let (actual, max) = (self.media.len(), Limit::MediaLines.max());
        if actual > max {
            return Err(WantsError::TooMany {
                what: "m-lines",
                actual,
                max,
            });
        }
        self.media
            .iter()
            .enumerate()
            .try_for_each(|(entry, media)| check_entry(entry, media))
    }
}

fn check_entry(entry: usize, media: &MediaWants) -> Result<(), WantsError> {
    let not_sdp = |what| Err(WantsError::NotSdp { entry, what });
    if media.formats.is_empty() {
        return Err(WantsError::NoFormat { entry });
    }
    if let Kind::Other(word) = &media.kind
        && token(word.as_bytes()).is_none()
    {
        return not_sdp("the kind");
    }
    // Half of the attributes are rtpmaps, and events may double the formats.
    let (actual, max) = (media.formats.len(), Limit::Formats.max() / 2);
    if actual > max {
        return Err(WantsError::TooMany {
            what: "formats in an entry",
            actual,
            max,
        });
    }
    for time in [media.ptime, media.maxptime].into_iter().flatten() {
        if time.as_micros() == 0 || time.as_secs() > 10 {
            return not_sdp("a ptime of nothing or above 10 s");
        }
    }
    media
        .formats
        .iter()
        .try_for_each(|format| match problem(format) {
            Some(what) => not_sdp(what),
            None => Ok(()),
        })
}

fn problem(format: &Format) -> Option<&'static str> {
    if token(format.encoding.as_bytes()).is_none() {
        Some("an encoding name")
    } else if format.clock_rate == 0 {
        Some("a clock rate of 0")
    } else if format.channels == 0 {
        Some("a channel count of 0")
    } else if format
        .fmtp
        .iter()
        .any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
    {
        Some("a line end in fmtp")
    } else {
        None
    }
}

impl From<BuildError> for WantsError {
    /// What the check of the wants leaves is size.
    fn from(error: BuildError) -> Self {
        let (max, actual) = match error {
            BuildError::Parse(ParseError::Limit { max, actual, .. }) => (max, actual),
            _ => (Limit::Bytes.max(), Limit::Bytes.max() + 1),
        };
        WantsError::TooMany {
            what: "bytes or lines",
            actual,
            max,
        }
    }
}
