//! Which formats can talk to each other, and with which parameters.
//!
//! In: a format of ours and one of the peer's. Out: what to send and what to
//! say that we receive, or nothing. Encoding names compare without case
//! (RFC 4855 §3), then clock rate and channels, then the parameters by the
//! rule of the codec: RFC 3551 (G.711, G.722, GSM), RFC 7587 §6.1 (Opus),
//! RFC 4733 §2.4.1 (events), RFC 4867 §8.3.1 (AMR), RFC 6184 §8.2.2 (H.264),
//! RFC 7741 §6.2.2 (VP8). A codec without a rule must match in every parameter,
//! whatever their order. A new codec is one line in [`rule`].

use alloc::vec::Vec;

use talkpath_wire::Format;

use super::events::Events;

/// What two parties make of one codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What we send: the peer's format with the peer's parameters.
    pub send: Format,
    /// What we say that we receive.
    pub receive: Format,
}

/// What `ours` and `theirs` agree on; `None` when they are different codecs.
pub fn agree(ours: &Format, theirs: &Format) -> Option<Agreement> {
    if !same_encoding(ours, theirs) {
        return None;
    }
    match rule(ours) {
        Rule::Declarative => Some(Agreement {
            send: theirs.clone(),
            receive: ours.clone(),
        }),
        Rule::Events => agree_events(ours, theirs),
        Rule::Shared(_) | Rule::Equal => same_codec(ours, theirs).then(|| Agreement {
            send: theirs.clone(),
            receive: theirs.clone(),
        }),
    }
}

/// Whether one payload type number may stand for both within a session
/// (RFC 3264 §8.3.2): the same codec, though its declared wishes may differ.
pub fn same_codec(a: &Format, b: &Format) -> bool {
    same_encoding(a, b)
        && match rule(a) {
            Rule::Declarative | Rule::Events => true,
            Rule::Shared(parameters) => parameters.iter().all(|parameter| {
                let of = |format: &Format| parameter.value(&format.fmtp);
                of(a) == of(b)
            }),
            Rule::Equal => normalised(&a.fmtp) == normalised(&b.fmtp),
        }
}

/// Whether `format` accompanies a codec and carries no speech of its own:
/// events, comfort noise, redundancy, parity.
pub fn is_auxiliary(format: &Format) -> bool {
    [
        "telephone-event",
        "CN",
        "red",
        "ulpfec",
        "parityfec",
        "flexfec",
        "rtx",
    ]
    .iter()
    .any(|name| format.is(name))
}

/// How the parameters of a codec decide.
enum Rule {
    /// Each side says what it receives; no parameter divides them.
    Declarative,
    /// The events that both have.
    Events,
    /// These parameters mean the same on both sides; the others divide nobody.
    Shared(&'static [Shared]),
    /// All parameters equal.
    Equal,
}

fn rule(format: &Format) -> Rule {
    const DECLARATIVE: [&str; 10] = [
        "PCMU", "PCMA", "G722", "GSM", "G729", "L16", "L8", "CN", "opus", "VP8",
    ];
    if format.is_telephone_event() {
        Rule::Events
    } else if format.is("AMR") || format.is("AMR-WB") {
        Rule::Shared(AMR)
    } else if format.is("H264") {
        Rule::Shared(H264)
    } else if DECLARATIVE.iter().any(|name| format.is(name)) {
        Rule::Declarative
    } else {
        Rule::Equal
    }
}

/// A parameter that both sides must mean the same by.
struct Shared {
    name: &'static str,
    /// What it is when it is left out.
    default: &'static str,
    /// How many bytes of its value count.
    counts: usize,
}

impl Shared {
    const fn new(name: &'static str, default: &'static str) -> Self {
        let counts = usize::MAX;
        Shared {
            name,
            default,
            counts,
        }
    }

    /// What parameters say of it, in one spelling.
    fn value(&self, fmtp: &[u8]) -> Vec<u8> {
        let pairs = fmtp.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let mut values = pairs.filter_map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
            name.eq_ignore_ascii_case(self.name.as_bytes())
                .then_some(value)
        });
        let value = values.next().unwrap_or(self.default.as_bytes());
        let value = value[..value.len().min(self.counts)].to_ascii_lowercase();
        match self.name {
            PROFILE => constrained_baseline(&value).unwrap_or(value),
            _ => value,
        }
    }
}

/// RFC 6184 §8.1, table 5: the spellings of the constrained baseline profile,
/// as one.
fn constrained_baseline(profile: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(profile).ok()?;
    let [profile, constraints] = u16::from_str_radix(text, 16).ok()?.to_be_bytes();
    let is_it = match profile {
        0x42 => constraints & 0x4f == 0x40,
        0x4d => constraints & 0x8f == 0x80,
        0x58 => constraints & 0xcf == 0xc0,
        _ => false,
    };
    is_it.then(|| b"42e0".to_vec())
}

/// RFC 4867 §8.3.1: what changes how a payload is to be read.
const AMR: &[Shared] = &[
    Shared::new("octet-align", "0"),
    Shared::new("crc", "0"),
    Shared::new("robust-sorting", "0"),
    Shared::new("interleaving", ""),
    Shared::new("channels", "1"),
];

/// RFC 6184 §8.2.2: profile (the level may differ) and packetization.
const H264: &[Shared] = &[
    Shared {
        name: PROFILE,
        default: "42000a",
        counts: 4,
    },
    Shared::new("packetization-mode", "0"),
];

const PROFILE: &str = "profile-level-id";

fn same_encoding(a: &Format, b: &Format) -> bool {
    // RFC 7587 §7 wants opus/48000/2 always; some peers leave the 2 out, and
    // the packets say themselves how many channels they hold.
    let channels = a.channels == b.channels || a.is("opus");
    a.is(&b.encoding) && a.clock_rate == b.clock_rate && channels
}

fn agree_events(ours: &Format, theirs: &Format) -> Option<Agreement> {
    let ours_set = Events::parse(&ours.fmtp)?;
    // Digits must not be lost to a peer's odd list: what cannot be read is
    // taken as the default.
    let theirs_set = Events::parse(&theirs.fmtp).unwrap_or(Events::DTMF);
    let both = ours_set.intersection(theirs_set);
    (!both.is_empty()).then(|| {
        let format = theirs.clone().with_fmtp(&both.to_parameters());
        Agreement {
            send: format.clone(),
            receive: format,
        }
    })
}

/// The parameters in one order, without spaces around them.
fn normalised(fmtp: &[u8]) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = fmtp
        .split(|&byte| byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .collect();
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opus() -> Format {
        Format::new("opus", 48000).with_channels(2)
    }

    // RFC 4855 §3
    #[test]
    fn encoding_names_compare_without_case() {
        assert!(agree(&Format::new("PCMU", 8000), &Format::new("pcmu", 8000)).is_some());
    }

    #[test]
    fn clock_and_channels_divide() {
        assert_eq!(
            agree(&Format::new("L16", 8000), &Format::new("L16", 16000)),
            None
        );
        let stereo = Format::new("L16", 8000).with_channels(2);
        assert_eq!(agree(&Format::new("L16", 8000), &stereo), None);
    }

    // RFC 7587 §7
    #[test]
    fn opus_without_its_channels_is_opus_all_the_same() {
        let agreed = agree(&opus(), &Format::new("opus", 48000)).unwrap();
        assert_eq!(agreed.receive.channels, 2);
    }

    // RFC 7587 §6.1: the parameters are declarative
    #[test]
    fn opus_agrees_whatever_its_parameters_and_each_keeps_its_own() {
        let ours = opus().with_fmtp(b"useinbandfec=1");
        let theirs = opus().with_fmtp(b"stereo=0;maxplaybackrate=16000");
        let agreed = agree(&ours, &theirs).unwrap();
        assert_eq!(&*agreed.send.fmtp, b"stereo=0;maxplaybackrate=16000");
        assert_eq!(&*agreed.receive.fmtp, b"useinbandfec=1");
    }

    // RFC 4733 §2.4.1
    #[test]
    fn events_agree_on_what_both_have() {
        let ours = Format::new("telephone-event", 8000).with_fmtp(b"0-16");
        let theirs = Format::new("telephone-event", 8000).with_fmtp(b"0-15,66");
        assert_eq!(&*agree(&ours, &theirs).unwrap().receive.fmtp, b"0-15");
        let tones = Format::new("telephone-event", 8000).with_fmtp(b"66-70");
        assert_eq!(agree(&ours, &tones), None);
    }

    #[test]
    fn an_unknown_codec_needs_equal_parameters_in_any_order() {
        let a = Format::new("X-NEW", 16000).with_fmtp(b"mode=2; rate=5");
        let b = Format::new("x-new", 16000).with_fmtp(b"rate=5;mode=2;");
        assert!(agree(&a, &b).is_some());
        assert!(same_codec(&a, &b));
        let c = Format::new("X-NEW", 16000).with_fmtp(b"mode=3;rate=5");
        assert_eq!(agree(&a, &c), None);
        assert!(!same_codec(&a, &c));
    }

    // RFC 4867 §8.3.1
    #[test]
    fn amr_agrees_when_its_payloads_read_the_same() {
        let amr = |fmtp: &[u8]| Format::new("AMR", 8000).with_fmtp(fmtp);
        assert!(agree(&amr(b""), &amr(b"octet-align=0; mode-set=7")).is_some());
        assert!(agree(&amr(b"octet-align=1"), &amr(b"Octet-Align=1;max-red=0")).is_some());
        assert_eq!(agree(&amr(b"octet-align=1"), &amr(b"")), None);
    }

    // RFC 6184 §8.2.2
    #[test]
    fn h264_agrees_on_a_profile_and_a_packetization_whatever_the_level() {
        let h264 = |fmtp: &[u8]| Format::new("H264", 90_000).with_fmtp(fmtp);
        let ours = h264(b"packetization-mode=1;profile-level-id=42e01f");
        let agreed = agree(
            &ours,
            &h264(b"profile-level-id=42E00D;packetization-mode=1"),
        );
        assert_eq!(
            &*agreed.unwrap().send.fmtp,
            b"profile-level-id=42E00D;packetization-mode=1"
        );
        assert_eq!(agree(&ours, &h264(b"profile-level-id=42e01f")), None);
        assert_eq!(
            agree(
                &ours,
                &h264(b"packetization-mode=1;profile-level-id=640c1f")
            ),
            None
        );
    }

    // RFC 6184 §8.1, table 5
    #[test]
    fn the_constrained_baseline_profile_has_several_spellings() {
        let h264 = |profile: &str| {
            let fmtp = alloc::format!("profile-level-id={profile}");
            Format::new("H264", 90_000).with_fmtp(fmtp.as_bytes())
        };
        for other in ["42c00d", "4240ff", "4d801e", "58c01e", "58e01e"] {
            assert!(same_codec(&h264("42e01f"), &h264(other)), "{other}");
        }
        for other in ["42001f", "4d401f", "58801e", "64001f", "42e11f", "odd"] {
            assert!(!same_codec(&h264("42e01f"), &h264(other)), "{other}");
        }
    }

    #[test]
    fn events_and_noise_carry_no_speech() {
        assert!(is_auxiliary(&Format::new("Telephone-Event", 48000)));
        assert!(is_auxiliary(&Format::new("cn", 8000)));
        assert!(!is_auxiliary(&Format::new("PCMA", 8000)));
    }
}
