//! What stands under the keys of values, put there by somebody else.

use std::time::Duration;

use bytes::Bytes;
use larder_core::bus::encode;
use larder_core::{Change, Clock as _, Store as _, StoreKey, StoreValue, SystemClock};
use larder_redis::Redis;

use crate::node::{Node, table};
use crate::server::{Server, eventually};
use crate::wire::Reply;

const STREAM: &str = "larder:{larder}:changes";
const LONG: Duration = Duration::from_mins(10);

fn key(number: u32) -> StoreKey {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_le_bytes());
    StoreKey::new("shop.prices", hash)
}

fn name(number: u32) -> String {
    format!("larder:{}", key(number))
}

fn value(number: u32, ttl: Duration) -> StoreValue {
    StoreValue {
        key: key(number),
        bytes: number.to_le_bytes().to_vec().into(),
        ttl,
    }
}

async fn patient(server: &Server) -> Redis {
    let redis = Redis::builder(server.url()).remote_timeout(Duration::from_secs(5));
    let redis = redis.build().unwrap();
    redis.connect().await.unwrap();
    redis
}

/// The keys of values, without those of the bus.
fn values(server: &Server) -> Vec<String> {
    let Reply::List(keys) = server.ask(&["KEYS", "larder:shop.*"]) else {
        panic!("no list");
    };
    keys.iter().map(|key| key.text().to_owned()).collect()
}

#[tokio::test]
async fn values_of_another_type_are_misses_and_are_replaced() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = patient(&server).await.store();
    server.ask(&["HSET", &name(1), "field", "value"]);
    server.ask(&["RPUSH", &name(2), "value"]);
    server.ask(&["XADD", &name(3), "*", "field", "value"]);
    let keys = [key(1), key(2), key(3)];
    assert_eq!(store.get(&keys).await.unwrap(), [None, None, None]);
    for number in 1..=3 {
        assert_eq!(store.get(&[key(number)]).await.unwrap(), [None]);
        let lease = value(number, LONG);
        assert!(!store.add(&lease).await.unwrap(), "something is there");
        store.put(&[lease]).await.unwrap();
        let there = Some(Bytes::copy_from_slice(&number.to_le_bytes()));
        assert_eq!(store.get(&[key(number)]).await.unwrap(), [there]);
        assert!(matches!(
            server.ask(&["PTTL", &name(number)]),
            Reply::Number(1..=600_000)
        ));
    }
}

#[tokio::test]
async fn odd_times_to_live_are_never_longer_than_they_say_and_never_for_ever() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = patient(&server).await.store();
    let odd = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_micros(1500),
        Duration::from_millis(i64::MAX.unsigned_abs()),
        Duration::MAX,
    ];
    for (number, ttl) in (0..).zip(odd) {
        let put = store.put(&[value(number, ttl)]).await;
        let Reply::Number(left) = server.ask(&["PTTL", &name(number)]) else {
            panic!("no number");
        };
        println!("{ttl:?}: {put:?}, {left} ms");
        assert_ne!(left, -1, "{ttl:?}: for ever");
        assert!(i128::from(left) <= i128::try_from(ttl.as_millis()).unwrap());
    }
    store
        .put(&[value(9, Duration::from_millis(i64::MAX.unsigned_abs()))])
        .await
        .unwrap();
    assert!(store.get(&[key(9)]).await.unwrap()[0].is_some());
}

#[tokio::test]
async fn batches_of_any_size_keep_their_order() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = patient(&server).await.store();
    for count in [0, 1, 511, 512, 513, 10_000] {
        let values: Vec<_> = (0..count).map(|number| value(number, LONG)).collect();
        let keys: Vec<_> = (0..count).map(key).collect();
        store.put(&values).await.unwrap();
        let got = store.get(&keys).await.unwrap();
        let there: Vec<_> = values.into_iter().map(|value| Some(value.bytes)).collect();
        assert!(got == there, "{count}");
        store.remove(&keys).await.unwrap();
        let got = store.get(&keys).await.unwrap();
        assert!(got.iter().all(Option::is_none) && got.len() == keys.len());
    }
}

#[tokio::test]
async fn a_value_under_another_key_is_never_served() {
    let Some(server) = Server::start() else {
        return;
    };
    let one = Node::sharing(server.url(), "", LONG).await;
    assert_eq!(one.read(7, 70).await, 70);
    eventually("it is stored", || values(&server).len() == 1).await;
    let seven = values(&server).remove(0);
    assert_eq!(one.read(8, 80).await, 80);
    eventually("it is stored", || values(&server).len() == 2).await;
    let eight = values(&server).into_iter().find(|key| *key != seven);
    server.ask(&["COPY", &seven, &eight.unwrap(), "REPLACE"]);
    let two = Node::sharing(server.url(), "", LONG).await;
    assert_eq!(two.read(7, 0).await, 70, "it is shared");
    assert_eq!(two.read(8, 81).await, 81, "that is the value of 7");
    assert!(!two.larder.snapshot().remote.unwrap().unreadable.is_empty());
}

#[tokio::test]
async fn a_value_that_was_put_back_after_a_write_is_never_served() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(
        Node::sharing(server.url(), "", LONG),
        Node::sharing(server.url(), "", LONG)
    );
    assert_eq!(one.read(7, 1).await, 1);
    eventually("it is stored", || values(&server).len() == 1).await;
    let seven = values(&server).remove(0);
    server.ask(&["COPY", &seven, "aside"]);
    let position = one.publish(7).await;
    two.until_applied(position).await;
    for _ in 0..3 {
        server.ask(&["COPY", "aside", &seven, "REPLACE"]);
        assert_eq!(two.read(7, 2).await, 2);
        two.publish(7).await;
    }
    let late = Node::sharing(server.url(), "", LONG).await;
    server.ask(&["COPY", "aside", &seven, "REPLACE"]);
    assert_eq!(late.read(7, 3).await, 3);
}

#[tokio::test]
async fn a_value_that_lost_its_ttl_expires_all_the_same() {
    let Some(server) = Server::start() else {
        return;
    };
    let ttl = Duration::from_secs(2);
    let (one, two) = tokio::join!(
        Node::sharing(server.url(), "", ttl),
        Node::sharing(server.url(), "", ttl)
    );
    assert_eq!(one.read(7, 1).await, 1);
    eventually("it is stored", || values(&server).len() == 1).await;
    let clock = SystemClock::new();
    let stored = clock.now();
    let seven = values(&server).remove(0);
    assert_eq!(server.ask(&["PERSIST", &seven]), Reply::Number(1));
    // What is read of it meanwhile lives no longer than it.
    while two.read(7, 2).await != 2 {
        let age = clock.now().since(stored);
        assert!(age < ttl * 2, "served {age:.2?} after it was stored");
        tokio::task::yield_now().await;
    }
    assert_eq!(values(&server).len(), 1, "Redis keeps it");
}

#[tokio::test]
async fn two_deployments_under_one_name_never_read_each_other_s() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(
        Node::sharing(server.url(), "", LONG),
        Node::sharing(server.url(), "", LONG)
    );
    one.larder.identify_domain("main", "one database");
    two.larder.identify_domain("main", "another");
    assert_eq!(one.read(7, 1).await, 1);
    eventually("it is stored", || values(&server).len() == 1).await;
    assert_eq!(two.read(7, 2).await, 2);
    let three = Node::sharing(server.url(), "elsewhere", LONG).await;
    three.larder.identify_domain("main", "one database");
    assert_eq!(three.read(7, 3).await, 3);
}

/// A change of a row, of the same millisecond as the one before, is lost with the log.
#[tokio::test]
async fn a_node_that_begins_with_an_emptied_log_takes_no_value_from_before_its_head() {
    let Some(server) = Server::start() else {
        return;
    };
    let one = Node::sharing(server.url(), "", LONG).await;
    let now = server.ask(&["XADD", STREAM, "*", "n", "1"]);
    let millis: u64 = now.text().split_once('-').unwrap().0.parse().unwrap();
    let ids = [0, 1].map(|sequence| format!("{}-{sequence}", millis + 1_000));
    server.ask(&["XADD", STREAM, &ids[0], "n", "1"]);
    let position = larder_core::Position::new((millis + 1_000) << 20);
    one.until_applied(position).await;
    assert_eq!(one.read(7, 1).await, 1);
    eventually("it is stored", || values(&server).len() == 1).await;
    let change = encode(&[Change::row(&table(), 7)]);
    let change: Vec<_> = change.iter().map(|byte| format!("\\{byte:03}")).collect();
    let change = change.concat();
    let lost = format!(
        "redis.call('XADD', KEYS[1], ARGV[1], 'c', '{change}') redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)"
    );
    server.ask(&["EVAL", &lost, "1", STREAM, &ids[1]]);
    let late = Node::sharing(server.url(), "", LONG).await;
    assert_eq!(
        late.larder.node().incarnation(),
        one.larder.node().incarnation()
    );
    assert_eq!(late.read(7, 2).await, 2);
}
