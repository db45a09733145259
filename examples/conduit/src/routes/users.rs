//! Accounts: registering, logging in, and one's own.

use axum::extract::State;
use axum::http::StatusCode;
use larder::sea_orm::CachedRepository;
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Viewer;
use crate::database::{is_duplicate, is_gone};
use crate::entity::user;
use crate::error::{ApiError, Errors};
use crate::extract::Json;
use crate::validate::{Checks, Patch};

/// `{"user": ..}`, the shape of every request and answer here.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct UserBody<T> {
    user: T,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    username: Option<String>,
    email: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Credentials {
    email: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    username: Option<String>,
    email: Option<String>,
    password: Option<String>,
    #[serde(default)]
    bio: Patch,
    #[serde(default)]
    image: Patch,
}

/// An account as its owner sees it.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    email: String,
    token: String,
    username: String,
    bio: Option<String>,
    image: Option<String>,
}

pub(crate) async fn register(
    State(app): State<App>,
    Json(UserBody { user: new }): Json<UserBody<Registration>>,
) -> Result<(StatusCode, Json<UserBody<Account>>), ApiError> {
    let mut checks = Checks::default();
    let username = checks.line("username", new.username);
    let email = checks.email(new.email);
    let password = checks.text("password", new.password);
    checks.finish()?;

    let now = app.now().into();
    let row = user::ActiveModel {
        username: Set(username.clone()),
        email: Set(email.clone()),
        password_hash: Set(app.passwords.hash(password).await?),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let user = match row.insert(&app.db).await {
        Err(error) if is_duplicate(&error) => return Err(taken(&app, 0, &username, &email).await?),
        done => done?,
    };
    Ok((StatusCode::CREATED, account(&app, &user)))
}

pub(crate) async fn login(
    State(app): State<App>,
    Json(UserBody { user: given }): Json<UserBody<Credentials>>,
) -> Result<Json<UserBody<Account>>, ApiError> {
    let mut checks = Checks::default();
    let email = checks.email(given.email);
    let password = checks.text("password", given.password);
    checks.finish()?;

    let wrong = || ApiError::unauthorized("credentials", "invalid");
    let found = user::Entity::find()
        .filter(user::COLUMN.email.eq(email))
        .one(&app.db)
        .await?;
    let user = found.ok_or_else(wrong)?;
    if !app
        .passwords
        .matches(password, user.password_hash.clone())
        .await?
    {
        return Err(wrong());
    }
    Ok(account(&app, &user))
}

pub(crate) async fn current(
    State(app): State<App>,
    viewer: Viewer,
) -> Result<Json<UserBody<Account>>, ApiError> {
    let user = app
        .db
        .repository::<user::Entity>()
        .find_by_id(viewer.0)
        .await?;
    Ok(account(&app, &*user.ok_or_else(gone)?))
}

pub(crate) async fn update(
    State(app): State<App>,
    viewer: Viewer,
    Json(UserBody { user: changes }): Json<UserBody<Changes>>,
) -> Result<Json<UserBody<Account>>, ApiError> {
    let user = app
        .db
        .repository::<user::Entity>()
        .find_by_id(viewer.0)
        .await?
        .ok_or_else(gone)?;
    let mut row = user::Model::clone(&user).into_active_model();
    if changes.is_empty() {
        return Err(ApiError::invalid("body", "names nothing to change"));
    }
    let password = changes.apply(&mut row)?;
    if let Some(password) = password {
        row.password_hash = Set(app.passwords.hash(password).await?);
    }
    if !row.is_changed() {
        return Ok(account(&app, &user));
    }
    row.updated_at = Set(app.now().into());
    let wanted = (row.username.clone().take(), row.email.clone().take());
    match row.update(&app.db).await {
        Err(error) if is_gone(&error) => Err(gone()),
        Err(error) if is_duplicate(&error) => {
            let (username, email) = (wanted.0.unwrap_or_default(), wanted.1.unwrap_or_default());
            Err(taken(&app, viewer.0, &username, &email).await?)
        }
        done => Ok(account(&app, &done?)),
    }
}

impl Changes {
    fn is_empty(&self) -> bool {
        let named = [&self.username, &self.email, &self.password];
        let emptied = [&self.bio, &self.image];
        named.into_iter().all(Option::is_none)
            && emptied
                .into_iter()
                .all(|patch| matches!(patch, Patch::Keep))
    }

    /// Sets what was sent and checked; a new password is left to be hashed.
    fn apply(self, row: &mut user::ActiveModel) -> Result<Option<String>, ApiError> {
        let mut checks = Checks::default();
        if self.username.is_some() {
            row.username
                .set_if_not_equals(checks.line("username", self.username));
        }
        if self.email.is_some() {
            row.email.set_if_not_equals(checks.email(self.email));
        }
        if let Patch::Put(bio) = self.bio {
            row.bio.set_if_not_equals(checks.optional("bio", bio));
        }
        if let Patch::Put(image) = self.image {
            row.image.set_if_not_equals(checks.optional("image", image));
        }
        let password = self
            .password
            .map(|password| checks.text("password", Some(password)));
        checks.finish()?;
        Ok(password)
    }
}

/// Says which of the two names another user than `except` has.
async fn taken(app: &App, except: i32, username: &str, email: &str) -> Result<ApiError, DbErr> {
    let others = user::Entity::find().filter(user::COLUMN.id.ne(except));
    let mut errors = Errors::default();
    if others
        .clone()
        .filter(user::COLUMN.username.eq(username))
        .one(&app.db)
        .await?
        .is_some()
    {
        errors.add("username", "has already been taken");
    }
    if others
        .filter(user::COLUMN.email.eq(email))
        .one(&app.db)
        .await?
        .is_some()
    {
        errors.add("email", "has already been taken");
    }
    Ok(ApiError::Invalid(errors))
}

fn account(app: &App, user: &user::Model) -> Json<UserBody<Account>> {
    let user = Account {
        email: user.email.clone(),
        token: app.tokens.issue(user.id, app.now()),
        username: user.username.clone(),
        bio: user.bio.clone(),
        image: user.image.clone(),
    };
    Json(UserBody { user })
}

/// The token is good, its user is not there any more.
pub(crate) fn gone() -> ApiError {
    ApiError::unauthorized("token", "is invalid")
}
