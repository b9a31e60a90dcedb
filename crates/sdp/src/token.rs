//! Splitting and reading the small words that SDP values are made of.
//!
//! Blanks are runs of spaces and tabs: RFC 8866 wants one space, peers differ.

/// Splits the first word off `text`; both sides without blanks around.
pub(crate) fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = trim(text);
    match text.iter().position(|&b| is_blank(b)) {
        Some(end) => (&text[..end], trim(&text[end..])),
        None => (text, &[]),
    }
}

/// Splits at the first `separator`; `None` when there is none.
pub(crate) fn split_at_byte(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The words of `text`.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    text.split(|&b| is_blank(b)).filter(|word| !word.is_empty())
}

/// `text` without blanks around.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_blank(*first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_blank(*last) {
            break;
        }
        text = rest;
    }
    text
}

pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A decimal number of digits only, up to `u64::MAX`.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A decimal number that fits `T`.
pub(crate) fn small<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    T::try_from(number(text)?).ok()
}

/// A non-empty word of visible ASCII.
pub(crate) fn visible(word: &[u8]) -> Option<&str> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    core::str::from_utf8(word).ok()
}

/// Which bytes may stand in a token.
const TOKEN_BYTES: [bool; 256] = {
    let mut fits = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        fits[byte] = !matches!(
            byte as u8,
            b'"' | b'(' | b')' | b',' | b'/' | b':'..=b'@' | b'['..=b']'
        );
        byte += 1;
    }
    fits
};

/// A token of RFC 8866 §9: visible ASCII without `"(),/:;<=>?@[\]`.
pub(crate) fn token(word: &[u8]) -> Option<&str> {
    if word.is_empty() || !word.iter().all(|&b| TOKEN_BYTES[usize::from(b)]) {
        return None;
    }
    core::str::from_utf8(word).ok()
}
