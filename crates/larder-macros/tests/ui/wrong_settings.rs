//! Unknown, doubled and misshapen settings, all reported at once.

#[path = "stub.rs"]
mod stub;

#[derive(larder_macros::CachedEntity)]
#[cached(tll = "10m", ttl = "10m", ttl = "5m", grace, colour = 3, crate = "stub")]
struct Model {
    _id: i32,
}

impl stub::__private::ModelTrait for Model {
    type Entity = stub::Entity;
}

fn assert_cached<E: stub::CachedEntity>() {}

fn main() {
    assert_cached::<stub::Entity>();
}
