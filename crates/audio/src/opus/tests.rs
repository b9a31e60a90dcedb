use super::*;
use crate::conceal::Concealer;
use crate::measure;

const FEC: Parameters<'static> = Parameters::new(b"useinbandfec=1");

fn all_shapes() -> impl Iterator<Item = &'static Opus> {
    MONO.iter().chain(&STEREO)
}

/// Something like a voice: a gliding pitch with overtones, in syllables.
fn voice(rate: SampleRate, channels: usize, frames: usize) -> Vec<i16> {
    let hz = f64::from(rate.hz());
    let (mut phase, mut pcm) = (0.0, Vec::new());
    for n in 0..frames * rate.frame_len() {
        let t = n as f64 / hz;
        phase += std::f64::consts::TAU * (130.0 + 30.0 * (t * 4.0).sin()) / hz;
        let tract = |h: f64| 1.0 / (1.0 + ((h * 130.0 - 600.0) / 400.0).powi(2)) + 0.05;
        let wave: f64 = (1..20)
            .map(f64::from)
            .map(|h| (phase * h).sin() * tract(h))
            .sum();
        let syllable = (0.55 - 0.45 * (t * std::f64::consts::TAU * 2.0).cos()).clamp(0.0, 1.0);
        let sample = (wave * syllable * 3_000.0) as i16;
        pcm.extend(std::iter::repeat_n(sample, channels));
    }
    pcm
}

/// Signal to noise in dB at the delay up to 15 ms that fits best.
fn snr(sent: &[i16], heard: &[i16], rate: SampleRate) -> f64 {
    let most = rate.hz() as usize * 15 / 1_000;
    let at = |delay: usize| {
        let pairs = sent.iter().zip(&heard[delay..]);
        let (mut signal, mut noise) = (0.0, 1e-9);
        for (&sent, &heard) in pairs {
            signal += f64::from(sent).powi(2);
            noise += (f64::from(sent) - f64::from(heard)).powi(2);
        }
        10.0 * (signal / noise).log10()
    };
    (0..most).map(at).fold(f64::NEG_INFINITY, f64::max)
}

fn encode_all(codec: &dyn Codec, peer: Parameters<'_>, pcm: &[i16], frame: usize) -> Vec<Vec<u8>> {
    let mut encoder = codec.encoder(peer);
    encoder.expect_loss(5);
    let mut out = vec![0; codec.max_payload_len(frame)];
    let frames = pcm.chunks_exact(frame * usize::from(codec.channels()));
    let encode = |pcm| encoder.encode(pcm, &mut out).map(|len| out[..len].to_vec());
    frames.map(encode).collect::<Result<_, _>>().unwrap()
}

fn decode_all(codec: &dyn Codec, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = codec.decoder(Parameters::NONE);
    let mut heard = Vec::new();
    for packet in packets {
        let samples = codec.samples(packet).unwrap();
        let mut pcm = vec![0; samples * usize::from(codec.channels())];
        assert_eq!(decoder.decode(packet, &mut pcm), Ok(samples));
        heard.extend(pcm);
    }
    heard
}

#[test]
fn a_tone_comes_back_in_every_shape() {
    for codec in all_shapes() {
        let (rate, width) = (codec.sample_rate(), codec.width());
        let pcm: Vec<i16> = (0..50 * rate.frame_len())
            .map(|n| f64::from(n as u32) * 1_000.0 / f64::from(rate.hz()))
            .map(|turns| (8_000.0 * (turns * std::f64::consts::TAU).sin()) as i16)
            .flat_map(|sample| std::iter::repeat_n(sample, width))
            .collect();
        let packets = encode_all(codec, Parameters::NONE, &pcm, rate.frame_len());
        let heard = decode_all(codec, &packets);
        let left: Vec<i16> = heard.iter().step_by(width).copied().collect();
        let report = measure::tone(&left[rate.frame_len() * 10..], rate).unwrap();
        assert!((report.hz - 1_000.0).abs() < 3.0, "{codec:?}: {report:?}");
        assert!(report.snr_db > 25.0, "{codec:?}: {report:?}");
    }
}

#[test]
fn a_voice_comes_back_in_every_shape() {
    for codec in all_shapes() {
        let (rate, width) = (codec.sample_rate(), codec.width());
        let pcm = voice(rate, width, 100);
        let peer = Parameters::new(b"stereo=1");
        let packets = encode_all(codec, peer, &pcm, rate.frame_len());
        let heard = decode_all(codec, &packets);
        let one = |pcm: &[i16]| pcm.iter().step_by(width).copied().collect::<Vec<_>>();
        let snr = snr(&one(&pcm), &one(&heard), rate);
        println!("{codec:?}: {snr:.1} dB");
        assert!(snr > 8.0, "{codec:?}: {snr:.1} dB");
    }
}

#[test]
fn a_codec_takes_the_nearest_shape_that_is_not_lower() {
    let shape = |hz: u32, channels| {
        let shape = OPUS.shaped(SampleRate::new(hz).unwrap(), channels).unwrap();
        (shape.sample_rate().hz(), shape.channels())
    };
    assert_eq!(shape(8_000, 1), (8_000, 1));
    assert_eq!(shape(12_000, 1), (16_000, 1));
    assert_eq!(shape(16_000, 2), (16_000, 2));
    assert_eq!(shape(44_100, 2), (48_000, 2));
    assert_eq!(shape(96_000, 6), (48_000, 2));
    assert_eq!(shape(4_000, 0), (8_000, 1));
}

#[test]
fn every_length_of_frame_makes_one_packet_of_that_length() {
    for codec in all_shapes() {
        let pcm = voice(codec.sample_rate(), codec.width(), 12);
        for frame in FRAMES.map(|quarters| quarters * codec.least_frame()) {
            let packets = encode_all(codec, FEC, &pcm, frame);
            assert!(
                packets
                    .iter()
                    .all(|packet| codec.samples(packet) == Ok(frame))
            );
            assert!(packets.iter().all(|packet| packet.len() <= MAX_PACKET));
        }
    }
}

#[test]
fn other_lengths_and_too_little_room_are_refused() {
    let mut encoder = OPUS.encoder(Parameters::NONE);
    let mut out = [0; MAX_PACKET];
    for samples in [0, 1, 119, 160, 961, 1_440, 5_761, 6_720] {
        let error = encoder.encode(&vec![0; samples], &mut out);
        assert_eq!(error, Err(EncodeError::FrameLength { samples }));
    }
    let error = encoder.encode(&[0; 960], &mut out[1..]);
    let (needed, room) = (MAX_PACKET, MAX_PACKET - 1);
    assert_eq!(error, Err(EncodeError::NoRoom { needed, room }));
    assert!(encoder.encode(&[0; 960], &mut out).is_ok());
    let odd = STEREO[0]
        .encoder(Parameters::NONE)
        .encode(&[0; 321], &mut out);
    assert_eq!(odd, Err(EncodeError::FrameLength { samples: 160 }));

    let mut decoder = OPUS.decoder(Parameters::NONE);
    let error = decoder.decode(&[0xf8], &mut [0; 959]);
    let (needed, room) = (960, 959);
    assert_eq!(error, Err(DecodeError::NoRoom { needed, room }));
    assert_eq!(decoder.decode(&[0xf8], &mut [0; 961]), Ok(960));
}

// RFC 7587 §3.4: every receiver takes mono and stereo, whatever it prefers.
#[test]
fn mono_and_stereo_are_heard_in_either_shape() {
    let peer = Parameters::new(b"stereo=1");
    let rate = SampleRate::HZ_48000;
    let mut sides = voice(rate, 2, 50);
    sides
        .iter_mut()
        .skip(1)
        .step_by(2)
        .for_each(|right| *right /= 4);
    let energy = |pcm: &[i16], from| -> f64 {
        let side = pcm.iter().skip(from).step_by(2);
        side.map(|&sample| f64::from(sample).powi(2)).sum()
    };

    let stereo = encode_all(&STEREO[3], peer, &sides, 960);
    assert!(stereo.iter().any(|packet| Toc(packet[0]).channels() == 2));
    let heard = decode_all(&STEREO[3], &stereo);
    assert!(energy(&heard, 0) > 6.0 * energy(&heard, 1));
    assert_eq!(decode_all(&MONO[3], &stereo).len(), sides.len() / 2);

    let mono = encode_all(&STEREO[3], Parameters::NONE, &sides, 960);
    assert!(mono.iter().all(|packet| Toc(packet[0]).channels() == 1));
    let heard = decode_all(&STEREO[3], &mono);
    assert!((energy(&heard, 0) / energy(&heard, 1) - 1.0).abs() < 1e-9);
}

#[test]
fn the_peer_limits_bandwidth_and_bit_rate() {
    let pcm = voice(SampleRate::HZ_48000, 1, 100);
    let bytes = |fmtp: &str| {
        let packets = encode_all(&OPUS, Parameters::new(fmtp.as_bytes()), &pcm, 960);
        let widest = packets
            .iter()
            .map(|packet| Toc(packet[0]).bandwidth())
            .max();
        let lengths: Vec<usize> = packets.iter().map(Vec::len).collect();
        (widest.unwrap(), lengths)
    };
    let (widest, lengths) = bytes("");
    assert_eq!(widest, Bandwidth::Full);
    let default: usize = lengths.iter().sum();
    // 100 packets of at most 80 bytes on average; a voice pauses.
    assert!((5_000..10_000).contains(&default), "{default}");

    assert_eq!(bytes("maxplaybackrate=8000").0, Bandwidth::Narrow);
    assert_eq!(bytes("maxplaybackrate=16000").0, Bandwidth::Wide);
    let (_, lengths) = bytes("maxaveragebitrate=12000");
    assert!(lengths.iter().sum::<usize>() < 3_750, "{lengths:?}");
    let (_, lengths) = bytes("cbr=1");
    assert!(lengths.iter().all(|&len| len == 80), "{lengths:?}");
}

#[test]
fn redundancy_follows_the_loss_that_is_expected() {
    let pcm = voice(SampleRate::HZ_48000, 1, 100);
    let repeating = |peer: &[u8], loss: Option<u8>| {
        let mut encoder = OPUS.encoder(Parameters::new(peer));
        if let Some(percent) = loss {
            encoder.expect_loss(percent);
        }
        let mut out = [0; MAX_PACKET];
        let mut count = 0;
        for pcm in pcm.chunks_exact(960) {
            let len = encoder.encode(pcm, &mut out).unwrap();
            count += usize::from(Packet::parse(&out[..len]).unwrap().repeats_the_one_before());
        }
        count
    };
    assert_eq!(repeating(b"", None), 0);
    assert_eq!(repeating(b"", Some(20)), 0);
    assert_eq!(repeating(b"useinbandfec=1", Some(0)), 0);
    assert_eq!(repeating(b"useinbandfec=1", None), 0);
    assert!(repeating(b"useinbandfec=1", Some(1)) > 50);
    assert!(repeating(b"useinbandfec=1", Some(255)) > 50);
}

/// What is heard when every eleventh packet is lost and `fill` fills the gap,
/// given the packet after it.
fn with_losses(
    codec: &dyn Codec,
    packets: &[Vec<u8>],
    fill: impl Fn(&mut dyn Decoder, &mut Concealer, &[u8], &mut [i16]),
) -> Vec<i16> {
    let mut decoder = codec.decoder(Parameters::NONE);
    let mut concealer = Concealer::new(codec.sample_rate());
    let mut heard = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let samples = codec.samples(packet).unwrap();
        let mut pcm = vec![0; samples * usize::from(codec.channels())];
        match packets.get(n + 1) {
            Some(next) if n % 11 == 10 => fill(&mut *decoder, &mut concealer, next, &mut pcm),
            _ => {
                assert_eq!(decoder.decode(packet, &mut pcm), Ok(samples));
                concealer.good(&mut pcm);
            }
        }
        heard.extend(pcm);
    }
    heard
}

fn conceal(decoder: &mut dyn Decoder, concealer: &mut Concealer, pcm: &mut [i16]) {
    match decoder.conceal(pcm) {
        Concealment::Done => concealer.good(pcm),
        Concealment::Left => drop(concealer.conceal(pcm)),
    }
}

#[test]
fn what_the_next_packet_repeats_is_better_than_what_is_made_up() {
    for codec in &MONO {
        let pcm = voice(codec.rate, 1, 200);
        let packets = encode_all(codec, FEC, &pcm, codec.rate.frame_len());
        let clean = decode_all(codec, &packets);
        let silence = with_losses(codec, &packets, |_, _, _, _| {});
        let concealed = with_losses(codec, &packets, |decoder, concealer, _, pcm| {
            conceal(decoder, concealer, pcm);
        });
        let recovered = with_losses(
            codec,
            &packets,
            |decoder, concealer, next, pcm| match decoder.recover(next, pcm) {
                Concealment::Done => concealer.good(pcm),
                Concealment::Left => conceal(decoder, concealer, pcm),
            },
        );
        let [silence, concealed, recovered] =
            [silence, concealed, recovered].map(|heard| snr(&clean, &heard, codec.rate));
        println!("{codec:?}: silence {silence:.1}, PLC {concealed:.1}, FEC {recovered:.1} dB");
        assert!(concealed > silence, "{codec:?}: {concealed} {silence}");
        assert!(
            recovered > concealed + 3.0,
            "{codec:?}: {recovered} {concealed}"
        );
    }
}

#[test]
fn concealment_fades_away() {
    for codec in all_shapes() {
        let pcm = voice(codec.rate, codec.width(), 63);
        let packets = encode_all(codec, FEC, &pcm, codec.rate.frame_len());
        let mut decoder = codec.decoder(Parameters::NONE);
        let mut frame = vec![0; codec.rate.frame_len() * codec.width()];
        for packet in &packets {
            decoder.decode(packet, &mut frame).unwrap();
        }
        let energy =
            |frame: &[i16]| -> f64 { frame.iter().map(|&sample| f64::from(sample).powi(2)).sum() };
        let last = energy(&frame);
        if decoder.conceal(&mut frame) == Concealment::Done {
            let first = energy(&frame);
            assert!(first > last / 20.0, "{codec:?}: {last} then {first}");
            for _ in 0..50 {
                assert_eq!(decoder.conceal(&mut frame), Concealment::Done);
            }
            let late = energy(&frame);
            assert!(late < last / 50.0, "{codec:?}: {last} then {late}");
        }
    }
}

#[test]
fn what_cannot_be_filled_is_left() {
    let packets = encode_all(&OPUS, FEC, &voice(SampleRate::HZ_48000, 1, 60), 960);
    let next = packets[30..]
        .iter()
        .find(|packet| Packet::parse(packet).unwrap().repeats_the_one_before());
    let next = next.unwrap();
    let mut decoder = OPUS.decoder(Parameters::NONE);
    assert_eq!(decoder.conceal(&mut [0; 961]), Concealment::Left);
    assert_eq!(decoder.conceal(&mut []), Concealment::Left);
    assert_eq!(decoder.recover(next, &mut [0; 961]), Concealment::Left);
    // Its frames are longer than the gap.
    assert_eq!(decoder.recover(next, &mut [0; 480]), Concealment::Left);
    assert_eq!(decoder.recover(&[], &mut [0; 960]), Concealment::Left);
    assert_eq!(
        decoder.recover(&[0xf8, 0xff], &mut [0; 960]),
        Concealment::Left
    );
    // A gap of several packets, and one of any number of 2.5 ms.
    assert_eq!(decoder.recover(next, &mut [0; 2_880]), Concealment::Done);
    let mut fresh = OPUS.decoder(Parameters::NONE);
    assert_eq!(fresh.conceal(&mut [0; 120 * 7]), Concealment::Done);
}

// RFC 7587 §3.1.3: silence is left out, but for an update every 400 ms.
#[test]
fn silence_is_left_out_where_the_peer_asks_for_it() {
    let pcm: Vec<i16> = voice(SampleRate::HZ_16000, 1, 50)
        .into_iter()
        .chain(std::iter::repeat_n(0, 320 * 100))
        .collect();
    let codec = &MONO[1];
    let left_out = |peer| {
        let packets = encode_all(codec, peer, &pcm, 320);
        let silent: Vec<bool> = packets.iter().map(Vec::is_empty).collect();
        assert!(!silent[..50].contains(&true));
        let longest = silent.split(|&empty| !empty).map(<[bool]>::len).max();
        let count = silent.iter().filter(|&&empty| empty).count();
        (count, longest.unwrap())
    };
    let (count, longest) = left_out(Parameters::new(b"usedtx=1"));
    assert!(count > 60, "{count}");
    assert!((5..=20).contains(&longest), "{longest}");
    assert_eq!(left_out(Parameters::NONE), (0, 0));
}

#[test]
fn after_a_reset_all_is_as_at_the_beginning() {
    let pcm = voice(SampleRate::HZ_16000, 1, 10);
    let codec = &MONO[1];
    let packets = encode_all(codec, FEC, &pcm, 320);
    let heard = decode_all(codec, &packets);
    let (mut encoder, mut decoder) = (codec.encoder(FEC), codec.decoder(FEC));
    encoder.expect_loss(5);
    let (mut out, mut frame) = ([0; MAX_PACKET], [0; 320]);
    for _ in 0..2 {
        let mut again = Vec::new();
        for (pcm, packet) in pcm.chunks_exact(320).zip(&packets) {
            let len = encoder.encode(pcm, &mut out).unwrap();
            assert_eq!(&out[..len], &packet[..]);
            decoder.decode(&out[..len], &mut frame).unwrap();
            again.extend(frame);
        }
        assert_eq!(again, heard);
        encoder.reset();
        decoder.reset();
    }
}

struct XorShift(u64);

impl XorShift {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn no_packet_harms_the_decoder() {
    let mut chance = XorShift(0x0b05_0b05);
    let pools: Vec<Vec<Vec<u8>>> = all_shapes()
        .map(|codec| {
            let peer = Parameters::new(b"stereo=1;useinbandfec=1");
            let pcm = voice(codec.rate, codec.width(), 12);
            let frame = |quarters| encode_all(codec, peer, &pcm, quarters * codec.least_frame());
            [2, 8, 16, 24, 48].into_iter().flat_map(frame).collect()
        })
        .collect();
    let mut decoders: Vec<_> = all_shapes()
        .map(|codec| (codec, codec.decoder(Parameters::NONE)))
        .collect();
    let (mut pcm, mut refused) = (vec![0; 2 * 5_760], 0);
    for _ in 0..20_000 {
        let pool = &pools[chance.below(pools.len())];
        let mut packet = pool[chance.below(pool.len())].clone();
        mutate(&mut packet, &mut chance);
        let which = chance.below(decoders.len());
        let (codec, decoder) = &mut decoders[which];
        let gap = codec.least_frame() * codec.width() * (1 + chance.below(48));
        match chance.below(8) {
            0 => {
                decoder.conceal(&mut pcm[..gap]);
            }
            1 => {
                decoder.recover(&packet, &mut pcm[..gap]);
            }
            _ => match decoder.decode(&packet, &mut pcm) {
                Ok(samples) => assert_eq!(codec.samples(&packet), Ok(samples)),
                Err(DecodeError::Malformed { len, at }) => {
                    assert!(len == packet.len() && at <= len);
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            },
        }
    }
    assert!((500..15_000).contains(&refused), "{refused}");
}

fn mutate(packet: &mut Vec<u8>, chance: &mut XorShift) {
    for _ in 0..chance.below(4) {
        if packet.is_empty() {
            return;
        }
        let at = chance.below(packet.len());
        match chance.below(5) {
            0 => packet[at] ^= 1 << chance.below(8),
            1 => packet[at] = chance.below(256) as u8,
            2 => packet[0] = chance.below(256) as u8,
            3 => packet.truncate(at),
            _ => packet.insert(at, chance.below(256) as u8),
        }
    }
}

#[test]
fn a_packet_time_that_opus_has_no_frame_of_becomes_the_next_shorter() {
    let wide = Opus::new(SampleRate::HZ_16000, 1);
    let millis = |asked: usize| wide.packet_len(asked * 16) / 16;
    assert_eq!([10, 20, 40, 60].map(millis), [10, 20, 40, 60]);
    assert_eq!([15, 30, 50, 59].map(millis), [10, 20, 40, 40]);
    assert_eq!(wide.packet_len(1), 40);
}
