//! What the cache did so far.

use axum::extract::State;
use larder::Snapshot;

use crate::app::App;
use crate::extract::Json;

pub(crate) async fn show(State(app): State<App>) -> Json<Snapshot> {
    Json(app.larder.snapshot())
}
