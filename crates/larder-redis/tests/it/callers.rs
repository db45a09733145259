//! Callers: too many at once, those that go away, and whose answer is whose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::{
    Clock as _, Store as _, StoreError, StoreHealth, StoreKey, StoreValue, SystemClock,
};
use larder_redis::{Redis, RedisStore};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::timeout;

use crate::server::Server;

const KEYS: u8 = 200;

async fn redis(server: &Server, in_flight: usize) -> Redis {
    let redis = Redis::builder(server.url())
        .in_flight(in_flight)
        .build()
        .unwrap();
    redis.connect().await.unwrap();
    redis
}

fn key(number: u8) -> StoreKey {
    StoreKey::new("shop.prices", [number; 32])
}

#[tokio::test]
async fn calls_beyond_the_limit_are_not_sent() {
    let Some(server) = Server::start() else {
        return;
    };
    let redis = redis(&server, 1).await;
    let store = redis.store();
    server.stop();
    let (one, two) = ([key(1)], [key(2)]);
    let (first, second) = tokio::join!(store.get(&one), store.get(&two));
    assert!(matches!(first, Err(StoreError::Timeout)), "{first:?}");
    assert!(matches!(second, Err(StoreError::Open)), "{second:?}");
    assert_eq!(redis.statistics().values.crowded, 1);
}

#[tokio::test]
async fn callers_that_go_away_without_an_answer_open_the_circuit_too() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = redis(&server, 1024).await.store();
    server.stop();
    let mut gone = 0;
    while store.health() == StoreHealth::Up {
        let keys = [key(1)];
        let left = timeout(Duration::from_millis(20), store.get(&keys)).await;
        gone += u32::from(left.is_err());
        assert!(gone < 20, "nobody noticed");
    }
    assert!(gone > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_the_answer_to_another_ones_question() {
    let Some(server) = Server::start() else {
        return;
    };
    let redis = redis(&server, 1024).await;
    let store = redis.store();
    for number in 0..KEYS {
        while store.put(&[value(number)]).await.is_err() {}
    }
    let right = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for number in 0..32 {
        callers.spawn(call(store.clone(), number, Arc::clone(&right)));
    }
    // Connections are cut, and answers late, all the while.
    let clock = SystemClock::new();
    let until = clock.now().after(Duration::from_secs(4));
    while clock.now() < until {
        clock.sleep(Duration::from_millis(150)).await;
        block_in_place(|| {
            server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
            server.ask(&["CLIENT", "PAUSE", "15", "ALL"]);
        });
    }
    assert_eq!(callers.try_join_next().map(Result::unwrap), None);
    let right = right.load(Ordering::Relaxed);
    println!(
        "{right} answers, all to whom they belong; {}",
        redis.statistics()
    );
    assert!(right > 100, "{right}");
}

/// Reads one key after the other, going away from every fourth question before its answer.
async fn call(store: RedisStore, caller: u8, right: Arc<AtomicU64>) {
    let mut state = u64::from(caller) + 1;
    loop {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = u8::try_from((state >> 33) % u64::from(KEYS)).unwrap();
        let keys = [key(number)];
        let patience = if state >> 62 == 0 {
            Duration::from_micros((state >> 40) % 800)
        } else {
            Duration::from_secs(1)
        };
        match timeout(patience, store.get(&keys)).await {
            Ok(Ok(got)) => {
                assert_eq!(got, [Some(value(number).bytes)]);
                right.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Err(_)) | Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn value(number: u8) -> StoreValue {
    StoreValue {
        key: key(number),
        bytes: vec![number; 1 + usize::from(number) * 20].into(),
        ttl: Duration::from_mins(10),
    }
}
