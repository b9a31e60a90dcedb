//! A cluster being filled: the frames of up to 500 ms (RFC 9559 §5.1.3).
//!
//! In: frames of all tracks, in about the order of time. Out: one Cluster with
//! its frames in that order exactly. Its memory is kept for the next one.

use super::ebml::{UNKNOWN_SIZE, put_id, put_size, size8, uint};
use super::id;

/// The frames of the next cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct ClusterDraft {
    blocks: Vec<Block>,
    data: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Milliseconds since the beginning of the file.
    pub(super) time: u64,
    /// From 1.
    pub(super) track: u8,
    pub(super) flags: u8,
    start: usize,
    len: usize,
}

impl ClusterDraft {
    /// Whether a frame at `time` must go to the next cluster.
    pub(super) fn ends_before(&self, time: u64, len: usize) -> bool {
        let Some(first) = self.blocks.first() else {
            return false;
        };
        let spread = first.time.abs_diff(time);
        time >= first.time + CLUSTER_MILLIS
            || spread >= MAX_SPREAD
            || self.data.len() + len > CLUSTER_BYTES
    }

    pub(super) fn push(&mut self, time: u64, track: u8, flags: u8, data: &[u8]) {
        self.blocks.push(Block {
            time,
            track,
            flags,
            start: self.data.len(),
            len: data.len(),
        });
        self.data.extend_from_slice(data);
    }

    /// Its frames, in the order of time once it was written.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Appends the cluster to `out`, in one piece.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        // In place and stable: frames of one moment keep their order.
        self.blocks
            .sort_unstable_by_key(|block| (block.time, block.start));
        let Some(first) = self.blocks.first() else {
            return;
        };
        let time = first.time;
        put_id(out, id::CLUSTER);
        let at = out.len();
        out.extend_from_slice(&UNKNOWN_SIZE);
        uint(out, id::TIMESTAMP, time);
        for block in &self.blocks {
            put_id(out, id::SIMPLE_BLOCK);
            put_size(out, (BLOCK_HEAD + block.len) as u64);
            let relative = (block.time - time) as i16; // less than MAX_SPREAD
            out.push(0x80 | block.track);
            out.extend_from_slice(&relative.to_be_bytes());
            out.push(block.flags);
            out.extend_from_slice(&self.data[block.start..][..block.len]);
        }
        let len = (out.len() - at - 8) as u64;
        out[at..at + 8].copy_from_slice(&size8(len));
    }

    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.data.clear();
    }
}

/// Track number, relative time, flags.
const BLOCK_HEAD: usize = 4;
/// RFC 9559 §10.2: the flag of a frame that needs no other.
pub(super) const KEYFRAME: u8 = 0x80;
/// A crash loses less than a second.
const CLUSTER_MILLIS: u64 = 500;
/// Times relative to that of the cluster are 16 bits with a sign.
const MAX_SPREAD: u64 = 15_000;
/// Above it, a cluster is written before its time.
const CLUSTER_BYTES: usize = 4 << 20;
