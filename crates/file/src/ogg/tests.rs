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
    let mut gaps = Vec::new();
    let mut writer = OggWriter::new(OpusHead::new(2, 0), 1, &[("A", "b")], &mut gaps).unwrap();
    writer.gap(100_000, &mut gaps).unwrap();
    writer.packet(&packet(1, 3_000), &mut gaps).unwrap();
    writer.finish(100, &mut gaps).unwrap();
    let chained = [written(3), written(26)].concat();
    let seeds = [written(5), gaps, chained];
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
