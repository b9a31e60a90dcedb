//! What each fuzz target does with its input: one body per parser, one per
//! state machine.
//!
//! In: any bytes. Out: nothing, or a panic that says which promise was broken.
//! A parser's body reads everything that can be read and checks what must hold
//! between the readings; a state machine's body takes the bytes as a
//! script of operations. The fuzzer runs these over what it
//! invents (`fuzz/run`), the ordinary tests over `fuzz/corpus`.
#![forbid(unsafe_code)]

mod call;
mod files;
mod manager;
mod negotiation;
mod playout;
mod rtp_party;
mod script;
mod sdp;
mod transport;
mod wire;

pub use call::call;
pub use files::{pcap, wav, wav_repair};
pub use manager::manager;
pub use negotiation::negotiation;
pub use playout::playout;
pub use rtp_party::rtp_party;
pub use sdp::{attributes, sdp, sdp_edits};
pub use transport::{datagram, latch};
pub use wire::{extensions, rtcp, rtp};

/// A fuzz target: its name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// The targets that read one input.
pub const PARSERS: &[Target] = &[
    ("sdp", sdp),
    ("sdp_edits", sdp_edits),
    ("attributes", attributes),
    ("rtp", rtp),
    ("extensions", extensions),
    ("rtcp", rtcp),
    ("wav", wav),
    ("wav_repair", wav_repair),
    ("pcap", pcap),
    ("datagram", datagram),
];

/// The targets that play a list of operations.
pub const MACHINES: &[Target] = &[
    ("negotiation", negotiation),
    ("latch", latch),
    ("playout", playout),
    ("rtp_party", rtp_party),
    ("call", call),
    ("manager", manager),
];
