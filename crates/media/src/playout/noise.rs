//! What is heard while the peer says that it pauses.
//!
//! In: descriptions of comfort noise (RFC 3389), when their moment has come.
//! Out: whether the peer pauses, and what fills the pause.

/// The comfort noise that is heard now.
#[derive(Default)]
pub(super) struct Noise {
    is_on: bool,
}

impl Noise {
    /// The peer pauses, and describes what is to be heard meanwhile.
    pub(super) fn begin(&mut self, _description: &[u8]) {
        self.is_on = true;
    }

    /// The peer speaks again.
    pub(super) fn end(&mut self) {
        self.is_on = false;
    }

    /// Whether the peer said that it pauses.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }
}
