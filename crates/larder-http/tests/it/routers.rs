//! Under axum: whole routers, nested ones, single routes, extractors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Extension, MatchedPath, OriginalUri, Path, Query, State};
use axum::routing::{get as on_get, post};
use axum::{Json, Router};
use larder_http::HttpLayer;
use tower::ServiceExt;

use crate::site::{Answer, get, larder, minute, read, request};

async fn ask(app: &Router, request: http::Request<axum::body::Body>) -> Answer {
    match app.clone().oneshot(request).await {
        Ok(response) => read(response).await,
        Err(never) => match never {},
    }
}

/// Seen failing with `original_uri` returning the URI the handler sees.
#[tokio::test]
async fn two_nested_routers_never_share_a_response() {
    let (larder, _) = larder();
    let inner = |name: &'static str| Router::new().route("/x", on_get(move || async move { name }));
    let layer = larder.http_layer_with(minute()).unwrap();
    let app = Router::new()
        .nest("/a", inner("a").layer(layer.clone()))
        .nest("/b", inner("b").layer(layer.clone()))
        .nest_service("/c", inner("c").layer(layer));
    for cache in ["fwd=uri-miss; stored", "hit; ttl=60"] {
        for name in ["a", "b", "c"] {
            let answer = ask(&app, get(&format!("/{name}/x"), &[])).await;
            assert_eq!((answer.text(), answer.cache()), (name, cache));
        }
    }
}

#[tokio::test]
async fn a_layer_on_one_route_leaves_the_others_alone() {
    let (larder, _) = larder();
    let layer = larder.http_layer_with(minute()).unwrap();
    let app = Router::new()
        .route("/kept", on_get(|| async { "kept" }).layer(layer))
        .route("/other", on_get(|| async { "other" }));
    ask(&app, get("/kept", &[])).await;
    assert_eq!(ask(&app, get("/kept", &[])).await.cache(), "hit; ttl=60");
    assert_eq!(ask(&app, get("/other", &[])).await.cache(), "");
}

#[tokio::test]
async fn extractors_and_state_work_as_without_the_layer() {
    #[derive(Clone)]
    struct Shop(&'static str);
    let (larder, _) = larder();
    let show = |State(shop): State<Shop>,
                Path(id): Path<u32>,
                path: MatchedPath,
                OriginalUri(uri): OriginalUri,
                Extension(mark): Extension<u8>,
                Query(query): Query<Vec<(String, String)>>| async move {
        Json((
            shop.0,
            id,
            path.as_str().to_owned(),
            uri.to_string(),
            mark,
            query,
        ))
    };
    let app = Router::new()
        .route("/articles/{id}", on_get(show))
        .layer(larder.http_layer_with(minute()).unwrap())
        .layer(Extension(7_u8))
        .with_state(Shop("ours"));
    for _ in 0..2 {
        let answer = ask(&app, get("/articles/5?a=b", &[])).await;
        assert_eq!(
            answer.text(),
            r#"["ours",5,"/articles/{id}","/articles/5?a=b",7,[["a","b"]]]"#
        );
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_head_through_a_router_is_answered_from_the_get() {
    let (larder, _) = larder();
    let app = Router::new()
        .route("/", on_get(|| async { "text" }))
        .layer(larder.http_layer_with(minute()).unwrap());
    let missed = ask(&app, request("HEAD", "/", &[])).await;
    ask(&app, get("/", &[])).await;
    let hit = ask(&app, request("HEAD", "/", &[])).await;
    assert_eq!(
        (missed.text(), hit.text(), hit.cache()),
        ("", "", "hit; ttl=60")
    );
    assert_eq!(
        (
            missed.header("content-length"),
            hit.header("content-length")
        ),
        ("4", "4")
    );
    assert_eq!(missed.header("content-type"), hit.header("content-type"));
}

#[tokio::test]
async fn the_default_layer_is_one_call_and_keeps_what_says_so() {
    let (larder, _) = larder();
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let handler = move || {
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move { number.to_string() }
    };
    let app = Router::new()
        .route("/", on_get(handler.clone()))
        .route(
            "/kept",
            on_get(move || async move { ([("cache-control", "max-age=60")], handler().await) }),
        )
        .route("/write", post(|| async { "written" }))
        .layer(larder.http_layer());
    for (uri, text) in [("/", "1"), ("/", "2"), ("/kept", "3"), ("/kept", "3")] {
        assert_eq!(ask(&app, get(uri, &[])).await.text(), text);
    }
    for _ in 0..2 {
        assert_eq!(
            ask(&app, request("POST", "/write", &[])).await.cache(),
            "fwd=method"
        );
    }
    assert_eq!(ask(&app, get("/none", &[])).await.status, 404);
    assert_eq!(ask(&app, request("DELETE", "/kept", &[])).await.status, 405);
}
