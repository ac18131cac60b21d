//! `make fuzz TARGET=zero_nine`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hubbub_fuzz::zero_nine(bytes));
