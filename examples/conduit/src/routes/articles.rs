//! Articles: lists, the feed, one by its slug, and writing them.

mod create;
mod filter;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use larder::sea_orm::CachedRepository;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Select, Set, TransactionSession,
};
use serde::{Deserialize, Serialize};

pub(crate) use create::create;

use crate::app::App;
use crate::auth::Viewer;
use crate::database::{Db, begin, is_duplicate, is_gone, retrying};
use crate::entity::{article, article_tag, comment, favorite};
use crate::error::ApiError;
use crate::extract::{Json, Path, Query};
use crate::present::{self, Article};
use crate::slug;
use crate::validate::Checks;
use filter::{Filter, Window, followed_by};

/// `{"article": ..}`, one of them.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ArticleBody<T = Article> {
    article: T,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArticlesBody {
    articles: Vec<Article>,
    articles_count: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    title: Option<String>,
    description: Option<String>,
    body: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Query(filter): Query<Filter>,
    Query(window): Query<Window>,
) -> Result<Json<ArticlesBody>, ApiError> {
    window.check()?;
    match filter.select(&app.db).await? {
        Some(select) => page(&app.db, viewer, select, window).await,
        None => Ok(Json(ArticlesBody {
            articles: Vec::new(),
            articles_count: 0,
        })),
    }
}

/// What those write whom the one who asks follows.
pub(crate) async fn feed(
    State(app): State<App>,
    viewer: Viewer,
    Query(window): Query<Window>,
) -> Result<Json<ArticlesBody>, ApiError> {
    window.check()?;
    page(&app.db, Some(viewer), followed_by(viewer), window).await
}

pub(crate) async fn show(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(slug): Path<String>,
) -> Result<Json<ArticleBody>, ApiError> {
    let article = by_slug(&app.db, &slug).await?;
    shown(&app.db, viewer, &article).await
}

pub(crate) async fn update(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Json(ArticleBody { article: changes }): Json<ArticleBody<Changes>>,
) -> Result<Json<ArticleBody>, ApiError> {
    let article = owned(&app.db, viewer, &slug).await?;
    let mut row = article::Model::clone(&article).into_active_model();
    let title = changes.apply(&mut row)?;
    if !row.is_changed() {
        return shown(&app.db, Some(viewer), &article).await;
    }
    row.updated_at = Set(app.now().into());
    let article = match title {
        Some(title) => rename(&app.db, row, &title, &slug).await?,
        None => retrying(|| row.clone().update(&app.db))
            .await
            .map_err(changed)?,
    };
    shown(&app.db, Some(viewer), &article).await
}

/// Deletes an article with all that hangs on it.
pub(crate) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    let article = owned(&app.db, viewer, &slug).await?;
    retrying(|| remove_all(&app.db, article.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The article at this address.
pub(crate) async fn by_slug(db: &Db, slug: &str) -> Result<Arc<article::Model>, ApiError> {
    let select = article::Entity::find().filter(article::COLUMN.slug.eq(slug));
    db.repository()
        .find_one(select)
        .await?
        .ok_or(ApiError::NotFound("article"))
}

pub(crate) async fn shown(
    db: &Db,
    viewer: Option<Viewer>,
    article: &article::Model,
) -> Result<Json<ArticleBody>, ApiError> {
    let article = present::article(db, viewer, article)
        .await?
        .ok_or(ApiError::NotFound("article"))?;
    Ok(Json(ArticleBody { article }))
}

impl Changes {
    /// Sets what was sent and checked; a new title is returned, it makes a new slug.
    fn apply(self, row: &mut article::ActiveModel) -> Result<Option<String>, ApiError> {
        let mut checks = Checks::default();
        let mut renamed = None;
        if self.title.is_some() {
            let title = checks.line("title", self.title);
            row.title.set_if_not_equals(title.clone());
            renamed = row.title.is_set().then_some(title);
        }
        if self.description.is_some() {
            row.description
                .set_if_not_equals(checks.text("description", self.description));
        }
        if self.body.is_some() {
            row.body.set_if_not_equals(checks.text("body", self.body));
        }
        checks.finish()?;
        Ok(renamed)
    }
}

async fn page(
    db: &Db,
    viewer: Option<Viewer>,
    select: Select<article::Entity>,
    window: Window,
) -> Result<Json<ArticlesBody>, ApiError> {
    let articles = db.repository::<article::Entity>();
    let articles_count = articles.count(select.clone()).await?;
    let newest = select
        .order_by_desc(article::COLUMN.id)
        .offset(window.offset)
        .limit(window.limit());
    let rows = articles.find(newest).await?;
    let articles = present::articles(db, viewer, &rows[..]).await?;
    Ok(Json(ArticlesBody {
        articles,
        articles_count,
    }))
}

/// The article at this address, when it is the viewer's own.
async fn owned(db: &Db, viewer: Viewer, slug: &str) -> Result<Arc<article::Model>, ApiError> {
    let article = by_slug(db, slug).await?;
    if article.author_id != viewer.0 {
        return Err(ApiError::Forbidden("article"));
    }
    Ok(article)
}

/// Writes a row with a new title at the first address that is free; its own counts as free.
async fn rename(
    db: &Db,
    row: article::ActiveModel,
    title: &str,
    current: &str,
) -> Result<article::Model, ApiError> {
    for candidate in slug::candidates(title) {
        let mut row = row.clone();
        if candidate != current {
            row.slug = Set(candidate);
        }
        match retrying(|| row.clone().update(db)).await {
            Err(error) if is_duplicate(&error) => {}
            done => return done.map_err(changed),
        }
    }
    Err(ApiError::invalid("title", "has been taken too often"))
}

async fn remove_all(db: &Db, article: i32) -> Result<(), DbErr> {
    let transaction = begin(db).await?;
    // Whoever comments now waits, and then finds no article.
    article::Entity::find_by_id(article)
        .lock_exclusive()
        .one(&transaction)
        .await?;
    comment::Entity::delete_many()
        .filter(comment::Column::ArticleId.eq(article))
        .exec(&transaction)
        .await?;
    favorite::Entity::delete_many()
        .filter(favorite::Column::ArticleId.eq(article))
        .exec(&transaction)
        .await?;
    article_tag::Entity::delete_many()
        .filter(article_tag::Column::ArticleId.eq(article))
        .exec(&transaction)
        .await?;
    article::Entity::delete_by_id(article)
        .exec(&transaction)
        .await?;
    transaction.commit().await
}

/// An update that found no row came after a deletion.
fn changed(error: DbErr) -> ApiError {
    if is_gone(&error) {
        ApiError::NotFound("article")
    } else {
        error.into()
    }
}
