//! EBML: elements of an identifier, a size and a body (RFC 8794).
//!
//! In: values, out: their bytes at the end of a buffer; and the heads of elements
//! read back. Elements with children have sizes of 8 bytes, so that a size can be
//! written over another; all others have the shortest one.

/// Appends an element whose body the closure appends.
pub(super) fn parent(out: &mut Vec<u8>, id: u32, body: impl FnOnce(&mut Vec<u8>)) {
    put_id(out, id);
    let at = out.len();
    out.extend_from_slice(&UNKNOWN_SIZE);
    body(out);
    let len = (out.len() - at - 8) as u64;
    out[at..at + 8].copy_from_slice(&size8(len));
}

/// Appends an element with these bytes.
pub(super) fn binary(out: &mut Vec<u8>, id: u32, bytes: &[u8]) {
    put_id(out, id);
    put_size(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a text.
pub(super) fn text(out: &mut Vec<u8>, id: u32, text: &str) {
    binary(out, id, text.as_bytes());
}

/// Appends an unsigned number in as few bytes as it needs.
pub(super) fn uint(out: &mut Vec<u8>, id: u32, value: u64) {
    let bytes = value.to_be_bytes();
    let zeros = (value.leading_zeros() / 8).min(7) as usize;
    binary(out, id, &bytes[zeros..]);
}

/// Appends a signed number of 8 bytes: a date, in nanoseconds since 2001.
pub(super) fn date(out: &mut Vec<u8>, id: u32, value: i64) {
    binary(out, id, &value.to_be_bytes());
}

/// Appends a floating-point number of 8 bytes.
pub(super) fn float(out: &mut Vec<u8>, id: u32, value: f64) {
    binary(out, id, &value.to_be_bytes());
}

/// Appends `len` bytes, at least 9, that mean nothing.
pub(super) fn void(out: &mut Vec<u8>, len: usize) {
    let end = out.len() + len;
    put_id(out, super::id::VOID);
    out.extend_from_slice(&size8(len.saturating_sub(9) as u64));
    out.resize(end, 0);
}

/// Appends an identifier, which has its length in its first bits.
pub(super) fn put_id(out: &mut Vec<u8>, id: u32) {
    let zeros = (id.leading_zeros() / 8) as usize;
    out.extend_from_slice(&id.to_be_bytes()[zeros..]);
}

/// Appends a size in as few bytes as it needs.
pub(super) fn put_size(out: &mut Vec<u8>, size: u64) {
    // RFC 8794 §6.2: all ones would mean that it is unknown.
    let len = (1..8).find(|len| size < (1 << (7 * len)) - 1).unwrap_or(8);
    out.extend_from_slice(&size_of_len(size, len)[8 - len..]);
}

/// A size in 8 bytes.
pub(super) fn size8(size: u64) -> [u8; 8] {
    size_of_len(size, 8)
}

/// A size in the last `len` of 8 bytes.
pub(super) fn size_of_len(size: u64, len: usize) -> [u8; 8] {
    (size & (MAX_SIZE >> (7 * (8 - len))) | 1 << (7 * len)).to_be_bytes()
}

/// What an element begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: u32,
    /// Bytes of the identifier.
    pub(super) id_len: usize,
    /// Bytes of the size.
    pub(super) size_len: usize,
    /// Bytes of the body; `None` where it is unknown.
    pub(super) size: Option<u64>,
}

/// Why no element can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHead {
    /// There are not enough bytes to tell.
    More,
    /// No identifier, or no size, begins with these bits.
    Invalid,
}

impl Head {
    /// Reads the head of the element that begins with `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoHead> {
        let id_len = bytes.first().ok_or(NoHead::More)?.leading_zeros() as usize + 1;
        // RFC 8794 §5: identifiers of Matroska have up to 4 bytes.
        if id_len > 4 {
            return Err(NoHead::Invalid);
        }
        let (id, rest) = bytes.split_at_checked(id_len).ok_or(NoHead::More)?;
        let size_len = rest.first().ok_or(NoHead::More)?.leading_zeros() as usize + 1;
        if size_len > 8 {
            return Err(NoHead::Invalid);
        }
        let size = rest.get(..size_len).ok_or(NoHead::More)?;
        let ones = MAX_SIZE >> (7 * (8 - size_len));
        let size = number(size) & ones;
        Ok(Self {
            id: number(id) as u32,
            id_len,
            size_len,
            size: (size != ones).then_some(size),
        })
    }

    /// Bytes of identifier and size.
    pub(super) fn len(&self) -> usize {
        self.id_len + self.size_len
    }
}

/// Up to 8 bytes as an unsigned number.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// All ones in 8 bytes: whoever reads it finds the end by itself.
pub(super) const UNKNOWN_SIZE: [u8; 8] = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/// 56 bits.
const MAX_SIZE: u64 = 0x00ff_ffff_ffff_ffff;
/// The longest head of an element.
pub(super) const MAX_HEAD: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8794 §4.4: the first numbers that need another byte.
    #[test]
    fn sizes_have_as_few_bytes_as_they_need() {
        for (size, len) in [(0, 1), (126, 1), (127, 2), (16_382, 2), (16_383, 3)] {
            let mut bytes = vec![0xa3];
            put_size(&mut bytes, size);
            assert_eq!(bytes.len(), 1 + len);
            let head = Head::parse(&bytes).unwrap();
            assert_eq!((head.size, head.size_len), (Some(size), len));
        }
        let unknown = [&[0xa3], &UNKNOWN_SIZE[..]].concat();
        assert_eq!(Head::parse(&unknown).unwrap().size, None);
        assert_eq!(Head::parse(&[0xa3, 0xff]).unwrap().size, None);
    }

    #[test]
    fn a_void_is_as_long_as_asked() {
        for len in 9..300 {
            let mut bytes = Vec::new();
            void(&mut bytes, len);
            let head = Head::parse(&bytes).unwrap();
            assert_eq!(bytes.len(), len);
            assert_eq!(head.len() + head.size.unwrap() as usize, len);
        }
    }
}
