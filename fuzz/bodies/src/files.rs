//! Files as they may be found: WAV, whole, in pieces and broken, and pcap.

use talkpath_file::pcap::{PcapReader, PcapWriter, Precision};
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
