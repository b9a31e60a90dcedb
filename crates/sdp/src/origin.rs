//! The `o=` line: who made the description, and which version it is.
//!
//! RFC 8866 §5.2. Read from the right, because user names with spaces exist;
//! numbers stay text, because some are longer than 64 bits.

use core::net::IpAddr;

use crate::connection::Host;
use crate::token::{is_blank, number, trim};

/// An `o=` line, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin<'a> {
    /// The user, `-` when there is none; may hold blanks.
    pub username: &'a [u8],
    /// The session id, fixed for the session's life.
    pub session_id: &'a [u8],
    /// The version, one more whenever the description changes
    /// (RFC 3264 §8).
    pub version: &'a [u8],
    /// The network type, `IN`.
    pub network: &'a [u8],
    /// `IP4` or `IP6`.
    pub address_type: &'a [u8],
    /// The address of the machine, as written.
    pub address: &'a [u8],
}

impl<'a> Origin<'a> {
    /// Reads the value of an `o=` line.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (rest, address) = split_last(value)?;
        let (rest, address_type) = split_last(rest)?;
        let (rest, network) = split_last(rest)?;
        let (rest, version) = split_last(rest)?;
        let (username, session_id) = split_last(rest)?;
        let username = if username.is_empty() { b"-" } else { username };
        Some(Origin {
            username,
            session_id,
            version,
            network,
            address_type,
            address,
        })
    }

    /// The version as a number, unless it is none or above 64 bits.
    pub fn version_number(&self) -> Option<u64> {
        number(self.version)
    }

    /// The session id as a number, unless it is none or above 64 bits.
    pub fn session_id_number(&self) -> Option<u64> {
        number(self.session_id)
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        Host::parse(self.address)?.ip()
    }

    /// Whether `other` names the same session, whatever its version.
    pub fn is_same_session(&self, other: &Origin<'_>) -> bool {
        self.username == other.username
            && self.session_id == other.session_id
            && self.network == other.network
            && self.address_type == other.address_type
            && self.address == other.address
    }
}

/// Splits the last word off; `None` when there is none.
fn split_last(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = trim(text);
    if text.is_empty() {
        return None;
    }
    let start = text
        .iter()
        .rposition(|&b| is_blank(b))
        .map_or(0, |at| at + 1);
    Some((trim(&text[..start]), &text[start..]))
}
