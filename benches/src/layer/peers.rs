//! The caching layers of the registry, each in its own recommended form.

use std::rc::Rc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hitbox::Config;
use hitbox::policy::PolicyConfig;
use hitbox_backend::format::{BincodeFormat, Format, JsonFormat};
use hitbox_http::extractors::path::PathExtractor;
use hitbox_http::extractors::query::QueryExtractor;
use hitbox_http::predicates::{NeutralRequestPredicate, NeutralResponsePredicate};
use hitbox_moka::MokaBackend;
use http_body_util::Full;
use tokio::runtime::Runtime;
use tower::Layer;
use tower_http_cache::prelude::InMemoryBackend;

use super::drive::cached;
use super::handler::{Calls, Handler};
use crate::rounds::Contestant;

const HOUR: Duration = Duration::from_hours(1);

/// Makes a contestant of every peer.
pub(crate) fn all(runtime: &Rc<Runtime>, size: usize) -> Vec<Contestant> {
    vec![
        axum_response_cache(runtime, size),
        tower_http_cache(runtime, size),
        hitbox("hitbox 0.2, bincode", BincodeFormat, runtime, size),
        hitbox("hitbox 0.2, its default JSON", JsonFormat, runtime, size),
    ]
}

fn axum_response_cache(runtime: &Rc<Runtime>, size: usize) -> Contestant {
    let calls = Calls::default();
    let layer = axum_response_cache::CacheLayer::with_lifespan(HOUR);
    // It speaks axum's own body only.
    let service = layer.layer(Handler::<Body>::new(size, &calls));
    cached("axum-response-cache 0.5", runtime, service, size, calls)
}

fn tower_http_cache(runtime: &Rc<Runtime>, size: usize) -> Contestant {
    let calls = Calls::default();
    let layer = tower_http_cache::CacheLayer::builder(InMemoryBackend::new(1_000))
        .ttl(HOUR)
        .build();
    let service = layer.layer(Handler::<Full<Bytes>>::new(size, &calls));
    cached("tower-http-cache 0.6", runtime, service, size, calls)
}

fn hitbox(
    name: &str,
    format: impl Format + Clone + 'static,
    runtime: &Rc<Runtime>,
    size: usize,
) -> Contestant {
    let calls = Calls::default();
    let config = Config::builder()
        .request_predicate(NeutralRequestPredicate::new())
        .response_predicate(NeutralResponsePredicate::new())
        .extractor(
            hitbox_http::extractors::Method::new()
                .path("/{path}*")
                .query("limit".to_owned()),
        )
        .policy(PolicyConfig::builder().ttl(HOUR).build())
        .build();
    let backend = MokaBackend::builder()
        .max_entries(1_000)
        .value_format(format)
        .build();
    let layer = hitbox_tower::Cache::builder()
        .backend(backend)
        .config(config)
        .build();
    let service = layer.layer(Handler::<Full<Bytes>>::new(size, &calls));
    cached(name, runtime, service, size, calls)
}
