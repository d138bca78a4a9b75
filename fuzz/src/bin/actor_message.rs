//! [`fuzz::sync::actor_message`] under the fuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sync::actor_message(bytes));
