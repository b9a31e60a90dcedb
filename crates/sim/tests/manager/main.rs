//! What an application sees of managers and sessions in a virtual world: each
//! module is named for what happens in it.

mod common;

mod holding_stops_the_audio;
mod offers_and_answers_from_either_side;
