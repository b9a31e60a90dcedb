//! At which rate a call is heard and recorded when nobody says: that of its
//! codec, so that nothing of it is lost and nothing is made up.
//!
//! In: codecs, an offer, a format agreed on. Out: one of the rates that the
//! library hears at. Before an answer has come, the best of what it may say.

use talkpath::sdp::{MediaKind, SessionDescription};
use talkpath::{Codec, Format, SampleRate};

/// The rates that sound is heard at.
pub(crate) const RATES: [SampleRate; 4] = [
    SampleRate::HZ_8000,
    SampleRate::HZ_16000,
    SampleRate::HZ_24000,
    SampleRate::HZ_48000,
];

/// The best rate of `codecs`, of which any may be agreed on.
pub(crate) fn best(codecs: &[Codec]) -> SampleRate {
    let rates = codecs.iter().filter_map(Codec::sample_rate);
    rates.max().map_or(SampleRate::HZ_8000, nearest)
}

/// The rate of that of `codecs` that an answer to `offer` will choose.
pub(crate) fn answering(codecs: &[Codec], offer: &[u8]) -> SampleRate {
    let offer = SessionDescription::parse(offer).ok();
    let media = offer.iter().flat_map(SessionDescription::media);
    let audio = media.filter(|media| media.kind() == MediaKind::Audio);
    let offered: Vec<Format> = audio
        .flat_map(|media| {
            let formats = media
                .payload_types()
                .filter_map(|number| media.format(number));
            formats.collect::<Vec<_>>()
        })
        .collect();
    let is_offered = |codec: &&Codec| {
        let ours = codec.format().to_string();
        let mut offered = offered.iter().map(Format::to_string);
        offered.any(|theirs| theirs.eq_ignore_ascii_case(&ours))
    };
    let chosen = codecs.iter().find(is_offered);
    chosen.map_or_else(|| best(codecs), |codec| best(std::slice::from_ref(codec)))
}

/// The rate of the codec that is called `format`, if it is known here.
pub(crate) fn of(format: &Format) -> Option<SampleRate> {
    let codec: Codec = format.to_string().parse().ok()?;
    codec.sample_rate().map(nearest)
}

/// The least rate that holds all of `rate`.
fn nearest(rate: SampleRate) -> SampleRate {
    let holding = RATES.into_iter().find(|known| *known >= rate);
    holding.unwrap_or(SampleRate::HZ_48000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_agreed_on_is_heard_whole() {
        assert_eq!(best(&Codec::USUAL), SampleRate::HZ_48000);
        assert_eq!(best(&[Codec::PCMU, Codec::G722]), SampleRate::HZ_16000);
        assert_eq!(best(&Codec::G711), SampleRate::HZ_8000);
        let odd: Codec = "L16/44100".parse().unwrap();
        assert_eq!(best(&[odd]), SampleRate::HZ_48000);
    }

    #[test]
    fn an_answer_is_heard_at_the_rate_of_what_it_chooses() {
        let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio 4000 RTP/AVP 0 9 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        let rate = |codecs: &[Codec]| answering(codecs, offer.as_bytes());
        assert_eq!(rate(&Codec::USUAL), SampleRate::HZ_16000);
        assert_eq!(rate(&[Codec::PCMU, Codec::G722]), SampleRate::HZ_8000);
        // What is refused all the same.
        assert_eq!(rate(&[Codec::OPUS]), SampleRate::HZ_48000);
        assert_eq!(answering(&Codec::G711, b"garbage"), SampleRate::HZ_8000);
    }

    #[test]
    fn a_format_agreed_on_has_the_rate_of_its_sound() {
        assert_eq!(of(&Format::new("G722", 8000)), Some(SampleRate::HZ_16000));
        assert_eq!(of(&Format::new("pcmu", 8000)), Some(SampleRate::HZ_8000));
        assert_eq!(of(&Codec::OPUS.format()), Some(SampleRate::HZ_48000));
        assert_eq!(of(&Format::new("G729", 8000)), None);
    }
}
