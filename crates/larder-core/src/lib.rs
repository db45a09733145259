//! The core of Larder: entries stamped with a position in the order of changes.
//!
//! Every change of data is a [`Change`] on an ordered [`Bus`]. Every cached thing is an entry: a
//! value, the [`Dependency`]s it was made of, and the position this node had applied *before* its
//! load began. An entry is valid as long as no change at or after its position touched one of its
//! dependencies. So a late fill, or a lost, doubled or reordered message does no harm: the reader
//! compares.
//!
//! This crate knows no network, no HTTP and no SQL. It caches the answer of any function:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use larder_core::{Larder, Policy};
//! use std::time::Duration;
//!
//! let larder = Larder::builder("shop").build()?;
//! let policy = Policy::ttl(Duration::from_secs(600)).invalidated_by("prices.imported");
//! let offers = larder.region::<String>("offers", policy)?;
//!
//! let offer = offers.get_or_load("apple", || async { Ok::<_, std::io::Error>("4 for 3".to_owned()) }).await?;
//! assert_eq!(*offer, "4 for 3");
//!
//! larder.invalidate("prices.imported").await?;
//! assert_eq!(offers.get("apple").await, None);
//! larder.close().await;
//! # Ok(()) }
//! ```

#[cfg(test)]
#[expect(dead_code, reason = "the integration tests call the others")]
#[path = "../tests/it/allocator.rs"]
mod allocator;
mod builder;
pub mod bus;
mod change;
mod clock;
mod codec;
mod dependency;
mod entry;
mod envelope;
mod error;
pub mod explain;
mod filter;
mod filtered;
mod flight;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod hash;
mod history;
#[cfg(test)]
mod hostile;
mod interleave;
mod key;
mod larder;
mod lead;
mod local;
mod marks;
mod name;
mod names;
mod node;
mod observer;
mod patterns;
mod pending;
mod policy;
mod position;
mod publication;
mod read_scope;
mod recent;
mod refusal;
mod region;
mod remote;
#[cfg(test)]
mod rules;
mod scope;
mod session;
mod shape;
mod slots;
mod spot;
mod statistics;
mod store;
mod switches;
mod table;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
mod waits;
mod weight;
pub mod wire;

pub use self::builder::Builder;
pub use self::bus::{Bus, LocalBus};
pub use self::change::{Change, Image, RowChange, RowsChange, What};
pub use self::clock::{Clock, Moment, Sleep, SystemClock};
#[cfg(feature = "postcard")]
pub use self::codec::Postcard;
pub use self::codec::{Codec, CodecError, Plain};
pub use self::dependency::{Dependency, Match, Member, hash_value};
pub use self::error::{BuildError, BusError, DomainError, PublishError, RegionError, SwitchError};
pub use self::explain::Explanation;
pub use self::filter::{Condition, Filter};
pub use self::hash::{NULL_HASH, hash_number};
pub use self::key::{Key, KeyBuilder, KeyPartLike};
pub use self::larder::Larder;
pub use self::lead::{Finished, Lead, Turn};
pub use self::name::{KeyPart, RowKey, TableName};
pub use self::node::Node;
pub use self::observer::{CacheEvent, CacheEventKind, Observer};
pub use self::policy::{Freshness, Lifetime, Policy, Tiers};
pub use self::position::{Position, Stamp};
pub use self::read_scope::ReadScope;
pub use self::refusal::Refusal;
pub use self::region::{Heard, Hit, Lookup, Peek, Peeked, Region, Witness};
pub use self::scope::{Scope, ScopeKind};
pub use self::session::{NoPosition, Reached, SessionPosition, Writes, past_the_cache};
pub use self::shape::{Columns, Shape};
pub use self::statistics::{RegionSnapshot, RemoteSnapshot, Snapshot};
pub use self::store::{Store, StoreError, StoreHealth, StoreKey, StoreValue};
pub use self::switches::{Share, Switches};
