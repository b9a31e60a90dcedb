//! Offers and answers: the same text, never the same type.
//!
//! An offer cannot be passed where an answer is wanted (RFC 3264 §4). Going
//! from one to the other means going through [`SessionDescription`] by name.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::description::SessionDescription;
use crate::error::ParseError;

/// Defines one of the two newtypes.
macro_rules! side {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name(SessionDescription);

        impl $name {
            /// Parses the bytes of a body.
            ///
            /// # Errors
            /// [`ParseError`] when they are no SDP or exceed a limit.
            pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, ParseError> {
                SessionDescription::parse(bytes).map($name)
            }

            /// Takes `description` as one.
            pub fn from_description(description: SessionDescription) -> Self {
                $name(description)
            }

            /// The description.
            pub fn description(&self) -> &SessionDescription {
                &self.0
            }

            /// The description, owned.
            pub fn into_description(self) -> SessionDescription {
                self.0
            }

            /// The text, byte for byte.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                $name::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = ParseError;

            fn try_from(text: &str) -> Result<Self, ParseError> {
                $name::parse(text)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ParseError;

            fn try_from(bytes: &[u8]) -> Result<Self, ParseError> {
                $name::parse(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.as_bytes()
            }
        }

        impl fmt::Display for $name {
            /// The text; bytes that are not UTF-8 show as U+FFFD.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&String::from_utf8_lossy(self.as_bytes()))
            }
        }
    };
}

side! {
    /// A description that proposes.
    ///
    /// ```
    /// use talkpath_sdp::Offer;
    /// let offer: Offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n".parse()?;
    /// assert!(offer.to_string().starts_with("v=0"));
    /// # Ok::<(), talkpath_sdp::ParseError>(())
    /// ```
    Offer
}
side! {
    /// A description that accepts or refuses what an [`Offer`] proposed.
    ///
    /// ```compile_fail
    /// use talkpath_sdp::{Answer, Offer};
    /// fn take(answer: &Answer) {}
    /// let offer: Offer = "v=0\r\n".parse().unwrap();
    /// take(&offer);
    /// ```
    Answer
}
