//! SDP text: descriptions, edits of them, and each attribute by itself.

use core::fmt::Debug;
use core::hint::black_box;

use talkpath_sdp::attribute::*;
use talkpath_sdp::explain::explain;
use talkpath_sdp::lint::{lint, lint_answer};
use talkpath_sdp::negotiate::Events;
use talkpath_sdp::{
    Answer, Attribute, Bandwidth, Connection, Edits, MediaLine, Offer, Origin, SessionDescription,
    Timing,
};

use crate::script::Script;

/// A description: lossless, readable, judged and explained line by line.
pub fn sdp(text: &[u8]) {
    let Ok(description) = SessionDescription::parse(text) else {
        return;
    };
    assert_eq!(description.as_bytes(), text);
    assert_eq!(description.to_bytes(), text);
    assert_eq!(description.edit().to_bytes(), text);
    assert_lines_cover(&description);
    read(&description);
    let explained = explain(&description);
    let lines = description.line_count();
    assert!(explained.len() <= lines);
    assert!(
        explained
            .iter()
            .all(|line| (1..=lines).contains(&line.line))
    );
    for violation in lint(&description) {
        assert!(!violation.reference().to_string().is_empty());
    }
    let offer = Offer::from_description(description.clone());
    lint_answer(&offer, &Answer::from_description(description));
}

/// Line after line, nothing left out and nothing twice.
fn assert_lines_cover(description: &SessionDescription) {
    let mut at = 0;
    for line in description.lines() {
        assert!(line.range().start >= at);
        at = line.range().end;
    }
    assert!(at <= description.as_bytes().len());
}

/// Reads what negotiation and a user would.
fn read(description: &SessionDescription) {
    black_box(description.origin());
    for (index, media) in description.media().enumerate() {
        assert_eq!(media.index(), index);
        black_box((
            media.kind(),
            media.port(),
            media.port_count(),
            media.protocol(),
        ));
        black_box((media.connection(), media.direction(), media.rtcp()));
        black_box((media.ptime(), media.maxptime()));
        for number in media.payload_types() {
            black_box((
                media.format(number),
                media.rtpmap(number),
                media.fmtp(number),
            ));
        }
        media.section().bandwidths().for_each(drop);
        media.all::<Candidate<'_>>().for_each(drop);
        media.all::<SsrcAttribute<'_>>().for_each(drop);
    }
}

/// A list of edits: what is not edited stays, byte for byte.
pub fn sdp_edits(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let edits = script.bytes(64);
    let Ok(description) = SessionDescription::parse(script.rest()) else {
        return;
    };
    let mut edited = description.edit();
    let mut script = Script::new(edits);
    let mut inserted = 0;
    while let Some(operation) = script.next(6) {
        let before = edited.to_bytes();
        let index = usize::from(script.u8());
        if apply(&mut edited, operation, index, &mut script) {
            inserted += 1;
        } else {
            assert_eq!(edited.to_bytes(), before, "a refused edit changes nothing");
        }
    }
    if inserted == 0 {
        assert_eq!(edited.to_bytes(), description.as_bytes());
    }
    let _ = edited.apply().map(|again| read(&again));
}

fn apply(edits: &mut Edits<'_>, operation: u8, index: usize, script: &mut Script<'_>) -> bool {
    let value = script.bytes(16);
    match operation {
        0 => edits.replace(index, value).is_ok(),
        1 => edits.remove(index).is_ok(),
        2 => edits.insert_before(index, b'a', value).is_ok(),
        3 => edits.insert_after(index, b'b', value).is_ok(),
        4 => edits.append_to_media(index, b'a', value).is_ok(),
        _ => edits.append_to_session(b'a', value).is_ok(),
    }
}

/// Reads the bytes as each type and writes what was read, which can be read
/// again and is then written the same: what is written is in its last form.
macro_rules! again {
    ($value:expr => $($kind:ty),+) => {$(
        if let Some(read) = <$kind>::parse($value) {
            let mut text = Vec::new();
            read.write_value(&mut text);
            let (name, shown) = (<$kind>::NAME, text.escape_ascii());
            let again = <$kind>::parse(&text);
            let again = again.unwrap_or_else(|| panic!("cannot be read: {name}:{shown}"));
            let mut twice = Vec::new();
            again.write_value(&mut twice);
            assert_eq!(twice.escape_ascii().to_string(), shown.to_string(), "{name}");
        }
    )+};
}

/// One value as each attribute in turn.
pub fn attributes(value: &[u8]) {
    again!(value => RtpMap<'_>, Fmtp<'_>, Ptime, MaxPtime, Rtcp<'_>, RtcpFb<'_>);
    again!(value => Candidate<'_>, Crypto<'_>, Fingerprint<'_>, Setup, Extmap<'_>);
    again!(value => Group<'_>, Mid<'_>, SsrcAttribute<'_>, SsrcGroup<'_>);
    if let Some(crypto) = Crypto::parse(value) {
        crypto.key_parameters().for_each(drop);
    }
    show(Origin::parse(value));
    show(Connection::parse(value));
    show(MediaLine::parse(value));
    show(Bandwidth::parse(value));
    show(Timing::parse(value));
    if let Some(events) = Events::parse(value) {
        assert_eq!(Events::parse(&events.to_parameters()), Some(events));
    }
}

fn show(view: Option<impl Debug>) {
    if let Some(view) = view {
        assert!(!format!("{view:?}").is_empty());
    }
}
