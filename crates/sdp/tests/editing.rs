//! Editing a line leaves every other byte alone.

mod corpus;

use corpus::CORPUS;
use proptest::prelude::*;
use talkpath_sdp::attribute::RtcpMux;
use talkpath_sdp::{BuildError, Builder, EditError, MediaKind, Protocol, SessionDescription};

fn parse(text: &[u8]) -> SessionDescription {
    SessionDescription::parse(text).expect("a description")
}

#[test]
fn replacing_each_line_of_the_corpus_changes_that_line_only() {
    for (name, text) in CORPUS {
        let description = parse(text);
        for line in description
            .lines()
            .filter(|line| !b"vm\0".contains(&line.kind()))
        {
            let mut edits = description.edit();
            edits.replace(line.index(), "new").unwrap();
            let range = line.range();
            let value = range.end - line.end().len() - line.value().len();
            let expected = [&text[..value], b"new", line.end(), &text[range.end..]].concat();
            assert_eq!(edits.to_bytes(), expected, "{name}, {line:?}");
            assert_eq!(
                edits.apply().unwrap().line(line.index()).unwrap().value(),
                b"new"
            );
        }
    }
}

#[test]
fn removing_each_line_of_the_corpus_removes_that_line_only() {
    for (name, text) in CORPUS {
        let description = parse(text);
        for line in description.lines() {
            let mut edits = description.edit();
            edits.remove(line.index()).unwrap();
            let expected = [&text[..line.range().start], &text[line.range().end..]].concat();
            assert_eq!(edits.to_bytes(), expected, "{name}, {line:?}");
        }
    }
}

#[test]
fn inserted_lines_end_as_the_document_does() {
    let unix = parse(b"v=0\ns=-\nm=audio 1 RTP/AVP 0\n");
    let mut edits = unix.edit();
    edits.append_attribute(0, &RtcpMux).unwrap();
    edits.append_to_session(b'a', "tool:x").unwrap();
    edits
        .insert_before(1, b'o', "- 1 1 IN IP4 192.0.2.1")
        .unwrap();
    let expected =
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\na=tool:x\nm=audio 1 RTP/AVP 0\na=rtcp-mux\n";
    assert_eq!(edits.to_bytes(), expected.as_bytes());
}

#[test]
fn a_last_line_without_an_end_gets_one_before_what_follows() {
    let mut expected = b"v=0\r\ns=-\r\n".to_vec();
    for text in [&b"v=0\r\ns=-"[..], b"v=0\r\ns=-\r\n"] {
        let description = parse(text);
        let mut edits = description.edit();
        edits.append_to_session(b'a', "x").unwrap();
        assert_eq!(edits.to_bytes(), [&expected[..], b"a=x\r\n"].concat());
    }
    expected.truncate(8);
    assert_eq!(parse(&expected).edit().to_bytes(), expected);
}

#[test]
fn sections_are_appended_and_removed_before_trailing_blank_lines() {
    let description = parse(b"v=0\r\nm=audio 1 RTP/AVP 0\r\na=x\r\nm=video 2 RTP/AVP 31\r\n\r\n");
    let mut edits = description.edit();
    edits.remove_media(0).unwrap();
    edits
        .append_media("text 4 RTP/AVP 98", [(b'a', &b"rtpmap:98 t140/1000"[..])])
        .unwrap();
    edits.append_to_media(1, b'a', "y").unwrap();
    // Appended to the video first in the text, though asked for last.
    let result = edits.apply().unwrap();
    let kinds: Vec<_> = result
        .media()
        .map(|media| media.kind().as_str().to_owned())
        .collect();
    assert_eq!(kinds, ["video", "text"]);
    assert!(result.as_bytes().ends_with(b"\r\n\r\n"));
}

#[test]
fn several_edits_of_one_line_come_in_order() {
    let description = parse(b"v=0\r\ns=-\r\n");
    let mut edits = description.edit();
    edits.insert_after(1, b'a', "3").unwrap();
    edits.replace(1, "first").unwrap();
    edits.insert_before(1, b'a', "1").unwrap();
    edits.replace(1, "second").unwrap();
    edits.insert_after(1, b'a', "4").unwrap();
    edits.insert_before(1, b'a', "2").unwrap();
    assert_eq!(
        edits.to_bytes(),
        b"v=0\r\na=1\r\na=2\r\ns=second\r\na=3\r\na=4\r\n"
    );
    edits.remove(1).unwrap();
    assert_eq!(edits.to_bytes(), b"v=0\r\na=1\r\na=2\r\na=3\r\na=4\r\n");
}

#[test]
fn no_edit_can_smuggle_in_a_line() {
    let description = parse(b"v=0\r\ns=-\r\nm=audio 1 RTP/AVP 0\r\n");
    let mut edits = description.edit();
    for bad in ["x\r\na=evil", "x\n", "\0"] {
        let refused = Err(EditError::ForbiddenByte {
            byte: bad.trim_matches('x').as_bytes()[0],
        });
        assert_eq!(edits.replace(1, bad), refused);
        assert_eq!(edits.insert_after(1, b'a', bad), refused);
        assert_eq!(edits.append_to_media(0, b'a', bad), refused);
        assert_eq!(edits.append_media(bad, []), refused);
    }
    assert_eq!(
        edits.insert_after(1, b'\n', "x"),
        Err(EditError::ForbiddenByte { byte: b'\n' })
    );
    assert_eq!(
        edits.remove(3),
        Err(EditError::NoLine { index: 3, lines: 3 })
    );
    assert_eq!(
        edits.remove_media(1),
        Err(EditError::NoMedia { index: 1, media: 1 })
    );
    assert!(edits.is_empty());
    assert_eq!(edits.to_bytes(), description.as_bytes());
}

#[test]
fn what_edits_broke_is_not_a_description() {
    let description = parse(b"v=0\r\nm=audio 1 RTP/AVP 0\r\n");
    let mut edits = description.edit();
    edits.replace(1, "audio").unwrap();
    assert!(edits.apply().is_err());
}

#[test]
fn the_builder_orders_lines_as_the_rfc_does() {
    let mut builder = Builder::new("-", 5, 6, [192, 0, 2, 1].into());
    builder
        .flag("sendonly")
        .line(b'b', "AS:64")
        .line(b'c', "IN IP4 192.0.2.1");
    builder.line(b's', "name").line(b'i', "info");
    builder.media(MediaKind::Audio, 4000, Protocol::RtpAvp, [0, 8]);
    builder
        .flag("a1")
        .line(b'b', "AS:80")
        .flag("a2")
        .line(b'c', "IN IP4 192.0.2.2");
    builder.media_raw("video 0 RTP/AVP 31");
    let text = builder.finish().unwrap();
    let expected = "v=0\r\no=- 5 6 IN IP4 192.0.2.1\r\ns=name\r\ni=info\r\nc=IN IP4 192.0.2.1\r\n\
        b=AS:64\r\nt=0 0\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0 8\r\nc=IN IP4 192.0.2.2\r\n\
        b=AS:80\r\na=a1\r\na=a2\r\nm=video 0 RTP/AVP 31\r\n";
    assert_eq!(String::from_utf8_lossy(text.as_bytes()), expected);
}

#[test]
fn the_builder_refuses_what_would_be_another_line() {
    let mut builder = Builder::new("-", 1, 1, [192, 0, 2, 1].into());
    builder.raw(b'a', "x\r\na=y");
    assert_eq!(
        builder.finish().unwrap_err(),
        BuildError::ForbiddenByte {
            kind: b'a',
            byte: b'\r'
        }
    );
    let mut builder = Builder::empty();
    builder.media_raw("audio");
    assert!(matches!(builder.finish(), Err(BuildError::Parse(_))));
}

proptest! {
    /// Any edits: lines not named by one stay, byte for byte and in order.
    #[test]
    fn lines_not_edited_stay(
        which in 0..CORPUS.len(),
        changes in proptest::collection::vec((0usize..40, 0u8..4, "[ -~]{0,20}"), 0..20),
    ) {
        let description = parse(CORPUS[which].1);
        let mut edits = description.edit();
        let mut touched = vec![false; description.line_count()];
        for (at, what, value) in &changes {
            let at = at % description.line_count();
            touched[at] |= *what < 2;
            match what {
                0 if description.line(at).unwrap().kind() == 0 => {
                    prop_assert_eq!(edits.replace(at, value), Err(EditError::BlankLine { index: at }));
                }
                0 => edits.replace(at, value).unwrap(),
                1 => edits.remove(at).unwrap(),
                2 => edits.insert_before(at, b'y', value).unwrap(),
                _ => edits.insert_after(at, b'y', value).unwrap(),
            }
        }
        let result = edits.to_bytes();
        let mut rest = &result[..];
        for line in description.lines().filter(|line| !touched[line.index()]) {
            let whole = &description.as_bytes()[line.range()];
            let at = rest.windows(whole.len()).position(|window| window == whole);
            prop_assert!(at.is_some(), "{:?} is gone", line);
            rest = &rest[at.unwrap_or(0) + whole.len()..];
        }
    }
}

proptest! {
    /// What was built reads as what was given, in any order of the calls.
    #[test]
    fn what_is_built_reads_as_what_was_given(
        port: u16,
        formats in proptest::collection::vec(0u8..128, 1..20),
        flags in proptest::collection::vec("[a-z][a-z-]{0,10}", 0..10),
        session_flags in 0usize..5,
    ) {
        let mut builder = Builder::new("-", 1, 2, [192, 0, 2, 1].into());
        for flag in flags.iter().take(session_flags) {
            builder.flag(flag);
        }
        builder.connection(&talkpath_sdp::Connection::new([192, 0, 2, 1].into()));
        builder.media(MediaKind::Audio, port, Protocol::RtpAvp, &formats);
        for flag in flags.iter().skip(session_flags) {
            builder.flag(flag);
        }
        let description = builder.finish().expect("within the limits");
        let audio = description.media_at(0).expect("one m-line");
        prop_assert_eq!(audio.port(), port);
        let types: Vec<u8> = audio.payload_types().map(|number| number.value()).collect();
        prop_assert_eq!(types, formats);
        let session = description.session();
        let names = session.attributes().chain(audio.attributes());
        let names: Vec<_> = names.map(|(_, a)| String::from_utf8_lossy(a.name).into_owned()).collect();
        prop_assert_eq!(names, flags);
        let order = talkpath_sdp::lint::lint(&description);
        let wrong = talkpath_sdp::lint::Rule::LineOrder;
        prop_assert!(order.iter().all(|violation| violation.rule != wrong), "{:?}", order);
    }
}
