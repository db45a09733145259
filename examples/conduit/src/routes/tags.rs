//! The words articles are found by.

use axum::extract::State;
use sea_orm::{EntityTrait, JoinType, QueryOrder, QuerySelect, RelationTrait};
use serde::Serialize;

use crate::app::App;
use crate::entity::{article_tag, tag};
use crate::error::ApiError;
use crate::extract::Json;

#[derive(Debug, Serialize)]
pub(crate) struct TagsBody {
    tags: Vec<String>,
}

/// All tags some article carries, in alphabetical order.
pub(crate) async fn list(State(app): State<App>) -> Result<Json<TagsBody>, ApiError> {
    let tags = tag::Entity::find()
        .select_only()
        .column(tag::Column::Name)
        .distinct()
        .join_rev(JoinType::InnerJoin, article_tag::Relation::Tag.def())
        .order_by_asc(tag::COLUMN.name)
        .into_tuple()
        .all(&app.db)
        .await?;
    Ok(Json(TagsBody { tags }))
}
