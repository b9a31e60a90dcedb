use super::*;
use proptest::prelude::*;

/// A WAV file put together chunk by chunk, with whatever sizes a test wants.
fn file(riff: &[u8; 4], riff_len: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    [
        &riff[..],
        &riff_len.to_le_bytes(),
        b"WAVE",
        &chunks.concat(),
    ]
    .concat()
}

fn chunk(id: &[u8; 4], len: u32, body: &[u8]) -> Vec<u8> {
    [&id[..], &len.to_le_bytes(), body].concat()
}

fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let frame_len = channels * bits.div_ceil(8);
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(frame_len)).to_le_bytes());
    body.extend(frame_len.to_le_bytes());
    body.extend(bits.to_le_bytes());
    chunk(b"fmt ", 16, &body)
}

fn pcm16(data_len: u32, data: &[u8]) -> Vec<u8> {
    file(
        b"RIFF",
        36 + data_len,
        &[fmt(1, 1, 8_000, 16), chunk(b"data", data_len, data)],
    )
}

/// All samples of a file that is fed in pieces, and how it ended.
fn read(file: &[u8], piece: usize) -> Result<(WavHeader, Vec<i16>), WavError> {
    let (mut reader, mut heard, mut room) = (WavReader::new(), Vec::new(), vec![0; piece.max(32)]);
    for mut rest in file.chunks(piece) {
        while !rest.is_empty() {
            let progress = reader.read(rest, &mut room)?;
            assert_ne!(progress, WavProgress::default(), "it stands still");
            heard.extend(&room[..progress.samples]);
            rest = &rest[progress.consumed..];
        }
    }
    reader.finish()?;
    Ok((*reader.header().expect("finish would have failed"), heard))
}

fn written(channels: u16, rate: u32, samples: &[i16]) -> Vec<u8> {
    let mut writer = WavWriter::new(channels, rate).unwrap();
    let mut file = writer.header().to_vec();
    writer.encode(samples, &mut file).unwrap();
    writer.written(samples.len() as u64 * 2);
    file[..HEADER_LEN].copy_from_slice(&writer.header());
    file
}

fn apply(file: &mut [u8], repair: &Repair) {
    for patch in &repair.patches {
        file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
}

#[test]
fn chunks_before_the_sound_are_skipped_with_their_padding() {
    let wav = file(
        b"RIFF",
        0,
        &[
            chunk(b"LIST", 5, b"INFO!\0"),
            fmt(1, 1, 8_000, 16),
            chunk(b"fact", 4, &[0; 4]),
            chunk(b"data", 4, &[1, 0, 2, 0]),
            chunk(b"LIST", 4, b"INFO"),
        ],
    );
    for piece in 1..40 {
        let (header, heard) = read(&wav, piece).unwrap();
        assert_eq!(heard, [1, 2]);
        assert_eq!(header.data_offset, 12 + 14 + 24 + 12 + 8);
        assert_eq!(header.data_length, DataLength::Bytes(4));
    }
}

#[test]
fn every_encoding_is_read_in_pieces_of_any_size() {
    let cases: [(u16, u16, &[u8], &[i16]); 7] = [
        (1, 8, &[0, 128, 255], &[-32_768, 0, 32_512]),
        (1, 16, &[1, 0, 0xff, 0xff], &[1, -1]),
        (1, 24, &[0, 1, 0, 0, 0, 0x80], &[1, -32_768]),
        (1, 32, &[0, 0, 1, 0, 0, 0, 0, 0x80], &[1, -32_768]),
        (
            3,
            32,
            &[0, 0, 0, 0x3f, 0, 0, 0x80, 0xbf],
            &[16_384, -32_768],
        ),
        (6, 8, &[0xd5, 0x2a], &[8, -32_256]),
        (7, 8, &[0xff, 0x00], &[0, -32_124]),
    ];
    for (tag, bits, data, expected) in cases {
        let mut body = data.to_vec();
        body.resize(data.len().next_multiple_of(2), 0);
        let data = chunk(b"data", data.len() as u32, &body);
        let wav = file(b"RIFF", 0, &[fmt(tag, 1, 16_000, bits), data]);
        for piece in 1..=wav.len() {
            let (header, heard) = read(&wav, piece).unwrap();
            assert_eq!(heard, expected, "tag {tag}, {bits} bits, pieces of {piece}");
            assert_eq!(header.format.sample_rate, 16_000);
        }
    }
}

#[test]
fn an_extensible_format_is_what_its_sub_format_says() {
    let mut body = fmt(0xfffe, 2, 48_000, 24)[8..].to_vec();
    body.extend([22, 0, 24, 0, 3, 0, 0, 0]);
    body.extend([
        1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    let data = chunk(b"data", 6, &[0, 1, 0, 0, 2, 0]);
    let (header, heard) = read(
        &file(b"RIFF", 0, &[chunk(b"fmt ", 40, &body), data.clone()]),
        7,
    )
    .unwrap();
    let expected = WavFormat {
        encoding: Encoding::Pcm24,
        channels: 2,
        sample_rate: 48_000,
    };
    assert_eq!((header.format, heard), (expected, vec![1, 2]));

    let short = file(b"RIFF", 0, &[chunk(b"fmt ", 18, &body[..18]), data.clone()]);
    let error = WavError::ShortChunk {
        id: ChunkId(*b"fmt "),
        offset: 12,
        len: 18,
        needed: 40,
    };
    assert_eq!(read(&short, 50), Err(error));

    body[39] = 0;
    let foreign = file(b"RIFF", 0, &[chunk(b"fmt ", 40, &body), data]);
    assert_eq!(read(&foreign, 50), Err(WavError::SubFormat));
}

#[test]
fn sizes_left_by_a_pipe_mean_until_the_end() {
    for (riff_len, data_len) in [
        (u32::MAX, u32::MAX),       // ffmpeg
        (0x7fff_f024, 0x7fff_f000), // sox
        (0x8000_0024, 0x8000_0000),
        (36, 0), // GStreamer
        (0, 0),
    ] {
        let chunks = [
            fmt(1, 1, 8_000, 16),
            chunk(b"data", data_len, &[1, 0, 2, 0, 3]),
        ];
        let (header, heard) = read(&file(b"RIFF", riff_len, &chunks), 9).unwrap();
        assert_eq!(header.data_length, DataLength::UntilEnd, "{data_len:#x}");
        assert_eq!(
            (heard, header.frames(), header.duration()),
            (vec![1, 2], None, None)
        );
    }
}

#[test]
fn an_empty_file_with_chunks_behind_it_is_empty() {
    let chunks = [
        fmt(1, 1, 8_000, 16),
        chunk(b"data", 0, &[]),
        chunk(b"LIST", 4, b"INFO"),
    ];
    let (header, heard) = read(&file(b"RIFF", 48, &chunks), 9).unwrap();
    assert_eq!((header.frames(), heard), (Some(0), vec![]));
}

#[test]
fn an_rf64_takes_its_length_from_ds64() {
    let mut body = [
        (80u64 + 4).to_le_bytes(),
        4u64.to_le_bytes(),
        2u64.to_le_bytes(),
    ]
    .concat();
    body.extend([0; 4]);
    let chunks = [
        chunk(b"ds64", 28, &body),
        fmt(1, 1, 8_000, 16),
        chunk(b"data", u32::MAX, &[1, 0, 2, 0, 9, 9]),
    ];
    let (header, heard) = read(&file(b"RF64", u32::MAX, &chunks), 11).unwrap();
    assert_eq!(
        (header.data_length, heard),
        (DataLength::Bytes(4), vec![1, 2])
    );
}

#[test]
fn lengths_at_the_end_of_64_bits_do_not_overflow() {
    for (riff_len, data_len) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX - 1)] {
        let body = [riff_len.to_le_bytes(), data_len.to_le_bytes(), [0xff; 8]].concat();
        let chunks = [
            chunk(b"ds64", 24, &body),
            fmt(1, 1, 8_000, 16),
            chunk(b"data", u32::MAX, &[1, 0]),
        ];
        let wav = file(b"RF64", u32::MAX, &chunks);
        let mut reader = WavReader::new();
        let samples = reader.read(&wav, &mut [0; 9]).unwrap().samples;
        assert_eq!(samples, usize::from(data_len > 0));
        let _ = reader.header().and_then(WavHeader::duration);
        assert!(repair(&wav, u64::MAX).is_ok());
    }
}

#[test]
fn broken_files_are_told_apart_in_words() {
    let data = || chunk(b"data", 2, &[0; 2]);
    let cases: [(Vec<u8>, &str); 12] = [
        (
            b"<html><body>".to_vec(),
            "not a WAV file: it starts with \"<htm\"",
        ),
        (
            b"RIFX\0\0\0\0WAVE".to_vec(),
            "not a WAV file: it starts with \"RIFX\"",
        ),
        (
            b"RIFF\0\0\0\0AVI ".to_vec(),
            "not a WAV file: a RIFF file of kind \"AVI \"",
        ),
        (vec![], "the file ends after 0 bytes, inside of its header"),
        (
            pcm16(2, &[])[..30].to_vec(),
            "the file ends after 30 bytes, inside of its header",
        ),
        (
            file(b"RIFF", 0, &[data()]),
            "the sound at byte 12 has no format before it",
        ),
        (
            file(b"RIFF", 0, &[chunk(b"fmt ", 14, &[0; 14]), data()]),
            "chunk \"fmt \" at byte 12 has 14 bytes, it needs 16",
        ),
        (
            file(b"RIFF", 0, &[fmt(0x11, 1, 8_000, 4), data()]),
            "format 0x0011 with 4 bits per sample is not supported",
        ),
        (
            file(b"RIFF", 0, &[fmt(1, 0, 8_000, 16), data()]),
            "0 channels are not between 1 and 32",
        ),
        (
            file(b"RIFF", 0, &[fmt(1, 1, 0, 16), data()]),
            "a sample rate of 0 Hz is not between 1 and 768000",
        ),
        (
            {
                let mut wav = pcm16(2, &[0; 2]);
                wav[32] = 4;
                wav
            },
            "a frame is said to have 4 bytes, its samples have 2",
        ),
        (
            pcm16(32_000, &[0; 100]),
            "the header promises 32000 bytes of sound, the file has 100",
        ),
    ];
    for (wav, message) in cases {
        let error = read(&wav, 16).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_broken_header_stays_broken() {
    let mut reader = WavReader::new();
    let error = reader.read(b"OggS\0\0\0\0\0\0\0\0", &mut []).unwrap_err();
    assert_eq!(reader.read(&pcm16(2, &[0; 2]), &mut [0; 9]), Err(error));
    assert_eq!((reader.finish(), reader.header()), (Err(error), None));
}

#[test]
fn what_follows_the_sound_is_taken_and_ignored() {
    let mut wav = pcm16(4, &[1, 0, 2, 0]);
    wav.extend([7; 1_000]);
    let (mut reader, mut pcm) = (WavReader::new(), [0; 1]);
    let first = reader.read(&wav, &mut pcm).unwrap();
    assert_eq!(
        (first, reader.is_complete()),
        (
            WavProgress {
                consumed: 46,
                samples: 1
            },
            false
        )
    );
    let second = reader.read(&wav[46..], &mut pcm).unwrap();
    assert_eq!(
        second,
        WavProgress {
            consumed: wav.len() - 46,
            samples: 1
        }
    );
    assert!(reader.is_complete());
}

#[test]
fn frames_are_never_given_in_part() {
    let wav = written(2, 8_000, &[1, 2, 3, 4]);
    let (mut reader, mut pcm) = (WavReader::new(), [0; 3]);
    let progress = reader.read(&wav[..HEADER_LEN + 7], &mut pcm).unwrap();
    assert_eq!(
        progress,
        WavProgress {
            consumed: HEADER_LEN + 7,
            samples: 2
        }
    );
    let stuck = reader.read(&wav[HEADER_LEN + 7..], &mut pcm[..1]).unwrap();
    assert_eq!(stuck, WavProgress::default());
    let progress = reader.read(&wav[HEADER_LEN + 7..], &mut pcm).unwrap();
    assert_eq!((progress.samples, pcm), (2, [3, 4, 0]));
}

#[test]
fn past_4_gib_the_header_becomes_an_rf64_of_the_same_length() {
    let mut writer = WavWriter::new(2, 48_000).unwrap();
    writer.written(u64::from(u32::MAX) - 72 - 3); // the last whole frame of a RIFF
    assert_eq!(&writer.header()[..4], b"RIFF");
    writer.written(4);
    let header = writer.header();
    assert_eq!(&header[..8], b"RF64\xff\xff\xff\xff");
    let mut reader = WavReader::new();
    reader.read(&header, &mut []).unwrap();
    let read = reader.header().unwrap();
    assert_eq!(
        read.data_length,
        DataLength::Bytes(u64::from(u32::MAX) - 72 + 1)
    );
    assert_eq!(
        (read.data_offset, read.frames()),
        (80, Some(writer.frames()))
    );
}

#[test]
fn the_writer_refuses_what_it_cannot_write() {
    let message = |error: WavError| error.to_string();
    assert_eq!(
        WavWriter::new(0, 8_000).map_err(message).unwrap_err(),
        "0 channels are not between 1 and 32"
    );
    assert!(WavWriter::new(33, 8_000).is_err() && WavWriter::new(1, 0).is_err());
    let mut out = vec![7];
    let error = WavWriter::new(2, 8_000)
        .unwrap()
        .encode(&[1, 2, 3], &mut out)
        .unwrap_err();
    assert_eq!(
        error,
        PartialFrame {
            samples: 3,
            channels: 2
        }
    );
    assert_eq!(out, [7]);
}

#[test]
fn a_stream_reads_until_its_end() {
    let writer = WavWriter::new(1, 16_000).unwrap();
    let mut wav = writer.streaming_header().to_vec();
    writer.encode(&[5, 6], &mut wav).unwrap();
    let (header, heard) = read(&wav, 13).unwrap();
    assert_eq!(
        (header.data_length, heard),
        (DataLength::UntilEnd, vec![5, 6])
    );
}

#[test]
fn a_file_cut_at_any_byte_is_whole_after_repair() {
    let samples: Vec<i16> = (0..40).collect();
    let whole = written(2, 8_000, &samples);
    for len in 0..=whole.len() {
        let mut cut = whole[..len].to_vec();
        let found = repair(&cut, len as u64);
        if len < HEADER_LEN {
            assert_eq!(found, Err(WavError::HeaderTruncated { len: len as u64 }));
            continue;
        }
        if let Some(repair) = found.unwrap() {
            apply(&mut cut, &repair);
        }
        let frames = (len - HEADER_LEN) / 4;
        let (_, heard) = read(&cut, 64).unwrap();
        assert_eq!(heard, samples[..frames * 2], "cut at {len}");
        assert_eq!(
            repair(&cut, len as u64).map(|again| again.is_some()),
            Ok(frames == 0)
        );
    }
}

#[test]
fn sound_behind_a_stale_header_is_found_again() {
    let samples: Vec<i16> = (0..100).collect();
    let mut wav = written(1, 8_000, &samples[..60]);
    WavWriter::new(1, 8_000)
        .unwrap()
        .encode(&samples[60..], &mut wav)
        .unwrap();
    wav.push(9); // half a sample
    assert_eq!(read(&wav, 64).unwrap().1, samples[..60]);
    let found = repair(&wav[..HEADER_LEN], wav.len() as u64)
        .unwrap()
        .unwrap();
    assert_eq!(found.data_len, 200);
    apply(&mut wav, &found);
    assert_eq!(read(&wav, 64).unwrap().1, samples);
    assert_eq!(repair(&wav, wav.len() as u64), Ok(None));
}

#[test]
fn repair_past_4_gib_gives_the_header_that_the_writer_would() {
    let mut writer = WavWriter::new(2, 48_000).unwrap();
    let mut stale = writer.header();
    let data_len = 5 << 32;
    apply(
        &mut stale,
        &repair(&writer.header(), 80 + data_len).unwrap().unwrap(),
    );
    writer.written(data_len);
    assert_eq!(stale, writer.header());
    // And an RF64 that grew further.
    apply(
        &mut stale,
        &repair(&writer.header(), 80 + data_len + 8)
            .unwrap()
            .unwrap(),
    );
    writer.written(8);
    assert_eq!(stale, writer.header());

    let foreign = pcm16(0, &[]);
    let error = repair(&foreign, 44 + data_len).unwrap_err();
    assert_eq!(error, WavError::TooLong { len: data_len });
}

#[test]
fn true_files_of_others_are_left_alone() {
    let more = [
        fmt(1, 1, 8_000, 16),
        chunk(b"data", 2, &[1, 0]),
        chunk(b"LIST", 4, b"INFO"),
    ];
    let wav = file(b"RIFF", 50, &more);
    assert_eq!(repair(&wav, wav.len() as u64), Ok(None));
    let odd = [fmt(7, 1, 8_000, 8), chunk(b"data", 3, &[1, 2, 3, 0])];
    let wav = file(b"RIFF", 40, &odd);
    assert_eq!(repair(&wav, wav.len() as u64), Ok(None));
}

#[test]
fn hound_reads_what_we_write() {
    let samples: Vec<i16> = (-500..500).map(|n| n * 60).collect();
    let wav = written(2, 16_000, &samples);
    let mut reader = hound::WavReader::new(&wav[..]).unwrap();
    let spec = reader.spec();
    assert_eq!(
        (spec.channels, spec.sample_rate, spec.bits_per_sample),
        (2, 16_000, 16)
    );
    let heard: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    assert_eq!(heard, samples);
}

/// A file that hound writes: plain for 16 bits, extensible for 24 and 32.
fn hounds(bits: u16, format: hound::SampleFormat, write: impl Fn(&mut Hound<'_>)) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: bits,
        sample_format: format,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    write(&mut writer);
    writer.finalize().unwrap();
    bytes.into_inner()
}

type Hound<'a> = hound::WavWriter<&'a mut std::io::Cursor<Vec<u8>>>;

#[test]
fn we_read_what_hound_writes() {
    let samples: Vec<i16> = (-500..500).map(|n| n * 60).collect();
    for bits in [16u16, 24, 32] {
        let wav = hounds(bits, hound::SampleFormat::Int, |writer| {
            for &sample in &samples {
                writer
                    .write_sample(i32::from(sample) << (bits - 16))
                    .unwrap();
            }
        });
        assert_eq!(read(&wav, 333).unwrap().1, samples, "{bits} bits");
    }
    let wav = hounds(32, hound::SampleFormat::Float, |writer| {
        for &sample in &samples {
            writer.write_sample(f32::from(sample) / 32_768.0).unwrap();
        }
    });
    assert_eq!(read(&wav, 333).unwrap().1, samples);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        frames in proptest::collection::vec(any::<i16>(), 0..200),
        channels in 1u16..=8, rate in 1u32..=768_000, piece in 1usize..300,
    ) {
        let samples: Vec<i16> =
            frames.iter().flat_map(|&s| std::iter::repeat_n(s, channels.into())).collect();
        let (header, heard) = read(&written(channels, rate, &samples), piece).unwrap();
        prop_assert_eq!(heard, samples);
        let expected = WavFormat { encoding: Encoding::Pcm16, channels, sample_rate: rate };
        prop_assert_eq!(header.format, expected);
    }
}

/// Marsaglia's xorshift: enough chance for mutations, the same on every run.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.below(256) as u8),
                2 => {
                    // The numbers that break arithmetic: all zeros, all ones.
                    let end = bytes.len().min(at + (4 << self.below(2)));
                    bytes[at..end].fill([0, 0xff][self.below(2)]);
                }
                _ if at < bytes.len() => bytes[at] = self.below(256) as u8,
                _ => {}
            }
        }
    }
}

#[test]
fn twenty_thousand_mutations_neither_panic_nor_invent_samples() {
    let mut extensible = fmt(0xfffe, 2, 48_000, 24)[8..].to_vec();
    extensible.extend([22, 0, 24, 0, 3, 0, 0, 0]);
    extensible.extend([
        1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    let sizes = [112u64, 20, 10].map(u64::to_le_bytes).concat();
    let seeds = [
        pcm16(8, &[1, 2, 3, 4, 5, 6, 7, 8]),
        written(2, 8_000, &[1, 2, 3, 4]),
        file(
            b"RF64",
            u32::MAX,
            &[
                chunk(b"ds64", 24, &sizes),
                fmt(1, 1, 8_000, 16),
                chunk(b"data", u32::MAX, &[1; 20]),
            ],
        ),
        file(
            b"RIFF",
            0,
            &[
                chunk(b"fmt ", 40, &extensible),
                chunk(b"data", 12, &[3; 12]),
            ],
        ),
        file(
            b"RIFF",
            0,
            &[
                chunk(b"LIST", 3, b"abc\0"),
                fmt(7, 1, 8_000, 8),
                chunk(b"data", 3, &[1, 2, 3, 0]),
            ],
        ),
    ];
    let (mut chance, mut accepted) = (XorShift(0x7a1f), 0);
    for n in 0..20_000 {
        let mut wav = seeds[n % seeds.len()].clone();
        chance.mutate(&mut wav);
        let piece = 1 + chance.below(64);
        if let Ok((_, heard)) = read(&wav, piece) {
            assert!(heard.len() <= wav.len());
            accepted += 1;
        }
        let file_len = wav.len() as u64 + chance.below(3) as u64;
        if let Ok(Some(repair)) = repair(&wav, file_len) {
            assert!(repair.data_len <= file_len);
            wav.resize(file_len as usize, 0);
            apply(&mut wav, &repair);
            read(&wav, 1_000).expect("a repaired file is whole");
        }
    }
    assert!(
        accepted > 2_000,
        "only {accepted} got past the header: mutate less"
    );
}
