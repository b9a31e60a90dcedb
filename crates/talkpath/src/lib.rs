//! A media manager for calls: from the SDP body to the samples.
#![deny(unsafe_code)]

pub mod driver;
mod events;
mod mailbox;
mod ports;
mod rings;
mod wait;

pub use events::{Events, NoEvent, Notice};
pub use ports::{LeaseKind, PortError, PortOrder};
pub use rings::FrameKind;
pub use wait::{Abandoned, Pending};
