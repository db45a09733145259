//! What the cache did so far.

use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::Json;

pub(crate) async fn show(State(_app): State<App>) -> Json<Value> {
    Json(json!({}))
}
