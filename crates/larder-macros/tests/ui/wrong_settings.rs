//! Unknown, doubled and misshapen settings, all reported at once.

#[path = "stub.rs"]
mod stub;

use stub::Entity;

#[derive(larder_macros::CachedEntity)]
#[cached(tll = "10m", ttl = "10m", ttl = "5m", grace, colour = 3, crate = "stub")]
struct Model {
    _id: i32,
}

fn assert_cached<E: stub::CachedEntity>() {}

fn main() {
    assert_cached::<Entity>();
}
