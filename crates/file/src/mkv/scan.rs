//! The elements of a Matroska file, from bytes as they come.
//!
//! In: bytes in pieces of any size. Out: each element of the segment and of its
//! clusters, with its place and first bytes; bodies are not held. Where nothing
//! that can stand there begins, the next cluster is looked for.

use super::ebml::{Head, MAX_HEAD, NoHead};
use super::id;

/// An element, and the beginning of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) head: Head,
    /// Where it begins, in bytes from the start of the file.
    pub(super) at: u64,
    prefix: [u8; PREFIX],
    prefix_len: usize,
}

impl Element {
    /// Where its body begins.
    pub(super) fn body_at(&self) -> u64 {
        self.at + self.head.len() as u64
    }

    /// Where it ends, if that is known.
    pub(super) fn end(&self) -> Option<u64> {
        Some(self.body_at().saturating_add(self.head.size?))
    }

    /// The first bytes of its body, where they tell a time.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix[..self.prefix_len]
    }
}

/// Walks through a file.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// From the start of an element.
    held: Vec<u8>,
    /// Where that is in the file.
    offset: u64,
    /// Bytes of a body that are passed over.
    skip: u64,
    level: Level,
    /// Where nothing could be read, until something can.
    lost: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    File,
    Segment,
    Info { end: u64 },
    Cluster { end: u64 },
}

impl Scan {
    pub(super) fn new() -> Self {
        Self {
            held: Vec::new(),
            offset: 0,
            skip: 0,
            level: Level::File,
            lost: None,
        }
    }

    /// Takes bytes up to the next element.
    pub(super) fn push(&mut self, bytes: &mut &[u8]) -> Option<Element> {
        loop {
            let len = usize::try_from(self.skip).unwrap_or(usize::MAX);
            let len = len.min(bytes.len());
            *bytes = &bytes[len..];
            self.offset += len as u64;
            self.skip -= len as u64;
            let room = (MAX_HEAD + PREFIX - self.held.len()).min(bytes.len());
            if self.skip > 0 {
                return None;
            }
            self.held.extend_from_slice(&bytes[..room]);
            *bytes = &bytes[room..];
            match self.element() {
                Found::Element(element) => return Some(element),
                Found::Nothing => {}
                Found::More if bytes.is_empty() => return None,
                Found::More => {}
            }
        }
    }

    /// Where reading came to: everything before is whole.
    pub(super) fn whole_until(&self) -> u64 {
        self.lost.unwrap_or(self.offset)
    }

    /// Bytes of the last element that are still to come.
    pub(super) fn missing(&self) -> u64 {
        self.skip
    }

    fn element(&mut self) -> Found {
        self.leave();
        let head = match Head::parse(&self.held) {
            Ok(head) if self.may_hold(&head) => head,
            Err(NoHead::More) => return Found::More,
            Ok(_) | Err(NoHead::Invalid) => return self.search(),
        };
        let (enters, wanted) = match head.id {
            id::SEGMENT | id::INFO | id::CLUSTER | id::BLOCK_GROUP => (true, 0),
            id::TIMESTAMP | id::SIMPLE_BLOCK | id::BLOCK => (false, PREFIX as u64),
            _ => (false, 0),
        };
        let (size, start) = (head.size.unwrap_or(u64::MAX), head.len());
        let prefix_len = wanted.min(size) as usize;
        if self.held.len() < start + prefix_len {
            return Found::More;
        }
        let mut element = Element {
            head,
            at: self.offset,
            prefix: [0; PREFIX],
            prefix_len,
        };
        element.prefix[..prefix_len].copy_from_slice(&self.held[start..start + prefix_len]);
        self.lost = None;
        self.drop_front(start);
        let end = self.offset.saturating_add(size);
        match head.id {
            id::SEGMENT => self.level = Level::Segment,
            id::INFO => self.level = Level::Info { end },
            id::CLUSTER => self.level = Level::Cluster { end },
            _ => {}
        }
        if !enters {
            let held = self
                .held
                .len()
                .min(usize::try_from(size).unwrap_or(usize::MAX));
            self.drop_front(held);
            self.skip = size - held as u64;
        }
        Found::Element(element)
    }

    /// Goes up where a parent has ended.
    fn leave(&mut self) {
        if let Level::Info { end } | Level::Cluster { end } = self.level
            && self.offset >= end
        {
            self.level = Level::Segment;
        }
    }

    /// Whether an element can stand where it does.
    fn may_hold(&self, head: &Head) -> bool {
        // Behind what cannot be read, anything may look like an element.
        if self.lost.is_some() && head.id != id::CLUSTER {
            return false;
        }
        let end = head.size.map(|size| {
            let body = self.offset + head.len() as u64;
            body.saturating_add(size)
        });
        let unknown_here = matches!(head.id, id::SEGMENT | id::CLUSTER);
        if end.is_none() && !unknown_here {
            return false;
        }
        let within = |parent: u64| end.is_some_and(|end| end <= parent);
        match self.level {
            Level::File => matches!(head.id, id::EBML | id::SEGMENT | id::VOID),
            Level::Segment => in_segment(head.id),
            Level::Info { end } => within(end),
            Level::Cluster { end } => {
                (in_cluster(head.id) && within(end))
                    // One of unknown size ends where the next element begins.
                    || head.id == id::CLUSTER
                    || (end == u64::MAX && in_segment(head.id))
            }
        }
    }

    /// Drops what cannot be read, up to what may be a cluster.
    fn search(&mut self) -> Found {
        self.lost.get_or_insert(self.offset);
        let cluster = id::CLUSTER.to_be_bytes();
        let starts = |at: &usize| {
            let end = self.held.len().min(at + cluster.len());
            cluster.starts_with(&self.held[*at..end])
        };
        let next = (1..self.held.len()).find(starts);
        self.drop_front(next.unwrap_or(self.held.len()));
        if self.level != Level::File {
            self.level = Level::Segment;
        }
        Found::Nothing
    }

    fn drop_front(&mut self, len: usize) {
        self.held.drain(..len);
        self.offset += len as u64;
    }
}

enum Found {
    Element(Element),
    /// Bytes were passed over.
    Nothing,
    More,
}

fn in_segment(id: u32) -> bool {
    const TAGS: u32 = 0x1254_c367;
    const ATTACHMENTS: u32 = 0x1941_a469;
    matches!(
        id,
        id::SEEK_HEAD | id::INFO | id::TRACKS | id::CLUSTER | id::CUES | id::CHAPTERS
    ) || matches!(id, id::VOID | CRC | TAGS | ATTACHMENTS)
}

fn in_cluster(id: u32) -> bool {
    const POSITION: u32 = 0xa7;
    const PREV_SIZE: u32 = 0xab;
    const BLOCK_DURATION: u32 = 0x9b;
    const REFERENCE_BLOCK: u32 = 0xfb;
    const DISCARD_PADDING: u32 = 0x75a2;
    matches!(
        id,
        id::TIMESTAMP | id::SIMPLE_BLOCK | id::BLOCK_GROUP | id::BLOCK | id::VOID | CRC
    ) || matches!(
        id,
        POSITION | PREV_SIZE | BLOCK_DURATION | REFERENCE_BLOCK | DISCARD_PADDING
    )
}

const CRC: u32 = 0xbf;
/// Track and time of a block, or a whole timestamp.
const PREFIX: usize = 8;
