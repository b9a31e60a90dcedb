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
mod digits;
mod files;
mod manager;
mod negotiation;
mod playout;
mod rtp_party;
mod script;
mod sdp;
mod sound;
mod transport;
mod video;
mod wire;

pub use call::call;
pub use digits::{dialler, dtmf_receiver, telephone_event};
pub use files::{mkv_repair, ogg, ogg_repair, pcap, pcap_repair, wav, wav_repair};
pub use manager::manager;
pub use negotiation::negotiation;
pub use playout::playout;
pub use rtp_party::rtp_party;
pub use sdp::{attributes, sdp, sdp_edits};
pub use sound::{codecs, comfort_noise, opus_packet};
pub use transport::{datagram, latch};
pub use video::{frames, h264, vp8};
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
    ("pcap_repair", pcap_repair),
    ("ogg", ogg),
    ("ogg_repair", ogg_repair),
    ("mkv_repair", mkv_repair),
    ("telephone_event", telephone_event),
    ("opus_packet", opus_packet),
    ("comfort_noise", comfort_noise),
    ("vp8", vp8),
    ("h264", h264),
    ("datagram", datagram),
];

/// The targets that play a list of operations.
pub const MACHINES: &[Target] = &[
    ("negotiation", negotiation),
    ("latch", latch),
    ("codecs", codecs),
    ("dtmf_receiver", dtmf_receiver),
    ("dialler", dialler),
    ("frames", frames),
    ("playout", playout),
    ("rtp_party", rtp_party),
    ("call", call),
    ("manager", manager),
];
