//! A reader of Matroska for tests: all of a file as a tree, checked on the way.

use super::super::{ebml::Head, id};

/// An element, with its children or its bytes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: u32,
    /// Where it begins.
    pub(super) at: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) children: Vec<Node>,
}

/// A frame of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) track: u8,
    /// Milliseconds.
    pub(super) time: i64,
    pub(super) keyframe: bool,
    pub(super) data: Vec<u8>,
}

/// All elements of a level; panics where they do not fill it exactly.
pub(super) fn tree(bytes: &[u8], start: usize) -> Vec<Node> {
    let (mut rest, mut at, mut nodes) = (bytes, start, Vec::new());
    while !rest.is_empty() {
        let head = Head::parse(rest).expect("an element begins here");
        let body = &rest[head.len()..];
        let len = head.size.map_or(body.len(), |size| size as usize);
        let (body, after) = body.split_at(len);
        let children = match is_parent(head.id) {
            true => tree(body, at + head.len()),
            false => Vec::new(),
        };
        nodes.push(Node {
            id: head.id,
            at,
            bytes: body.to_vec(),
            children,
        });
        at += head.len() + len;
        rest = after;
    }
    nodes
}

impl Node {
    /// The only child of its kind.
    pub(super) fn child(&self, id: u32) -> &Node {
        let mut found = self.children.iter().filter(|node| node.id == id);
        let child = found.next().unwrap_or_else(|| panic!("no {id:#x}"));
        assert!(found.next().is_none(), "{id:#x} twice");
        child
    }

    pub(super) fn all(&self, id: u32) -> impl Iterator<Item = &Node> {
        self.children.iter().filter(move |node| node.id == id)
    }

    pub(super) fn uint(&self) -> u64 {
        super::super::ebml::number(&self.bytes)
    }

    pub(super) fn float(&self) -> f64 {
        f64::from_be_bytes(self.bytes[..].try_into().expect("8 bytes"))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("a text")
    }
}

/// The segment of a file, behind its EBML header.
pub(super) fn segment(file: &[u8]) -> Node {
    let nodes = tree(file, 0);
    assert_eq!(nodes[0].id, id::EBML);
    assert_eq!(nodes[0].child(id::DOC_TYPE).text(), "matroska");
    assert_eq!((nodes.len(), nodes[1].id), (2, id::SEGMENT));
    nodes[1].clone()
}

/// All frames, in the order in which they stand.
pub(super) fn blocks(segment: &Node) -> Vec<Block> {
    let mut blocks = Vec::new();
    for cluster in segment.all(id::CLUSTER) {
        let base = cluster.child(id::TIMESTAMP).uint() as i64;
        for block in cluster.all(id::SIMPLE_BLOCK) {
            let [track, high, low, flags, data @ ..] = &block.bytes[..] else {
                panic!("a block without its head");
            };
            blocks.push(Block {
                track: track & 0x7f,
                time: base + i64::from(i16::from_be_bytes([*high, *low])),
                keyframe: flags & 0x80 != 0,
                data: data.to_vec(),
            });
        }
    }
    blocks
}

fn is_parent(id: u32) -> bool {
    matches!(
        id,
        id::EBML | id::SEGMENT | id::SEEK_HEAD | id::SEEK | id::INFO | id::TRACKS | id::AUDIO
    ) || matches!(
        id,
        id::TRACK_ENTRY | id::VIDEO | id::CLUSTER | id::CUES | id::CUE_POINT | id::EDITION_ENTRY
    ) || matches!(
        id,
        id::CUE_TRACK_POSITIONS | id::CHAPTERS | id::CHAPTER_ATOM | id::CHAPTER_DISPLAY
    )
}
