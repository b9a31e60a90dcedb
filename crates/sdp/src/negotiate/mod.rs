//! Offer and answer (RFC 3264, RFC 6337) as pure functions.
//!
//! In: the state of one party, what it wants, and what the peer said. Out: a
//! plan. A plan says which ports it needs; with them its commit makes the text
//! and the new state, and cannot fail. A plan that is dropped never happened.
//!
//! | to | call | then |
//! |---|---|---|
//! | offer (first, late, hold, change) | [`Dialogue::plan_offer`] | lease, [`OfferPlan::commit`] |
//! | answer | [`Dialogue::plan_answer`] | lease, [`AnswerPlan::commit`] |
//! | apply an answer | [`Dialogue::plan_completion`] | [`CompletionPlan::commit`] |
//! | apply another answer to the same offer | [`Dialogue::plan_revised_answer`] | [`CompletionPlan::commit`] |
//! | give an offer up | [`Dialogue::plan_rollback`] | [`RollbackPlan::commit`] |
//!
//! The wants are always all that is wanted: a hold is the same wants in another
//! direction, a removed stream an entry less. An offer of the peer becomes
//! state only with its answer; until then it is the caller's to keep, and an
//! offer of ours in between makes the two collide ([`AnswerError::Glare`]).
//!
//! Left out for now: secure profiles, ICE, BUNDLE, multicast and the resolving
//! of host names; what needs them is refused in its slot.

mod answer;
mod check;
mod codecs;
mod compat;
mod completion;
mod dialogue;
mod error;
mod events;
mod keyframes;
mod lease;
mod local_line;
mod numbers;
mod offer;
mod remote;
mod stream;
mod transition;
mod wants;
mod write;

pub use answer::AnswerPlan;
pub use compat::{Agreement, agree, is_auxiliary, same_codec};
pub use completion::CompletionPlan;
pub use dialogue::{Changes, Dialogue, Identity, RollbackPlan};
pub use error::{
    AnswerError, CompletionError, Fault, NoOfferPending, Note, OfferError, Refusal, WantsError,
};
pub use events::Events;
pub use keyframes::KeyframeRequests;
pub use lease::{Demand, Family, Freed, Lease, Ports, Release};
pub use offer::OfferPlan;
pub use stream::{
    Codec, Destination, Hold, Packetization, Party, Remote, Rtcp, Stream, StreamState, VoipReports,
};
pub use wants::{Kind, MediaWants, Preference, RtcpMux, Slot, TelephoneEvent, Wants};
