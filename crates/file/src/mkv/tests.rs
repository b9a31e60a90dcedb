use std::time::Duration;

use super::*;
use crate::Patch;
use crate::ogg::OpusHead;
use crate::testing::XorShift;

fn apply(file: &mut [u8], patches: &[Patch]) {
    for patch in patches {
        file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
}

const MS: Duration = Duration::from_millis(1);

/// Opus every 20 ms and VP8 every 40; the header's length beside the file.
fn written(millis: u32) -> (Vec<u8>, usize) {
    let tracks = [MkvTrack::Opus(OpusHead::new(1, 312)), MkvTrack::Vp8];
    let mut file = Vec::new();
    let mut writer = MkvWriter::new(&tracks, &MkvInfo::default(), &mut file).unwrap();
    let header = file.len();
    for time in (0..millis).step_by(20) {
        writer
            .frame(0, MS * time, Keyframe::Yes, &[0xf8, 0xff, 0xfe], &mut file)
            .unwrap();
        if time % 40 == 0 {
            let key = Keyframe::from(time % 1_000 == 0);
            writer
                .frame(1, MS * time, key, &[7; 40], &mut file)
                .unwrap();
        }
    }
    let patches = writer.finish(MS * millis, &mut file).unwrap();
    apply(&mut file, &patches);
    (file, header)
}

#[test]
fn a_finished_file_needs_no_repair() {
    let (file, _) = written(2_000);
    for piece in [1, 3, 100, 100_000] {
        let mut scan = MkvRepairScan::new();
        file.chunks(piece).for_each(|piece| scan.push(piece));
        assert_eq!(scan.finish(), Ok(None));
    }
}

#[test]
fn a_file_cut_at_any_byte_is_whole_after_its_repair() {
    let (file, header) = written(1_200);
    let (mut most, all) = (0, 60 + 30);
    for cut in 0..file.len() {
        let mut left = file[..cut].to_vec();
        match repair(&left) {
            Err(MkvError::HeaderTruncated { len }) => {
                assert!(len == cut as u64 && cut < header);
            }
            Err(error) => panic!("{error}"),
            Ok(None) => panic!("{cut} bytes of {} are not whole", file.len()),
            Ok(Some(repair)) => {
                left.truncate(repair.len as usize);
                apply(&mut left, &repair.patches);
                assert_eq!(super::repair(&left), Ok(None), "cut at {cut}");
                assert!(repair.frames >= most, "a longer file has fewer frames");
                most = repair.frames;
            }
        }
    }
    assert_eq!(most, all);
}

#[test]
fn twenty_thousand_mutations_neither_panic_nor_grow_a_file() {
    let seeds = [written(300).0, written(1_100).0];
    let (mut chance, mut repaired) = (XorShift::new(0x1a45), 0);
    for n in 0..20_000 {
        let mut file = seeds[n % seeds.len()].clone();
        chance.mutate(&mut file);
        if let Ok(Some(repair)) = repair(&file) {
            assert!(repair.len <= file.len() as u64);
            file.truncate(repair.len as usize);
            for patch in &repair.patches {
                assert!(patch.offset + patch.bytes.len() as u64 <= repair.len);
            }
            apply(&mut file, &repair.patches);
            repaired += 1;
        }
    }
    assert!(repaired > 2_000, "only {repaired} could be repaired");
}
