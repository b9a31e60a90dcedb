//! The codecs that an application can ask for.
//!
//! A [`Codec`] is an entry of the table of built-in codecs, one of the
//! application's own, or a format that passes through unread, with what is to
//! be said of it in `a=fmtp`. The table itself is `talkpath_audio::codec`.

use std::fmt;
use std::sync::Arc;

use talkpath_audio::SampleRate;
use talkpath_audio::codec as table;
use talkpath_wire::Format;

/// An audio codec, as a session wants it.
///
/// ```
/// use talkpath::Codec;
/// let music = Codec::OPUS.with_parameters("stereo=1;maxaveragebitrate=64000");
/// assert_eq!("pcmA".parse(), Ok(Codec::PCMA));
/// assert_eq!(music.to_string(), "opus/48000/2");
/// ```
#[derive(Clone)]
pub struct Codec {
    entry: Entry,
    /// Said instead of what the codec says of itself.
    parameters: Option<Arc<str>>,
}

/// What makes the samples.
#[derive(Clone)]
enum Entry {
    /// A codec that encodes and decodes.
    Codes(&'static dyn talkpath_audio::Codec),
    /// Nothing does: its packets are relayed and captured as they are.
    Passes(Arc<Format>),
}

impl Codec {
    /// G.711 µ-law, 8 kHz, payload type 0 (RFC 3551 §4.5.14).
    pub const PCMU: Codec = Codec::custom(&talkpath_audio::g711::PCMU);
    /// G.711 A-law, 8 kHz, payload type 8 (RFC 3551 §4.5.14).
    pub const PCMA: Codec = Codec::custom(&talkpath_audio::g711::PCMA);
    /// G.722, 16 kHz at 64 kbit/s, payload type 9 (RFC 3551 §4.5.2).
    pub const G722: Codec = Codec::custom(&talkpath_audio::g722::G722);
    /// Opus, up to 48 kHz, with redundancy against loss (RFC 7587).
    pub const OPUS: Codec = Codec::custom(&talkpath_audio::opus::OPUS);
    /// Linear PCM at 8 kHz (RFC 3551 §4.5.11).
    pub const L16_8000: Codec = Codec::custom(&talkpath_audio::l16::MONO_8000);
    /// Linear PCM at 16 kHz (RFC 3551 §4.5.11).
    pub const L16_16000: Codec = Codec::custom(&talkpath_audio::l16::MONO_16000);

    /// Both laws of G.711, which every phone has.
    pub const G711: [Codec; 2] = [Codec::PCMU, Codec::PCMA];
    /// What to offer when nothing speaks against it, the best first.
    pub const USUAL: [Codec; 4] = [Codec::OPUS, Codec::G722, Codec::PCMU, Codec::PCMA];

    /// Every built-in codec, the preferred ones first.
    pub fn all() -> impl Iterator<Item = Codec> {
        table::BUILT_IN.iter().map(|entry| Codec::custom(*entry))
    }

    /// A codec of the application's own.
    ///
    /// ```
    /// # use talkpath::Codec;
    /// use talkpath::audio::g711;
    /// // Whatever implements `talkpath::audio::Codec`; `examples/own_codec.rs` has one.
    /// const MINE: Codec = Codec::custom(&g711::PCMU);
    /// ```
    pub const fn custom(codec: &'static dyn talkpath_audio::Codec) -> Self {
        Codec {
            entry: Entry::Codes(codec),
            parameters: None,
        }
    }

    /// A format that nothing here encodes or decodes: it can be agreed on,
    /// relayed and captured. What is in its packets is not heard.
    ///
    /// ```
    /// use talkpath::Codec;
    /// let g729 = Codec::passthrough("G729", 8000).with_parameters("annexb=no");
    /// assert!(!g729.is_heard());
    /// ```
    pub fn passthrough(encoding: &str, clock_rate: u32) -> Self {
        Codec {
            entry: Entry::Passes(Arc::new(Format::new(encoding, clock_rate))),
            parameters: None,
        }
    }

    /// The same, saying `parameters` in `a=fmtp` of what we receive.
    #[must_use]
    pub fn with_parameters(mut self, parameters: &str) -> Self {
        self.parameters = Some(parameters.into());
        self
    }

    /// Whether its packets can be made of samples and samples of its packets.
    pub fn is_heard(&self) -> bool {
        self.entry().is_some()
    }

    /// The rate of its samples, which is not always its clock's; none of what
    /// passes through.
    ///
    /// ```
    /// use talkpath::{Codec, SampleRate};
    /// assert_eq!(Codec::G722.format().clock_rate, 8000);
    /// assert_eq!(Codec::G722.sample_rate(), Some(SampleRate::HZ_16000));
    /// ```
    pub fn sample_rate(&self) -> Option<SampleRate> {
        self.entry().map(talkpath_audio::Codec::sample_rate)
    }

    /// The format as SDP names it.
    pub fn format(&self) -> Format {
        let (format, said) = match &self.entry {
            Entry::Codes(codec) => {
                let format = Format::new(codec.name(), codec.clock_rate());
                let format = format.with_channels(codec.rtpmap_channels());
                (format, codec.default_parameters())
            }
            Entry::Passes(format) => (Format::clone(format), ""),
        };
        let said = self.parameters.as_deref().unwrap_or(said);
        format.with_fmtp(said.as_bytes())
    }

    /// What encodes and decodes it.
    pub(crate) fn entry(&self) -> Option<&'static dyn talkpath_audio::Codec> {
        match self.entry {
            Entry::Codes(codec) => Some(codec),
            Entry::Passes(_) => None,
        }
    }
}

impl PartialEq for Codec {
    fn eq(&self, other: &Self) -> bool {
        self.is_heard() == other.is_heard() && self.format() == other.format()
    }
}

impl Eq for Codec {}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({self})")
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.format().fmt(f)
    }
}

impl std::str::FromStr for Codec {
    type Err = UnknownCodec;

    /// The built-in codec of that encoding name, case aside; where one name has
    /// several clock rates, `L16/16000` chooses among them.
    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        let is_named = |codec: &Codec| {
            let format = codec.format();
            format.is(name) || format.to_string().eq_ignore_ascii_case(name)
        };
        let found = Codec::all().find(is_named);
        found.ok_or_else(|| UnknownCodec { name: name.into() })
    }
}

/// A codec name that nothing here encodes or decodes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no codec {name:?}; there are {}", names())]
pub struct UnknownCodec {
    /// The name asked for.
    pub name: String,
}

fn names() -> String {
    let mut names: Vec<String> = Vec::new();
    for codec in Codec::all() {
        let name = String::from(codec.format().encoding);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_found_by_name_whatever_the_case() {
        assert_eq!("pcmA".parse(), Ok(Codec::PCMA));
        let error = "g729".parse::<Codec>().unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("there is no codec \"g729\"; there are "));
        assert!(said.contains("PCMU, PCMA"), "{said}");
    }

    #[test]
    fn every_codec_is_found_by_its_own_name() {
        for codec in Codec::all() {
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
    }

    #[test]
    fn what_passes_through_says_what_it_was_told_to() {
        let amr = Codec::passthrough("AMR", 8000).with_parameters("octet-align=1");
        assert_eq!(&*amr.format().fmtp, b"octet-align=1");
        assert_ne!(Codec::passthrough("PCMU", 8000), Codec::PCMU);
    }
}
