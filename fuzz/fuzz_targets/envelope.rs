//! What stands around a value in the remote tier.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz::cheaply(data, larder_core::fuzz::envelope));
