#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| talkpath_fuzz_bodies::dialler(data));
