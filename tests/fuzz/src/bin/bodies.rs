//! `make fuzz TARGET=bodies`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hubbub_fuzz::bodies(bytes));
