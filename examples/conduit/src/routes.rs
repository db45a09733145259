//! The routes, sorted by what they do: reads, writes, and what needs no token.

mod articles;
mod comments;
mod favorites;
mod profiles;
mod stats;
mod tags;
mod users;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};

use larder::http::HttpSessions as _;

use crate::app::App;
use crate::auth::authenticate;
use crate::cache::Layers;
use crate::error::ApiError;

pub(crate) fn routes(app: App) -> Router {
    let api = reads(&app.layers)
        .merge(writes())
        .layer(from_fn_with_state(app.clone(), authenticate))
        .merge(public())
        // Who hands back what a write told sees that write, whichever node answers.
        .layer(app.larder.session_layer());
    Router::new()
        .nest("/api", api)
        .route("/stats", get(stats::show))
        .fallback(async || ApiError::NotFound("path"))
        .with_state(app)
}

/// What only reads: answered from what is kept until something it shows is written.
fn reads(layers: &Layers) -> Router<App> {
    let pages = Router::new()
        .route("/articles", get(articles::list))
        .route("/articles/feed", get(articles::feed))
        .route("/articles/{slug}", get(articles::show))
        .route("/articles/{slug}/comments", get(comments::list))
        .route("/profiles/{username}", get(profiles::show))
        .route("/tags", get(tags::list))
        .layer(layers.pages.clone());
    let account = Router::new()
        .route("/user", get(users::current))
        .layer(layers.account.clone());
    pages.merge(account)
}

fn writes() -> Router<App> {
    Router::new()
        .route("/articles", post(articles::create))
        .route(
            "/articles/{slug}",
            put(articles::update).delete(articles::remove),
        )
        .route("/articles/{slug}/comments", post(comments::create))
        .route("/articles/{slug}/comments/{id}", delete(comments::remove))
        .route(
            "/articles/{slug}/favorite",
            post(favorites::add).delete(favorites::remove),
        )
        .route(
            "/profiles/{username}/follow",
            post(profiles::follow).delete(profiles::unfollow),
        )
        .route("/user", put(users::update))
}

/// Where a token is not looked at: a client whose token has ended must still get a new one.
fn public() -> Router<App> {
    Router::new()
        .route("/users", post(users::register))
        .route("/users/login", post(users::login))
}
