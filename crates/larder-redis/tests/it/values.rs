//! Values in the remote tier.

use std::time::Duration;

use bytes::Bytes;
use larder_core::{Store as _, StoreError, StoreHealth, StoreKey, StoreValue};
use larder_redis::{Redis, RedisStore};

use crate::server::{Server, eventually};
use crate::wire::Reply;

async fn store(server: &Server) -> RedisStore {
    let redis = Redis::builder(server.url()).build().unwrap();
    redis.connect().await.unwrap();
    redis.store()
}

fn key(number: u8) -> StoreKey {
    StoreKey::new("shop.prices", [number; 32])
}

fn value(number: u8, bytes: impl Into<Bytes>) -> StoreValue {
    StoreValue {
        key: key(number),
        bytes: bytes.into(),
        ttl: Duration::from_mins(1),
    }
}

#[tokio::test]
async fn what_is_put_is_there_byte_for_byte_until_its_ttl() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server).await;
    let odd: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let values = [value(1, "plain"), value(2, odd.clone()), value(3, "")];
    store.put(&values).await.unwrap();
    let got = store.get(&[key(2), key(9), key(1), key(3)]).await.unwrap();
    assert_eq!(got, [Some(odd.into()), None, Some("plain".into()), None]);
    assert_eq!(store.get(&[key(1)]).await.unwrap(), [Some("plain".into())]);
    assert_eq!(store.get(&[]).await.unwrap(), [] as [Option<Bytes>; 0]);

    let name = format!("larder:{}", key(1));
    let Reply::Number(left) = server.ask(&["PTTL", &name]) else {
        panic!("it has no ttl");
    };
    assert!((50_000..=60_000).contains(&left), "{left} ms");
    store.remove(&[key(1), key(9)]).await.unwrap();
    assert_eq!(store.get(&[key(1)]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_batch_is_one_command_in_one_round_trip() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server).await;
    let keys: Vec<_> = (0..100).map(key).collect();
    let values: Vec<_> = (0..100)
        .map(|number| value(number, vec![number; 3]))
        .collect();
    store.put(&values).await.unwrap();
    server.ask(&["CONFIG", "RESETSTAT"]);
    let got = store.get(&keys).await.unwrap();
    assert!(got.iter().all(Option::is_some));
    let stats = server.ask(&["INFO", "commandstats"]);
    assert!(
        stats.text().contains("cmdstat_mget:calls=1,"),
        "{}",
        stats.text()
    );
    assert!(!stats.text().contains("cmdstat_get:"), "{}", stats.text());
}

#[tokio::test]
async fn values_that_are_too_large_are_neither_sent_nor_taken() {
    let Some(server) = Server::start() else {
        return;
    };
    let wide = store(&server).await;
    let redis = Redis::builder(server.url())
        .largest_value(10)
        .build()
        .unwrap();
    redis.connect().await.unwrap();
    let narrow = redis.store();
    assert_eq!(
        (wide.largest_value(), narrow.largest_value()),
        (1024 * 1024, 10)
    );
    let error = narrow.put(&[value(1, "eleven bytes")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed(_)), "{error}");
    wide.put(&[value(1, "eleven bytes"), value(2, "ten bytes.")])
        .await
        .unwrap();
    let got = narrow.get(&[key(1), key(2)]).await.unwrap();
    assert_eq!(got, [None, Some("ten bytes.".into())]);
}

#[tokio::test]
async fn two_prefixes_on_one_redis_never_meet() {
    let Some(server) = Server::start() else {
        return;
    };
    let one = store(&server).await;
    let redis = Redis::builder(server.url())
        .prefix("other")
        .build()
        .unwrap();
    redis.connect().await.unwrap();
    one.put(&[value(1, "mine")]).await.unwrap();
    assert_eq!(redis.store().get(&[key(1)]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_store_without_redis_answers_at_once_that_it_is_down() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let store = store(&server).await;
    assert_eq!(store.health(), StoreHealth::Up);
    server.kill();
    eventually("it is down", || store.health() == StoreHealth::Down).await;
    let refused = store.get(&[key(1)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Open), "{refused}");
    server.restart();
    eventually("it is up", || store.health() == StoreHealth::Up).await;
    assert_eq!(store.get(&[key(1)]).await.unwrap(), [None]);
}

#[tokio::test]
async fn connections_end_with_the_last_of_what_was_handed_out() {
    let Some(server) = Server::start() else {
        return;
    };
    let connections = || {
        let list = server.ask(&["CLIENT", "LIST"]);
        list.text().lines().count() - 1
    };
    let redis = Redis::builder(server.url()).build().unwrap();
    let (store, bus) = (redis.store(), redis.bus());
    redis.connect().await.unwrap();
    eventually("all stand", || connections() == 3).await;
    drop(redis);
    assert_eq!(store.get(&[key(1)]).await.unwrap(), [None]);
    drop((store, bus));
    eventually("all have ended", || connections() == 0).await;

    let redis = Redis::builder(server.url()).build().unwrap();
    let bus = redis.bus();
    eventually("all stand", || connections() == 3).await;
    drop(redis);
    eventually("the bus goes on alone", || connections() == 2).await;
    bus.close();
    eventually("all have ended", || connections() == 0).await;
}

#[tokio::test]
async fn who_is_let_in_later_needs_no_restart() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = format!("redis://late:password@{}", server.address());
    let store = Redis::builder(url).build().unwrap().store();
    eventually("the server refuses", || {
        let log = server.ask(&["ACL", "LOG"]);
        matches!(log, Reply::List(refusals) if !refusals.is_empty())
    })
    .await;
    assert_eq!(store.health(), StoreHealth::Down);
    let user = ["ACL", "SETUSER", "late", "on", ">password", "~*", "+@all"];
    server.ask(&user);
    eventually("it is up", || store.health() == StoreHealth::Up).await;
    assert_eq!(store.get(&[key(1)]).await.unwrap(), [None]);
}

#[tokio::test]
async fn who_demands_redis_is_told_that_it_is_not_there() {
    let Some(mut server) = Server::start() else {
        return;
    };
    server.kill();
    let redis = Redis::builder(server.url()).build().unwrap();
    let error = redis.connect().await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}
