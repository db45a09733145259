//! What a request is refused with, and why a server could not start.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use larder::BuildError;
use larder::http::PolicyError;
use larder::sea_orm::ConnectError;
use sea_orm::DbErr;
use serde::Serialize;

use crate::database;

/// Why a server could not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The directory of the database cannot be made.
    #[error("cannot make a directory for the database")]
    Directory(#[source] io::Error),
    /// A switch of the cache cannot be read.
    #[error("cannot build the cache")]
    Cache(#[from] BuildError),
    /// The URL of Redis cannot be.
    #[error("cannot use Redis")]
    Redis(#[from] larder::redis::ConfigError),
    /// The cache cannot be connected to the database.
    #[error("cannot connect the cache")]
    Connect(#[from] ConnectError),
    /// A policy of the cache cannot be.
    #[error("cannot keep responses")]
    Policy(#[from] PolicyError),
    /// The database cannot be reached or brought to the schema.
    #[error("cannot use the database")]
    Database(#[from] DbErr),
    /// argon2 cannot work with these costs.
    #[error("cannot hash passwords with {memory} KiB in {passes} passes")]
    Hashing {
        /// KiB asked for.
        memory: u32,
        /// Passes asked for.
        passes: u32,
        /// What argon2 says.
        source: argon2::Error,
    },
    /// The system gives no random bytes for the secret.
    #[error("cannot make a secret")]
    Secret(#[source] getrandom::Error),
    /// The server ended by an error of its own.
    #[error("cannot serve")]
    Serve(#[source] io::Error),
}

/// What is wrong, by the field it is wrong in.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Errors(BTreeMap<&'static str, Vec<Cow<'static, str>>>);

impl Errors {
    pub(crate) fn one(field: &'static str, what: impl Into<Cow<'static, str>>) -> Self {
        let mut errors = Self::default();
        errors.add(field, what);
        errors
    }

    pub(crate) fn add(&mut self, field: &'static str, what: impl Into<Cow<'static, str>>) {
        self.0.entry(field).or_default().push(what.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// 422: what was sent does not do.
    Invalid(Errors),
    /// 401: who asks is not known.
    Unauthorized(Errors),
    /// 403: the named thing belongs to somebody else.
    Forbidden(&'static str),
    /// 404: the named thing is not there.
    NotFound(&'static str),
    /// What the framework refuses, with its own status.
    Refused(StatusCode, String),
    /// 500: our own fault; logged, not told.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    pub(crate) fn invalid(field: &'static str, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(Errors::one(field, what))
    }

    pub(crate) fn unauthorized(field: &'static str, what: &'static str) -> Self {
        Self::Unauthorized(Errors::one(field, what))
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        if database::is_unstorable(&error) {
            return Self::invalid("body", "has a character that cannot be stored");
        }
        Self::Internal(Box::new(error))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, errors) = match self {
            Self::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
            Self::Unauthorized(errors) => (StatusCode::UNAUTHORIZED, errors),
            Self::Forbidden(what) => (StatusCode::FORBIDDEN, Errors::one(what, "forbidden")),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, Errors::one(what, "not found")),
            Self::Refused(status, why) => (status, Errors::one("body", why)),
            Self::Internal(error) => {
                tracing::error!(error = error.as_ref(), "a request failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    Errors::one("server", "failed"),
                )
            }
        };
        let body = Json(ErrorBody { errors });
        (status, body).into_response()
    }
}

#[derive(Serialize)]
struct ErrorBody {
    errors: Errors,
}
