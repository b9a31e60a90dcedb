//! `a=crypto`: SRTP keys in SDP. RFC 4568 §4, §6; RFC 7714, RFC 6188 suites.
//!
//! Key material stays in the text it came in; `Debug` never shows it. What a
//! suite means, and decoding the keys, is the transport's business.

use alloc::vec::Vec;
use core::fmt;

use super::{Attribute, push};
use crate::token::{number, small, split_word, trim, visible, words};

/// `a=crypto:<tag> <suite> <key parameters> [session parameters]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Crypto<'a> {
    /// What the answer repeats of the line it takes.
    pub tag: u32,
    /// `AES_CM_128_HMAC_SHA1_80` and others, as written.
    pub suite: &'a str,
    /// `inline:…[;inline:…]`, as written. A secret.
    pub keys: &'a [u8],
    /// `UNENCRYPTED_SRTP`, `KDR=…` and others, as written.
    pub session_parameters: &'a [u8],
}

/// One `inline:` key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyParameter<'a> {
    /// Master key and salt in base64. A secret.
    pub key_and_salt: &'a [u8],
    /// Packets the key may protect, when written (`2^31` or decimal).
    pub lifetime: Option<u128>,
    /// Master key identifier and its length in bytes, when written.
    pub mki: Option<(u64, u8)>,
}

impl<'a> Crypto<'a> {
    /// The keys in order; `None` for one that cannot be read.
    pub fn key_parameters(&self) -> impl Iterator<Item = Option<KeyParameter<'a>>> + use<'a> {
        self.keys
            .split(|&b| b == b';')
            .map(trim)
            .map(KeyParameter::parse)
    }

    /// The session parameters one by one.
    pub fn session_parameters(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        words(self.session_parameters)
    }
}

impl fmt::Debug for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Crypto {{ tag: {}, suite: {}, keys: … }}",
            self.tag, self.suite
        )
    }
}

impl<'a> KeyParameter<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        // RFC 4568 §9.2: the method's name is matched without regard to case.
        let (method, rest) = text.split_at_checked(7)?;
        if !method.eq_ignore_ascii_case(b"inline:") {
            return None;
        }
        let mut parts = rest.split(|&b| b == b'|');
        let key_and_salt = parts.next().filter(|key| is_base64(key))?;
        let mut key = KeyParameter {
            key_and_salt,
            lifetime: None,
            mki: None,
        };
        for part in parts {
            match part.iter().position(|&b| b == b':') {
                Some(at) if key.mki.is_none() => {
                    key.mki = Some((number(&part[..at])?, mki_length(&part[at + 1..])?));
                }
                None if key.lifetime.is_none() && key.mki.is_none() => {
                    key.lifetime = Some(lifetime(part)?);
                }
                _ => return None,
            }
        }
        Some(key)
    }
}

impl fmt::Debug for KeyParameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyParameter")
            .field("lifetime", &self.lifetime)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

fn is_base64(text: &[u8]) -> bool {
    let fits = |&b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    !text.is_empty() && text.iter().all(fits)
}

/// RFC 4568 §6.1: 1..=128 bytes.
fn mki_length(text: &[u8]) -> Option<u8> {
    small(text).filter(|length| (1..=128).contains(length))
}

/// RFC 4568 §6.1: `2^n` or a decimal number, not 0.
fn lifetime(text: &[u8]) -> Option<u128> {
    match text.strip_prefix(b"2^") {
        Some(exponent) => 1u128.checked_shl(small(exponent)?),
        None => number(text).map(u128::from).filter(|&packets| packets != 0),
    }
}

impl<'a> Attribute<'a> for Crypto<'a> {
    const NAME: &'static str = "crypto";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (tag, rest) = split_word(value);
        let (suite, rest) = split_word(rest);
        let (keys, session_parameters) = split_word(rest);
        if keys.is_empty() {
            return None;
        }
        Some(Crypto {
            tag: small(tag)?,
            suite: visible(suite)?,
            keys,
            session_parameters,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(out, format_args!("{} {} ", self.tag, self.suite));
        out.extend_from_slice(self.keys);
        for parameter in self.session_parameters() {
            out.push(b' ');
            out.extend_from_slice(parameter);
        }
    }
}
