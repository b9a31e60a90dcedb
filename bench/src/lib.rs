//! Benchmarks and ratio gates of Talkpath.
