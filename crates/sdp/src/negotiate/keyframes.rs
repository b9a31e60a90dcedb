//! How a receiver of video may ask its sender for a keyframe.
//!
//! In and out: `a=rtcp-fb` lines (RFC 4585 §4.2, RFC 5104 §7.1). They are said
//! of every format of an m-line at once, and read of any. RFC 4585 has them with
//! AVPF alone; peers have them with AVP as well, and so do we. Left out: every
//! other feedback, and the early sending of reports that AVPF allows.

use alloc::vec::Vec;

use crate::attribute::{FeedbackTarget, RtcpFb};

/// The ways in which a receiver of video may ask for a keyframe.
///
/// ```
/// use talkpath_sdp::negotiate::KeyframeRequests;
/// let agreed = KeyframeRequests::Both.and(KeyframeRequests::Pli);
/// assert!(agreed.pli() && !agreed.fir());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeyframeRequests {
    /// None.
    #[default]
    None,
    /// Picture loss indication: `nack pli` (RFC 4585 §6.3.1).
    Pli,
    /// Full intra request: `ccm fir` (RFC 5104 §4.3.1).
    Fir,
    /// Either.
    Both,
}

impl KeyframeRequests {
    /// Whether a picture loss indication may be sent.
    pub const fn pli(self) -> bool {
        matches!(self, KeyframeRequests::Pli | KeyframeRequests::Both)
    }

    /// Whether a full intra request may be sent.
    pub const fn fir(self) -> bool {
        matches!(self, KeyframeRequests::Fir | KeyframeRequests::Both)
    }

    /// What both sides understand.
    #[must_use]
    pub const fn and(self, other: KeyframeRequests) -> KeyframeRequests {
        Self::of(self.pli() && other.pli(), self.fir() && other.fir())
    }

    /// What the lines of an m-line say.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = RtcpFb<'a>>) -> Self {
        let (mut pli, mut fir) = (false, false);
        for line in lines {
            let words = line.feedback.split(u8::is_ascii_whitespace);
            let words = words.filter(|word| !word.is_empty());
            let words: Vec<_> = words.map(<[u8]>::to_ascii_lowercase).collect();
            match words.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
                [b"nack", b"pli", ..] => pli = true,
                [b"ccm", b"fir", ..] => fir = true,
                _ => {}
            }
        }
        Self::of(pli, fir)
    }

    /// The lines that say it.
    pub(crate) fn lines(self) -> impl Iterator<Item = RtcpFb<'static>> {
        let line = |feedback| RtcpFb {
            target: FeedbackTarget::All,
            feedback,
        };
        let pli = self.pli().then(|| line(&b"nack pli"[..]));
        let fir = self.fir().then(|| line(&b"ccm fir"[..]));
        pli.into_iter().chain(fir)
    }

    const fn of(pli: bool, fir: bool) -> Self {
        match (pli, fir) {
            (false, false) => KeyframeRequests::None,
            (true, false) => KeyframeRequests::Pli,
            (false, true) => KeyframeRequests::Fir,
            (true, true) => KeyframeRequests::Both,
        }
    }
}
