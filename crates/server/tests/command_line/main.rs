//! The binary, run as its users run it: arguments in, words, JSON, files and a
//! status out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails, and lives in real time"
)]

mod call;
mod demo;
mod impaired;
mod mistakes;
mod probe;
mod program;
mod record;
mod sdp;
mod sound;
