//! What `--record FILE` asks for, by the end of the file's name.
//!
//! In: a path. Out: a [`Record`] of what is heard, or of the packets. What has
//! the name already is replaced: whoever names a file on the command line means
//! that file.

use std::path::Path;

use talkpath::{Existing, Record, SampleRate, Sides, Wav};

use crate::failure::Failure;

/// The recording that `path` asks for, a WAV at `rate`: that of the stream if
/// there is none.
pub(crate) fn of_what_is_heard(path: &Path, rate: Option<SampleRate>) -> Result<Record, Failure> {
    let is_wav = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("wav"));
    let by_name = match rate.filter(|_| is_wav) {
        Some(rate) => Ok(Wav::new(path, Sides::Heard).rate(rate).into()),
        None => Record::by_name(path, Sides::Heard),
    };
    by_name
        .map(|record| record.existing(Existing::Replace))
        .map_err(|error| Failure::new(error.to_string()).hint(HINT))
}

/// Whether `path` asks for a recording that there is.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    of_what_is_heard(path, None).map(drop)
}

const HINT: &str =
    "--record takes FILE.wav, FILE.opus, FILE.mkv with the video, or FILE.pcap for the packets";
