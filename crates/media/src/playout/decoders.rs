//! The decoders of one stream: one for each codec that it has changed to.
//!
//! In: the codec of what comes. Out: a small key that waits with each payload,
//! so that what came before a change is played as what it is, in any order.

use talkpath_audio::{Codec, Decoder, Parameters};

/// The codecs of a stream whose samples have one rate.
pub(super) struct Decoders {
    all: Vec<(&'static dyn Codec, Box<dyn Decoder>)>,
    current: Key,
}

/// Which decoder a payload is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Key(u8);

impl Decoders {
    /// Those of a stream that begins with `codec`.
    pub(super) fn new(codec: &'static dyn Codec) -> Self {
        Decoders {
            all: vec![(codec, codec.decoder(Parameters::NONE))],
            current: Key::default(),
        }
    }

    /// The codec of what comes now.
    pub(super) fn codec(&self) -> &'static dyn Codec {
        self.all[usize::from(self.current.0)].0
    }

    /// The key of what comes now.
    pub(super) fn current(&self) -> Key {
        self.current
    }

    /// The decoder of a payload that waited.
    pub(super) fn get(&mut self, key: Key) -> &mut dyn Decoder {
        &mut *self.all[usize::from(key.0)].1
    }

    /// What comes is of `codec` from now on. False when there is no key left:
    /// more codecs than the table of them has.
    pub(super) fn change(&mut self, codec: &'static dyn Codec) -> bool {
        let known = self.all.iter().position(|(known, _)| same(*known, codec));
        let Ok(key) = u8::try_from(known.unwrap_or(self.all.len())) else {
            return false;
        };
        if known.is_none() {
            self.all.push((codec, codec.decoder(Parameters::NONE)));
        }
        self.current = Key(key);
        true
    }
}

/// Whether two codecs are the same entry of the table.
pub(crate) fn same(a: &dyn Codec, b: &dyn Codec) -> bool {
    a.name() == b.name() && a.clock_rate() == b.clock_rate() && a.channels() == b.channels()
}
