//! Reads and writes through Larder over Redis.

use std::time::Duration;

use larder::redis::Redis;
use larder::sea_orm::{CachedConnection, CachedRepository, Connect};
use larder::{Larder, Moment};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};

use super::node::group_of;
use super::orders::{Cache, Orders, Report};
use super::redis::{over_redis, tell_redis};
use super::register;

/// A connection through the cache.
pub(crate) struct Cached {
    pub(crate) db: CachedConnection<DatabaseConnection>,
    larder: Larder,
    redis: Redis,
}

impl Cached {
    pub(crate) async fn open(orders: &Orders, pool: DatabaseConnection) -> Self {
        let nothing: [(&str, &str); 0] = [];
        let mut builder = Larder::builder("nodes").environment(nothing);
        if orders.cache == Cache::Unbounded {
            builder = builder.max_staleness(Duration::from_hours(1));
        }
        let (larder, redis) = over_redis(builder, &orders.redis);
        let db = larder.connect("main", pool).await.unwrap();
        Self { db, larder, redis }
    }

    /// Reads a register by its key, with others, or by its group.
    pub(crate) async fn read(&self, id: u32, how: u32) -> Result<Vec<(u32, u64)>, DbErr> {
        let registers = self.db.repository::<register::Entity>();
        let own = i32::try_from(id).unwrap();
        match how {
            0 | 1 => {
                let group =
                    register::Entity::find().filter(register::Column::Group.eq(group_of(id)));
                let rows = registers.find(group).await?;
                Ok(rows.iter().map(|row| row.read()).collect())
            }
            2 => {
                let rows = registers.find_by_ids([own, own ^ 1, own ^ 2]).await?;
                Ok(rows.iter().flatten().map(|row| row.read()).collect())
            }
            _ => {
                let row = registers.find_by_id(own).await?;
                Ok(row.iter().map(|row| row.read()).collect())
            }
        }
    }

    pub(crate) fn report(&self, report: &mut Report) {
        let snapshot = self.larder.snapshot();
        for region in &snapshot.regions {
            report.hits += region.hits;
            report.remote_hits += region.remote_hits;
            report.loads += region.loads;
        }
        report.cache = format!("{snapshot:?}");
        report.up = snapshot.remote.as_ref().is_none_or(|remote| remote.up);
        tell_bus(&self.larder, report);
        tell_redis(&self.redis, report);
    }
}

/// Tells how far the bus was heard.
pub(crate) fn tell_bus(larder: &Larder, report: &mut Report) {
    let (now, heard) = (larder.clock().now(), larder.node().heard_at());
    let silent = if heard == Moment::ZERO {
        Duration::MAX
    } else {
        now.since(heard)
    };
    report.silent = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
    report.position = larder.node().watermark().get();
}
