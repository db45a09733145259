//! Other people, and following them.

use std::sync::Arc;

use axum::extract::State;
use larder::sea_orm::CachedRepository;
use sea_orm::{EntityTrait, QueryFilter, Set};
use serde::Serialize;

use crate::app::App;
use crate::auth::Viewer;
use crate::database::{Db, is_duplicate, is_orphan, retrying};
use crate::entity::{follow, user};
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::present::{Profile, followed};
use crate::routes::users::gone;

#[derive(Debug, Serialize)]
pub(crate) struct ProfileBody {
    profile: Profile,
}

pub(crate) async fn show(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(username): Path<String>,
) -> Result<Json<ProfileBody>, ApiError> {
    let user = named(&app.db, username)
        .await?
        .ok_or(ApiError::NotFound("profile"))?;
    let followed = followed(&app.db, viewer, &[user.id]).await?;
    Ok(shown(&user, followed.contains(&user.id)))
}

pub(crate) async fn follow(
    State(app): State<App>,
    Viewer(viewer): Viewer,
    Path(username): Path<String>,
) -> Result<Json<ProfileBody>, ApiError> {
    let user = named(&app.db, username)
        .await?
        .ok_or(ApiError::NotFound("profile"))?;
    let row = follow::ActiveModel {
        follower_id: Set(viewer),
        followed_id: Set(user.id),
    };
    match retrying(|| follow::Entity::insert(row.clone()).exec_without_returning(&app.db)).await {
        Err(error) if is_orphan(&error) => return Err(gone()),
        Err(error) if !is_duplicate(&error) => return Err(error.into()),
        _ => {}
    }
    Ok(shown(&user, true))
}

pub(crate) async fn unfollow(
    State(app): State<App>,
    Viewer(viewer): Viewer,
    Path(username): Path<String>,
) -> Result<Json<ProfileBody>, ApiError> {
    let user = named(&app.db, username)
        .await?
        .ok_or(ApiError::NotFound("profile"))?;
    retrying(|| follow::Entity::delete_by_id((viewer, user.id)).exec(&app.db)).await?;
    Ok(shown(&user, false))
}

/// The user of this name.
pub(crate) async fn named(db: &Db, username: String) -> Result<Option<Arc<user::Model>>, ApiError> {
    let select = user::Entity::find().filter(user::COLUMN.username.eq(username));
    Ok(db.repository().find_one(select).await?)
}

fn shown(user: &user::Model, following: bool) -> Json<ProfileBody> {
    Json(ProfileBody {
        profile: Profile::new(user, following),
    })
}
