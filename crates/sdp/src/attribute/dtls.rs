//! `a=fingerprint` (RFC 8122 §5) and `a=setup` (RFC 4145 §4, RFC 5763 §5).

use alloc::vec::Vec;

use super::{Attribute, push};
use crate::token::{split_word, token, trim};

/// `a=fingerprint:<hash> <AA:BB:...>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint<'a> {
    /// `sha-256` and others, as written; compare ASCII case aside.
    pub hash: &'a str,
    /// The digest in hexadecimal pairs, checked.
    digest: &'a [u8],
}

impl<'a> Fingerprint<'a> {
    /// The line for a digest in hexadecimal pairs with colons.
    pub fn new(hash: &'a str, hex: &'a [u8]) -> Option<Self> {
        let pair = |pair: &[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
        hex.split(|&b| b == b':')
            .all(pair)
            .then_some(Fingerprint { hash, digest: hex })
    }

    /// The digest, byte by byte.
    pub fn digest(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.digest.split(|&b| b == b':').map(|pair| {
            pair.iter()
                .fold(0, |byte, &digit| byte << 4 | nibble(digit))
        })
    }

    /// The digest as text.
    pub fn hex(&self) -> &'a [u8] {
        self.digest
    }
}

/// The value of a hexadecimal digit that was checked to be one.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

impl<'a> Attribute<'a> for Fingerprint<'a> {
    const NAME: &'static str = "fingerprint";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (hash, digest) = split_word(value);
        Fingerprint::new(token(hash)?, digest)
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(out, format_args!("{} ", self.hash));
        out.extend_from_slice(self.digest);
    }
}

/// `a=setup`: who opens the DTLS association.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setup {
    /// The writer does.
    Active,
    /// The peer does.
    Passive,
    /// The answerer chooses; for offers only.
    ActPass,
    /// Nobody, for now.
    HoldConn,
}

impl Setup {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
            Setup::HoldConn => "holdconn",
        }
    }
}

impl<'a> Attribute<'a> for Setup {
    const NAME: &'static str = "setup";

    fn parse(value: &'a [u8]) -> Option<Self> {
        match trim(value) {
            b"active" => Some(Setup::Active),
            b"passive" => Some(Setup::Passive),
            b"actpass" => Some(Setup::ActPass),
            b"holdconn" => Some(Setup::HoldConn),
            _ => None,
        }
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}
