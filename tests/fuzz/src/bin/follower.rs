//! `make fuzz TARGET=follower`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hubbub_fuzz::follower(bytes));
