//! What is said under an article.

use axum::extract::State;
use axum::http::StatusCode;
use larder::sea_orm::CachedRepository;
use sea_orm::{ActiveModelTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Viewer;
use crate::database::{is_gone, is_orphan, retrying};
use crate::entity::{comment, user};
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::present::{Comment, Profile, followed};
use crate::routes::articles::by_slug;
use crate::routes::users::gone;
use crate::validate::Checks;

/// `{"comment": ..}`, one of them.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CommentBody<T> {
    comment: T,
}

#[derive(Debug, Serialize)]
pub(crate) struct CommentsBody {
    comments: Vec<Comment>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NewComment {
    body: Option<String>,
}

/// The comments of an article, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(slug): Path<String>,
) -> Result<Json<CommentsBody>, ApiError> {
    let article = by_slug(&app.db, &slug).await?;
    let rows = comment::Entity::find()
        .find_also_related(user::Entity)
        .filter(comment::COLUMN.article_id.eq(article.id))
        .order_by_desc(comment::COLUMN.id)
        .all(&app.db)
        .await?;
    let authors: Vec<i32> = rows.iter().map(|(comment, _)| comment.author_id).collect();
    let followed = followed(&app.db, viewer, &authors).await?;
    let comments = rows.into_iter().filter_map(|(comment, author)| {
        let author = author?;
        Some(Comment::new(
            comment,
            Profile::new(&author, followed.contains(&author.id)),
        ))
    });
    Ok(Json(CommentsBody {
        comments: comments.collect(),
    }))
}

pub(crate) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Json(CommentBody { comment: new }): Json<CommentBody<NewComment>>,
) -> Result<Json<CommentBody<Comment>>, ApiError> {
    let mut checks = Checks::default();
    let body = checks.text("body", new.body);
    checks.finish()?;

    let article = by_slug(&app.db, &slug).await?;
    let author = app
        .db
        .repository::<user::Entity>()
        .find_by_id(viewer.0)
        .await?
        .ok_or_else(gone)?;
    let now = app.now().into();
    let row = comment::ActiveModel {
        body: Set(body),
        article_id: Set(article.id),
        author_id: Set(author.id),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    match retrying(|| row.clone().insert(&app.db)).await {
        Err(error) if is_orphan(&error) || is_gone(&error) => Err(ApiError::NotFound("article")),
        done => Ok(Json(CommentBody {
            comment: Comment::new(done?, Profile::new(&author, false)),
        })),
    }
}

pub(crate) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, i32)>,
) -> Result<StatusCode, ApiError> {
    let article = by_slug(&app.db, &slug).await?;
    let comment = app
        .db
        .repository::<comment::Entity>()
        .find_by_id(id)
        .await?;
    let comment = comment.filter(|comment| comment.article_id == article.id);
    let comment = comment.ok_or(ApiError::NotFound("comment"))?;
    if comment.author_id != viewer.0 {
        return Err(ApiError::Forbidden("comment"));
    }
    retrying(|| comment::Entity::delete_by_id(id).exec(&app.db)).await?;
    Ok(StatusCode::NO_CONTENT)
}
