//! What is no SDP is refused, with its place and its rule.

use talkpath_sdp::{Limit, ParseError, SessionDescription};

/// Makes a text with that much of something.
type TextOf = Box<dyn Fn(usize) -> String>;

fn refused(text: impl AsRef<[u8]>) -> ParseError {
    SessionDescription::parse(text).expect_err("this is to be refused")
}

#[test]
fn nothing_is_no_description() {
    for text in ["", "\r\n", "\n\n  \r\n"] {
        assert_eq!(refused(text), ParseError::Empty);
    }
}

#[test]
fn the_version_comes_first_and_is_zero() {
    assert_eq!(
        refused("o=- 1 1\r\nv=0\r\n"),
        ParseError::NoVersion { line: 1, offset: 0 }
    );
    assert_eq!(
        refused("INVITE sip:x SIP/2.0\r\n"),
        ParseError::NoVersion { line: 1, offset: 0 }
    );
    assert_eq!(
        refused("\r\nv=1\r\n"),
        ParseError::UnknownVersion { line: 2, offset: 2 }
    );
}

#[test]
fn a_line_is_a_letter_an_equals_sign_and_a_value() {
    for line in ["garbage", "=x", "a", "7=x", "ab=x", "--boundary"] {
        let text = format!("v=0\r\ns=-\r\n{line}\r\n");
        assert_eq!(
            refused(text),
            ParseError::NotALine {
                line: 3,
                offset: 10
            },
            "{line}"
        );
    }
}

/// CVE-2018-1000099: a NUL inside `fmtp` read past its end elsewhere.
#[test]
fn a_nul_is_refused_where_it_stands() {
    let text = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=fmtp:0 x\0y\r\n";
    assert_eq!(
        refused(text),
        ParseError::ForbiddenByte {
            line: 3,
            offset: 39,
            byte: 0
        }
    );
}

#[test]
fn a_cr_within_a_line_is_refused_where_it_stands() {
    let text = "v=0\r\ns=a\rb\r\n";
    assert_eq!(
        refused(text),
        ParseError::ForbiddenByte {
            line: 2,
            offset: 8,
            byte: b'\r'
        }
    );
}

/// CVE-2018-1000098: a payload type of 33 bits is a format like any other,
/// and never a payload type.
#[test]
fn a_payload_type_of_33_bits_is_no_payload_type() {
    let text = "v=0\r\nm=audio 4000 RTP/AVP 4294967296 0\r\n";
    let description = SessionDescription::parse(text).unwrap();
    let media = description.media().next().unwrap();
    assert_eq!(media.formats().count(), 2);
    let types: Vec<_> = media.payload_types().map(|number| number.value()).collect();
    assert_eq!(types, [0]);
}

#[test]
fn an_m_line_has_media_port_and_protocol() {
    for value in [
        "",
        "audio",
        "audio 4000",
        "audio 65536 RTP/AVP 0",
        "audio -1 RTP/AVP 0",
        "audio 4294967296 RTP/AVP 0",
        "audio 4000/x RTP/AVP 0",
        "audio 4000/ RTP/AVP 0",
        "audio $ RTP/AVP 0",
        "aud\u{e9}o 4000 RTP/AVP 0",
    ] {
        let text = format!("v=0\r\nm={value}\r\n");
        assert_eq!(
            refused(text),
            ParseError::MediaLine { line: 2, offset: 5 },
            "{value}"
        );
    }
}

/// One more than each limit is refused with its number; the limit is not.
#[test]
fn limits_are_exact() {
    let attributes = |count: usize| "a=x\r\n".repeat(count);
    let media = |count: usize| "m=audio 4000 RTP/AVP 0\r\n".repeat(count);
    let cases: [(Limit, usize, TextOf); 6] = [
        (
            Limit::Bytes,
            65_536,
            Box::new(|n| format!("v=0\r\n{}", "s=\n".repeat(n))[..n].into()),
        ),
        (
            Limit::LineBytes,
            8_192,
            Box::new(|n| format!("v=0\r\ns={}\r\n", "x".repeat(n - 2))),
        ),
        (
            Limit::MediaLines,
            32,
            Box::new(move |n| format!("v=0\r\n{}", media(n))),
        ),
        (
            Limit::Formats,
            64,
            Box::new(|n| format!("v=0\r\nm=audio 1 RTP/AVP{}\r\n", " 0".repeat(n))),
        ),
        (
            Limit::Attributes,
            512,
            Box::new(move |n| format!("v=0\r\n{}", attributes(n))),
        ),
        (
            Limit::Attributes,
            512,
            Box::new(move |n| format!("v=0\r\na=y\r\nm=audio 1 RTP/AVP 0\r\n{}", attributes(n))),
        ),
    ];
    for (limit, most, text) in cases {
        assert_eq!(limit.max(), most);
        if let Err(error) = SessionDescription::parse(text(most)) {
            panic!("{limit}: {error}");
        }
        match refused(text(most + 1)) {
            ParseError::Limit {
                what, max, actual, ..
            } => {
                assert_eq!((what, max, actual), (limit, most, most + 1));
            }
            other => panic!("{limit}: {other}"),
        }
    }
}

/// The largest text there may be has more lines than 16 bits of attributes
/// would need, and its m-lines are still found.
#[test]
fn m_lines_behind_sixty_thousand_blank_lines_are_found() {
    let text = format!("v=0\n{}m=audio 4000 RTP/AVP 0\n", "\n".repeat(65_000));
    let description = SessionDescription::parse(&text).unwrap();
    assert_eq!(description.line_count(), 65_002);
    assert_eq!(description.media().next().unwrap().line().index(), 65_001);
}

#[test]
fn errors_say_where_and_by_which_rule() {
    let message = refused("v=0\r\nm=audio 70000 RTP/AVP 0\r\n").to_string();
    assert!(message.starts_with("line 2 (offset 5)") && message.contains("RFC 8866 §5.14"));
    let message = refused("v=0\r\n".repeat(20_000)).to_string();
    assert!(
        message.contains("100000 bytes") && message.contains("65536"),
        "{message}"
    );
}
