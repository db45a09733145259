//! Liking an article, and no longer.

use axum::extract::State;
use sea_orm::{EntityTrait, Set};

use crate::app::App;
use crate::auth::Viewer;
use crate::database::{is_duplicate, is_orphan, retrying};
use crate::entity::favorite;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::routes::articles::{ArticleBody, by_slug, shown};

pub(crate) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<Json<ArticleBody>, ApiError> {
    let article = by_slug(&app.db, &slug).await?;
    let row = favorite::ActiveModel {
        user_id: Set(viewer.0),
        article_id: Set(article.id),
    };
    match retrying(|| favorite::Entity::insert(row.clone()).exec_without_returning(&app.db)).await {
        Err(error) if is_orphan(&error) => return Err(ApiError::NotFound("article")),
        Err(error) if !is_duplicate(&error) => return Err(error.into()),
        _ => {}
    }
    shown(&app.db, Some(viewer), &article).await
}

pub(crate) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<Json<ArticleBody>, ApiError> {
    let article = by_slug(&app.db, &slug).await?;
    retrying(|| favorite::Entity::delete_by_id((viewer.0, article.id)).exec(&app.db)).await?;
    shown(&app.db, Some(viewer), &article).await
}
