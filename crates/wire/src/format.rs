//! What a payload is: encoding, clock, channels and parameters.

use alloc::boxed::Box;
use core::fmt;

/// A media format as SDP names it: `rtpmap` and `fmtp` without the number.
///
/// Whether two formats can talk to each other is the business of negotiation,
/// which compares parameters by meaning; `==` compares the letters of `fmtp`
/// and, ASCII case aside (RFC 4855 §3), the encoding name.
#[derive(Clone, Debug)]
pub struct Format {
    /// Encoding name, as written: `PCMU`, `opus`, `telephone-event`.
    pub encoding: Box<str>,
    /// RTP clock rate in Hz; 8000 for G.722 (RFC 3551 §4.5.2).
    pub clock_rate: u32,
    /// Channels, 1 when SDP is silent.
    pub channels: u8,
    /// The parameters of `a=fmtp` after the number, as written; empty if none.
    pub fmtp: Box<[u8]>,
}

impl Format {
    /// A format of one channel without parameters.
    ///
    /// ```
    /// use talkpath_wire::Format;
    /// assert_eq!(Format::new("PCMU", 8000), Format::new("pcmu", 8000));
    /// ```
    pub fn new(encoding: &str, clock_rate: u32) -> Self {
        Format {
            encoding: encoding.into(),
            clock_rate,
            channels: 1,
            fmtp: Box::default(),
        }
    }

    /// The same format with `channels`.
    #[must_use]
    pub fn with_channels(mut self, channels: u8) -> Self {
        self.channels = channels;
        self
    }

    /// The same format with the parameters `fmtp`.
    #[must_use]
    pub fn with_fmtp(mut self, fmtp: &[u8]) -> Self {
        self.fmtp = fmtp.into();
        self
    }

    /// Whether this is `encoding`, ASCII case aside.
    pub fn is(&self, encoding: &str) -> bool {
        self.encoding.eq_ignore_ascii_case(encoding)
    }

    /// Whether this is an RFC 4733 telephone-event format.
    pub fn is_telephone_event(&self) -> bool {
        self.is("telephone-event")
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.encoding)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
            && self.fmtp == other.fmtp
    }
}

impl Eq for Format {}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.encoding, self.clock_rate)?;
        if self.channels != 1 {
            write!(f, "/{}", self.channels)
        } else {
            Ok(())
        }
    }
}
