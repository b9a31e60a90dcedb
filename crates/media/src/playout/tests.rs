//! What is heard of a stream, whatever the network does to it.

mod clean;
mod codecs;
mod digits;
mod drain;
mod losses;
mod network;
mod pauses;
mod properties;
mod sources;
mod timestamps;

use super::*;
use talkpath_audio::{Codec, Parameters, g711};

const TICK: Duration = Duration::from_millis(20);

/// A stream of a 8 kHz ramp in PCMA-safe steps, so that each sample is known.
struct Peer {
    ssrc: u32,
    first_seq: u64,
    first_timestamp: u32,
    packet: usize,
}

impl Peer {
    fn new(packet: usize) -> Self {
        Peer {
            ssrc: 7,
            first_seq: 65_530,
            first_timestamp: u32::MAX - 500,
            packet,
        }
    }

    /// A pseudo-random byte per position: no two packets are alike.
    fn byte(position: u64) -> u8 {
        (position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 | 0x80
    }

    fn payload(&self, n: u64) -> Vec<u8> {
        (0..self.packet as u64)
            .map(|i| Self::byte(n * self.packet as u64 + i))
            .collect()
    }

    fn push(&self, playout: &mut Playout, drops: &mut Drops, now: Time, n: u64) -> Pushed {
        self.push_at(playout, drops, now, n, 0)
    }

    fn push_at(
        &self,
        playout: &mut Playout,
        drops: &mut Drops,
        now: Time,
        n: u64,
        leap: u32,
    ) -> Pushed {
        let payload = self.payload(n);
        let ticks = (n as u32)
            .wrapping_mul(self.packet as u32)
            .wrapping_add(leap);
        let arrival = Arrival {
            ssrc: Ssrc::new(self.ssrc),
            seq: ExtSeq::new(self.first_seq + n),
            timestamp: RtpTime::new(self.first_timestamp).plus(ticks),
            marker: n == 0 || leap > 0,
            codec: &g711::PCMU,
            payload: &payload,
        };
        playout.push(now, &arrival, drops)
    }

    /// The same as if the payload were of another codec.
    fn push_as(&self, codec: &'static dyn Codec, run: &mut Run, now: Time, n: u64) -> Pushed {
        let arrival = Arrival {
            ssrc: Ssrc::new(self.ssrc),
            seq: ExtSeq::new(self.first_seq + n),
            timestamp: RtpTime::new(self.first_timestamp).plus(n as u32 * self.packet as u32),
            marker: n == 0,
            codec,
            payload: &self.payload(n),
        };
        run.playout.push(now, &arrival, &mut run.drops)
    }

    /// What a perfect line would play.
    fn pcm(&self, samples: usize) -> Vec<i16> {
        let bytes: Vec<u8> = (0..samples as u64).map(Self::byte).collect();
        let mut pcm = vec![0; samples];
        g711::PCMU
            .decoder(Parameters::NONE)
            .decode(&bytes, &mut pcm)
            .unwrap();
        pcm
    }
}

struct Run {
    playout: Playout,
    drops: Drops,
    heard: Vec<i16>,
    pulled: Vec<FrameKind>,
}

impl Run {
    fn new(target: Target) -> Self {
        let playout = Playout::new(&g711::PCMU, target);
        Run {
            playout,
            drops: Drops::new(),
            heard: Vec::new(),
            pulled: Vec::new(),
        }
    }

    fn pull(&mut self, now: Time) -> FrameKind {
        let mut frame = [i16::MAX; 160];
        let pulled = self.playout.pull(now, &mut frame, &mut self.drops);
        self.heard.extend(frame);
        self.pulled.push(pulled);
        pulled
    }

    /// Plays packets that arrive at the given moments, pulling every 20 ms.
    fn play(&mut self, peer: &Peer, mut arrivals: Vec<(Time, u64)>, ticks: u64) {
        arrivals.sort_by_key(|(at, _)| *at);
        let mut arrivals = arrivals.into_iter().peekable();
        for tick in 0..ticks {
            let now = Time::ZERO + TICK * tick as u32;
            while let Some((at, n)) = arrivals.next_if(|(at, _)| *at <= now) {
                peer.push(&mut self.playout, &mut self.drops, at, n);
            }
            self.pull(now);
        }
    }

    /// Where the first packet begins to be heard, in samples.
    fn start(&self) -> usize {
        self.heard.iter().position(|sample| *sample != 0).unwrap()
    }

    /// Nothing was put in or taken out.
    fn is_unscaled(&self) -> bool {
        let stats = self.playout.stats();
        stats.accelerated.is_zero() && stats.expanded.is_zero()
    }

    fn of(&self, pulled: FrameKind) -> usize {
        self.pulled.iter().filter(|p| **p == pulled).count()
    }
}

fn micros(us: u64) -> Time {
    Time::from_nanos(us * 1000)
}

/// Packets of `packet` samples, sent evenly from `phase` on.
fn evenly(packet: usize, phase_us: u64, count: u64) -> Vec<(Time, u64)> {
    (0..count)
        .map(|n| (micros(phase_us + n * packet as u64 * 125), n))
        .collect()
}

/// 400 Hz through playout, packets arriving when `arrival` says.
fn largest_step_of_a_tone(arrival: impl Fn(u64) -> u64, packets: u64) -> (i32, Run) {
    use talkpath_audio::{Dbov, SampleRate, Tone, ToneGenerator};
    let mut tone = ToneGenerator::new(Tone::sine(437.0, Dbov(-10.0)), SampleRate::HZ_8000);
    let mut encoder = g711::PCMU.encoder(Parameters::NONE);
    let mut run = Run::new(Target::default());
    let mut waiting = (0..packets).map(|n| (arrival(n), n)).peekable();
    for tick in 0..packets {
        let now = micros(tick * 20_000);
        while let Some((_, n)) = waiting.next_if(|(at, _)| micros(*at) <= now) {
            let (mut pcm, mut payload) = ([0; 160], [0; 160]);
            tone.fill(&mut pcm);
            encoder.encode(&pcm, &mut payload).unwrap();
            let arrival = Arrival {
                ssrc: Ssrc::new(1),
                seq: ExtSeq::new(n),
                timestamp: RtpTime::new(160 * n as u32),
                marker: n == 0,
                codec: &g711::PCMU,
                payload: &payload,
            };
            run.playout.push(now, &arrival, &mut run.drops);
        }
        run.pull(now);
    }
    let steps = run
        .heard
        .windows(2)
        .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs());
    (steps.max().unwrap(), run)
}
