use super::*;

fn at(payload: &[u8]) -> Option<usize> {
    match Packet::parse(payload) {
        Err(DecodeError::Malformed { len, at }) => {
            assert_eq!(len, payload.len());
            Some(at)
        }
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

fn frames(payload: &[u8]) -> (u8, usize, usize) {
    let packet = Packet::parse(payload).unwrap();
    (packet.frames(), packet.first.len(), packet.first_at())
}

// RFC 6716 §3.1, table 2.
#[test]
fn every_configuration_is_that_of_the_table() {
    use Bandwidth::{Full, Medium, Narrow, Superwide, Wide};
    let silk: &[u64] = &[10_000, 20_000, 40_000, 60_000];
    let hybrid: &[u64] = &[10_000, 20_000];
    let celt: &[u64] = &[2_500, 5_000, 10_000, 20_000];
    let table = [
        (Mode::Silk, Narrow, silk),
        (Mode::Silk, Medium, silk),
        (Mode::Silk, Wide, silk),
        (Mode::Hybrid, Superwide, hybrid),
        (Mode::Hybrid, Full, hybrid),
        (Mode::Celt, Narrow, celt),
        (Mode::Celt, Wide, celt),
        (Mode::Celt, Superwide, celt),
        (Mode::Celt, Full, celt),
    ];
    let mut config = 0;
    for (mode, bandwidth, durations) in table {
        for micros in durations {
            for stereo in [0, 0b100] {
                let toc = Toc(config << 3 | stereo);
                assert_eq!((toc.mode(), toc.bandwidth()), (mode, bandwidth), "{config}");
                assert_eq!(toc.frame_duration(), Duration::from_micros(*micros));
                assert_eq!(toc.channels(), if stereo == 0 { 1 } else { 2 });
            }
            config += 1;
        }
    }
    assert_eq!(config, 32);
}

// RFC 6716 §3.4, R1.
#[test]
fn nothing_is_no_packet_but_a_lone_toc_is_a_silent_one() {
    assert_eq!(at(&[]), Some(0));
    assert_eq!(frames(&[0xf8]), (1, 0, 1));
    assert_eq!(
        Packet::parse(&[0xf8]).unwrap().samples(SampleRate::HZ_8000),
        160
    );
}

// RFC 6716 §3.4, R2.
#[test]
fn no_frame_exceeds_1275_bytes_in_any_code() {
    let long = |head: &[u8], body: usize| [head, &vec![0; body]].concat();
    assert_eq!(at(&long(&[0xf8], 1_275)), None);
    assert_eq!(at(&long(&[0xf8], 1_276)), Some(1));
    assert_eq!(at(&long(&[0xf9], 2_550)), None);
    assert_eq!(at(&long(&[0xf9], 2_552)), Some(1));
    // The second of two frames, whose length is implied.
    assert_eq!(at(&long(&[0xfa, 1], 1 + 1_275)), None);
    assert_eq!(at(&long(&[0xfa, 1], 1 + 1_276)), Some(3));
    assert_eq!(at(&long(&[0xfb, 3], 3 * 1_275)), None);
    assert_eq!(at(&long(&[0xfb, 3], 3 * 1_276)), Some(2));
    assert_eq!(at(&long(&[0xfb, 0x82, 0], 1_276)), Some(3));
}

// RFC 6716 §3.4, R3.
#[test]
fn two_equal_frames_take_an_even_number_of_bytes() {
    assert_eq!(frames(&[0xf9, 1, 2, 3, 4]), (2, 2, 1));
    assert_eq!(frames(&[0xf9]), (2, 0, 1));
    assert_eq!(at(&[0xf9, 1, 2, 3]), Some(1));
}

// RFC 6716 §3.4, R4, with lengths of §3.2.1.
#[test]
fn the_first_of_two_unequal_frames_fits() {
    assert_eq!(frames(&[0xfa, 1, 9, 8, 7]), (2, 1, 2));
    assert_eq!(frames(&[0xfa, 0, 9]), (2, 0, 2));
    assert_eq!(at(&[0xfa]), Some(1));
    assert_eq!(at(&[0xfa, 2, 9]), Some(1));
    assert_eq!(at(&[0xfa, 252]), Some(2));
    let two_bytes = [&[0xfa, 253, 1][..], &[0; 257]].concat();
    assert_eq!(frames(&two_bytes), (2, 257, 3));
    assert_eq!(at(&two_bytes[..259]), Some(1));
}

// RFC 6716 §3.4, R5.
#[test]
fn a_packet_holds_a_frame_and_no_more_than_120_ms() {
    assert_eq!(at(&[0xfb]), Some(1));
    assert_eq!(at(&[0xfb, 0]), Some(1));
    assert_eq!(frames(&[0xfb, 6]).0, 6);
    assert_eq!(at(&[0xfb, 7]), Some(1));
    // 48 frames of 2.5 ms; two of 60 ms.
    assert_eq!(frames(&[0xe3, 48]).0, 48);
    assert_eq!(at(&[0xe3, 49]), Some(1));
    assert_eq!(
        Packet::parse(&[0x5b, 2])
            .unwrap()
            .samples(SampleRate::HZ_48000),
        5_760
    );
    assert_eq!(at(&[0x5b, 3]), Some(1));
}

// RFC 6716 §3.4, R6.
#[test]
fn equal_frames_divide_what_the_padding_leaves() {
    assert_eq!(frames(&[0xfb, 2, 1, 2]), (2, 1, 2));
    assert_eq!(at(&[0xfb, 2, 1, 2, 3]), Some(2));
    assert_eq!(frames(&[0xfb, 0x42, 1, 1, 2, 0]), (2, 1, 3));
    assert_eq!(at(&[0xfb, 0x42, 2, 1]), Some(2));
    assert_eq!(at(&[0xfb, 0x42]), Some(2));
    // 255 stands for 254 bytes and another length.
    let padded = [&[0xfb, 0x41, 255, 1, 7][..], &[0; 255]].concat();
    assert_eq!(frames(&padded), (1, 1, 4));
    assert_eq!(at(&padded[..259]), None);
    assert_eq!(at(&padded[..257]), Some(3));
    assert_eq!(at(&padded[..256]), Some(2));
}

// RFC 6716 §3.4, R7.
#[test]
fn the_lengths_of_unequal_frames_fit_together() {
    assert_eq!(frames(&[0xfb, 0x83, 1, 2, 9, 9, 9, 9]), (3, 1, 4));
    assert_eq!(at(&[0xfb, 0x83, 1, 2, 9, 9]), Some(3));
    assert_eq!(at(&[0xfb, 0x83, 0]), Some(3));
    assert_eq!(at(&[0xfb, 0x83, 1]), Some(2));
    assert_eq!(frames(&[0xfb, 0x81, 9, 9]), (1, 2, 2));
    // With padding: none of it belongs to the last frame.
    assert_eq!(frames(&[0xfb, 0xc2, 1, 2, 5, 6, 0]), (2, 2, 4));
    assert_eq!(at(&[0xfb, 0xc2, 1, 2, 0]), Some(3));
}

// RFC 6716 §4.2.3 and §4.2.4.
#[test]
fn the_flag_of_redundancy_follows_the_activity_of_each_20_ms() {
    let repeats = |toc: u8, flags: u8| {
        let payload = [toc, flags];
        Packet::parse(&payload).unwrap().repeats_the_one_before()
    };
    // Wide-band speech of 10, 20, 40 and 60 ms: the flag is bit 1, 1, 2 and 3.
    for (config, bit) in [(8, 1), (9, 1), (10, 2), (11, 3)] {
        let flag = 0x80_u8 >> bit;
        assert!(repeats(config << 3, flag));
        assert!(!repeats(config << 3, !flag));
        let side = 0x80_u8 >> (2 * bit + 1);
        let stereo = config << 3 | 0b100;
        assert!(repeats(stereo, flag) && repeats(stereo, side));
        assert!(!repeats(stereo, !(flag | side)));
    }
    // MDCT alone has none, and nor has a frame that is not there.
    assert!(!repeats(31 << 3, 0xff));
    assert!(!Packet::parse(&[9 << 3]).unwrap().repeats_the_one_before());
}
