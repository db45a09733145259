//! `Range` and `Content-Range`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz::cheaply(data, larder_http::fuzz::ranges));
