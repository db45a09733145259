//! Responses made of what is read over a cached connection.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use larder_http::{HttpLayer as _, HttpPolicy};
use sea_orm::EntityTrait as _;
use tower::ServiceExt as _;

use crate::entities::article;
use crate::harness::{rename, with_articles};

async fn asked(app: &Router) -> String {
    let request = Request::get("/titles").body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn of_a_response_that_is_kept_no_statement_is_looked_at() {
    let service = with_articles().await;
    let db = service.db.clone();
    let titles = async move || {
        let rows = article::Entity::find().all(&db).await.unwrap();
        let titles: Vec<String> = rows.into_iter().map(|row| row.title).collect();
        titles.join(", ")
    };
    let policy = HttpPolicy::new().ttl(Duration::from_mins(10));
    let layer = service.larder.http_layer_with(policy).unwrap();
    let app = Router::new().route("/titles", get(titles)).layer(layer);
    assert_eq!(asked(&app).await, "first, second");
    service.control.sent();
    let seen = service.db.statements_seen();
    assert_eq!(asked(&app).await, "first, second");
    assert_eq!(service.db.statements_seen(), seen);
    assert_eq!(service.control.sent(), Vec::<String>::new());
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(asked(&app).await, "new, second");
}
