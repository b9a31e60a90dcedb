//! What payload types stand for in a capture.
//!
//! In: descriptions of the calls, and packets where no description names their
//! number. Out: formats. A number of RFC 3551 §6 is known; a dynamic one is
//! guessed from what its packets look like, and said to be.

use std::net::{IpAddr, SocketAddr};

use talkpath_audio::codec;
use talkpath_sdp::{SessionDescription, static_format};
use talkpath_wire::{Format, PayloadType, RtpPacket, TelephoneEvent};

use super::sift::{Candidate, Heard};

/// How it is known what a payload type stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// A description says it.
    Described,
    /// RFC 3551 §6 does.
    Static,
    /// Its packets look like it.
    Guessed,
    /// It is not.
    Unknown,
}

/// The payload types that descriptions name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    described: Vec<Described>,
}

#[derive(Clone, Debug)]
struct Described {
    /// Where the description wants its media.
    ip: Option<IpAddr>,
    port: u16,
    number: PayloadType,
    format: Format,
}

impl Names {
    pub(super) fn learn(&mut self, description: &SessionDescription) {
        for media in description.media() {
            let connection = media.connection();
            let ip = connection.and_then(|connection| match connection.host {
                talkpath_sdp::Host::Ip(ip) => Some(ip),
                talkpath_sdp::Host::Name(_) => None,
            });
            for number in media.payload_types() {
                if let Some(format) = media.format(number) {
                    self.described.push(Described {
                        ip,
                        port: media.port(),
                        number,
                        format,
                    });
                }
            }
        }
    }

    /// What `number` stands for in packets that go `to` there: as the
    /// description of that address says, else as any does.
    fn described(&self, to: SocketAddr, number: PayloadType) -> Option<&Format> {
        let of_number = || self.described.iter().filter(|it| it.number == number);
        let is_there =
            |it: &&Described| it.port == to.port() && it.ip.is_none_or(|ip| ip == to.ip());
        let found = of_number().find(is_there).or_else(|| of_number().next());
        found.map(|described| &described.format)
    }

    /// Whether a description wants media there.
    pub(super) fn expects(&self, to: SocketAddr) -> bool {
        let is_there = |it: &Described| it.port == to.port() && it.ip == Some(to.ip());
        self.described.iter().any(is_there)
    }

    /// Names the payload type `number` of a stream.
    pub(super) fn name(
        &self,
        stream: &Candidate<'_>,
        number: PayloadType,
    ) -> (Option<Format>, Named) {
        if let Some(format) = self.described(stream.to, number) {
            return (Some(format.clone()), Named::Described);
        }
        if let Some(format) = static_format(number) {
            return (Some(format), Named::Static);
        }
        match guess(stream, number) {
            Some(format) => (Some(format), Named::Guessed),
            None => (None, Named::Unknown),
        }
    }
}

/// What packets look like that nothing names.
fn guess(stream: &Candidate<'_>, number: PayloadType) -> Option<Format> {
    if number.value() < FIRST_DYNAMIC {
        return None;
    }
    let of_it = |heard: &&Heard<'_>| heard.packet.payload_type() == number;
    let packets = || stream.heard.iter().filter(of_it).take(LOOKED_AT);
    if packets().all(|heard| is_event(&heard.packet)) {
        let rate = clock(stream).filter(|rate| *rate == 48_000 || *rate == 16_000);
        return Some(Format::new("telephone-event", rate.unwrap_or(8000)));
    }
    let is_opus = || packets().all(|heard| opus_ticks(&heard.packet).is_some());
    let is_48k = clock(stream) == Some(48_000);
    (is_48k && is_opus()).then(|| Format::new("opus", 48_000).with_channels(2))
}

/// Digits, `*`, `#`, `A`-`D` and flash, as RFC 4733 §2.3 lays them out.
fn is_event(packet: &RtpPacket<'_>) -> bool {
    let payload = packet.payload();
    payload.len() == TelephoneEvent::LEN && payload[0] <= 16 && payload[1] & 0x40 == 0
}

/// How many ticks a packet of Opus lasts, if it can be one (RFC 6716 §3.1).
fn opus_ticks(packet: &RtpPacket<'_>) -> Option<usize> {
    let opus = codec::find("opus", 48_000, 2)?;
    let payload = packet.payload();
    let samples = opus.samples(payload).ok()?;
    (1..=LONGEST_OPUS)
        .contains(&payload.len())
        .then_some(samples)
}

/// The clock of a stream's timestamps, by the time its packets take.
pub(super) fn clock(stream: &Candidate<'_>) -> Option<u32> {
    let first = stream.heard.first()?;
    let last = stream.heard[..stream.heard.len().min(LOOKED_AT)].last()?;
    let seconds = (last.at - first.at).as_secs_f64();
    let ticks = last
        .packet
        .timestamp()
        .ticks_since(first.packet.timestamp());
    if seconds < 0.1 || ticks <= 0 {
        return None;
    }
    let measured = f64::from(ticks) / seconds;
    let off = |rate: u32| (measured / f64::from(rate) - 1.0).abs();
    let nearest = CLOCKS
        .into_iter()
        .min_by(|a, b| off(*a).total_cmp(&off(*b)));
    nearest.filter(|rate| off(*rate) < 0.1)
}

const CLOCKS: [u32; 7] = [8_000, 16_000, 24_000, 32_000, 44_100, 48_000, 90_000];
const FIRST_DYNAMIC: u8 = 96;
/// Packets that a guess rests on.
const LOOKED_AT: usize = 500;
/// Three frames of 20 ms at most, in practice (RFC 6716 §3.4).
const LONGEST_OPUS: usize = 3 * 1275 + 7;
