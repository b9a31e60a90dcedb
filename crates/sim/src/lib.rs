//! A virtual world of calls for tests: clock, network, peers, all from one seed.
