//! Behaviour of the RTP state machines together: two parties and their
//! reports, a source against a plain model, and arbitrary input.

mod model;
mod operations;
mod reports;
