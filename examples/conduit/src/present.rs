//! What the API shows of the rows, as the one who asks sees them.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use larder::sea_orm::CachedRepository;
use sea_orm::{DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Serialize, Serializer};

use crate::auth::Viewer;
use crate::database::Db;
use crate::entity::{article, article_tag, comment, favorite, follow, tag, user};

/// An author as others see one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Profile {
    username: String,
    bio: Option<String>,
    image: Option<String>,
    following: bool,
}

impl Profile {
    pub(crate) fn new(user: &user::Model, following: bool) -> Self {
        Self {
            username: user.username.clone(),
            bio: user.bio.clone(),
            image: user.image.clone(),
            following,
        }
    }
}

/// An article; lists leave its body out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Article {
    slug: String,
    title: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    tag_list: Vec<String>,
    #[serde(serialize_with = "iso8601")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "iso8601")]
    updated_at: DateTime<Utc>,
    favorited: bool,
    favorites_count: i64,
    author: Profile,
}

/// A comment with its author.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comment {
    id: i32,
    #[serde(serialize_with = "iso8601")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "iso8601")]
    updated_at: DateTime<Utc>,
    body: String,
    author: Profile,
}

impl Comment {
    pub(crate) fn new(comment: comment::Model, author: Profile) -> Self {
        Self {
            id: comment.id,
            created_at: comment.created_at,
            updated_at: comment.updated_at,
            body: comment.body,
            author,
        }
    }
}

/// Shows one article, with its body.
pub(crate) async fn article(
    db: &Db,
    viewer: Option<Viewer>,
    row: &article::Model,
) -> Result<Option<Article>, DbErr> {
    let mut shown = articles(db, viewer, &[row]).await?;
    Ok(shown.pop().map(|article| Article {
        body: Some(row.body.clone()),
        ..article
    }))
}

/// Shows a list of articles in its order.
///
/// What belongs to them is read for all at once: a list of five hundred takes no more statements
/// than one of two.
pub(crate) async fn articles(
    db: &Db,
    viewer: Option<Viewer>,
    rows: &[impl Borrow<article::Model>],
) -> Result<Vec<Article>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i32> = rows.iter().map(|row| row.borrow().id).collect();
    let authors = authors(db, viewer, rows.iter().map(|row| row.borrow().author_id)).await?;
    let mut tags = tags(db, &ids).await?;
    let counts = favorite_counts(db, &ids).await?;
    let favorites = favorites(db, viewer, &ids).await?;
    let shown = rows.iter().map(Borrow::borrow).filter_map(|row| {
        Some(Article {
            slug: row.slug.clone(),
            title: row.title.clone(),
            description: row.description.clone(),
            body: None,
            tag_list: tags.remove(&row.id).unwrap_or_default(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            favorited: favorites.contains(&row.id),
            favorites_count: counts.get(&row.id).copied().unwrap_or(0),
            author: authors.get(&row.author_id)?.clone(),
        })
    });
    Ok(shown.collect())
}

/// Which of these users the one who asks follows.
pub(crate) async fn followed(
    db: &Db,
    viewer: Option<Viewer>,
    users: &[i32],
) -> Result<HashSet<i32>, DbErr> {
    let Some(Viewer(viewer)) = viewer else {
        return Ok(HashSet::new());
    };
    let follows = follow::Entity::find()
        .filter(follow::COLUMN.follower_id.eq(viewer))
        .filter(follow::COLUMN.followed_id.is_in(users.iter().copied()))
        .all(db)
        .await?;
    Ok(follows
        .into_iter()
        .map(|follow| follow.followed_id)
        .collect())
}

async fn authors(
    db: &Db,
    viewer: Option<Viewer>,
    ids: impl Iterator<Item = i32>,
) -> Result<HashMap<i32, Profile>, DbErr> {
    let mut ids: Vec<i32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let followed = followed(db, viewer, &ids).await?;
    let users = db.repository::<user::Entity>().find_by_ids(ids).await?;
    Ok(users
        .into_iter()
        .flatten()
        .map(|user| (user.id, Profile::new(&user, followed.contains(&user.id))))
        .collect())
}

/// The tags of each article, in alphabetical order.
async fn tags(db: &Db, articles: &[i32]) -> Result<HashMap<i32, Vec<String>>, DbErr> {
    let rows = article_tag::Entity::find()
        .find_also_related(tag::Entity)
        .filter(
            article_tag::COLUMN
                .article_id
                .is_in(articles.iter().copied()),
        )
        .order_by_asc(tag::COLUMN.name)
        .all(db)
        .await?;
    let mut tags: HashMap<i32, Vec<String>> = HashMap::new();
    for (pair, tag) in rows {
        tags.entry(pair.article_id)
            .or_default()
            .extend(tag.map(|tag| tag.name));
    }
    Ok(tags)
}

async fn favorite_counts(db: &Db, articles: &[i32]) -> Result<HashMap<i32, i64>, DbErr> {
    let counts: Vec<(i32, i64)> = favorite::Entity::find()
        .select_only()
        .column(favorite::Column::ArticleId)
        .column_as(favorite::COLUMN.user_id.count(), "favorites")
        .filter(favorite::COLUMN.article_id.is_in(articles.iter().copied()))
        .group_by(favorite::COLUMN.article_id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts.into_iter().collect())
}

/// Which of these articles the one who asks likes.
async fn favorites(
    db: &Db,
    viewer: Option<Viewer>,
    articles: &[i32],
) -> Result<HashSet<i32>, DbErr> {
    let Some(Viewer(viewer)) = viewer else {
        return Ok(HashSet::new());
    };
    let favorites = favorite::Entity::find()
        .filter(favorite::COLUMN.user_id.eq(viewer))
        .filter(favorite::COLUMN.article_id.is_in(articles.iter().copied()))
        .all(db)
        .await?;
    Ok(favorites
        .into_iter()
        .map(|favorite| favorite.article_id)
        .collect())
}

/// A moment as clients of this API expect it: always with a fraction, always in UTC.
fn iso8601<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
}
