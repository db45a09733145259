//! Scopes there are not.

#[path = "stub.rs"]
mod stub;

#[derive(larder_macros::CachedEntity)]
#[cached(ttl = "10m", scope = "team", scope = 7, scop = "user", crate = "stub")]
struct Model {
    _id: i32,
}

impl stub::__private::ModelTrait for Model {
    type Entity = stub::Entity;
}

fn main() {}
