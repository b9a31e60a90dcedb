//! Digits: keys pressed at one end and heard at the other.
//!
//! In: telephone-event packets of the peer, and digits to dial. Out: each digit
//! once, with its times; and the events to send. RFC 4733. Pure: no packet is
//! numbered and no sample made here, `now` is an argument.
//!
//! - [`Receiver`]: packets into presses, whatever was lost on the way or
//!   malformed by the sender.
//! - [`Dialler`]: which key is down when; [`EventWriter`]: the packets of it.

mod dial;
mod dialler;
mod digit;
mod echo;
mod events;
mod receiver;

pub use dial::{Dtmf, DtmfError};
pub use dialler::{DialEnd, DialId, DialQueueFull, Dialler, Down, Edge, Slot};
pub(crate) use digit::Wish;
pub use digit::{Carriage, Digit, Inband, Press, Pressing};
pub(crate) use echo::Echoes;
pub use events::{EventWriter, OutgoingEvent};
pub use receiver::{EventPacket, Receiver};
