//! How a recording of sound is set up, from what was asked for.
//!
//! In: sides, container, rates. Out: a [`Recorder`] and the worker's end of its
//! track. What can be refused is refused before a file is made.

use std::sync::Arc;

use talkpath_audio::SampleRate;

use super::container::{Container, OpusFile, WavFile};
use super::mkv_file::MkvFile;
use super::pictures::PictureTrack;
use super::recorder::{Means, Recorder};
use super::reshape::Reshape;
use super::target::Target;
use super::ticks::tick_track;
use super::{Control, FileError, Pausing, Sides, TrackWriter};
use crate::driver::{Driver, Existing};

/// What a recording of sound is to be.
pub(crate) struct Plan {
    pub(crate) sides: Sides,
    pub(crate) form: Form,
    /// The stream's.
    pub(crate) rate: SampleRate,
    pub(crate) existing: Existing,
    pub(crate) pausing: Pausing,
    /// Of a Matroska file.
    pub(crate) pictures: Option<PictureTrack>,
}

/// The container, and what is particular to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Wav {
        /// That of the stream if not said.
        rate: Option<SampleRate>,
    },
    Opus {
        /// Bits per second at most.
        bitrate: Option<u32>,
    },
    Mkv,
}

impl Recorder {
    /// Creates the file that `control` is for, with its header.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be created, or the rate is out of range.
    pub(crate) fn create(
        driver: &Arc<dyn Driver>,
        plan: Plan,
        control: &Arc<Control>,
    ) -> Result<(Self, TrackWriter), FileError> {
        let (path, channels) = (control.path(), plan.sides.channels());
        let odd = |hz| FileError::Rate {
            path: path.into(),
            hz,
        };
        let (mut container, rate): (Box<dyn Container>, _) = match plan.form {
            Form::Wav { rate } => {
                let rate = rate.unwrap_or(plan.rate);
                if !(SampleRate::HZ_8000..=SampleRate::HZ_48000).contains(&rate) {
                    return Err(odd(rate.hz()));
                }
                let wav = WavFile::new(rate, channels).map_err(|_| odd(rate.hz()))?;
                (Box::new(wav), rate)
            }
            Form::Mkv => {
                let date = driver.wall_clock_at_zero().since_1970();
                let date = date + driver.now().since_start();
                let mkv = MkvFile::new(plan.rate, channels, plan.pictures, date);
                (Box::new(mkv), plan.rate)
            }
            Form::Opus { bitrate } => {
                let serial = control.id().0 as u32;
                let opus = OpusFile::new(plan.rate, channels, bitrate, serial);
                (
                    Box::new(opus.ok_or_else(|| odd(plan.rate.hz()))?),
                    plan.rate,
                )
            }
        };
        let reshape = Reshape::new(plan.rate, rate, channels).map_err(|_| odd(rate.hz()))?;
        let mut header = Vec::new();
        let begun = container.begin(&mut header);
        begun.map_err(|error| FileError::io(path, error))?;
        let frame = plan.rate.frame_len();
        let (writer, track) = tick_track(plan.sides, frame, control);
        let means = Means {
            target: Target::create(driver, path, plan.existing, &header)?,
            container,
            reshape,
            channels,
            frame,
            pausing: plan.pausing,
        };
        Ok((Recorder::new(means, track, Arc::clone(control)), writer))
    }
}
