//! How what comes in on one stream leaves on another.
//!
//! In: the format that comes in, what the other peer accepts, and whether
//! anybody needs samples. Out: a [`Route`]. Pure, and asked again only when one
//! of the three changes: transcoding is decided, not configured. Where packets
//! can pass as they are, they pass: no delay of a jitter buffer, no loss of a
//! second encoding, and the peer's own redundancy stays of use.

use talkpath_sdp::negotiate::{is_auxiliary, same_codec};
use talkpath_wire::PayloadType;

use crate::setup::{Agreement, Numbered};

/// What happens to the packets of one format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// They leave as they came, with this number.
    Relay(PayloadType),
    /// They are decoded, and what is heard is encoded again.
    Transcode,
    /// Neither can be: nothing here decodes them, and the other peer does not
    /// know them.
    Impossible,
}

/// Whether anybody needs samples of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Nobody does.
    Packets,
    /// A recorder, a listener, a third party to mix with.
    Samples,
}

/// How packets of `format`, which may come by `from`, leave by `to`.
///
/// ```
/// use talkpath_media::{Needs, Numbered, Route, decide};
/// use talkpath_wire::{Format, PayloadType};
/// # use talkpath_media::{Agreement, Answer};
/// # fn agreed(accepts: &[Numbered]) -> Agreement {
/// #     Agreement {
/// #         answer: Answer::Settled,
/// #         direction: talkpath_sdp::Direction::SendRecv,
/// #         send: accepts.first().cloned(),
/// #         receive: accepts.into(),
/// #         packet: core::time::Duration::from_millis(20),
/// #         remote: None,
/// #         hold: talkpath_sdp::negotiate::Hold::No,
/// #         voip_reports: talkpath_media::VoipReports::Unasked,
/// #         keyframes: talkpath_media::KeyframeRequests::None,
/// #         accepts: accepts.into(),
/// #     }
/// # }
/// let pcmu = Numbered::built_in(PayloadType::PCMU, Format::new("PCMU", 8000));
/// let (a, b) = (agreed(&[pcmu.clone()]), agreed(&[pcmu.clone()]));
/// assert_eq!(decide(&pcmu, &a, &b, Needs::Packets), Route::Relay(PayloadType::PCMU));
/// assert_eq!(decide(&pcmu, &a, &b, Needs::Samples), Route::Transcode);
/// ```
pub fn decide(format: &Numbered, from: &Agreement, to: &Agreement, needs: Needs) -> Route {
    let known = |format: &Numbered| {
        let mut accepts = to.accepts.iter();
        accepts.find(|known| same_codec(&known.format, &format.format))
    };
    let number = known(format).map(|known| known.number);
    let hears_digits = |format: &&Numbered| format.format.is_telephone_event();
    // Digits that the other peer cannot take as events must reach it as sound.
    let digits_pass = from
        .receive
        .iter()
        .filter(hears_digits)
        .all(|events| known(events).is_some());
    // Digits and noise go the way of the speech that they stand beside: what
    // nothing here decodes passes, and they pass with it.
    let speech_is_read = expected(from).is_none_or(|speech| speech.codec.is_some());
    let is_read = format.codec.is_some() || is_auxiliary(&format.format) && speech_is_read;
    // Digits that come as sound reach it as events.
    let listens_for_digits = !from.receive.iter().any(|format| hears_digits(&format))
        && to.accepts.iter().any(|format| hears_digits(&format));
    let passes = digits_pass && !listens_for_digits;
    let relays = needs == Needs::Packets && passes || !is_read;
    match (number, to.send.as_ref()) {
        (Some(number), _) if relays => Route::Relay(number),
        (_, Some(_)) if is_read => Route::Transcode,
        _ => Route::Impossible,
    }
}

/// The format of speech that a peer is to be expected to send first.
pub(crate) fn expected(agreement: &Agreement) -> Option<&Numbered> {
    let is_speech = |format: &&Numbered| !is_auxiliary(&format.format);
    agreement.receive.iter().find(is_speech)
}
