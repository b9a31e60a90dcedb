//! The canonical name that stands in every SDES of ours.
//!
//! In: 96 random bits, or a text. Out: a name of at most 255 bytes.
//! RFC 7022 §4.2: short-term persistent, one per session, telling nothing of
//! host or user.

/// A canonical name (RFC 3550 §6.5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cname(Box<str>);

/// A text that cannot be a canonical name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CnameError {
    /// It is empty or longer than 255 bytes (RFC 3550 §6.5).
    #[error("canonical name of {0} bytes, 1 to 255 fit")]
    Length(usize),
    /// It holds a null octet, which would end it (RFC 3550 §6.5).
    #[error("canonical name with a null octet")]
    Null,
}

impl Cname {
    /// The name of 96 random bits (RFC 7022 §4.2): 16 letters of base64.
    ///
    /// ```
    /// use talkpath_media::rtp::Cname;
    /// let name = Cname::from_random(*b"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\xff\xff\xff");
    /// assert_eq!(name.as_str(), "ABCDEFGHIJKL////");
    /// ```
    pub fn from_random(bits: [u8; 12]) -> Self {
        let letters = bits.as_chunks::<3>().0.iter().flat_map(|&[a, b, c]| {
            let group = u32::from_be_bytes([0, a, b, c]);
            [18, 12, 6, 0].map(|shift| letter((group >> shift) as u8 & 0x3f))
        });
        Cname(letters.collect())
    }

    /// The name `text`.
    ///
    /// # Errors
    /// [`CnameError`] when it does not fit into an SDES item.
    pub fn new(text: &str) -> Result<Self, CnameError> {
        match text.len() {
            1..=255 if text.contains('\0') => Err(CnameError::Null),
            1..=255 => Ok(Cname(text.into())),
            length => Err(CnameError::Length(length)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// RFC 4648 §4.
fn letter(sextet: u8) -> char {
    char::from(match sextet {
        0..=25 => b'A' + sextet,
        26..=51 => b'a' + (sextet - 26),
        52..=61 => b'0' + (sextet - 52),
        62 => b'+',
        _ => b'/',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_random_bits_have_sixteen_letters_of_base64() {
        assert_eq!(Cname::from_random([0; 12]).as_str(), "AAAAAAAAAAAAAAAA");
        assert_eq!(Cname::from_random([0xfb; 12]).as_str(), "+/v7+/v7+/v7+/v7");
    }

    #[test]
    fn names_that_do_not_fit_an_item_are_refused() {
        assert_eq!(Cname::new(""), Err(CnameError::Length(0)));
        assert_eq!(Cname::new(&"a".repeat(256)), Err(CnameError::Length(256)));
        assert_eq!(Cname::new("a\0b"), Err(CnameError::Null));
        assert!(Cname::new(&"a".repeat(255)).is_ok());
    }
}
