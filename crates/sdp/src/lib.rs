//! SDP text, losslessly, and RFC 3264 negotiation as pure functions.
//!
//! In: the bytes of a description (RFC 8866, tolerant of RFC 4566 and of what
//! real peers send). Out: a [`SessionDescription`] of spans over an owned copy
//! of them, typed views made on demand, [`Edits`] that leave every other byte
//! alone, and a [`Builder`] for descriptions of our own. What is not edited is
//! written back byte for byte.
//!
//! Knows no socket, clock or media path; `no_std` with `alloc`.
//!
//! ```
//! use talkpath_sdp::{Direction, SessionDescription};
//!
//! let text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n\
//!              t=0 0\r\nm=audio 10000 RTP/AVP 0 8\r\na=sendonly\r\n";
//! let description = SessionDescription::parse(text)?;
//! let audio = description.media().next().expect("one m-line");
//! assert_eq!(audio.port(), 10000);
//! assert_eq!(audio.direction(), Direction::SendOnly);
//! assert_eq!(description.as_bytes(), text);
//! # Ok::<(), talkpath_sdp::ParseError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod attribute;
mod bandwidth;
mod builder;
mod connection;
mod description;
mod direction;
mod edit;
mod error;
pub mod explain;
pub mod lint;
mod media;
mod media_line;
pub mod negotiate;
mod offer_answer;
mod origin;
mod section;
mod static_payload;
mod timing;
mod token;

pub use attribute::{Attribute, RawAttribute};
pub use bandwidth::Bandwidth;
pub use builder::{BuildError, Builder};
pub use connection::{AddressType, Connection, Host};
pub use description::{LineEnd, SessionDescription};
pub use direction::Direction;
pub use edit::{EditError, Edits};
pub use error::{Limit, ParseError};
pub use media::Media;
pub use media_line::{MediaKind, MediaLine, Protocol};
pub use offer_answer::{Answer, Offer};
pub use origin::Origin;
pub use section::{Line, Section};
pub use static_payload::static_format;
pub use timing::Timing;
