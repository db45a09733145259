//! What an entry of the remote tier was made of.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz::cheaply(data, larder_core::fuzz::marks));
