//! Calls, sessions, streams and playout, without sockets or clocks. Internal to Talkpath.
