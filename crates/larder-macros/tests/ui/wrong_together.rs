//! Settings that cannot be meant, alone or together.

#[path = "stub.rs"]
mod stub;

use stub::Entity;

#[derive(larder_macros::CachedEntity)]
#[cached(ttl = "0s", jitter = 1.5, early_refresh = "1m", stale_on_error, crate = "stub")]
#[cached(tiers = "local", lease = "2s")]
#[cached(region = "a,b", invalidated_by = "x", invalidated_by = "x")]
struct Model {
    _id: i32,
}

fn assert_cached<E: stub::CachedEntity>() {}

fn main() {
    assert_cached::<Entity>();
}
