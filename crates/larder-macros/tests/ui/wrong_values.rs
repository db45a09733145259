//! Values of the wrong kind.

#[path = "stub.rs"]
mod stub;

use stub::Entity;

#[derive(larder_macros::CachedEntity)]
#[cached(ttl = "10min", negative_ttl = "10", early_refresh = 30, jitter = "a little")]
#[cached(tiers = "everywhere", lease = 2)]
#[cached(region = 7, stale_on_error = "yes", crate = "stub")]
struct Model {
    _id: i32,
}

fn assert_cached<E: stub::CachedEntity>() {}

fn main() {
    assert_cached::<Entity>();
}
