//! Jitter buffer and concealment of G.711, against the crate `neteq`.
//!
//! Both take the same packets and give 20 ms a step, theirs in two halves. Its
//! clock is the wall's: fed faster than life it sees no jitter, which spares it
//! work and us nothing.

use std::time::Duration;

use neteq::codec::AudioDecoder;
use neteq::{AudioPacket, NetEq, NetEqConfig, RtpHeader};
use talkpath_audio::{SampleRate, g711};
use talkpath_media::playout::{Arrival, FrameKind, Playout, Target};
use talkpath_sim::Rng;
use talkpath_transport::Drops;
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};

use crate::allocation::count;
use crate::report::{Goal, Report};
use crate::rounds::compare;
use crate::speech;

pub(super) fn run(report: &mut Report) {
    let clean = Stream::new(Network::Clean);
    compare_over(report, "clean", &clean, Some(GOAL));
    let rough = Stream::new(Network::Rough);
    compare_over(report, "5 % loss, 60 ms jitter", &rough, Some(GOAL));
}

fn compare_over(report: &mut Report, what: &str, stream: &Stream, goal: Option<Goal>) {
    let (mut theirs, mut ours) = (Theirs::new(), Ours::new());
    // Both settle, and take what memory they keep.
    (0..10).for_each(|_| {
        theirs.round(stream);
        ours.round(stream);
    });
    let compared = compare(|| theirs.round(stream), || ours.round(stream));
    report.ratio(
        &format!("{what}, per 20 ms"),
        compared.per(ROUND as f64),
        goal,
    );
    report.require("ours plays", ours.plays(stream));
    let stats = theirs.neteq.get_statistics();
    let share =
        |samples: u64| 100.0 * samples as f64 / (f64::from(theirs.rounds) * 160.0 * ROUND as f64);
    report.note(format_args!(
        "  baseline conceals {:.1} %, puts in {:.1} % and takes out {:.1} % of its time",
        share(stats.lifetime.concealed_samples),
        share(stats.lifetime.inserted_samples_for_deceleration),
        share(stats.lifetime.removed_samples_for_acceleration),
    ));
    let (_, allocations) = count(|| (0..10).map(|_| theirs.round(stream)).sum::<f32>());
    let each = allocations as f64 / (10 * ROUND) as f64;
    report.note(format_args!(
        "  baseline allocates {each:.1} times per 20 ms"
    ));
    let (_, allocations) = count(|| (0..10).map(|_| i64::from(ours.round(stream))).sum::<i64>());
    report.count("  our allocations in 20 s", allocations, 0);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    Clean,
    Rough,
}

/// Which packets come in which step of a round, and what they hold.
struct Stream {
    /// Numbers of packets, from 0 in each round.
    steps: Vec<Vec<usize>>,
    payloads: Vec<[u8; 160]>,
}

impl Stream {
    fn new(network: Network) -> Self {
        let speech = speech::frames(SampleRate::HZ_8000, ROUND);
        let payload = |frame: &[i16]| {
            let mut payload = [0; 160];
            for (octet, sample) in payload.iter_mut().zip(frame) {
                *octet = g711::encode_ulaw(*sample);
            }
            payload
        };
        let payloads = speech.chunks_exact(160).map(payload).collect();
        let (mut dice, mut steps) = (Rng::new(5), vec![Vec::new(); ROUND]);
        for number in 0..ROUND {
            let late = match network {
                Network::Clean => 0,
                Network::Rough if number % 20 == 7 => continue,
                Network::Rough => dice.below(4) as usize,
            };
            steps[(number + late).min(ROUND - 1)].push(number);
        }
        Stream { steps, payloads }
    }

    fn packets(&self) -> usize {
        self.steps.iter().map(Vec::len).sum()
    }
}

struct Ours {
    playout: Playout,
    drops: Drops,
    frame: [i16; 160],
    rounds: u64,
    heard: u64,
}

impl Ours {
    fn new() -> Self {
        Ours {
            playout: Playout::new(&g711::PCMU, Target::default()),
            drops: Drops::new(),
            frame: [0; 160],
            rounds: 0,
            heard: 0,
        }
    }

    fn round(&mut self, stream: &Stream) -> i16 {
        let base = self.rounds * ROUND as u64;
        for (step, packets) in stream.steps.iter().enumerate() {
            let now = Time::ZERO + Duration::from_millis(20 * (base + step as u64));
            for number in packets {
                let seq = base + *number as u64;
                let arrival = Arrival {
                    ssrc: Ssrc::new(7),
                    seq: ExtSeq::new(seq),
                    timestamp: RtpTime::new((160 * seq) as u32),
                    marker: false,
                    codec: &g711::PCMU,
                    payload: &stream.payloads[*number],
                };
                self.playout.push(now, &arrival, &mut self.drops);
            }
            let kind = self.playout.pull(now, &mut self.frame, &mut self.drops);
            self.heard += u64::from(kind != FrameKind::Silence);
        }
        self.rounds += 1;
        self.frame[0]
    }

    /// Whether nearly all packets were decoded and nearly all frames sounded.
    fn plays(&self, stream: &Stream) -> bool {
        let packets = self.rounds * stream.packets() as u64;
        let frames = self.rounds * ROUND as u64;
        self.playout.stats().packets > packets * 95 / 100 && self.heard > frames * 98 / 100
    }
}

struct Theirs {
    neteq: NetEq,
    rounds: u32,
}

impl Theirs {
    fn new() -> Self {
        let config = NetEqConfig {
            sample_rate: 8_000,
            ..NetEqConfig::default()
        };
        let mut neteq = NetEq::new(config).expect("8 kHz mono is a valid shape");
        neteq.register_decoder(0, Box::new(Pcmu));
        Theirs { neteq, rounds: 0 }
    }

    fn round(&mut self, stream: &Stream) -> f32 {
        let (base, mut last) = (self.rounds * ROUND as u32, 0.0);
        for packets in &stream.steps {
            for number in packets {
                let seq = base + *number as u32;
                let header = RtpHeader::new(seq as u16, seq * 160, 7, 0, false);
                let payload = stream.payloads[*number].to_vec();
                let packet = AudioPacket::new(header, payload, 8_000, 1, 20);
                // What it refuses it has counted itself.
                let _ = self.neteq.insert_packet(packet);
            }
            for _ in 0..2 {
                last = self.neteq.get_audio().map_or(0.0, |frame| frame.samples[0]);
            }
        }
        self.rounds += 1;
        last
    }
}

/// The decoder that it asks for, with our table of G.711.
struct Pcmu;

impl AudioDecoder for Pcmu {
    fn sample_rate(&self) -> u32 {
        8_000
    }

    fn channels(&self) -> u8 {
        1
    }

    fn decode(&mut self, encoded: &[u8]) -> neteq::Result<Vec<f32>> {
        let sample = |octet: &u8| f32::from(g711::decode_ulaw(*octet)) / 32_768.0;
        Ok(encoded.iter().map(sample).collect())
    }
}

/// Packets of a round: two seconds.
const ROUND: usize = 100;
const GOAL: Goal = Goal {
    must: 10.0,
    stretch: 16.0,
};
