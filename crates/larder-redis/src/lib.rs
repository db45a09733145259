//! Redis as remote tier and bus.
mod address;
mod ask;
mod breaker;
mod bus;
mod config;
mod counters;
mod doctor;
mod error;
mod guard;
mod link;
mod recipe;
mod redis;
mod statistics;
mod store;
mod supervisor;
#[cfg(feature = "tls")]
mod tls;
mod tuning;

pub use self::breaker::Circuit;
pub use self::bus::RedisBus;
pub use self::config::Builder;
pub use self::doctor::{Finding, Gravity, Report};
pub use self::error::{ConfigError, ConnectError};
pub use self::redis::Redis;
pub use self::statistics::{BusSnapshot, ConnectionSnapshot, Statistics};
pub use self::store::RedisStore;
