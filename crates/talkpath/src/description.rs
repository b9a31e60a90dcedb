//! What counts as a description: typed, or text, or bytes.

use std::borrow::Cow;

use talkpath_sdp::{Answer, Offer, ParseError};

/// An offer, or text that may be one.
pub trait IntoOffer<'a> {
    /// The offer.
    ///
    /// # Errors
    /// [`ParseError`] when the text is no SDP.
    fn into_offer(self) -> Result<Cow<'a, Offer>, ParseError>;
}

/// An answer, or text that may be one.
pub trait IntoAnswer<'a> {
    /// The answer.
    ///
    /// # Errors
    /// [`ParseError`] when the text is no SDP.
    fn into_answer(self) -> Result<Cow<'a, Answer>, ParseError>;
}

impl<'a> IntoOffer<'a> for &'a Offer {
    fn into_offer(self) -> Result<Cow<'a, Offer>, ParseError> {
        Ok(Cow::Borrowed(self))
    }
}

impl<'a> IntoOffer<'a> for &str {
    fn into_offer(self) -> Result<Cow<'a, Offer>, ParseError> {
        Offer::parse(self).map(Cow::Owned)
    }
}

impl<'a> IntoOffer<'a> for &[u8] {
    fn into_offer(self) -> Result<Cow<'a, Offer>, ParseError> {
        Offer::parse(self).map(Cow::Owned)
    }
}

impl<'a> IntoOffer<'a> for &String {
    fn into_offer(self) -> Result<Cow<'a, Offer>, ParseError> {
        self.as_str().into_offer()
    }
}

impl<'a> IntoOffer<'a> for &Vec<u8> {
    fn into_offer(self) -> Result<Cow<'a, Offer>, ParseError> {
        self.as_slice().into_offer()
    }
}

impl<'a> IntoAnswer<'a> for &String {
    fn into_answer(self) -> Result<Cow<'a, Answer>, ParseError> {
        self.as_str().into_answer()
    }
}

impl<'a> IntoAnswer<'a> for &Vec<u8> {
    fn into_answer(self) -> Result<Cow<'a, Answer>, ParseError> {
        self.as_slice().into_answer()
    }
}

impl<'a> IntoAnswer<'a> for &'a Answer {
    fn into_answer(self) -> Result<Cow<'a, Answer>, ParseError> {
        Ok(Cow::Borrowed(self))
    }
}

impl<'a> IntoAnswer<'a> for &str {
    fn into_answer(self) -> Result<Cow<'a, Answer>, ParseError> {
        Answer::parse(self).map(Cow::Owned)
    }
}

impl<'a> IntoAnswer<'a> for &[u8] {
    fn into_answer(self) -> Result<Cow<'a, Answer>, ParseError> {
        Answer::parse(self).map(Cow::Owned)
    }
}
