//! Two Conduits over one database and one Redis. Left out on `SQLite`, whose file is one node's.

use std::time::Duration;

use conduit::Config;
use larder_test_servers::Redis;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::api::{Api, Client, config};
use crate::databases::{Fresh, fresh};

const DEADLINE: Duration = Duration::from_secs(20);

/// What a node may show of another's writes at most, and what the machine adds.
const BOUND: Duration = Duration::from_secs(5);

impl Client {
    /// Tells whether its node has its remote tier.
    async fn has_its_store(&self) -> bool {
        let stats = self.send("GET", "/stats", None, String::new()).await;
        stats["remote"]["up"] == true
    }
}

struct Nodes {
    a: Api,
    b: Api,
    redis: Redis,
}

/// `None` where the database is a file, or a server is not installed.
async fn nodes() -> Option<Nodes> {
    let Fresh::Url(database) = fresh().await? else {
        return None;
    };
    let redis = Redis::start(&[])?;
    let config = Config {
        redis: Some(redis.url()),
        ..config(&Fresh::Url(database))
    };
    let (a, b) = (Api::with(&config).await, Api::with(&config).await);
    let nodes = Nodes { a, b, redis };
    for api in [&nodes.a, &nodes.b] {
        let shared = async { while !api.anybody().has_its_store().await {} };
        timeout(DEADLINE, shared).await.unwrap();
    }
    Some(nodes)
}

async fn describe(client: &Client, slug: &str, description: &str) -> String {
    let article = json!({"article": {"description": description}});
    let answer = client.put(&format!("/articles/{slug}"), article).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("larder-position").to_owned()
}

/// Waits until somebody is shown what was written elsewhere.
async fn shown(client: &Client, path: &str, description: &str) -> Duration {
    let begun = Instant::now();
    let shown = async { while client.get(path).await["article"]["description"] != description {} };
    timeout(DEADLINE, shown).await.unwrap();
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_one_node_is_seen_on_the_other_at_once_by_who_made_it() {
    let Some(Nodes { a, b, redis }) = nodes().await else {
        return;
    };
    let writer = a.register("jane").await;
    let reader = b.anybody();
    let slug = writer.write("Shared", &[]).await;
    let path = format!("/articles/{slug}");
    for round in 0..30 {
        let description = format!("of round {round}");
        let position = describe(&writer, &slug, &description).await;
        assert!(!position.is_empty(), "a write tells how far it reaches");
        let seen = reader.get_after(&path, &position).await;
        assert_eq!(seen["article"]["description"], description.as_str());
        assert_eq!(
            writer.get(&path).await["article"]["description"],
            description.as_str()
        );
    }
    // What one node has made the other need not.
    let cached = async { while !reader.get(&path).await.is_hit() {} };
    timeout(DEADLINE, cached).await.unwrap();

    // Without Redis each has its own, and nothing fails.
    drop(redis);
    for round in 0..3 {
        let description = format!("without Redis {round}");
        describe(&writer, &slug, &description).await;
        assert_eq!(
            writer.get(&path).await["article"]["description"],
            description.as_str()
        );
        let took = shown(&reader, &path, &description).await;
        assert!(took < BOUND, "{took:?}");
    }
    drop((writer, reader));
    a.stop().await;
    b.stop().await;
}
