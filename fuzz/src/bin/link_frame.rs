//! [`fuzz::link::frame`] under the fuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::link::frame(bytes));
