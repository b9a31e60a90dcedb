//! A media manager for calls: from the SDP body to the samples.
#![deny(unsafe_code)]

pub mod driver;
mod ports;

pub use ports::{LeaseKind, PortError, PortOrder};
