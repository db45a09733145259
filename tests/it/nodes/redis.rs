//! A `Larder` over Redis, as a service makes one.

use larder::redis::Redis;
use larder::{Builder, Larder};

use super::orders::Report;

/// Builds a cache whose remote tier and bus are the Redis at `url`.
pub(crate) fn over_redis(builder: Builder, url: &str) -> (Larder, Redis) {
    let redis = Redis::builder(url).build().unwrap();
    let builder = builder.store(redis.store()).bus(redis.bus());
    (builder.build().unwrap(), redis)
}

/// Tells what the connections did.
pub(crate) fn tell_redis(redis: &Redis, report: &mut Report) {
    let statistics = redis.statistics();
    let bus = statistics.bus.as_ref();
    let waits = bus.map(|bus| bus.publisher.longest_wait);
    let longest = statistics
        .values
        .longest_wait
        .max(waits.unwrap_or_default());
    report.longest_wait = u64::try_from(longest.as_micros()).unwrap();
    report.recovering = bus.is_some_and(|bus| bus.recovering);
    report.redis = statistics.to_string();
}
