//! What is heard when the codec changes, or is not a plain one.

use super::*;
use talkpath_audio::Decoder;

#[test]
fn a_codec_changes_without_a_sample_lost() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::Fixed(TICK * 3));
    run.play(&peer, evenly(160, 0, 20), 20);
    // The last packet of the old codec is overtaken by the first of the new.
    let arrivals = [(20, 21), (20, 20)]
        .into_iter()
        .chain((22..40).map(|n| (n, n)));
    let mut arrivals = arrivals.peekable();
    for tick in 20..40 {
        let now = Time::ZERO + TICK * tick as u32;
        while let Some((_, n)) = arrivals.next_if(|(at, _)| *at == tick) {
            let codec: &'static dyn Codec = if n == 20 { &g711::PCMU } else { &g711::PCMA };
            peer.push_as(codec, &mut run, now, n);
        }
        run.pull(now);
    }
    assert_eq!(run.playout.codec().name(), "PCMA");
    assert_eq!(run.drops.total(), 0);
    let delay = run.of(FrameKind::Silence);
    assert_eq!(run.of(FrameKind::Heard), run.pulled.len() - delay);
    let mut expected = peer.pcm(21 * 160);
    for n in 21..40 {
        let mut pcm = [0; 160];
        let decoded = g711::PCMA
            .decoder(Parameters::NONE)
            .decode(&peer.payload(n), &mut pcm);
        assert_eq!(decoded, Ok(160));
        expected.extend(pcm);
    }
    let heard = &run.heard[delay * 160..];
    assert_eq!(heard, &expected[..heard.len()]);
}

/// 16 kHz samples under an 8 kHz clock, as G.722 has it, one byte each.
#[derive(Debug)]
struct Wide;

impl Codec for Wide {
    fn name(&self) -> &'static str {
        "WIDE"
    }
    fn clock_rate(&self) -> u32 {
        8_000
    }
    fn sample_rate(&self) -> talkpath_audio::SampleRate {
        talkpath_audio::SampleRate::HZ_16000
    }
    fn channels(&self) -> u8 {
        1
    }
    fn static_payload_type(&self) -> Option<u8> {
        None
    }
    fn samples(&self, payload: &[u8]) -> Result<usize, talkpath_audio::DecodeError> {
        Ok(payload.len())
    }
    fn max_payload_len(&self, samples: usize) -> usize {
        samples
    }
    fn encoder(&self, _: Parameters<'_>) -> Box<dyn talkpath_audio::Encoder> {
        unreachable!("playout does not encode")
    }
    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(Wide)
    }
}

impl Decoder for Wide {
    fn decode(
        &mut self,
        payload: &[u8],
        pcm: &mut [i16],
    ) -> Result<usize, talkpath_audio::DecodeError> {
        // A payload that starts with 255 only looks like one of this codec.
        if payload.first() == Some(&255) {
            return Err(talkpath_audio::DecodeError::Malformed {
                len: payload.len(),
                at: 0,
            });
        }
        for (sample, byte) in pcm.iter_mut().zip(payload) {
            *sample = i16::from(*byte) * 100;
        }
        Ok(payload.len())
    }
}

/// Plays `count` packets of 20 ms of `Wide`, of which one is undecodable.
fn play_wide(count: u64, undecodable: Option<u64>) -> (Vec<i16>, Vec<FrameKind>, Drops, Playout) {
    let (mut playout, mut drops) = (Playout::new(&Wide, Target::default()), Drops::new());
    let (mut heard, mut pulled) = (Vec::new(), Vec::new());
    for n in 0..count {
        let now = Time::ZERO + TICK * n as u32;
        let value = if undecodable == Some(n) { 255 } else { n as u8 };
        let arrival = Arrival {
            ssrc: Ssrc::new(1),
            seq: ExtSeq::new(n),
            timestamp: RtpTime::new(160 * n as u32),
            marker: n == 0,
            codec: &Wide,
            payload: &[value; 320],
        };
        playout.push(now, &arrival, &mut drops);
        let mut frame = [0; 320];
        pulled.push(playout.pull(now, &mut frame, &mut drops));
        heard.extend(frame);
    }
    (heard, pulled, drops, playout)
}

#[test]
fn timestamps_of_half_the_sample_rate_are_understood() {
    let (heard, pulled, drops, playout) = play_wide(50, None);
    assert_eq!(
        pulled.iter().filter(|p| **p == FrameKind::Heard).count(),
        49
    );
    for (n, frame) in heard.chunks(320).skip(1).enumerate() {
        assert!(
            frame.iter().all(|sample| *sample == n as i16 * 100),
            "frame {n}"
        );
    }
    assert_eq!(drops.total(), 0);
    assert_eq!(playout.stats().depth, Duration::from_millis(20));
    assert_eq!(playout.stats().target, Duration::from_millis(30));
}

#[test]
fn a_payload_that_does_not_decode_is_concealed_as_lost() {
    let (_, pulled, drops, _) = play_wide(50, Some(20));
    assert_eq!(pulled[21], FrameKind::Concealed);
    assert_eq!(
        pulled.iter().filter(|p| **p == FrameKind::Heard).count(),
        48
    );
    assert_eq!(
        (drops.total(), drops.of(DropReason::Undecodable).packets),
        (1, 1)
    );
}

/// Plays 20 ms packets of the codec and payload that `of` says, after PCMU.
fn play_changing(count: u64, of: impl Fn(u64) -> (&'static dyn Codec, Vec<u8>)) -> Changing {
    let (mut playout, mut drops) = (Playout::new(&g711::PCMU, Target::default()), Drops::new());
    let (mut kinds, mut heard) = (Vec::new(), Vec::new());
    for n in 0..count {
        let now = Time::ZERO + TICK * n as u32;
        let (codec, payload) = of(n);
        let arrival = Arrival {
            ssrc: Ssrc::new(1),
            seq: ExtSeq::new(n),
            timestamp: RtpTime::new(160 * n as u32),
            marker: n == 0,
            codec,
            payload: &payload,
        };
        playout.push(now, &arrival, &mut drops);
        let mut frame = vec![0; playout.codec().sample_rate().frame_len()];
        kinds.push(playout.pull(now, &mut frame, &mut drops));
        heard.push(frame);
    }
    Changing {
        playout,
        drops,
        kinds,
        heard,
    }
}

struct Changing {
    playout: Playout,
    drops: Drops,
    kinds: Vec<FrameKind>,
    heard: Vec<Vec<i16>>,
}

#[test]
fn a_codec_of_another_rate_follows_without_a_gap() {
    let wide = |n: u64| -> (&'static dyn Codec, Vec<u8>) {
        match n {
            20..40 => (&Wide, vec![40; 320]),
            _ => (&g711::PCMU, vec![0x9f; 160]),
        }
    };
    let run = play_changing(60, wide);
    assert_eq!(run.drops.total(), 0);
    assert!(run.kinds[1..].iter().all(|kind| *kind == FrameKind::Heard));
    assert_eq!((run.heard[30].len(), run.heard[50].len()), (320, 160));
    assert!(run.heard[25].iter().all(|sample| *sample == 4_000));
    // What waited of the old codec is heard at the new rate.
    let level = run.heard[10][80];
    let waited = &run.heard[20][40..280];
    assert!(
        waited.iter().all(|s| (s - level).abs() < level / 10),
        "{waited:?}"
    );
    assert_eq!(run.playout.stats().resyncs, 0);
    assert!(run.playout.stats().depth <= TICK * 2);
}

#[test]
fn a_packet_that_is_not_believed_does_not_change_the_codec() {
    let peer = Peer::new(160);
    let mut run = Run::new(Target::default());
    run.play(&peer, evenly(160, 0, 50), 50);
    let rogue = Arrival {
        ssrc: Ssrc::new(99),
        seq: ExtSeq::new(5),
        timestamp: RtpTime::new(5),
        marker: true,
        codec: &Wide,
        payload: &[1; 320],
    };
    let pushed = run
        .playout
        .push(Time::from_millis(1_000), &rogue, &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::Probation));
    assert_eq!(run.playout.codec().name(), "PCMU");
    // Nor does one that its codec cannot have made.
    let broken = Arrival {
        ssrc: Ssrc::new(peer.ssrc),
        payload: &[],
        ..rogue
    };
    let pushed = run
        .playout
        .push(Time::from_millis(1_000), &broken, &mut run.drops);
    assert_eq!(pushed, Pushed::Dropped(DropReason::Undecodable));
    assert_eq!(run.playout.codec().name(), "PCMU");
}

/// A codec with concealment and redundancy of its own: each packet names its
/// value and the value before.
#[derive(Debug)]
struct Redundant;

impl Codec for Redundant {
    fn name(&self) -> &'static str {
        "REDUNDANT"
    }
    fn clock_rate(&self) -> u32 {
        8_000
    }
    fn sample_rate(&self) -> talkpath_audio::SampleRate {
        talkpath_audio::SampleRate::HZ_8000
    }
    fn channels(&self) -> u8 {
        1
    }
    fn static_payload_type(&self) -> Option<u8> {
        None
    }
    fn samples(&self, payload: &[u8]) -> Result<usize, talkpath_audio::DecodeError> {
        Ok(if payload.len() == 2 { 160 } else { 0 })
    }
    fn max_payload_len(&self, samples: usize) -> usize {
        samples
    }
    fn encoder(&self, _: Parameters<'_>) -> Box<dyn talkpath_audio::Encoder> {
        unreachable!("playout does not encode")
    }
    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(Redundant)
    }
}

impl Decoder for Redundant {
    fn decode(
        &mut self,
        payload: &[u8],
        pcm: &mut [i16],
    ) -> Result<usize, talkpath_audio::DecodeError> {
        pcm[..160].fill(i16::from(payload[0]) * 10);
        Ok(160)
    }
    fn conceal(&mut self, pcm: &mut [i16]) -> talkpath_audio::Concealment {
        pcm.fill(-1);
        talkpath_audio::Concealment::Done
    }
    fn recover(&mut self, next: &[u8], pcm: &mut [i16]) -> talkpath_audio::Concealment {
        pcm.fill(i16::from(next[1]) * 10);
        talkpath_audio::Concealment::Done
    }
}

#[test]
fn what_the_next_packet_carries_is_heard_and_the_rest_is_the_codecs_own() {
    let target = Target::Fixed(TICK * 3);
    let (mut playout, mut drops) = (Playout::new(&Redundant, target), Drops::new());
    let mut heard = Vec::new();
    for n in 0..40u64 {
        let now = Time::ZERO + TICK * n as u32;
        let arrival = Arrival {
            ssrc: Ssrc::new(1),
            seq: ExtSeq::new(n),
            timestamp: RtpTime::new(160 * n as u32),
            marker: n == 0,
            codec: &Redundant,
            payload: &[n as u8 + 1, n as u8],
        };
        // One alone, and two in a row.
        if ![10, 20, 21].contains(&n) {
            playout.push(now, &arrival, &mut drops);
        }
        let mut frame = [0; 160];
        playout.pull(now, &mut frame, &mut drops);
        heard.extend(frame);
    }
    let start = heard.iter().position(|sample| *sample == 10).unwrap();
    let frame = |n: usize| heard[start + n * 160 + 80];
    assert_eq!((frame(9), frame(10), frame(11)), (100, 110, 120));
    assert_eq!((frame(20), frame(21), frame(22)), (-1, 220, 230));
    let stats = playout.stats();
    assert_eq!((stats.recovered, stats.concealed), (320, 160));
}
