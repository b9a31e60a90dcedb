//! Marks in a WAV file: named moments, behind the sound.
//!
//! In: moments and their labels. Out: a `cue ` chunk and a `LIST` of `labl`
//! chunks (*Multimedia Programming Interface and Data Specifications 1.0*,
//! "Cue-Points Chunk" and "Associated Data Chunk"), which audio editors show.
//! Left out: regions, play lists, and reading them back.

/// A named moment of the sound.
///
/// ```
/// use talkpath_file::wav::{Mark, WavWriter};
/// let mut writer = WavWriter::new(1, 8_000)?;
/// let behind = writer.mark(&[Mark { frame: 4_000, label: "paused".into() }]);
/// assert_eq!(&behind[..4], b"cue ");
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Frames of sound before it; past 2^32 there is no way to say it, and the
    /// mark is left out.
    pub frame: u64,
    /// What it is called.
    pub label: String,
}

/// The chunks that hold `marks`; nothing when there are none.
pub(super) fn chunks(marks: &[Mark]) -> Vec<u8> {
    let marks: Vec<_> = marks
        .iter()
        .filter_map(|mark| Some((u32::try_from(mark.frame).ok()?, &mark.label)))
        .collect();
    if marks.is_empty() {
        return Vec::new();
    }
    let (mut cue, mut labels) = (Vec::new(), Vec::from(b"adtl"));
    cue.extend((marks.len() as u32).to_le_bytes());
    for (id, (frame, label)) in (1u32..).zip(&marks) {
        cue.extend(id.to_le_bytes());
        cue.extend(frame.to_le_bytes());
        cue.extend(b"data\0\0\0\0\0\0\0\0");
        cue.extend(frame.to_le_bytes());
        let mut body = Vec::from(id.to_le_bytes());
        body.extend(label.bytes().filter(|byte| *byte != 0));
        body.push(0);
        chunk(b"labl", &body, &mut labels);
    }
    let mut chunks = Vec::new();
    chunk(b"cue ", &cue, &mut chunks);
    chunk(b"LIST", &labels, &mut chunks);
    chunks
}

/// A chunk, padded to an even length.
fn chunk(id: &[u8; 4], body: &[u8], out: &mut Vec<u8>) {
    out.extend(id);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out.resize(out.len() + body.len() % 2, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wav::{HEADER_LEN, WavReader, WavWriter, repair};

    fn marked(sound: &[u8]) -> Vec<u8> {
        let mut writer = WavWriter::new(1, 8_000).unwrap();
        writer.written(sound.len() as u64);
        let mark = |frame, label: &str| Mark {
            frame,
            label: label.into(),
        };
        let behind = writer.mark(&[mark(2, "paused"), mark(3, "on"), mark(1 << 40, "never")]);
        [&writer.header()[..], sound, &behind].concat()
    }

    #[test]
    fn marks_are_cue_points_with_labels() {
        let file = marked(&[1, 0, 2, 0, 3, 0, 4, 0]);
        let behind = &file[HEADER_LEN + 8..];
        assert_eq!(behind[..12], *b"cue \x34\0\0\0\x02\0\0\0");
        assert_eq!(
            behind[12..36],
            *b"\x01\0\0\0\x02\0\0\0data\0\0\0\0\0\0\0\0\x02\0\0\0"
        );
        let list =
            b"LIST\x28\0\0\0adtllabl\x0b\0\0\0\x01\0\0\0paused\0\0labl\x07\0\0\0\x02\0\0\0on\0\0";
        assert_eq!(behind[60..], *list);
        assert_eq!(file[4..8], (file.len() as u32 - 8).to_le_bytes());
        assert_eq!(repair(&file, file.len() as u64), Ok(None));
    }

    #[test]
    fn no_marks_take_no_room() {
        let mut writer = WavWriter::new(1, 8_000).unwrap();
        let before = writer.header();
        assert_eq!((writer.mark(&[]), writer.header()), (Vec::new(), before));
    }

    #[test]
    fn a_cut_anywhere_in_the_marks_leaves_the_sound() {
        let whole = marked(&[1, 0, 2, 0, 3, 0, 4, 0]);
        for len in HEADER_LEN + 8..whole.len() {
            let mut cut = whole[..len].to_vec();
            let found = repair(&cut, len as u64).unwrap().unwrap();
            for patch in &found.patches {
                cut[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
            }
            cut.truncate(found.end as usize);
            let (mut reader, mut pcm) = (WavReader::new(), [0; 8]);
            let header = reader.read(&cut, &mut pcm).unwrap();
            assert_eq!((header.samples, &pcm[..4]), (4, &[1, 2, 3, 4][..]), "{len}");
            assert_eq!(repair(&cut, cut.len() as u64), Ok(None), "{len}");
        }
    }
}
