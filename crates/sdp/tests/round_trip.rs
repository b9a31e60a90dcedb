//! What was accepted comes back byte for byte, whatever it was.

mod corpus;

use corpus::{CORPUS, Numbers, mutate};
use proptest::prelude::*;
use talkpath_sdp::attribute::*;
use talkpath_sdp::explain::explain;
use talkpath_sdp::lint::{lint, lint_answer};
use talkpath_sdp::{Answer, Attribute, Offer, SessionDescription};

/// Reads everything there is to read, so that no view panics.
fn read_all(description: &SessionDescription) {
    let _ = (
        explain(description),
        lint(description),
        description.origin(),
    );
    let _ = format!("{description:?}");
    for media in description.media() {
        let _ = (
            media.connection(),
            media.direction(),
            media.ptime(),
            media.maxptime(),
        );
        let _ = (media.rtcp(), media.port_count(), media.bandwidths().count());
        for payload_type in media.payload_types() {
            let _ = media.format(payload_type);
        }
        for crypto in media.all::<Crypto<'_>>() {
            let _ = (
                crypto.key_parameters().count(),
                crypto.session_parameters().count(),
            );
        }
        let _ = media
            .all::<Fingerprint<'_>>()
            .flat_map(|print| print.digest())
            .count();
        media.all::<Candidate<'_>>().for_each(|candidate| {
            let _ = candidate.extension("generation");
        });
        let _ = media
            .all::<SsrcGroup<'_>>()
            .flat_map(|group| group.ssrcs())
            .count();
    }
}

/// The identity, from the bytes, from the lines, and through an empty edit.
fn assert_kept(text: &[u8]) -> Option<SessionDescription> {
    let description = SessionDescription::parse(text).ok()?;
    assert_eq!(description.as_bytes(), text);
    assert_eq!(description.edit().to_bytes(), text);
    let lines = description
        .lines()
        .flat_map(|line| [line.text(), line.end()].concat());
    assert_eq!(lines.collect::<Vec<_>>(), text);
    let mut out = b"before".to_vec();
    description.write_into(&mut out);
    assert_eq!(out.strip_prefix(b"before"), Some(text));
    Some(description)
}

#[test]
fn the_corpus_comes_back_byte_for_byte() {
    assert!(CORPUS.len() >= 40);
    for (name, text) in CORPUS {
        let description = assert_kept(text).unwrap_or_else(|| {
            panic!(
                "{name} is refused: {:?}",
                SessionDescription::parse(text).err()
            )
        });
        read_all(&description);
    }
}

#[test]
fn twenty_thousand_mutations_neither_panic_nor_change_a_byte() {
    let mut numbers = Numbers::new(0x5d9_2026);
    let (mut accepted, mut refused) = (0u32, 0u32);
    let whole = Offer::parse(corpus::BROWSER).expect("the corpus is accepted");
    for round in 0..20_000 {
        let mut text = CORPUS[round % CORPUS.len()].1.to_vec();
        mutate(&mut text, &mut numbers);
        match assert_kept(&text) {
            Some(description) => {
                accepted += 1;
                read_all(&description);
                let _ = lint_answer(&whole, &Answer::from_description(description));
            }
            None => refused += 1,
        }
    }
    assert!(
        accepted > 4_000 && refused > 2_000,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn views_write_what_reads_as_the_same_view() {
    fn check<'a, A: Attribute<'a> + PartialEq + std::fmt::Debug>(value: &'a [u8]) -> bool {
        let Some(view) = A::parse(value) else {
            return false;
        };
        let mut written = Vec::new();
        view.write_value(&mut written);
        // The parser's output borrows its input; leaking a test's bytes is fine.
        let again = A::parse(Vec::leak(written)).expect("what a view wrote is read");
        assert_eq!(again, view);
        true
    }
    let mut read = 0;
    for (_, text) in CORPUS {
        let description = SessionDescription::parse(text).unwrap();
        for (_, attribute) in description
            .lines()
            .filter_map(|l| Some((l, l.attribute()?)))
        {
            // Leaked for the same reason: one lifetime for input and output.
            let value: &'static [u8] = Vec::leak(attribute.value.to_vec());
            read += usize::from(match attribute.name {
                b"rtpmap" => check::<RtpMap<'_>>(value),
                b"fmtp" => check::<Fmtp<'_>>(value),
                b"ptime" => check::<Ptime>(value),
                b"maxptime" => check::<MaxPtime>(value),
                b"rtcp" => check::<Rtcp<'_>>(value),
                b"rtcp-fb" => check::<RtcpFb<'_>>(value),
                b"crypto" => check::<Crypto<'_>>(value),
                b"candidate" => check::<Candidate<'_>>(value),
                b"fingerprint" => check::<Fingerprint<'_>>(value),
                b"setup" => check::<Setup>(value),
                b"mid" => check::<Mid<'_>>(value),
                b"group" => check::<Group<'_>>(value),
                b"ssrc" => check::<SsrcAttribute<'_>>(value),
                b"ssrc-group" => check::<SsrcGroup<'_>>(value),
                b"extmap" => check::<Extmap<'_>>(value),
                _ => false,
            });
        }
    }
    assert!(read > 70, "{read} views");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_kept(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Some(description) = assert_kept(&bytes) {
            read_all(&description);
        }
    }

    #[test]
    fn any_lines_behind_a_version_are_refused_or_kept(
        lines in proptest::collection::vec("[a-zA-Z]? ?=?[ -~é\t]{0,40}(\r\n|\n|\r\r\n)", 0..40)
    ) {
        let text = format!("v=0\r\n{}", lines.concat());
        if let Some(description) = assert_kept(text.as_bytes()) {
            read_all(&description);
        }
    }

    #[test]
    fn values_without_controls_are_always_accepted(
        lines in proptest::collection::vec(("[a-ln-z]", "[ -~]{0,60}"), 0..60)
    ) {
        let body: String = lines.iter().map(|(kind, value)| format!("{kind}={value}\r\n")).collect();
        let text = format!("v=0\r\n{body}");
        prop_assert!(assert_kept(text.as_bytes()).is_some());
    }
}
