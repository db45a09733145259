//! A ttl is required.

#[path = "stub.rs"]
mod stub;

use stub::Entity;

#[derive(larder_macros::CachedEntity)]
#[cached(grace = "1m", crate = "stub")]
struct Model {
    _id: i32,
}

fn assert_cached<E: stub::CachedEntity>() {}

fn main() {
    assert_cached::<Entity>();
}
