//! PCM: codecs, tones, resampling, concealment. Internal to Talkpath.
//!
//! Linear PCM is `i16`, interleaved where there is more than one channel. What
//! holds state is built once, outside the path of a packet; after that nothing
//! here allocates, reads a clock or fails on what came from the network other
//! than by a typed error. [`measure`] alone is for tests and tools, and may
//! allocate. This room knows nothing of RTP, calls or files.
#![forbid(unsafe_code)]

pub mod channels;
pub mod codec;
pub mod comfort_noise;
pub mod conceal;
pub mod dtmf;
pub mod g711;
pub mod g722;
pub mod l16;
pub mod level;
pub mod measure;
pub mod mixer;
pub mod opus;
mod pitch;
pub mod rate;
pub mod resample;
pub mod stretch;
pub mod tone;
pub mod voice;

pub use channels::{PartialFrame, downmix};
pub use codec::{Codec, Concealment, DecodeError, Decoder, EncodeError, Encoder, Parameters};
pub use conceal::{Concealer, Fill};
pub use level::{Dbov, LevelMeter, Loudness};
pub use rate::{SampleRate, UnsupportedRate};
pub use resample::{Progress, ResampleError, Resampler};
pub use stretch::{TimeScaler, Urgency};
pub use tone::{Cadence, Tone, ToneGenerator};
