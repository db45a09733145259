//! Who asks: read from the token before any handler, and before any cache.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::error::ApiError;

/// The user who asks, by id; among the extensions of every request with a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewer(pub(crate) i32);

/// Puts the [`Viewer`] into the request's extensions; a token that is not good is a 401.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(token);
        let user = token.and_then(|token| app.tokens.user(token, app.now()));
        let user = user.ok_or_else(|| ApiError::unauthorized("token", "is invalid"))?;
        request.extensions_mut().insert(Viewer(user));
    }
    Ok(next.run(request).await)
}

/// The token of `Token <jwt>`, as the API says, or of `Bearer <jwt>`, as others do.
fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    known.then(|| token.trim())
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let viewer = parts.extensions.get::<Self>().copied();
        viewer.ok_or_else(|| ApiError::unauthorized("token", "is missing"))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Viewer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().copied())
    }
}
