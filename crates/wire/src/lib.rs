//! Bytes and views: the wire formats of calls, without state.
//!
//! In: datagrams. Out: borrowed views whose getters read lazily, and writers
//! into caller-owned buffers. The numbers that can be confused (sequence
//! numbers, timestamps, sources, payload types, moments) are types of their
//! own, and arithmetic modulo 2^16 and 2^32 lives in them only.
//!
//! RFC 3550 (RTP, RTCP), RFC 8285 (header extensions), RFC 5761 (payload type
//! space), RFC 4733 (telephone events). No allocation, no clock, no socket;
//! `no_std` with `alloc`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
mod extension;
mod format;
pub mod h264;
mod payload_type;
pub mod rtcp;
mod rtp;
mod rtp_time;
mod seq;
mod ssrc;
mod telephone_event;
#[cfg(test)]
mod testing;
mod time;
pub mod vp8;

pub use address::embedded_v4;
pub use extension::{ExtensionElement, ExtensionElements, HeaderExtension};
pub use format::Format;
pub use payload_type::{PayloadType, PayloadTypeError};
pub use rtp::{RTP_HEADER_LEN, RtpError, RtpHeader, RtpPacket, RtpPacketMut, RtpWriteError};
pub use rtp_time::RtpTime;
pub use seq::{ExtSeq, Seq};
pub use ssrc::Ssrc;
pub use telephone_event::{
    EventCode, EventEnd, TelephoneEvent, TelephoneEventError, TelephoneEvents,
};
pub use time::{NtpTime, Time};
