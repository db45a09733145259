//! What can go wrong, and what to do about it.

use std::time::Duration;

use thiserror::Error;

/// A connection cannot be configured like this.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting cannot be.
    #[error("`{setting}` {trouble}")]
    Setting {
        /// The setter's name.
        setting: &'static str,
        /// What is wrong and what would be right.
        trouble: String,
    },
    /// There is no Tokio runtime to connect in.
    #[error("no Tokio runtime is running here: build the connection inside one")]
    NoRuntime,
}

impl ConfigError {
    pub(crate) fn setting(setting: &'static str, trouble: impl Into<String>) -> Self {
        let trouble = trouble.into();
        Self::Setting { setting, trouble }
    }
}

/// Redis was demanded and is not there.
#[derive(Debug, Error)]
#[error("Redis was not reached within {within:?} ({last}): `doctor()` tells more")]
pub struct ConnectError {
    pub(crate) within: Duration,
    /// What the last attempt failed with.
    pub(crate) last: String,
}

/// Why a call was not answered.
#[derive(Debug, Error)]
pub(crate) enum Unanswered {
    /// Redis did not answer before; it was not asked.
    #[error("Redis is not asked: it did not answer before")]
    Open,
    /// Too many calls wait for an answer.
    #[error("Redis is not asked: too many calls wait for its answer")]
    Busy,
    /// The answer did not come in time.
    #[error("Redis did not answer in time")]
    Timeout,
    /// The connection failed.
    #[error("the connection to Redis failed")]
    Failed(#[source] fred::error::Error),
}
