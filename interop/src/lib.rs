//! Calls with peers that we did not write.
