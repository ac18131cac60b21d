//! `make fuzz TARGET=heads`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hubbub_fuzz::heads(bytes));
