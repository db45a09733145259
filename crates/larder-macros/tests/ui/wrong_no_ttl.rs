//! A ttl is required.

#[path = "stub.rs"]
mod stub;

#[derive(larder_macros::CachedEntity)]
#[cached(grace = "1m", crate = "stub")]
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
