//! The derive stands on a model, nowhere else.

#[derive(larder_macros::CachedEntity)]
#[cached(ttl = "10m")]
enum Entity {}

fn main() {}
