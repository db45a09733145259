//! What the cache did so far, and what was left to the database.

use axum::extract::State;
use larder::Snapshot;
use serde::Serialize;

use crate::app::App;
use crate::extract::Json;

#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    statements: u64,
    #[serde(flatten)]
    cache: Snapshot,
}

pub(crate) async fn show(State(app): State<App>) -> Json<Stats> {
    Json(Stats {
        statements: app.statements(),
        cache: app.larder.snapshot(),
    })
}
