mod reader;

use std::time::Duration;

use super::*;
use crate::Patch;
use crate::ogg::OpusHead;
use crate::testing::XorShift;
use reader::{Node, blocks, segment};

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

// Behind damage, what stands at the edge of a piece looked like an element.
#[test]
fn a_damaged_file_in_pieces_is_repaired_as_in_one() {
    let (whole, _) = written(600);
    let mut chance = XorShift::new(9559);
    for _ in 0..2_000 {
        let mut file = whole.clone();
        chance.mutate(&mut file);
        let in_one = repair(&file);
        let piece = 1 + chance.below(60);
        let mut scan = MkvRepairScan::new();
        file.chunks(piece).for_each(|piece| scan.push(piece));
        assert_eq!(scan.finish(), in_one, "pieces of {piece}");
    }
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

const OPUS: MkvTrack = MkvTrack::Opus(OpusHead::new(2, 312));
const PCM: MkvTrack = MkvTrack::Pcm16 {
    channels: 1,
    sample_rate: 8_000,
};
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

fn begin(tracks: &[MkvTrack], info: &MkvInfo<'_>) -> (Vec<u8>, MkvWriter) {
    let mut file = Vec::new();
    let writer = MkvWriter::new(tracks, info, &mut file).unwrap();
    (file, writer)
}

#[test]
fn tracks_say_what_is_in_them() {
    let info = MkvInfo {
        title: "A call",
        date: Some(Duration::from_secs(978_307_201)),
        track_names: &["caller", "", "camera"],
    };
    let (file, _) = begin(&[OPUS, PCM, MkvTrack::Vp8, MkvTrack::H264], &info);
    let segment = segment(&file);
    let about = segment.child(id::INFO);
    assert_eq!(about.child(id::TIMESTAMP_SCALE).uint(), 1_000_000);
    assert_eq!(about.child(id::TITLE).text(), "A call");
    // RFC 8794 §7.6: nanoseconds since 2001.
    assert_eq!(about.child(id::DATE_UTC).uint(), 1_000_000_000);
    let tracks: Vec<_> = segment.child(id::TRACKS).children.iter().collect();
    let codecs: Vec<_> = tracks
        .iter()
        .map(|t| t.child(id::CODEC_ID).text())
        .collect();
    let expected = ["A_OPUS", "A_PCM/INT/LIT", "V_VP8", "V_MPEG4/ISO/AVC"];
    assert_eq!(codecs, expected);
    for (n, track) in tracks.iter().enumerate() {
        assert_eq!(track.child(id::TRACK_NUMBER).uint(), n as u64 + 1);
        let kind = if n < 2 { 2 } else { 1 };
        assert_eq!(track.child(id::TRACK_TYPE).uint(), kind);
    }
    let opus = tracks[0];
    assert_eq!(opus.child(id::NAME).text(), "caller");
    assert_eq!(
        opus.child(id::CODEC_PRIVATE).bytes,
        OpusHead::new(2, 312).to_bytes()
    );
    assert_eq!(opus.child(id::CODEC_DELAY).uint(), 6_500_000);
    assert_eq!(opus.child(id::SEEK_PRE_ROLL).uint(), 80_000_000);
    assert_eq!(opus.child(id::AUDIO).child(id::CHANNELS).uint(), 2);
    let pcm = tracks[1].child(id::AUDIO);
    assert_eq!(pcm.child(id::SAMPLING_FREQUENCY).float(), 8_000.0);
    assert_eq!(pcm.child(id::BIT_DEPTH).uint(), 16);
    assert!(tracks[1].all(id::NAME).next().is_none());
}

#[test]
fn frames_stand_in_the_order_of_time_in_clusters_of_half_a_second() {
    let (mut file, mut writer) = begin(&[OPUS, MkvTrack::Vp8], &MkvInfo::default());
    let mut expected = Vec::new();
    for n in 0..100u8 {
        let time = u32::from(n) * 20;
        // Pictures are late by 90 ms.
        if time >= 90 {
            let key = Keyframe::from(n % 7 == 0);
            writer
                .frame(1, MS * (time - 90), key, &[n; 9], &mut file)
                .unwrap();
        }
        writer
            .frame(0, MS * time, Keyframe::Yes, &SILENCE, &mut file)
            .unwrap();
        expected.push(time);
    }
    let patches = writer.finish(MS * 2_000, &mut file).unwrap();
    apply(&mut file, &patches);
    let segment = segment(&file);
    assert_eq!(segment.child(id::INFO).child(id::DURATION).float(), 2_000.0);
    for cluster in segment.all(id::CLUSTER) {
        let times = blocks(&Node {
            children: vec![cluster.clone()],
            ..segment.clone()
        });
        assert!(times.is_sorted_by_key(|block| block.time));
        assert!(times[times.len() - 1].time - times[0].time < 600);
    }
    let (sound, pictures): (Vec<_>, Vec<_>) = blocks(&segment)
        .into_iter()
        .partition(|block| block.track == 1);
    assert!(sound.iter().map(|block| block.time as u32).eq(expected));
    assert!(
        sound
            .iter()
            .all(|block| block.keyframe && block.data == SILENCE)
    );
    assert_eq!(pictures.len(), 95);
    for block in pictures {
        let n = (block.time as u32 + 90) / 20;
        assert_eq!(block.keyframe, n.is_multiple_of(7));
        assert_eq!(block.data, [n as u8; 9]);
    }
}

#[test]
fn the_index_points_at_clusters_with_keyframes() {
    let (file, _) = written(5_000);
    let segment = segment(&file);
    let body = segment.children[0].at;
    let at = |position: u64| {
        let here = |node: &&Node| node.at as u64 == body as u64 + position;
        segment
            .children
            .iter()
            .find(here)
            .expect("an element begins there")
    };
    let seeks: Vec<_> = segment.child(id::SEEK_HEAD).all(id::SEEK).collect();
    assert_eq!(seeks.len(), 3);
    for seek in seeks {
        let found = at(seek.child(id::SEEK_POSITION).uint());
        assert_eq!(u64::from(found.id), seek.child(id::SEEK_ID).uint());
    }
    let cues: Vec<_> = segment.child(id::CUES).children.iter().collect();
    assert_eq!(cues.len(), 5);
    for (n, cue) in cues.into_iter().enumerate() {
        assert_eq!(cue.child(id::CUE_TIME).uint(), n as u64 * 1_000);
        let place = cue.child(id::CUE_TRACK_POSITIONS);
        assert_eq!(place.child(id::CUE_TRACK).uint(), 2);
        let cluster = at(place.child(id::CUE_CLUSTER_POSITION).uint());
        assert_eq!(cluster.child(id::TIMESTAMP).uint(), n as u64 * 1_000);
    }
}

const SPS: [u8; 5] = [0x67, 0x64, 0, 0x1e, 0xac];
const PPS: [u8; 3] = [0x68, 0xeb, 0xec];

// ISO/IEC 14496-15 §5.3.3.1
#[test]
fn the_first_keyframe_tells_the_size_and_the_parameter_sets() {
    let (mut file, writer) = begin(&[OPUS, MkvTrack::Vp8, MkvTrack::H264], &MkvInfo::default());
    let len = file.len();
    let picture = |parameter_sets| Picture {
        width: 1_280,
        height: 720,
        parameter_sets,
    };
    let (plain, sets) = (picture(None), picture(Some((&SPS[..], &PPS[..]))));
    let patches = [
        writer.picture(1, &plain).unwrap(),
        writer.picture(2, &sets).unwrap(),
    ];
    apply(&mut file, &patches);
    assert_eq!(file.len(), len);
    let segment = segment(&file);
    let tracks: Vec<_> = segment.child(id::TRACKS).children.iter().collect();
    for track in &tracks[1..] {
        let video = track.child(id::VIDEO);
        assert_eq!(video.child(id::PIXEL_WIDTH).uint(), 1_280);
        assert_eq!(video.child(id::PIXEL_HEIGHT).uint(), 720);
    }
    let avcc = [
        &[1, 0x64, 0, 0x1e, 0xff, 0xe1, 0, 5][..],
        &SPS,
        &[1, 0, 3],
        &PPS,
        &[0xfd, 0xf8, 0xf8, 0],
    ];
    assert_eq!(tracks[2].child(id::CODEC_PRIVATE).bytes, avcc.concat());
    let no_picture = |track| Err(MkvWriteError::NoPicture { track });
    assert_eq!(writer.picture(0, &plain), no_picture(0));
    assert_eq!(writer.picture(1, &sets), no_picture(1));
    assert_eq!(writer.picture(2, &plain), no_picture(2));
    let (long, max) = ([0x67; 600], 472);
    let error = writer
        .picture(2, &picture(Some((&long, &PPS))))
        .unwrap_err();
    assert_eq!(error, MkvWriteError::ParameterSets { len: 603, max });
}

#[test]
fn markers_are_chapters_until_there_is_no_room() {
    let (mut file, mut writer) = begin(&[OPUS], &MkvInfo::default());
    writer
        .frame(0, MS * 40, Keyframe::Yes, &SILENCE, &mut file)
        .unwrap();
    let mut markers = 0;
    let full = loop {
        match writer.marker(MS * (markers as u32 + 5), "paused") {
            Ok(patch) => apply(&mut file, &[patch]),
            Err(error) => break error,
        }
        markers += 1;
    };
    assert_eq!(full, MkvWriteError::MarkersFull { markers });
    assert!(markers > 30);
    let patches = writer.finish(MS * 60, &mut file).unwrap();
    apply(&mut file, &patches);
    let segment = segment(&file);
    let edition = segment.child(id::CHAPTERS).child(id::EDITION_ENTRY);
    assert_eq!(edition.children.len(), markers);
    let last = &edition.children[markers - 1];
    let nanos = (markers as u64 + 4) * 1_000_000;
    assert_eq!(last.child(id::CHAPTER_TIME_START).uint(), nanos);
    let display = last.child(id::CHAPTER_DISPLAY);
    assert_eq!(display.child(id::CHAP_STRING).text(), "paused");
}

#[test]
fn what_cannot_be_written_is_refused_and_changes_nothing() {
    let (mut file, mut writer) = begin(&[OPUS], &MkvInfo::default());
    let len = file.len();
    let (track, tracks) = (1, 1);
    let error = writer.frame(1, MS, Keyframe::Yes, &SILENCE, &mut file);
    assert_eq!(error, Err(MkvWriteError::Track { track, tracks }));
    let long = vec![0; (16 << 20) + 1];
    let error = writer.frame(0, MS, Keyframe::Yes, &long, &mut file);
    let too_long = MkvWriteError::FrameTooLong { len: long.len() };
    assert_eq!(error, Err(too_long));
    assert_eq!(file.len(), len);
    writer.finish(MS, &mut file).unwrap();
    let error = writer.frame(0, MS, Keyframe::Yes, &SILENCE, &mut file);
    assert_eq!(error, Err(MkvWriteError::Finished));
    assert_eq!(writer.finish(MS, &mut file), Err(MkvWriteError::Finished));
    let seventeen = MkvWriter::new(&[OPUS; 17], &MkvInfo::default(), &mut file);
    assert_eq!(seventeen.unwrap_err(), MkvWriteError::Tracks { tracks: 17 });
}

#[test]
fn times_far_apart_or_backwards_are_kept() {
    let (mut file, mut writer) = begin(&[OPUS, PCM], &MkvInfo::default());
    let times = [50_000, 0, 100_000_000, 5, 99_999_990, 3_000_000_000];
    for (n, &time) in times.iter().enumerate() {
        writer
            .frame(n % 2, MS * time, Keyframe::Yes, &[1, 2], &mut file)
            .unwrap();
    }
    let patches = writer.finish(Duration::ZERO, &mut file).unwrap();
    apply(&mut file, &patches);
    let segment = segment(&file);
    let found: Vec<_> = blocks(&segment)
        .iter()
        .map(|block| block.time as u32)
        .collect();
    assert_eq!(found, times);
    let duration = segment.child(id::INFO).child(id::DURATION).float();
    assert_eq!(duration, 3_000_000_000.0);
}

#[test]
fn damage_inside_a_file_does_not_cost_what_is_behind_it() {
    let (file, header) = written(3_000);
    let whole = file.len();
    let mut chance = XorShift::new(3);
    for _ in 0..300 {
        let mut damaged = file.clone();
        let at = header + chance.below(whole - header - 3_000);
        damaged[at..at + 8].fill(0);
        if let Some(repair) = repair(&damaged).unwrap() {
            let left = whole as u64 - repair.len;
            assert!(left < 2_000, "{left} bytes were cut for damage at {at}");
        }
    }
}

#[test]
fn a_call_of_a_day_has_an_index_of_bounded_size() {
    let mut cues = super::index::Cues::new();
    for second in 0..86_400 {
        cues.push(second * 1_000, 1, second * 5_000);
    }
    let mut out = Vec::new();
    cues.write(&mut out);
    let count = reader::tree(&out, 0)[0].children.len();
    assert!((16_000..=32_768).contains(&count), "{count} cues");
}
