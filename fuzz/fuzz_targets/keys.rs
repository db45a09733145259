//! The keys of requests: equal exactly if all that counts is.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz::cheaply(data, larder_http::fuzz::keys));
