//! Who watches for speech in what is heard.
//!
//! In: frames as they are heard. Out: that speech started, or stopped and how
//! long it had lasted. Frames that nobody sent are no speech.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use talkpath_audio::voice::{Detector, Voice};
use talkpath_media::{StreamIndex, Tick};

use crate::event::Happening;

/// One watcher of a stream.
pub(crate) struct SpeechWatch {
    detector: Detector,
    stream: StreamIndex,
    /// Gone once nobody wants to know any more.
    wanted: Weak<()>,
    /// The tick in which speech started.
    since: u64,
}

impl SpeechWatch {
    /// Watches for as long as `wanted` lives.
    pub(crate) fn new(detector: Detector, stream: StreamIndex, wanted: &Arc<()>) -> Self {
        SpeechWatch {
            detector,
            stream,
            wanted: Arc::downgrade(wanted),
            since: 0,
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.strong_count() > 0
    }

    /// Hears a frame; what changed with it.
    pub(crate) fn hear(&mut self, tick: &Tick<'_>) -> Option<Happening> {
        let stream = self.stream;
        match self.detector.push(tick.heard)? {
            Voice::Started => {
                self.since = tick.number;
                Some(Happening::SpeechStarted { stream })
            }
            Voice::Stopped => {
                let ticks = tick.number.saturating_sub(self.since);
                let lasted = TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
                Some(Happening::SpeechStopped { stream, lasted })
            }
        }
    }
}

impl fmt::Debug for SpeechWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechWatch").finish_non_exhaustive()
    }
}

const TICK: Duration = Duration::from_millis(20);
