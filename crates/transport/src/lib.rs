//! Datagrams to RTP and RTCP: demultiplexing and the source-address policy.
//! Internal to Talkpath.
//!
//! In: datagrams with their source, the addresses that signalling names, and
//! `now`. Out: RTP and RTCP from sources the policy accepts, where to send,
//! and a typed reason for every datagram that goes no further.
//!
//! RFC 7983 and 5761 (demultiplexing), RFC 4961 (symmetric RTP), the latching
//! of RFC 7362 with its warnings. Leaves out ICE, DTLS and SRTP, which are not
//! built yet: their datagrams are recognised, counted and dropped.
#![forbid(unsafe_code)]

mod address;
mod demux;
mod drops;
mod early;
mod latch;
mod remote;
mod rtcp_latch;
mod stream;
mod wrong_source;

pub use address::{AddressRules, Reach, Refused, canonical, canonical_ip};
pub use demux::{Class, classify};
pub use drops::{DropCount, DropReason, Drops};
pub use latch::{Evidence, Rank, SourceChanged, SourcePolicy};
pub use remote::{Remote, RtcpHome, RtcpRemote, Sending, Withheld};
pub use stream::{Component, Config, Fit, Incoming, Released, StreamTransport};
pub use wrong_source::WrongSource;
