use super::*;
use crate::testing::XorShift;

/// A packet of 20 ms whose bytes tell its number.
fn packet(number: u8, len: usize) -> Vec<u8> {
    let mut packet = vec![number; len];
    packet[0] = 0xf8;
    packet
}

fn written(packets: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file).unwrap();
    for n in 0..packets {
        writer
            .packet(&packet(n as u8, 10 + n % 600), &mut file)
            .unwrap();
    }
    writer.finish(0, &mut file).unwrap();
    file
}

/// Data, position, skip and samples of all packets, fed in pieces.
type Heard = Vec<(Vec<u8>, u64, u32, u32)>;

fn read(file: &[u8], piece: usize) -> Result<(OggReader, Heard), OggError> {
    let (mut reader, mut heard) = (OggReader::new(), Vec::new());
    for mut rest in file.chunks(piece) {
        while !rest.is_empty() {
            let taken = reader.push(rest);
            rest = &rest[taken..];
            let before = heard.len();
            while let Some(packet) = reader.next_packet()? {
                heard.push((
                    packet.data.to_vec(),
                    packet.position,
                    packet.skip,
                    packet.samples,
                ));
            }
            assert!(taken > 0 || heard.len() > before, "it stands still");
        }
    }
    reader.finish()?;
    Ok((reader, heard))
}

#[test]
fn what_is_written_is_read_in_pieces_of_any_size() {
    let file = written(200);
    for piece in [1, 7, 100, 4_096, usize::MAX >> 1] {
        let (reader, heard) = read(&file, piece).unwrap();
        assert_eq!(heard.len(), 200);
        assert_eq!(reader.faults(), 0);
        for (n, (data, position, skip, samples)) in heard.into_iter().enumerate() {
            assert_eq!(data, packet(n as u8, 10 + n % 600));
            let expected = (n as u64 * 960).saturating_sub(312);
            assert_eq!(position, expected);
            assert_eq!((skip, samples), if n == 0 { (312, 648) } else { (0, 960) });
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_whole_after_its_repair() {
    let file = written(60);
    let headers = 27 + 1 + 19 + page_len(&file[47..]);
    let mut most = 0;
    for cut in 0..file.len() {
        let mut left = file[..cut].to_vec();
        if cut < headers {
            assert!(matches!(
                repair(&left),
                Err(OggError::HeaderTruncated { len }) if len == cut as u64
            ));
            continue;
        }
        let repair = repair(&left).unwrap().expect("its end is missing");
        assert!(repair.len <= cut as u64);
        left.truncate(repair.len as usize);
        apply(&mut left, &repair.patches);
        assert_eq!(super::repair(&left), Ok(None));
        let (reader, heard) = read(&left, 1_000).unwrap();
        assert_eq!(reader.faults(), 0);
        let end = heard.last().map_or(0, |last| last.1 + u64::from(last.3));
        assert_eq!(end, repair.samples);
        assert!(end >= most, "a longer file has less sound");
        most = end;
    }
    assert_eq!(most, 50 * 960 - 312);
}

fn page_len(page: &[u8]) -> usize {
    let lacing = &page[27..27 + usize::from(page[26])];
    27 + lacing.len() + lacing.iter().map(|&len| usize::from(len)).sum::<usize>()
}

fn apply(file: &mut [u8], patches: &[crate::Patch]) {
    for patch in patches {
        file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
}

#[test]
fn twenty_thousand_mutations_neither_panic_nor_invent_sound() {
    let (one, two, long) = (packet(1, 300), packet(2, 10), packet(3, 510));
    let joined = [
        headers(5, 312),
        page(0, 1_920, 5, 2, &[&one, &two]),
        open_page(0, u64::MAX, 5, 3, &[&long[..255]]),
        page(page::CONTINUED | page::LAST, 3_000, 5, 4, &[&long[255..]]),
    ]
    .concat();
    let chained = [joined.clone(), headers(6, 0), joined[98..].to_vec()].concat();
    let seeds = [written(5), joined, chained];
    let (mut chance, mut accepted) = (XorShift::new(0x0661), 0);
    for n in 0..20_000 {
        let mut file = seeds[n % seeds.len()].clone();
        chance.mutate(&mut file);
        if n % 2 == 0 {
            mend_checksums(&mut file);
        }
        let piece = 1 + chance.below(5_000);
        if let Ok((_, heard)) = read(&file, piece) {
            let bytes: usize = heard.iter().map(|(data, ..)| data.len()).sum();
            assert!(bytes <= file.len());
            accepted += 1;
        }
        if let Ok(Some(repair)) = repair(&file) {
            file.truncate(repair.len as usize);
            apply(&mut file, &repair.patches);
            assert_eq!(super::repair(&file), Ok(None));
        }
    }
    assert!(accepted > 2_000, "only {accepted} were read: mutate less");
}

/// Writes the right checksum into every page that can be found, so that what is
/// wrong in it is looked at.
fn mend_checksums(file: &mut [u8]) {
    let mut at = 0;
    while file.len() >= at + 27 {
        let Some(lacing) = file.get(at + 27..at + 27 + usize::from(file[at + 26])) else {
            return;
        };
        let len = 27 + lacing.len() + lacing.iter().map(|&len| usize::from(len)).sum::<usize>();
        let Some(page) = file.get_mut(at..at + len) else {
            return;
        };
        let sum = page::checksum(page).to_le_bytes();
        page[22..26].copy_from_slice(&sum);
        at += len;
    }
}

/// Pages as another writer makes them: packets over their ends, any flags.
fn page(flags: u8, granule: u64, serial: u32, number: u32, packets: &[&[u8]]) -> Vec<u8> {
    let (mut draft, mut out) = (page::PageDraft::new(), Vec::new());
    packets.iter().for_each(|packet| draft.push(packet));
    let header = page::PageHeader {
        flags,
        granule,
        serial,
        number,
    };
    draft.write(header, &mut out);
    out
}

/// [`page`], of which the last packet goes on in the next one.
fn open_page(flags: u8, granule: u64, serial: u32, number: u32, packets: &[&[u8]]) -> Vec<u8> {
    let mut page = page(flags, granule, serial, number, packets);
    let last = 27 + usize::from(page[26]) - 1;
    assert_eq!(page[last], 0, "the last packet is no multiple of 255 bytes");
    page.remove(last);
    page[26] -= 1;
    let sum = page::checksum(&page).to_le_bytes();
    page[22..26].copy_from_slice(&sum);
    page
}

const TAGS: &[u8] = b"OpusTags\x04\0\0\0peer\0\0\0\0";

fn headers(serial: u32, pre_skip: u16) -> Vec<u8> {
    let head = OpusHead::new(1, pre_skip).to_bytes();
    [
        page(page::FIRST, 0, serial, 0, &[&head]),
        page(0, 0, serial, 1, &[TAGS]),
    ]
    .concat()
}

fn times(heard: &Heard) -> Vec<(u64, u32, u32)> {
    heard
        .iter()
        .map(|&(_, position, skip, samples)| (position, skip, samples))
        .collect()
}

// RFC 7845 §4.1: the position of a page counts nothing but samples of packets.
#[test]
fn a_gap_is_as_long_as_it_was_and_no_granule_position_jumps() {
    for samples in [0, 119, 120, 960, 5_760, 5_761, 48_000, 48_001, 480_000] {
        let mut file = Vec::new();
        let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file).unwrap();
        writer.packet(&packet(1, 50), &mut file).unwrap();
        writer.gap(samples, &mut file).unwrap();
        writer.packet(&packet(2, 50), &mut file).unwrap();
        writer.finish(0, &mut file).unwrap();
        let (reader, heard) = read(&file, 1_000).unwrap();
        assert_eq!(reader.faults(), 0);
        let last = heard.last().unwrap();
        assert_eq!(last.0, packet(2, 50));
        assert_eq!(last.1, 960 + samples / 120 * 120 - 312);
        let sum: u64 = heard.iter().map(|&(.., samples)| u64::from(samples)).sum();
        assert_eq!(sum, last.1 + 960, "{samples} samples leave a hole");
    }
}

#[test]
fn gaps_shorter_than_a_frame_add_up() {
    let mut file = Vec::new();
    let mut writer = OggWriter::new(OpusHead::new(1, 0), 7, &[], &mut file).unwrap();
    (0..6).for_each(|_| writer.gap(50, &mut file).unwrap());
    assert_eq!(writer.position(), 240);
}

#[test]
fn a_page_holds_at_most_half_a_second() {
    let file = written(200);
    let (mut at, mut last, mut number) = (0, 0, 0);
    while at < file.len() {
        let field = |from: usize| &file[at + from..];
        let granule = u64::from_le_bytes(*field(6).first_chunk().unwrap());
        assert!(granule - last <= 24_000);
        assert_eq!(
            u32::from_le_bytes(*field(18).first_chunk().unwrap()),
            number
        );
        let whole = at + page_len(&file[at..]) == file.len();
        assert_eq!(file[at + 5] & page::LAST != 0, whole);
        (last, number) = (granule, number + 1);
        at += page_len(&file[at..]);
    }
    assert_eq!(last, 200 * 960);
}

// RFC 7845 §4.4: the position of the last page cuts off what is behind it.
#[test]
fn the_end_is_trimmed_to_the_sample() {
    let mut file = Vec::new();
    let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file).unwrap();
    for n in 0..3 {
        writer.packet(&packet(n, 9), &mut file).unwrap();
    }
    writer.finish(1_000, &mut file).unwrap();
    let (_, heard) = read(&file, 100).unwrap();
    assert_eq!(times(&heard), [(0, 312, 648), (648, 0, 920), (1_568, 0, 0)]);
    let error = writer.packet(&packet(0, 9), &mut file).unwrap_err();
    assert_eq!(error, OggWriteError::Finished);
    assert_eq!(writer.finish(0, &mut file), Err(OggWriteError::Finished));
}

#[test]
fn packets_over_the_ends_of_pages_are_joined() {
    let long = packet(9, 255 * 3);
    let file = [
        headers(5, 0),
        open_page(0, u64::MAX, 5, 2, &[&long[..510]]),
        page(page::CONTINUED, 1_920, 5, 3, &[&long[510..], &packet(1, 4)]),
    ]
    .concat();
    for piece in [1, 50, 10_000] {
        let (reader, heard) = read(&file, piece).unwrap();
        assert_eq!(reader.faults(), 0);
        assert_eq!((&heard[0].0, &heard[1].0), (&long, &packet(1, 4)));
        assert_eq!(times(&heard), [(0, 0, 960), (960, 0, 960)]);
    }
}

#[test]
fn the_rest_of_a_packet_whose_beginning_was_lost_is_not_a_packet() {
    let tail = packet(9, 255);
    let file = [
        headers(5, 0),
        page(0, 960, 5, 2, &[&packet(1, 4)]),
        page(page::CONTINUED, 5 * 960, 5, 4, &[&tail, &packet(2, 4)]),
    ]
    .concat();
    let (reader, heard) = read(&file, 77).unwrap();
    let lost = |expected, found| OggError::PageLost {
        offset: (file.len() - 27 - 3 - 255 - 4) as u64,
        expected,
        found,
    };
    assert_eq!(reader.last_fault(), Some(lost(3, 4)));
    // It stands where its page says, not where the one before it ended.
    assert_eq!(times(&heard), [(0, 0, 960), (4 * 960, 0, 960)]);
    assert_eq!(heard[1].0, packet(2, 4));
}

// RFC 3533 §4: streams may follow each other; RFC 7845 §3: and have their own
// headers then.
#[test]
fn streams_one_after_another_are_one_time_line() {
    let file = [written(3), written(2)].concat();
    let (reader, heard) = read(&file, 500).unwrap();
    assert_eq!(reader.faults(), 0);
    let end = 3 * 960 - 312;
    assert_eq!(times(&heard)[3..], [(end, 312, 648), (end + 648, 0, 960)]);
}

// RFC 7845 §4.3: a stream that was cut out of a longer one begins anywhere.
#[test]
fn time_begins_with_the_first_page_of_a_cut_stream() {
    let file = [
        headers(5, 312),
        page(0, 500_000, 5, 2, &[&packet(1, 4), &packet(2, 4)]),
    ]
    .concat();
    let (_, heard) = read(&file, 500).unwrap();
    assert_eq!(times(&heard), [(0, 312, 648), (648, 0, 960)]);
}

#[test]
fn other_codecs_in_the_file_are_passed_over() {
    let theora = |flags, number| page(flags, 0, 99, number, &[b"\x80theora and so on"]);
    let sound = [headers(5, 0), page(0, 960, 5, 2, &[&packet(1, 4)])].concat();
    let first = page_len(&sound);
    let file = [
        &theora(page::FIRST, 0)[..],
        &sound[..first],
        &theora(0, 1),
        &sound[first..],
        &theora(page::LAST, 2),
    ]
    .concat();
    assert_eq!(times(&read(&file, 99).unwrap().1), [(0, 0, 960)]);
    let alone = [theora(page::FIRST, 0), theora(0, 1)].concat();
    let offset = page_len(&alone) as u64;
    assert_eq!(read(&alone, 99).unwrap_err(), OggError::NotOpus { offset });
}

#[test]
fn damage_costs_the_page_that_it_is_in() {
    let mut file = written(100);
    let whole = read(&file, 999).unwrap().1;
    let start = 47 + page_len(&file[47..]);
    let damaged = start + page_len(&file[start..]);
    file[damaged + 100] ^= 1;
    let (reader, heard) = read(&file, 999).unwrap();
    // Its checksum, and its number that is missing before the next one.
    assert_eq!(reader.faults(), 2);
    assert_eq!(heard, [&whole[..25], &whole[50..]].concat());
}

#[test]
fn headers_that_cannot_be_read_are_errors_with_their_place() {
    let with_head = |head: &[u8]| {
        let file = [page(page::FIRST, 0, 5, 0, &[head]), headers(5, 0)].concat();
        read(&file, 9_999).unwrap_err()
    };
    let good = OpusHead::new(1, 0).to_bytes();
    let changed = |at: usize, to: u8| {
        let mut head = good;
        head[at] = to;
        head
    };
    let channels = |channels, family| OggError::Channels { channels, family };
    assert_eq!(
        with_head(&changed(8, 16)),
        OggError::Version { version: 16 }
    );
    assert_eq!(with_head(&changed(9, 0)), channels(0, 0));
    assert_eq!(with_head(&changed(9, 3)), channels(3, 0));
    let short = |len, needed| OggError::ShortHead {
        offset: 0,
        len,
        needed,
    };
    assert_eq!(with_head(&good[..18]), short(18, 19));
    assert_eq!(with_head(&changed(18, 1)), short(19, 22));
    let no_tags = [
        page(page::FIRST, 0, 5, 0, &[&good]),
        page(0, 0, 5, 1, &[b"VorbisTags"]),
    ]
    .concat();
    let offset = 47;
    assert_eq!(read(&no_tags, 99).unwrap_err(), OggError::NoTags { offset });
    let found = 0x5249_4646;
    let riff = b"RIFF\0\0\0\0WAVEfmt and so on, long enough";
    assert_eq!(read(riff, 99).unwrap_err(), OggError::NotOgg { found });
    let len = 50;
    let cut = read(&written(1)[..50], 99).unwrap_err();
    assert_eq!(cut, OggError::HeaderTruncated { len });
}

#[test]
fn the_gain_of_the_head_is_told() {
    let mut head = OpusHead::new(2, 3_840);
    head.output_gain = -256;
    let mut file = Vec::new();
    OggWriter::new(head, 1, &[], &mut file).unwrap();
    let (reader, _) = read(&file, 99).unwrap();
    assert_eq!(reader.head(), Some(&head));
}

#[test]
fn markers_stand_in_the_comments_until_there_is_no_room() {
    let mut file = Vec::new();
    let comments = [("TITLE", "A call"), ("DATE", "2026")];
    let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &comments, &mut file).unwrap();
    writer.gap(48_000 * 3_661, &mut file).unwrap();
    let mut markers = 0;
    let full = loop {
        match writer.marker("paused") {
            Ok(patch) => apply(&mut file, &[patch]),
            Err(error) => break error,
        }
        markers += 1;
    };
    assert_eq!(full, OggWriteError::MarkersFull { markers });
    assert!(markers > 50);
    writer.finish(0, &mut file).unwrap();
    let (reader, _) = read(&file, 9_999).unwrap();
    assert_eq!(reader.faults(), 0);
    let tags = reader.tags().unwrap();
    assert_eq!(tags.vendor, "Talkpath");
    assert_eq!(tags.field("title").next(), Some("A call"));
    assert_eq!(tags.field("CHAPTER001").next(), Some("01:01:01.000"));
    assert_eq!(tags.field("CHAPTER001NAME").next(), Some("paused"));
    assert_eq!(tags.comments.len(), 2 + 2 * markers);
}

#[test]
fn what_cannot_be_written_is_refused_and_changes_nothing() {
    let mut file = Vec::new();
    let channels = 3;
    let three = OggWriter::new(OpusHead::new(3, 0), 1, &[], &mut file).unwrap_err();
    assert_eq!(three, OggWriteError::Channels { channels });
    let long = "x".repeat(70_000);
    let error = OggWriter::new(OpusHead::new(1, 0), 1, &[("A", &long)], &mut file).unwrap_err();
    assert!(matches!(error, OggWriteError::CommentsTooLong { .. }));
    assert!(file.is_empty());
    let mut writer = OggWriter::new(OpusHead::new(1, 0), 1, &[], &mut file).unwrap();
    for packet in [&[][..], &[3], &[3, 0], &[0; 70_000]] {
        let len = packet.len();
        let error = writer.packet(packet, &mut file).unwrap_err();
        assert_eq!(error, OggWriteError::Packet { len });
    }
    assert_eq!(writer.position(), 0);
}

/// Packets and the position of their pages, read by another implementation.
#[test]
fn another_reader_finds_the_same_packets() {
    let file = written(300);
    let mut oracle = ogg::PacketReader::new(std::io::Cursor::new(&file));
    let (mut packets, mut last) = (Vec::new(), 0);
    while let Some(packet) = oracle.read_packet().unwrap() {
        last = packet.absgp_page();
        packets.push((packet.last_in_stream(), packet.data));
    }
    assert_eq!(last, 300 * 960);
    assert!(packets[2..301].iter().all(|(last, _)| !last) && packets[301].0);
    let (_, heard) = read(&file, 5_000).unwrap();
    let ours = heard.into_iter().map(|(data, ..)| data);
    assert!(ours.eq(packets.into_iter().skip(2).map(|(_, data)| data)));
}

#[test]
fn the_packets_of_another_writer_are_found() {
    use ogg::PacketWriteEndInfo::{EndPage, EndStream, NormalPacket};
    let head = OpusHead::new(2, 100).to_bytes();
    let mut file = Vec::new();
    let mut oracle = ogg::PacketWriter::new(&mut file);
    let write = &mut oracle;
    write.write_packet(&head[..], 3, EndPage, 0).unwrap();
    // Comments with a picture, over several pages.
    let mut tags = TAGS.to_vec();
    tags.resize(200_000, 0);
    write.write_packet(&tags[..], 3, EndPage, 0).unwrap();
    let packets: Vec<_> = (0..200).map(|n| packet(n, 1 + 300 * n as usize)).collect();
    for (n, packet) in packets.iter().enumerate() {
        let end = if n == 199 { EndStream } else { NormalPacket };
        let granule = (n as u64 + 1) * 960;
        write.write_packet(&packet[..], 3, end, granule).unwrap();
    }
    drop(oracle);
    let (reader, heard) = read(&file, 700).unwrap();
    assert_eq!((reader.faults(), heard.len()), (0, 200));
    assert_eq!(heard[199].1, 199 * 960 - 100);
    assert!(heard.into_iter().map(|(data, ..)| data).eq(packets));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn reading_undoes_writing(
        steps in proptest::collection::vec((0u32..3, 0usize..2_000, 0u64..30_000), 1..60),
        pre_skip in 0u16..4_000,
        piece in 1usize..5_000,
    ) {
        let (mut file, mut expected, mut at, mut owed) = (Vec::new(), Vec::new(), 0, 0);
        let mut writer = OggWriter::new(OpusHead::new(1, pre_skip), 7, &[], &mut file).unwrap();
        for (kind, len, gap) in steps {
            match kind {
                0 => {
                    writer.gap(gap, &mut file).unwrap();
                    at += (owed + gap) / 120 * 120;
                    owed = (owed + gap) % 120;
                }
                1 => writer.flush(&mut file),
                _ => {
                    let packet = packet(0xaa, len + 10);
                    writer.packet(&packet, &mut file).unwrap();
                    expected.push((packet, at));
                    at += 960;
                }
            }
        }
        proptest::prop_assert_eq!(writer.position(), at);
        writer.finish(0, &mut file).unwrap();
        let (reader, heard) = read(&file, piece).unwrap();
        proptest::prop_assert_eq!(reader.faults(), 0);
        let skip = u64::from(pre_skip);
        let sound: u64 = heard.iter().map(|&(.., samples)| u64::from(samples)).sum();
        proptest::prop_assert_eq!(sound, at.saturating_sub(skip));
        let ours = heard.into_iter().filter(|(data, ..)| data.get(9) == Some(&0xaa));
        let ours = ours.map(|(data, position, ..)| (data, position));
        let expected = expected.into_iter().map(|(data, at)| (data, at.saturating_sub(skip)));
        proptest::prop_assert_eq!(ours.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
