//! Which articles a list shows, and which part of it.

use sea_orm::{EntityTrait, JoinType, QueryFilter, QuerySelect, Select};
use serde::Deserialize;

use crate::auth::Viewer;
use crate::database::Db;
use crate::entity::{article, favorite, follow, tag};
use crate::error::ApiError;
use crate::routes::profiles::named;

const DEFAULT_LIMIT: u64 = 20;

/// More is not refused, it is not given.
const MAX_LIMIT: u64 = 500;

/// Conditions of a list; all that are given must hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    tag: Option<String>,
    author: Option<String>,
    favorited: Option<String>,
}

/// The part of a list that is shown.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Window {
    #[serde(default)]
    pub(crate) offset: u64,
    limit: Option<u64>,
}

impl Window {
    pub(crate) fn limit(self) -> u64 {
        self.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
    }

    /// # Errors
    /// 422 for what no list has: no rows, or an offset no database counts to.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.limit == Some(0) {
            return Err(ApiError::invalid("limit", "must be at least 1"));
        }
        if i64::try_from(self.offset).is_err() {
            return Err(ApiError::invalid("offset", "is too large"));
        }
        Ok(())
    }
}

impl Filter {
    /// The articles that match; `None` when a user who is named does not exist.
    pub(crate) async fn select(self, db: &Db) -> Result<Option<Select<article::Entity>>, ApiError> {
        let mut select = article::Entity::find();
        if let Some(tag) = self.tag {
            select = select
                .inner_join(tag::Entity)
                .filter(tag::COLUMN.name.eq(tag));
        }
        if let Some(author) = self.author {
            let Some(author) = named(db, author).await? else {
                return Ok(None);
            };
            select = select.filter(article::COLUMN.author_id.eq(author.id));
        }
        if let Some(user) = self.favorited {
            let Some(user) = named(db, user).await? else {
                return Ok(None);
            };
            select = select
                .inner_join(favorite::Entity)
                .filter(favorite::COLUMN.user_id.eq(user.id));
        }
        Ok(Some(select))
    }
}

/// The articles of those a user follows.
pub(crate) fn followed_by(Viewer(viewer): Viewer) -> Select<article::Entity> {
    let follow = article::Entity::belongs_to(follow::Entity)
        .from(article::Column::AuthorId)
        .to(follow::Column::FollowedId)
        .into();
    article::Entity::find()
        .join(JoinType::InnerJoin, follow)
        .filter(follow::COLUMN.follower_id.eq(viewer))
}
