//! What can go wrong, and what to do about it.

use thiserror::Error;

/// A `Larder` cannot be built as configured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting of the builder cannot be.
    #[error("`{setting}` {trouble}")]
    Setting {
        /// The setter's name.
        setting: &'static str,
        /// What is wrong and what would be right.
        trouble: &'static str,
    },
    /// A switch in the environment cannot be read.
    #[error("a switch in the environment cannot be read")]
    Switch(#[from] SwitchError),
}

/// A switch cannot be read; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{source_name}`: `{part}` {trouble}")]
pub struct SwitchError {
    /// The variable or call the switch came from.
    pub source_name: String,
    /// The part that cannot be read.
    pub part: String,
    /// What is wrong and what would be right.
    pub trouble: &'static str,
}

/// A region cannot be declared like this.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegionError {
    /// Its name cannot stand in a switch.
    #[error("region `{region}`: {trouble}")]
    Name {
        /// The region's name.
        region: String,
        /// What is wrong and what would be right.
        trouble: &'static str,
    },
    /// A setting of its policy cannot be.
    #[error("region `{region}`: `{setting}` {trouble}")]
    Setting {
        /// The region's name.
        region: String,
        /// The policy's setter.
        setting: &'static str,
        /// What is wrong and what would be right.
        trouble: &'static str,
    },
    /// It was declared before, with another policy.
    #[error("region `{region}` was declared before with another `{setting}`: use one policy")]
    Redeclared {
        /// The region's name.
        region: String,
        /// The first setting that differs.
        setting: &'static str,
    },
}

/// A domain cannot be connected under this name.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DomainError {
    /// The name is in use: two pools are two domains with two names.
    #[error("domain `{0}` is connected already: give each pool a name of its own")]
    Taken(String),
    /// The name cannot be part of a key.
    #[error("domain `{0}`: a name is one or more letters, digits, `-` or `_`")]
    Name(String),
}

/// A bus could not say that changes are published.
#[derive(Debug, Error)]
#[error("the bus did not take the changes")]
pub struct BusError {
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BusError {
    /// Wraps what the bus failed with.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
        }
    }
}

/// Changes are not on the bus yet: they are published again until they are.
///
/// Until then their tables, tags and keys are not served from the cache of this node.
#[derive(Debug, Error)]
#[error("the changes are queued until the bus takes them")]
pub struct PublishError(#[from] BusError);
