use super::*;
use audio_codec_algorithms as oracle;

/// The decision values of one sign as ITU-T G.711 lists them: segment by
/// segment, sixteen intervals each, in steps that double.
///
/// Given as the lowest magnitude of each of the 128 intervals.
fn intervals(first_segment: &[u32], steps: &[u32]) -> Vec<u32> {
    let mut lowest = Vec::new();
    let mut edge = 0;
    for &width in first_segment {
        lowest.push(edge);
        edge += width;
    }
    for &step in steps {
        for _ in 0..16 {
            lowest.push(edge);
            edge += step;
        }
    }
    assert_eq!(lowest.len(), 128);
    lowest
}

/// G.711 table 2: 14 bits; the first interval is half as wide (0 to 1).
fn ulaw_intervals() -> Vec<u32> {
    let mut first = vec![2; 16];
    first[0] = 1;
    let lowest = intervals(&first, &[4, 8, 16, 32, 64, 128, 256]);
    assert_eq!(lowest[127], 7_903); // the highest decision value of the table
    lowest
}

/// G.711 table 1, in 12 bits of magnitude and sign: 32 equal steps first.
fn alaw_intervals() -> Vec<u32> {
    let lowest = intervals(&[1; 32], &[2, 4, 8, 16, 32, 64]);
    assert_eq!(lowest[127], 1_984); // 3968 of 4096 in the table's own units
    lowest
}

fn interval_of(lowest: &[u32], magnitude: u32) -> u8 {
    (lowest.partition_point(|&edge| edge <= magnitude) - 1) as u8
}

fn one_complement_magnitude(sample: i16) -> u32 {
    if sample < 0 {
        -(i32::from(sample)) as u32 - 1
    } else {
        sample as u32
    }
}

// ITU-T G.711 tables 1 and 2: all inputs against the decision values.
#[test]
fn every_sample_encodes_as_the_tables_of_the_standard_say() {
    let (ulaw, alaw) = (ulaw_intervals(), alaw_intervals());
    for sample in i16::MIN..=i16::MAX {
        let magnitude = one_complement_magnitude(sample);
        let negative = sample < 0;
        let mu = interval_of(&ulaw, magnitude >> 2) | if negative { 0x80 } else { 0 };
        assert_eq!(encode_ulaw(sample), !mu, "µ-law of {sample}");
        let a = interval_of(&alaw, magnitude >> 4) | if negative { 0 } else { 0x80 };
        assert_eq!(encode_alaw(sample), a ^ 0x55, "A-law of {sample}");
    }
}

// ITU-T G.711 tables 1 and 2, column 8: the value is the middle of the interval.
#[test]
fn every_octet_decodes_to_the_middle_of_its_interval() {
    let (ulaw, alaw) = (ulaw_intervals(), alaw_intervals());
    for octet in 0..=255u8 {
        let bits = !octet;
        let n = usize::from(bits & 0x7f);
        // Symmetric around zero, the first interval is -1 to 1: its middle is 0.
        let width = 2 << (n / 16);
        let low = if n == 0 { -1 } else { ulaw[n] as i32 };
        let middle = (low * 2 + width) * 2; // 14 bits to 16
        let expected = if bits & 0x80 != 0 { -middle } else { middle };
        assert_eq!(
            i32::from(decode_ulaw(octet)),
            expected,
            "µ-law {octet:#04x}"
        );

        let bits = octet ^ 0x55;
        let n = usize::from(bits & 0x7f);
        let width = 1 << (n / 16).saturating_sub(1);
        let middle = (alaw[n] as i32 * 2 + width) * 8; // 12 bits to 16
        let expected = if bits & 0x80 != 0 { middle } else { -middle };
        assert_eq!(
            i32::from(decode_alaw(octet)),
            expected,
            "A-law {octet:#04x}"
        );
    }
}

#[test]
fn an_independent_implementation_agrees_on_everything() {
    for sample in i16::MIN..=i16::MAX {
        assert_eq!(
            encode_ulaw(sample),
            oracle::encode_ulaw(sample),
            "µ-law of {sample}"
        );
        assert_eq!(
            encode_alaw(sample),
            oracle::encode_alaw(sample),
            "A-law of {sample}"
        );
    }
    for octet in 0..=255 {
        assert_eq!(
            decode_ulaw(octet),
            oracle::decode_ulaw(octet),
            "µ-law {octet:#04x}"
        );
        assert_eq!(
            decode_alaw(octet),
            oracle::decode_alaw(octet),
            "A-law {octet:#04x}"
        );
    }
}

// Tandem coding adds nothing, but for µ-law's negative zero, which becomes
// positive.
#[test]
fn decoding_and_encoding_again_is_the_identity() {
    for octet in 0..=255 {
        assert_eq!(encode_alaw(decode_alaw(octet)), octet);
        if octet != 0x7f {
            assert_eq!(encode_ulaw(decode_ulaw(octet)), octet);
        }
    }
    assert_eq!(encode_ulaw(decode_ulaw(0x7f)), 0xff);
}

#[test]
fn slices_without_room_are_refused_and_left_untouched() {
    let mut octets = [9; 3];
    let error = PCMU.encoder(Parameters::NONE).encode(&[0; 4], &mut octets);
    assert_eq!(error, Err(EncodeError::NoRoom { needed: 4, room: 3 }));
    assert_eq!(octets, [9; 3]);

    let mut pcm = [9; 3];
    let error = PCMA.decoder(Parameters::NONE).decode(&[0; 4], &mut pcm);
    assert_eq!(error, Err(DecodeError::NoRoom { needed: 4, room: 3 }));
    assert_eq!(pcm, [9; 3]);
}

#[test]
fn a_longer_destination_keeps_its_tail() {
    let mut pcm = [9; 4];
    assert_eq!(
        PCMU.decoder(Parameters::NONE)
            .decode(&[0x80, 0x00], &mut pcm),
        Ok(2)
    );
    assert_eq!(pcm, [32_124, -32_124, 9, 9]);
    assert_eq!(PCMU.decoder(Parameters::NONE).decode(&[], &mut []), Ok(0));
}
