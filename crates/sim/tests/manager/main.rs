//! What an application sees of managers and sessions in a virtual world: each
//! module is named for what happens in it.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot do without may panic"
)]

mod common;

mod an_hour_of_everything;
mod bad_input_is_refused;
mod bridges_join_sessions;
mod calls_are_recorded;
mod captures_are_explained;
mod dtmf_is_heard_once;
mod every_codec_in_every_packet_time;
mod feeds_are_said;
mod files_are_played_and_recorded;
mod forks_have_lives_of_their_own;
mod formats_pass_through;
mod handles_outlive_what_they_stand_for;
mod holding_stops_the_audio;
mod networks_made_bad_on_purpose;
mod networks_of_every_kind;
mod nothing_is_left_behind;
mod offers_and_answers_from_either_side;
mod packets_of_any_length_and_number;
mod pauses_are_described;
mod quality_is_judged;
mod recordings_are_recovered;
mod recordings_are_true_to_time;
mod sounds_are_played;
mod streams_come_and_go;
mod taps_listen;
mod video_is_carried;
mod what_comes_from_strangers_is_counted;
mod what_is_said_is_heard;
mod who_the_peer_is;
mod why_nothing_is_heard;
