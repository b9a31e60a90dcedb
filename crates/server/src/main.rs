//! The command line of Talkpath.

fn main() {}
