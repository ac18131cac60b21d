//! `make fuzz TARGET=translations`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hubbub_fuzz::translations(bytes));
