//! Writing a new article, with its tags, at an address of its own.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use larder::sea_orm::CachedRepository;
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, QueryFilter, Set, TransactionSession};
use serde::Deserialize;

use super::{ArticleBody, shown};
use crate::app::App;
use crate::auth::Viewer;
use crate::database::{Db, begin, is_duplicate, is_orphan, retrying};
use crate::entity::{article, article_tag, tag};
use crate::error::ApiError;
use crate::extract::Json;
use crate::routes::users::gone;
use crate::slug;
use crate::validate::Checks;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewArticle {
    title: Option<String>,
    description: Option<String>,
    body: Option<String>,
    tag_list: Option<Vec<String>>,
}

pub(crate) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Json(ArticleBody { article: new }): Json<ArticleBody<NewArticle>>,
) -> Result<(StatusCode, Json<ArticleBody>), ApiError> {
    let now = app.now().into();
    let mut checks = Checks::default();
    let title = checks.line("title", new.title);
    let row = article::ActiveModel {
        title: Set(title.clone()),
        description: Set(checks.text("description", new.description)),
        body: Set(checks.text("body", new.body)),
        author_id: Set(viewer.0),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let names = new.tag_list.unwrap_or_default();
    let names: BTreeSet<String> = names
        .into_iter()
        .map(|name| checks.line("tagList", Some(name)))
        .collect();
    checks.finish()?;

    let tags = tags(&app.db, names).await?;
    let article = insert(&app.db, row, &title, &tags).await?;
    Ok((
        StatusCode::CREATED,
        shown(&app.db, Some(viewer), &article).await?,
    ))
}

/// Writes a new row at the first address that is free.
async fn insert(
    db: &Db,
    row: article::ActiveModel,
    title: &str,
    tags: &[i32],
) -> Result<article::Model, ApiError> {
    for candidate in slug::candidates(title) {
        let row = article::ActiveModel {
            slug: Set(candidate),
            ..row.clone()
        };
        match retrying(|| insert_tagged(db, row.clone(), tags)).await {
            Err(error) if is_duplicate(&error) => {}
            Err(error) if is_orphan(&error) => return Err(gone()),
            done => return Ok(done?),
        }
    }
    Err(ApiError::invalid("title", "has been taken too often"))
}

async fn insert_tagged(
    db: &Db,
    row: article::ActiveModel,
    tags: &[i32],
) -> Result<article::Model, DbErr> {
    let transaction = begin(db).await?;
    let article = row.insert(&transaction).await?;
    let pairs = tags.iter().map(|tag| article_tag::ActiveModel {
        article_id: Set(article.id),
        tag_id: Set(*tag),
    });
    if !tags.is_empty() {
        article_tag::Entity::insert_many(pairs)
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(article)
}

/// The tags of these names, by id; the ones that are not there yet are made.
async fn tags(db: &Db, names: BTreeSet<String>) -> Result<Vec<i32>, DbErr> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let select = tag::Entity::find().filter(tag::COLUMN.name.is_in(&names));
    let known = db.repository::<tag::Entity>().find(select.clone()).await?;
    for name in names
        .iter()
        .filter(|name| known.iter().all(|tag| tag.name != **name))
    {
        let row = tag::ActiveModel {
            name: Set(name.clone()),
            ..Default::default()
        };
        match retrying(|| row.clone().insert(db)).await {
            // Another article has just brought it.
            Err(error) if is_duplicate(&error) => {}
            done => drop(done?),
        }
    }
    let all = db.repository::<tag::Entity>().find(select).await?;
    Ok(all.iter().map(|tag| tag.id).collect())
}
