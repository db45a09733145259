//! Redis as remote tier and as bus, so that several nodes share what they load and hear of each
//! other's writes.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use larder_core::Larder;
//! use larder_redis::Redis;
//!
//! let redis = Redis::builder("redis://cache.internal:6379").prefix("shop").build()?;
//! let larder = Larder::builder("shop").store(redis.store()).bus(redis.bus()).build()?;
//! println!("{}", redis.doctor().await);
//! println!("{}", redis.statistics());
//! # Ok(()) }
//! ```
//!
//! # What is promised
//! * Nobody waits for Redis longer than the remote timeout (25 ms), whatever happens to it. After
//!   five failures in a row nobody waits at all, until a probe is answered.
//! * A service starts and serves without Redis, and uses it once it is there. [`Redis::connect`]
//!   is for those who want to wait; [`Redis::doctor`] says what is wrong.
//! * Behind [`RedisBus`] no answer is older than the `Larder`'s `max_staleness`, with two
//!   exceptions: a writer that dies or is cut off alone between its COMMIT and its publication,
//!   and a master that was cut off and still answers.
//!
//! `docs/operations.md` has the settings of the server, the rights its user needs, and what
//! happens when what fails.
//!
//! # Inside
//! `recipe` makes fred's clients, `guard` stands around each, `supervisor` beside it, `breaker` and
//! `bus/contact`, `bus/course` are the decisions, pure. This is the only crate that knows fred, and
//! it sends commands by name: `ask` is all it uses.

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
