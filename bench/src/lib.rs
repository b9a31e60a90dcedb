//! Gates: ratios and counts that Talkpath is held to, measured side by side.
//!
//! In: names of gates. Out: baseline, ours, spread and a verdict for each. A
//! ratio is taken over many short rounds in which both take turns, so that
//! whatever slows the machine slows both; a run in which other programs worked
//! too, or in which the rounds disagree, is void and never a pass. Counts of
//! allocations do not depend on the clock and hold on any machine.

pub mod allocation;
#[path = "../../crates/sdp/tests/corpus/mod.rs"]
mod corpus;
pub mod gates;
pub mod machine;
pub mod party;
pub mod report;
pub mod rounds;
pub mod speech;
