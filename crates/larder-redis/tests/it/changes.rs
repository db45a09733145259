//! Changes on their way from node to node.

use larder_core::Position;

use crate::node::{Ear, Node};
use crate::server::{Server, eventually};
use crate::wire::Reply;

const STREAM: &str = "larder:{larder}:changes";

#[tokio::test]
async fn a_node_hears_of_the_other_ones_writes() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    assert_eq!(
        one.larder.node().incarnation(),
        two.larder.node().incarnation()
    );
    for row in [7, 8] {
        assert_eq!(two.read(row, 1).await, 1);
        assert_eq!(two.served(row).await, Some(1));
    }

    let position = one.publish(7).await;
    two.until_applied(position).await;
    assert_eq!(two.served(7).await, None);
    assert_eq!(two.read(7, 2).await, 2);
    assert_eq!(two.served(7).await, Some(2));
    assert_eq!(two.served(8).await, Some(1), "the other row did not change");
}

#[tokio::test]
async fn a_node_sees_its_own_write_when_it_returns() {
    let Some(server) = Server::start() else {
        return;
    };
    let node = Node::heard(server.url()).await;
    for round in 0..20 {
        assert_eq!(node.read(7, round).await, round);
        node.publish(7).await;
        assert_eq!(node.served(7).await, None);
    }
    assert_eq!(node.loads(), 20);
}

#[tokio::test]
async fn observers_hear_of_each_change_once_whoever_made_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::patient(server.url()), Node::patient(server.url()));
    let (near, far) = (Ear::default(), Ear::default());
    one.larder.observe(near.clone());
    two.larder.observe(far.clone());
    let mut positions = Vec::new();
    for row in 0..50 {
        let node = if row % 2 == 0 { &one } else { &two };
        positions.push(node.publish(row).await);
    }
    assert!(positions.is_sorted());
    let last = *positions.last().unwrap();
    for node in [&one, &two] {
        node.until_applied(last).await;
    }
    eventually("all is told", || {
        near.heard().len().min(far.heard().len()) >= 50
    })
    .await;
    for ear in [near, far] {
        let mut heard = ear.heard();
        heard.sort();
        assert_eq!(heard, positions);
    }
}

#[tokio::test]
async fn an_own_write_counts_before_the_log_was_read() {
    let Some(server) = Server::start() else {
        return;
    };
    let node = Node::patient(server.url()).await;
    assert_eq!(node.read(7, 1).await, 1);
    blind(&server);
    assert!(node.write(7).await);
    assert_eq!(node.served(7).await, None);
}

/// Cuts the one connection that reads the log: it is back after 20 ms.
fn blind(server: &Server) {
    let list = server.ask(&["CLIENT", "LIST"]);
    let reading = |line: &&str| line.contains(" cmd=xread ");
    let reader = list.text().lines().find(reading).unwrap();
    let id = reader.split([' ', '=']).nth(1).unwrap();
    server.ask(&["CLIENT", "KILL", "ID", id]);
}

#[tokio::test]
async fn a_write_on_a_log_not_adopted_yet_stays_pending_until_it_is() {
    let Some(server) = Server::start() else {
        return;
    };
    let node = Node::patient(server.url()).await;
    // Positions of this log are higher than those of the next one.
    let ahead = Reply::text(&server.ask(&["XADD", STREAM, "*", "n", "1"])).to_owned();
    let (millis, _) = ahead.split_once('-').unwrap();
    let ahead = format!("{}-0", millis.parse::<u64>().unwrap() + 60_000);
    server.ask(&["XADD", STREAM, &ahead, "n", "1"]);
    let high = Position::new((millis.parse::<u64>().unwrap() + 60_000) << 20);
    node.until_applied(high).await;
    assert_eq!(node.read(7, 1).await, 1);
    assert_eq!(node.served(7).await, Some(1));

    // Another log, and the reader is not looking.
    server.ask(&["FLUSHALL"]);
    server.ask(&["SET", "larder:{larder}:incarnation", "another"]);
    blind(&server);
    assert!(!node.write(7).await);
    assert_eq!(node.served(7).await, None, "read your writes");
    eventually("it is published", || node.bus().published == 1).await;
    assert_eq!(node.bus().gaps, 1);
    assert_eq!(node.served(7).await, None);
}

#[tokio::test]
async fn two_larders_of_a_process_share_one_bus() {
    let Some(server) = Server::start() else {
        return;
    };
    let one = Node::heard(server.url()).await;
    assert_eq!(one.read(7, 1).await, 1);
    let two = Node::on(one.redis.clone());
    let incarnation = one.larder.node().incarnation();
    eventually("the second begins", || {
        two.larder.node().incarnation() == incarnation
    })
    .await;
    assert_eq!(one.served(7).await, Some(1), "what the first holds stays");
    assert_eq!(one.bus().gaps, 0);

    assert_eq!(two.read(7, 1).await, 1);
    two.publish(7).await;
    assert_eq!((one.served(7).await, two.served(7).await), (None, None));
}

#[tokio::test]
async fn a_node_that_starts_late_knows_what_changed_before() {
    let Some(server) = Server::start() else {
        return;
    };
    let one = Node::patient(server.url()).await;
    let first = one.publish(0).await;
    let mut last = first;
    for row in 1..1_500 {
        last = one.publish(row).await;
    }
    let two = Node::patient(server.url()).await;
    assert_eq!(two.larder.node().watermark(), last.next());
    assert!(two.larder.node().everything() < first.get());
    assert_eq!(two.read(7, 2).await, 2);
    assert_eq!(two.served(7).await, Some(2));
}

#[tokio::test]
async fn writes_before_redis_is_there_are_published_when_it_is() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let other = Node::heard(server.url()).await;
    assert_eq!(other.read(7, 1).await, 1);
    server.kill();
    let node = Node::start(server.url());
    assert_eq!(node.read(7, 1).await, 1);
    assert_eq!(
        node.served(7).await,
        Some(1),
        "a service starts without Redis"
    );
    assert!(!node.write(7).await);
    assert_eq!(
        node.served(7).await,
        None,
        "what is not published is not served"
    );
    server.restart();
    tokio::join!(node.until_heard(), other.until_heard());
    assert_eq!(other.served(7).await, None);
    assert_eq!(node.read(7, 2).await, 2);
    assert_eq!(node.served(7).await, Some(2), "what was pending is no more");
}
