//! What others do, to show that these tests find what is wrong with it: a map of values that a write
//! invalidates after its commit, on all nodes, over the very bus that Larder uses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::redis::Redis;
use larder::{Change, Larder, Observer, Position, What};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::cached::tell_bus;
use super::node::{read_bare, write};
use super::orders::{Cache, Orders, Report};
use super::redis::{over_redis, tell_redis};

/// A statement that takes as long as some do.
const OTHER_STATEMENT: &str = "SELECT pg_sleep(0.02)";

/// A cache as it is often written.
pub(crate) struct Mapped {
    pool: DatabaseConnection,
    larder: Larder,
    redis: Redis,
    entries: Arc<Mutex<Entries>>,
    cache: Cache,
}

#[derive(Default)]
struct Entries {
    /// The version of a register, and the position it is stamped with.
    values: HashMap<u32, (u64, u64)>,
    /// The position of each register's last change.
    changes: HashMap<u32, u64>,
}

/// Removes what changed, whoever changed it.
struct Remover(Arc<Mutex<Entries>>);

impl Observer for Remover {
    fn changed(&self, position: Position, change: &Change) {
        let What::Tag(tag) = change.what() else {
            return;
        };
        let id: u32 = tag.parse().unwrap();
        let mut entries = self.0.lock().unwrap();
        entries.values.remove(&id);
        let last = entries.changes.entry(id).or_default();
        *last = position.get().max(*last);
    }
}

impl Mapped {
    pub(crate) fn open(orders: &Orders, pool: DatabaseConnection) -> Self {
        let nothing: [(&str, &str); 0] = [];
        let builder = Larder::builder("nodes")
            .environment(nothing)
            .max_staleness(Duration::from_hours(1));
        let (larder, redis) = over_redis(builder, &orders.redis);
        let entries = Arc::<Mutex<Entries>>::default();
        larder.observe(Remover(Arc::clone(&entries)));
        Self {
            pool,
            larder,
            redis,
            entries,
            cache: orders.cache,
        }
    }

    pub(crate) async fn read(&self, id: u32) -> Result<Vec<(u32, u64)>, DbErr> {
        if let Some(version) = self.find(id) {
            return Ok(vec![(id, version)]);
        }
        let watermark = || self.larder.node().watermark().get();
        let before = watermark();
        let rows = read_bare(&self.pool, id).await?;
        // What else the value is made of: a load is more than its first statement.
        self.pool.execute_unprepared(OTHER_STATEMENT).await?;
        let stamp = match self.cache {
            Cache::LateStamp => watermark(),
            _ => before,
        };
        if let Some(&(_, version)) = rows.first() {
            let mut entries = self.entries.lock().unwrap();
            entries.values.insert(id, (version, stamp));
        }
        Ok(rows)
    }

    pub(crate) async fn write(&self, id: u32) -> Result<Vec<(u32, u64)>, DbErr> {
        let written = write(&self.pool, id, 1, 9).await?;
        let change = Change::tag(id.to_string());
        let _ = self.larder.publish(change.clone()).await;
        // Its own node does not wait for the news.
        self.entries.lock().unwrap().values.remove(&id);
        Ok(written)
    }

    fn find(&self, id: u32) -> Option<u64> {
        let entries = self.entries.lock().unwrap();
        let &(version, stamp) = entries.values.get(&id)?;
        let stands = match self.cache {
            Cache::LateStamp | Cache::EarlyStamp => {
                entries.changes.get(&id).is_none_or(|last| *last < stamp)
            }
            _ => true,
        };
        stands.then_some(version)
    }

    pub(crate) fn report(&self, report: &mut Report) {
        tell_bus(&self.larder, report);
        tell_redis(&self.redis, report);
    }
}
