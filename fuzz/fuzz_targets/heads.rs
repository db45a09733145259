//! A request's head and its answer's, as the layer reads them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz::cheaply(data, larder_http::fuzz::heads));
