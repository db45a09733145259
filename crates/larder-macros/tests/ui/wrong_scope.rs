//! Scopes there are not.

#[path = "stub.rs"]
mod stub;

use stub::Entity;

#[derive(larder_macros::CachedEntity)]
#[cached(ttl = "10m", scope = "team", scope = 7, scop = "user", crate = "stub")]
struct Model {
    _id: i32,
}

fn main() {}
