//! Bytes and views: the wire formats of calls, without state.
//!
//! In: datagrams. Out: borrowed views whose getters read lazily, and writers
//! into caller-owned buffers. The numbers that can be confused (sequence
//! numbers, timestamps, sources, payload types, moments) are types of their
//! own, and arithmetic modulo 2^16 and 2^32 lives in them only.
//!
//! RFC 3550 (RTP, RTCP), RFC 8285 (header extensions), RFC 5761 (payload type
//! space). No allocation, no clock, no socket; `no_std` with `alloc`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod format;
mod payload_type;
mod rtp_time;
mod seq;
mod ssrc;
mod time;

pub use format::Format;
pub use payload_type::{PayloadType, PayloadTypeError};
pub use rtp_time::RtpTime;
pub use seq::{ExtSeq, Seq};
pub use ssrc::Ssrc;
pub use time::{NtpTime, Time};
