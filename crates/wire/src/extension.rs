//! RTP header extensions and their elements.
//!
//! In: the block that [`RtpPacket::extension`](crate::RtpPacket::extension)
//! found. Out: an iterator over elements of the one-byte and the two-byte
//! form. Ends at the first element that does not fit, as RFC 8285 §4.2 asks
//! for the forbidden ones; it never fails.
//!
//! RFC 3550 §5.3.1, RFC 8285 §4.2 and §4.3. Leaves out what an element means:
//! that is bound by `a=extmap`.

/// A header extension as it stands in the packet (RFC 3550 §5.3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeaderExtension<'a> {
    /// The field "defined by profile".
    pub profile: u16,
    /// The words after the length, padding included.
    pub data: &'a [u8],
}

/// One element of a header extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExtensionElement<'a> {
    /// The local identifier that `a=extmap` binds: 1..=14 in the one-byte
    /// form, 1..=255 in the two-byte form.
    pub id: u8,
    /// The value: 1..=16 bytes in the one-byte form, 0..=255 in the other.
    pub data: &'a [u8],
}

impl<'a> HeaderExtension<'a> {
    /// The profile of one-byte elements (RFC 8285 §4.2).
    pub const ONE_BYTE: u16 = 0xbede;
    /// The lowest profile of two-byte elements; the last four bits are the
    /// application's (RFC 8285 §4.3).
    pub const TWO_BYTE: u16 = 0x1000;

    /// The elements, none when the profile is neither form of RFC 8285.
    ///
    /// ```
    /// use talkpath_wire::HeaderExtension;
    /// let level = HeaderExtension { profile: HeaderExtension::ONE_BYTE, data: &[0x10, 0x8a, 0, 0] };
    /// let element = level.elements().next().unwrap();
    /// assert_eq!((element.id, element.data), (1, &[0x8a][..]));
    /// ```
    pub fn elements(&self) -> ExtensionElements<'a> {
        let form = match self.profile {
            Self::ONE_BYTE => Some(Form::OneByte),
            profile if profile & 0xfff0 == Self::TWO_BYTE => Some(Form::TwoByte),
            _ => None,
        };
        match form {
            Some(form) => ExtensionElements {
                form,
                rest: self.data,
            },
            None => ExtensionElements {
                form: Form::OneByte,
                rest: &[],
            },
        }
    }

    /// The value of the first element `id`.
    pub fn element(&self, id: u8) -> Option<&'a [u8]> {
        self.elements()
            .find(|element| element.id == id)
            .map(|element| element.data)
    }
}

/// Iterator over the elements of a header extension.
#[derive(Clone, Debug)]
pub struct ExtensionElements<'a> {
    form: Form,
    rest: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum Form {
    OneByte,
    TwoByte,
}

impl<'a> Iterator for ExtensionElements<'a> {
    type Item = ExtensionElement<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let element = loop {
            match self.rest {
                // RFC 8285 §4.2, §4.3: a zero byte is padding in both forms.
                [0, rest @ ..] => self.rest = rest,
                [] => return None,
                _ => break self.split(),
            }
        };
        if element.is_none() {
            self.rest = &[];
        }
        element
    }
}

impl<'a> ExtensionElements<'a> {
    /// Takes the element at the front, which is not padding.
    fn split(&mut self) -> Option<ExtensionElement<'a>> {
        let (id, length, rest) = match (self.form, self.rest) {
            // RFC 8285 §4.2: at ID 15, and at ID 0 with a length, processing
            // of the whole extension ends.
            (Form::OneByte, &[head, ref rest @ ..]) if (1..=14).contains(&(head >> 4)) => {
                (head >> 4, usize::from(head & 0x0f) + 1, rest)
            }
            (Form::TwoByte, &[id, length, ref rest @ ..]) => (id, usize::from(length), rest),
            _ => return None,
        };
        let (data, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(ExtensionElement { id, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn ids(profile: u16, data: &[u8]) -> Vec<(u8, usize)> {
        let extension = HeaderExtension { profile, data };
        extension.elements().map(|e| (e.id, e.data.len())).collect()
    }

    // RFC 8285 §4.2, the example's shape: lengths 1, 2 (padded), 4.
    #[test]
    fn one_byte_elements_skip_padding_between_them() {
        let data = [0x10, 9, 0x21, 8, 8, 0, 0, 0x33, 7, 7, 7, 7];
        assert_eq!(ids(0xbede, &data), [(1, 1), (2, 2), (3, 4)]);
    }

    // RFC 8285 §4.3.
    #[test]
    fn two_byte_elements_may_be_empty_and_ignore_the_application_bits() {
        let data = [1, 0, 2, 1, 9, 0, 200, 3, 7, 7, 7, 0];
        assert_eq!(ids(0x1000, &data), [(1, 0), (2, 1), (200, 3)]);
        assert_eq!(ids(0x100f, &data).len(), 3);
    }

    // RFC 8285 §4.2.
    #[test]
    fn id_15_and_id_0_with_length_end_the_one_byte_form() {
        assert_eq!(ids(0xbede, &[0x10, 9, 0xf0, 9, 0x20, 9]), [(1, 1)]);
        assert_eq!(ids(0xbede, &[0x10, 9, 0x03, 9, 0x20, 9]), [(1, 1)]);
    }

    #[test]
    fn an_element_that_overruns_the_block_ends_it() {
        assert_eq!(ids(0xbede, &[0x10, 9, 0x2f, 9]), [(1, 1)]);
        assert_eq!(ids(0x1000, &[1, 1, 9, 2]), [(1, 1)]);
        assert_eq!(ids(0x1000, &[1, 1, 9, 2, 255, 0]), [(1, 1)]);
    }

    #[test]
    fn a_foreign_profile_has_no_elements() {
        assert!(ids(0xabac, &[0x10, 9, 0, 0]).is_empty());
    }
}
