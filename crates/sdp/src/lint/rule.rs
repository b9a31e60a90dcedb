//! The table of rules: name, severity, section.

use core::fmt;

/// How bad a violation is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Legal, but worth knowing.
    Note,
    /// Some peers will misread it.
    Warning,
    /// The RFC forbids it, or a call will lack something.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// A section of an RFC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The RFC's number.
    pub rfc: u16,
    /// The section, as in `5.14`.
    pub section: &'static str,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RFC {} §{}", self.rfc, self.section)
    }
}

/// Makes the enum and its three tables of one list.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $severity:ident, $rfc:literal $section:literal;)*) => {
        /// What a [`Violation`](super::Violation) violates.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)*];

            /// The rule's stable name, as in `missing-rtpmap`.
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name,)* }
            }

            /// How bad a violation is.
            pub const fn severity(self) -> Severity {
                match self { $(Rule::$rule => Severity::$severity,)* }
            }

            /// Where it is written.
            pub const fn reference(self) -> Reference {
                match self { $(Rule::$rule => Reference { rfc: $rfc, section: $section },)* }
            }
        }
    };
}

rules! {
    /// No `o=` line.
    MissingOrigin = "missing-origin", Error, 8866 "5.2";
    /// No `s=` line.
    MissingName = "missing-name", Warning, 8866 "5.3";
    /// An `s=` line without a value.
    EmptyName = "empty-name", Warning, 8866 "5.3";
    /// No `t=` line.
    MissingTiming = "missing-timing", Warning, 8866 "5.9";
    /// A line behind one that it must precede.
    LineOrder = "line-order", Warning, 8866 "5";
    /// A line that may stand once stands again.
    RepeatedLine = "repeated-line", Warning, 8866 "5";
    /// A letter that no RFC gives a meaning.
    UnknownLineType = "unknown-line-type", Warning, 8866 "5";
    /// A line without content.
    BlankLine = "blank-line", Warning, 8866 "5";
    /// Blanks before `=`.
    LooseSpacing = "loose-spacing", Warning, 8866 "5";
    /// Blanks where none belong, or more than one where one does.
    StrayBlanks = "stray-blanks", Note, 8866 "5";
    /// Lines that end with LF alone.
    BareLf = "bare-lf", Note, 8866 "5";
    /// Lines that end with more than one CR.
    StrayCr = "stray-cr", Warning, 8866 "5";
    /// A last line without an end.
    NoFinalLineEnd = "no-final-line-end", Warning, 8866 "5";
    /// Bytes that are not UTF-8.
    NotUtf8 = "not-utf8", Note, 8866 "5";
    /// An `o=` line that cannot be read.
    MalformedOrigin = "malformed-origin", Error, 8866 "5.2";
    /// Session id or version that is no number.
    OriginNumbers = "origin-numbers", Warning, 8866 "5.2";
    /// A `t=` line that cannot be read.
    MalformedTiming = "malformed-timing", Warning, 8866 "5.9";
    /// A `b=` line that cannot be read.
    MalformedBandwidth = "malformed-bandwidth", Warning, 8866 "5.8";
    /// A `k=` line.
    ObsoleteKey = "obsolete-key", Warning, 8866 "5.12";
    /// A `c=` line that cannot be read.
    MalformedConnection = "malformed-connection", Error, 8866 "5.7";
    /// An address of the other family than is said.
    AddressFamily = "address-family", Error, 8866 "5.7";
    /// A medium without an address.
    MissingConnection = "missing-connection", Error, 8866 "5.7";
    /// Hold by address.
    HoldAddress = "hold-address", Note, 3264 "8.4";
    /// An `m=` line without formats.
    NoFormats = "no-formats", Error, 8866 "5.14";
    /// A transport protocol that is not registered.
    UnknownProtocol = "unknown-protocol", Note, 8866 "8.2.2";
    /// A format that is no payload type, over RTP.
    FormatNotNumber = "format-not-number", Error, 8866 "5.14";
    /// A payload type above 127.
    PayloadTypeRange = "payload-type-range", Error, 3550 "5.1";
    /// A payload type listed twice.
    DuplicateFormat = "duplicate-format", Warning, 8866 "5.14";
    /// A payload type with neither `rtpmap` nor a static meaning.
    MissingRtpmap = "missing-rtpmap", Error, 8866 "6.6";
    /// A payload type that reads as RTCP on a shared port.
    RtcpCollision = "rtcp-collision", Error, 5761 "4";
    /// A payload type between 72 and 76.
    ReservedPayloadType = "reserved-payload-type", Warning, 3551 "6";
    /// An odd RTP port.
    OddRtpPort = "odd-rtp-port", Note, 3550 "11";
    /// An `rtpmap` that cannot be read.
    MalformedRtpmap = "malformed-rtpmap", Error, 8866 "6.6";
    /// An `rtpmap` of a format that the m-line does not list.
    RtpmapUnknownFormat = "rtpmap-unknown-format", Warning, 8866 "6.6";
    /// Two meanings of one payload type.
    RtpmapConflict = "rtpmap-conflict", Error, 8866 "6.6";
    /// An `rtpmap` against the static table.
    RtpmapContradictsStatic = "rtpmap-contradicts-static", Error, 3551 "6";
    /// G.722 with another clock rate than 8000.
    G722Clock = "g722-clock", Error, 3551 "4.5.2";
    /// Opus other than `opus/48000/2`.
    OpusRtpmap = "opus-rtpmap", Error, 7587 "7";
    /// An `fmtp` that cannot be read.
    MalformedFmtp = "malformed-fmtp", Warning, 8866 "6.15";
    /// An `fmtp` of a format that the m-line does not list.
    FmtpUnknownFormat = "fmtp-unknown-format", Warning, 8866 "6.15";
    /// Events that are no list of numbers and ranges up to 255.
    TelephoneEvents = "telephone-events", Error, 4733 "2.4.1";
    /// Telephone events at a clock rate that no codec here has.
    TelephoneEventClock = "telephone-event-clock", Warning, 4733 "2.5.1.2";
    /// A `ptime` or `maxptime` that cannot be read.
    MalformedPtime = "malformed-ptime", Warning, 8866 "6.4";
    /// A `ptime` above `maxptime`.
    PtimeAboveMaxptime = "ptime-above-maxptime", Warning, 8866 "6.5";
    /// Two directions in one section.
    RepeatedDirection = "repeated-direction", Error, 8866 "6.7";
    /// An attribute line without a name.
    EmptyAttribute = "empty-attribute", Warning, 8866 "5.13";
    /// An `a=rtcp` that cannot be read.
    MalformedRtcp = "malformed-rtcp", Error, 3605 "2.1";
    /// `rtcp-mux` or `rtcp-mux-only` with a value.
    MalformedRtcpMux = "malformed-rtcp-mux", Warning, 5761 "5.1.1";
    /// `rtcp-mux-only` without `rtcp-mux`.
    MuxOnlyWithoutMux = "mux-only-without-mux", Error, 8858 "4.2";
    /// A feedback line that cannot be read.
    MalformedRtcpFb = "malformed-rtcp-fb", Warning, 4585 "4.2";
    /// Feedback for a payload type that the m-line does not list.
    RtcpFbUnknownFormat = "rtcp-fb-unknown-format", Warning, 4585 "4.2";
    /// Feedback under a profile without it.
    RtcpFbWithoutProfile = "rtcp-fb-without-profile", Note, 4585 "4.2";
    /// An `extmap` that cannot be read.
    MalformedExtmap = "malformed-extmap", Warning, 8285 "8";
    /// Two header extensions with one number.
    DuplicateExtmap = "duplicate-extmap", Error, 8285 "5";
    /// An `ssrc` line that cannot be read.
    MalformedSsrc = "malformed-ssrc", Warning, 5576 "4.1";
    /// A `mid` that cannot be read.
    MalformedMid = "malformed-mid", Error, 5888 "4";
    /// Two media with one name.
    DuplicateMid = "duplicate-mid", Error, 5888 "4";
    /// A `group` that cannot be read.
    MalformedGroup = "malformed-group", Error, 5888 "5";
    /// A group that names a medium which is not there.
    GroupUnknownMid = "group-unknown-mid", Error, 5888 "5";
    /// A `crypto` line that cannot be read.
    MalformedCrypto = "malformed-crypto", Error, 4568 "9.1";
    /// Two `crypto` lines with one tag.
    DuplicateCryptoTag = "duplicate-crypto-tag", Error, 4568 "4.1";
    /// A secure profile without keys.
    MissingKeys = "missing-keys", Error, 4568 "5.1.1";
    /// DTLS-SRTP without a fingerprint.
    MissingFingerprint = "missing-fingerprint", Error, 5763 "5";
    /// A `fingerprint` that cannot be read.
    MalformedFingerprint = "malformed-fingerprint", Error, 8122 "5";
    /// A `setup` that cannot be read.
    MalformedSetup = "malformed-setup", Error, 4145 "4";
    /// A `candidate` that cannot be read.
    MalformedCandidate = "malformed-candidate", Error, 8839 "5.1";
    /// Candidates without user fragment and password.
    MissingIceCredentials = "missing-ice-credentials", Error, 8839 "5.4";
    /// Another number of m-lines than the offer's.
    AnswerMediaCount = "answer-media-count", Error, 3264 "6";
    /// Another kind of media than the offer's in this slot.
    AnswerKind = "answer-kind", Error, 3264 "6";
    /// Another protocol than the offer's in this slot.
    AnswerProtocol = "answer-protocol", Error, 3264 "6";
    /// A slot that the offer disabled is taken.
    DisabledSlotTaken = "disabled-slot-taken", Error, 3264 "8.2";
    /// A direction that the offer does not allow.
    AnswerDirection = "answer-direction", Error, 3264 "6.1";
    /// None of the offered formats.
    NoCommonFormat = "no-common-format", Error, 3264 "6.1";
    /// A format that was not offered.
    FormatNotOffered = "format-not-offered", Note, 3264 "6.1";
    /// A codec of the offer under another number.
    AnswerRenumbers = "answer-renumbers", Warning, 3264 "6.1";
    /// Another time than the offer's.
    AnswerTiming = "answer-timing", Warning, 3264 "6";
    /// `rtcp-mux` that was not offered.
    MuxNotOffered = "mux-not-offered", Error, 5761 "5.1.1";
    /// `rtcp-mux` refused though the offer has nothing else.
    MuxOnlyRefused = "mux-only-refused", Error, 8858 "4.3";
    /// A `crypto` line whose tag and suite were not offered.
    CryptoNotOffered = "crypto-not-offered", Error, 4568 "5.1.2";
    /// A `setup` that does not answer the offer's.
    AnswerSetup = "answer-setup", Error, 5763 "5";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
