//! Bytes read as a list of operations.
//!
//! Numbers are taken from the front; where the bytes end, zeros follow, and
//! [`Script::next`] ends the list. So each change of a byte changes one number,
//! and every input is a list.

/// What is left of the input.
#[derive(Clone, Debug)]
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Script(bytes)
    }

    /// The number of the next operation, below `kinds`; none at the end.
    pub(crate) fn next(&mut self, kinds: u8) -> Option<u8> {
        (!self.0.is_empty()).then(|| self.below(kinds))
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u8) -> u8 {
        self.u8() % bound
    }

    /// One of `these`, which are at most 256.
    pub(crate) fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[usize::from(self.u8()) % these.len()]
    }

    /// The next bytes, at most `most`, by a length in front.
    pub(crate) fn bytes(&mut self, most: u8) -> &'a [u8] {
        let len = usize::from(self.u8().min(most)).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let len = N.min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        array[..len].copy_from_slice(bytes);
        self.0 = rest;
        array
    }
}

#[cfg(test)]
mod tests {
    use super::Script;

    #[test]
    fn every_input_is_a_list_and_every_list_ends() {
        let mut script = Script::new(&[7, 2, b'a', b'b', 1, 0xff]);
        assert_eq!(script.next(4), Some(3));
        assert_eq!(script.bytes(10), b"ab");
        assert!(script.flag());
        assert_eq!(script.u16(), 0xff00);
        assert_eq!(script.next(4), None);
        assert_eq!((script.u32(), script.bytes(3)), (0, &b""[..]));
    }
}
