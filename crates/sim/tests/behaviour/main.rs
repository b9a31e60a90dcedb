//! What the world does, from outside. One program: it links once.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot do without may panic"
)]

mod a_driver_runs_tasks;
mod common;
mod datagrams_cross_the_network;
mod each_failed_step_leaks_nothing;
mod faults_come_when_asked;
mod nothing_is_unaccounted_for;
mod one_seed_one_wire_log;
mod phones_talk;
