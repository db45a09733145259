//! What the doctor says, and the least that a user must be allowed.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use larder_core::{Store as _, StoreHealth};
use larder_redis::{Gravity, Redis, Report};

use crate::node::Node;
use crate::server::{Server, eventually, free_address};
use crate::wire::Reply;

async fn examine(url: &str) -> Report {
    // A crowded machine is not what is looked for.
    let redis = Redis::builder(url).remote_timeout(Duration::from_secs(1));
    let report = redis.build().unwrap().doctor().await;
    println!("{report}");
    report
}

/// Asserts that something is wrong, and that these words tell what.
fn assert_wrong(report: &Report, words: &[&str]) {
    assert!(!report.is_well(), "{report}");
    let told = report.to_string();
    for word in words {
        assert!(told.contains(word), "`{word}` is not in: {told}");
    }
}

/// What `docs/operations.md` grants, so that the documented user is the tested one.
pub(crate) fn documented_user() -> Vec<String> {
    let docs = include_str!("../../../../docs/operations.md");
    let line = docs
        .lines()
        .find(|line| line.starts_with("ACL SETUSER larder "))
        .unwrap();
    line.split(' ').map(str::to_owned).collect()
}

fn allow(server: &Server, user: &[String]) {
    let parts: Vec<_> = user.iter().map(String::as_str).collect();
    assert_eq!(server.ask(&parts), Reply::Text("OK".to_owned()));
    server.ask(&[
        "ACL",
        "SETUSER",
        "admin",
        "on",
        ">admin",
        "allcommands",
        "allkeys",
    ]);
    server.ask(&["ACL", "SETUSER", "default", "off"]);
}

fn url_of_user(server: &Server) -> String {
    format!("redis://larder:password@{}", server.address())
}

#[tokio::test]
async fn a_server_that_is_as_it_should_be_is_well() {
    let arguments = ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"];
    let Some(server) = Server::start_with(&arguments) else {
        return;
    };
    let _node = Node::heard(server.url()).await;
    let report = examine(server.url()).await;
    assert_eq!(report.findings, [], "{report}");
    assert!(report.version.is_some() && report.latency.is_some());
    assert!(
        report
            .clock_ahead_millis
            .is_some_and(|millis| millis.abs() < 1_000)
    );
    assert!(report.log_length.is_some_and(|length| length > 0));
    let keys = server.ask(&["KEYS", "*doctor*"]);
    assert_eq!(
        keys,
        Reply::List(Vec::new()),
        "the doctor leaves nothing behind"
    );
}

#[tokio::test]
async fn the_documented_user_can_do_all_and_nothing_else() {
    let arguments = ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"];
    let Some(server) = Server::start_with(&arguments) else {
        return;
    };
    allow(&server, &documented_user());
    let url = url_of_user(&server);
    let (one, two) = tokio::join!(Node::heard(&url), Node::heard(&url));
    assert_eq!(two.read(7, 1).await, 1);
    one.publish(7).await;
    eventually("the change is heard", || two.bus().foreign > 0).await;
    let store = one.redis.store();
    eventually("the store is up", || store.health() == StoreHealth::Up).await;
    let report = examine(&url).await;
    assert!(report.is_well() && report.findings.is_empty(), "{report}");
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    let Some(server) = Server::start() else {
        return;
    };
    allow(&server, &documented_user());
    let url = url_of_user(&server);
    let rights: Vec<_> = documented_user()
        .into_iter()
        .filter_map(|part| part.strip_prefix('+').map(str::to_owned))
        .collect();
    assert!(rights.len() >= 12, "{rights:?}");
    for right in rights {
        // Who may not greet cannot be told more, and AUTH is part of the greeting.
        if right == "auth" || right == "hello" || right == "client|id" {
            continue;
        }
        let mut user = documented_user();
        user.extend([format!("-{right}")]);
        let parts: Vec<_> = user.iter().map(String::as_str).collect();
        assert_eq!(server.admin(&parts), Reply::Text("OK".to_owned()));
        let report = examine(&url).await;
        let command = right.split('|').next().unwrap().to_owned();
        assert_wrong(
            &report,
            &["lacks a command", &command, "ACL SETUSER larder on"],
        );
    }
}

#[tokio::test]
async fn keys_that_may_not_be_touched_are_named() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut user = documented_user();
    let keys = user.iter_mut().find(|part| part.starts_with('~')).unwrap();
    *keys = "~other:*".to_owned();
    allow(&server, &user);
    let report = examine(&url_of_user(&server)).await;
    assert_wrong(&report, &["may not touch keys", "`larder:`", "~larder:*"]);
    assert_eq!(
        report
            .findings
            .iter()
            .filter(|finding| finding.gravity == Gravity::Wrong)
            .count(),
        1,
        "{report}"
    );
}

#[tokio::test]
async fn a_wrong_password_and_none_are_told_apart() {
    let Some(server) = Server::start() else {
        return;
    };
    allow(&server, &documented_user());
    let wrong = format!("redis://larder:letmein@{}", server.address());
    assert_wrong(&examine(&wrong).await, &["user name or password are wrong"]);
    assert_wrong(
        &examine(server.url()).await,
        &["was given none", "`password`"],
    );
    let redis = Redis::builder(wrong).build().unwrap();
    let error = redis.connect().await.unwrap_err().to_string();
    assert!(
        error.contains("WRONGPASS") && !error.contains("letmein"),
        "{error}"
    );
}

#[tokio::test]
async fn a_replica_is_told_with_its_master_and_is_not_read_as_the_log() {
    let Some(master) = Server::start() else {
        return;
    };
    let port = master.address().port().to_string();
    let Some(replica) = Server::start_with(&["--replicaof", "127.0.0.1", &port]) else {
        return;
    };
    let real = Node::heard(master.url()).await;
    eventually("the replica follows", || {
        let info = replica.ask(&["INFO", "replication"]);
        info.text().contains("master_link_status:up")
    })
    .await;
    assert_wrong(&examine(replica.url()).await, &["is a replica", &port]);
    let misled = Node::start(replica.url());
    eventually("it is noticed", || {
        let error = misled.bus().last_error;
        error.is_some_and(|error| error.contains("replica"))
    })
    .await;
    assert!(!misled.bus().adopted && misled.bus().heard.is_none());
    assert!(!misled.write(7).await);
    assert_eq!(misled.served(7).await, None);
    real.publish(7).await;
}

#[tokio::test]
async fn an_eviction_policy_that_could_drop_the_log_is_refused() {
    let arguments = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let Some(server) = Server::start_with(&arguments) else {
        return;
    };
    assert_wrong(
        &examine(server.url()).await,
        &["allkeys-lru", "volatile-lru"],
    );
}

#[tokio::test]
async fn what_is_in_the_place_of_the_log_is_named() {
    for key in ["larder:{larder}:changes", "larder:{larder}:incarnation"] {
        let Some(server) = Server::start() else {
            return;
        };
        server.ask(&["RPUSH", key, "what is this"]);
        let report = examine(server.url()).await;
        assert_wrong(&report, &["holds something else", key]);
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_apart() {
    let nobody = free_address();
    assert_wrong(
        &examine(&format!("redis://{nobody}")).await,
        &["refuses connections"],
    );
    let report = examine("redis://no-such-host.invalid").await;
    assert_wrong(&report, &["`no-such-host.invalid` has no address"]);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let report = examine(&format!("redis://{}", silent.local_addr().unwrap())).await;
    assert_wrong(&report, &["nobody greets", "rediss"]);
}

#[tokio::test]
async fn a_single_server_is_no_cluster_and_has_no_database_100() {
    let Some(server) = Server::start() else {
        return;
    };
    let cluster = format!("redis-cluster://{}", server.address());
    assert_wrong(&examine(&cluster).await, &["asks for a cluster"]);
    let database = format!("{}/100", server.url());
    assert_wrong(&examine(&database).await, &["no database of that number"]);
}
