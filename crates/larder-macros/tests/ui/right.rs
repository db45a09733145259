//! All settings, on the model only.

#[path = "stub.rs"]
mod stub;

use stub::{CachedEntity as _, Entity};

#[derive(larder_macros::CachedEntity)]
#[cached(ttl = "1h 30m", grace = "1m", jitter = 1, negative_ttl = "10s", early_refresh = "500ms")]
#[cached(stale_on_error = false, region = "things", invalidated_by = "a", invalidated_by = "b")]
#[cached(tiers = "remote", lease = "2s", scope = "tenant", crate = "crate::stub")]
struct Model {
    _id: i32,
}

/// `#[sea_orm::model]` copies the derive here; a second implementation would be an error.
#[derive(larder_macros::CachedEntity)]
#[cached(whatever)]
struct ModelEx {
    _id: i32,
}

fn main() {
    let policy = "ttl 5400s, grace 60s, negative ttl 10s, early refresh 500ms, lease 2s, tiers Remote, jitter 1, \
                  stale on error false, invalidated by a, invalidated by b";
    assert_eq!(Entity::policy().0, policy);
    assert_eq!(Entity::region(), "things");
    assert_eq!(Entity::scope(), stub::__private::ScopeKind::Tenant);
}
