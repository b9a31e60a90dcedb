//! Files as they may be found, whole, in pieces and broken: WAV, Ogg Opus,
//! Matroska and pcap.

use talkpath_file::Patch;
use talkpath_file::mkv::{self, MkvRepairScan};
use talkpath_file::ogg::{self, OggPacket, OggReader, OggRepairScan};
use talkpath_file::pcap::{PcapReader, PcapScan, PcapWriter, Precision};
use talkpath_file::wav::{WavReader, repair};

use crate::script::Script;

/// A WAV file: in pieces it gives the same samples as in one.
pub fn wav(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let piece = usize::from(script.u8()) + 1;
    let file = script.rest();
    let (whole, ended) = samples(file, file.len().max(1), 4096);
    let (pieces, also) = samples(file, piece, 16);
    assert_eq!(pieces, whole);
    assert_eq!(also, ended);
    assert!(whole.len() <= file.len());
}

/// The samples of a file that is read in pieces, and whether it ended well.
fn samples(file: &[u8], piece: usize, room: usize) -> (Vec<i16>, bool) {
    let mut reader = WavReader::new();
    let (mut pcm, mut all) = (vec![0; room], Vec::new());
    for mut rest in file.chunks(piece) {
        while !rest.is_empty() {
            let Ok(progress) = reader.read(rest, &mut pcm) else {
                assert!(reader.finish().is_err());
                return (all, false);
            };
            all.extend_from_slice(&pcm[..progress.samples]);
            rest = &rest[progress.consumed..];
            assert!(
                progress.consumed > 0 || progress.samples > 0,
                "it stands still"
            );
        }
    }
    // What fits in no piece any more.
    while let Ok(progress) = reader.read(&[], &mut pcm) {
        all.extend_from_slice(&pcm[..progress.samples]);
        if progress.samples == 0 {
            break;
        }
    }
    (all, reader.finish().is_ok())
}

/// The repair of a WAV file: what it changes lies in the file, and once is
/// enough.
pub fn wav_repair(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let more = u64::from(script.u32());
    let mut start = script.rest().to_vec();
    let file_len = start.len() as u64 + more;
    let Ok(Some(repaired)) = repair(&start, file_len) else {
        return;
    };
    assert!(repaired.data_len <= file_len);
    for patch in &repaired.patches {
        let place = start
            .get_mut(patch.offset as usize..)
            .expect("inside of the header");
        place[..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    // Sizes that writers put in while they do not know stay unknown, 0 and 2 GiB
    // among them, even when they are true.
    let again = repair(&start, file_len);
    assert!(
        again == Ok(None) || again == Ok(Some(repaired)),
        "{again:?}"
    );
}

/// A capture: each packet is taken or passed over once, and what was taken can
/// be captured again.
pub fn pcap(file: &[u8]) {
    let Ok(reader) = PcapReader::new(file) else {
        return;
    };
    let mut again = PcapWriter::new(Precision::Nanoseconds);
    let mut copy = again.header().to_vec();
    let mut taken = Vec::new();
    for datagram in reader {
        let Ok(datagram) = datagram else {
            break;
        };
        // The seconds of a capture have 32 bits.
        let fits = datagram.time.as_secs() <= u64::from(u32::MAX);
        let (src, dst) = (datagram.src, datagram.dst);
        let written = fits
            && again
                .datagram(datagram.time, src, dst, datagram.payload, &mut copy)
                .is_ok();
        if written {
            taken.push(datagram);
        }
    }
    assert!(taken.len() <= file.len() / 16);
    let read = PcapReader::new(&copy).expect("it is ours");
    let read: Vec<_> = read.map(|datagram| datagram.expect("it is ours")).collect();
    assert_eq!(read, taken);
}

/// The repair of a capture: what is said to be whole can be read, record by
/// record.
pub fn pcap_repair(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let piece = usize::from(script.u8()) + 1;
    let file = script.rest();
    let mut scan = PcapScan::new();
    file.chunks(piece).for_each(|piece| scan.push(piece));
    let Some(whole) = scan.whole() else {
        assert_eq!(scan.records(), 0);
        return;
    };
    let kept = &file[..whole as usize];
    assert_eq!(kept.len() as u64, whole);
    let mut again = PcapScan::new();
    again.push(kept);
    assert_eq!(
        (again.whole(), again.records()),
        (Some(whole), scan.records())
    );
}

/// An Ogg file: in pieces it gives the same packets as in one.
pub fn ogg(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let piece = usize::from(script.u8()) + 1;
    let file = script.rest();
    let whole = packets(file, file.len().max(1));
    assert_eq!(packets(file, piece), whole);
    let total: usize = whole.0.iter().map(|(data, ..)| data.len()).sum();
    assert!(total <= file.len());
}

/// A packet's bytes, its position, and how much of it is skipped and heard.
type Sound = (Vec<u8>, u64, u32, u32);

/// The packets of a file that is read in pieces, and whether it ended well.
fn packets(file: &[u8], piece: usize) -> (Vec<Sound>, bool, u64) {
    let mut reader = OggReader::new();
    let mut all = Vec::new();
    for mut rest in file.chunks(piece) {
        loop {
            let taken = reader.push(rest);
            rest = &rest[taken..];
            let before = all.len();
            while let Ok(Some(OggPacket {
                data,
                position,
                skip,
                samples,
            })) = reader.next_packet()
            {
                all.push((data.to_vec(), position, skip, samples));
            }
            if rest.is_empty() && all.len() == before {
                break;
            }
            assert!(taken > 0 || all.len() > before, "it stands still");
        }
    }
    (all, reader.finish().is_ok(), reader.faults())
}

/// The repair of an Ogg file: in pieces as in one, and once is enough.
pub fn ogg_repair(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let piece = usize::from(script.u8()) + 1;
    let file = script.rest();
    let repaired = ogg::repair(file);
    let mut scan = OggRepairScan::new();
    file.chunks(piece).for_each(|piece| scan.push(piece));
    assert_eq!(scan.finish(), repaired);
    let Ok(Some(repaired)) = repaired else {
        return;
    };
    let kept = patched(file, repaired.len, &repaired.patches);
    assert_eq!(ogg::repair(&kept), Ok(None));
}

/// The repair of a Matroska file: as that of an Ogg file.
pub fn mkv_repair(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let piece = usize::from(script.u8()) + 1;
    let file = script.rest();
    let repaired = mkv::repair(file);
    let mut scan = MkvRepairScan::new();
    file.chunks(piece).for_each(|piece| scan.push(piece));
    assert_eq!(scan.finish(), repaired);
    let Ok(Some(repaired)) = repaired else {
        return;
    };
    assert!(repaired.frames <= file.len() as u64);
    let kept = patched(file, repaired.len, &repaired.patches);
    // A size of one byte has no room for what the file holds.
    let again = mkv::repair(&kept);
    let again = again.expect("what was repaired can be read");
    assert!(again.is_none_or(|again| (again.len, again.frames) == (repaired.len, repaired.frames)));
}

/// What a file becomes: patches lie in what is kept of it.
fn patched(file: &[u8], len: u64, patches: &[Patch]) -> Vec<u8> {
    let mut kept = file[..len as usize].to_vec();
    for patch in patches {
        let place = kept.get_mut(patch.offset as usize..);
        let place = place.and_then(|place| place.get_mut(..patch.bytes.len()));
        place
            .expect("inside of what is kept")
            .copy_from_slice(&patch.bytes);
    }
    kept
}
