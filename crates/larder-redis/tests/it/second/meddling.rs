//! An operator, or other software, that touches the log while nodes write and read.

use larder_core::{Position, Reached, SessionPosition};

use crate::node::Node;
use crate::server::{Server, eventually};

const STREAM: &str = "larder:{larder}:changes";
const COPY: &str = "copy";

const RESTORE: &str = "redis.call('RESTORE', KEYS[1], 0, redis.call('GET', KEYS[2]), 'REPLACE')";
const DUMP: &str = "redis.call('SET', KEYS[2], redis.call('DUMP', KEYS[1]))";

fn script(server: &Server, script: &str) {
    let reply = server.ask(&["EVAL", script, "2", STREAM, COPY]);
    assert!(
        !matches!(reply, crate::wire::Reply::Error(_)),
        "{}",
        reply.text()
    );
}

/// Adds an entry of an hour from now, as a wrong clock would.
async fn far_ahead(server: &Server, nodes: &[&Node]) -> Position {
    let now = server.ask(&["XADD", STREAM, "*", "n", "1"]);
    let millis: u64 = now.text().split_once('-').unwrap().0.parse().unwrap();
    let millis = millis + 3_600_000;
    server.ask(&["XADD", STREAM, &format!("{millis}-0"), "n", "1"]);
    let position = Position::new(millis << 20);
    for node in nodes {
        node.until_applied(position).await;
    }
    position
}

async fn lives_again(node: &Node, row: i64, value: u64) {
    let mut reads = 0;
    let deadline = node
        .larder
        .clock()
        .now()
        .after(std::time::Duration::from_secs(4));
    while node.served(row).await != Some(value) {
        assert_eq!(node.read(row, value).await, value);
        reads += 1;
        assert!(
            node.larder.clock().now() < deadline,
            "not kept again after {reads} loads"
        );
        node.larder
            .clock()
            .sleep(std::time::Duration::from_millis(1))
            .await;
    }
}

#[tokio::test]
async fn a_copy_of_the_log_that_is_restored_makes_all_of_before_invalid() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    script(&server, DUMP);
    let position = one.publish(8).await;
    two.until_applied(position).await;
    assert_eq!(two.read(7, 1).await, 1);
    // A change that nobody reads, and the log of before.
    script(
        &server,
        &format!("redis.call('XADD', KEYS[1], '*', 'c', 'x') {RESTORE}"),
    );
    eventually("the gap is noticed", || two.bus().gaps > 0).await;
    assert_eq!(two.served(7).await, None, "a change was lost");
    lives_again(&two, 7, 2).await;
}

#[tokio::test]
async fn a_copy_of_the_log_that_went_on_is_noticed() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    script(&server, DUMP);
    let position = one.publish(8).await;
    two.until_applied(position).await;
    assert_eq!(two.read(7, 1).await, 1);
    // A change that nobody reads, the log of before, and a change that all read.
    let lost = "redis.call('XADD', KEYS[1], '*', 'c', 'x')";
    let next = "redis.call('XADD', KEYS[1], '*', 'n', '1')";
    script(&server, &format!("{lost} {RESTORE} {next}"));
    let position = one.publish(8).await;
    two.until_applied(position).await;
    eventually("the gap is noticed", || two.bus().gaps > 0).await;
    assert_eq!(two.served(7).await, None, "a change was lost");
    lives_again(&two, 7, 2).await;
}

#[tokio::test]
async fn a_change_that_is_deleted_from_the_log_is_noticed() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    assert_eq!(two.read(7, 1).await, 1);
    let lost = "local id = redis.call('XADD', KEYS[1], '*', 'c', 'x') \
        redis.call('XDEL', KEYS[1], id) redis.call('XADD', KEYS[1], '*', 'n', '1')";
    script(&server, lost);
    eventually("the gap is noticed", || two.bus().gaps > 0).await;
    assert_eq!(two.served(7).await, None, "a change was lost");
    lives_again(&two, 7, 2).await;
    drop(one);
}

#[tokio::test]
async fn a_log_that_begins_anew_below_positions_of_before_makes_them_invalid() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    far_ahead(&server, &[&one, &two]).await;
    assert_eq!(two.read(7, 1).await, 1);
    server.ask(&["DEL", STREAM]);
    one.publish(7).await;
    eventually("the gap is noticed", || two.bus().gaps > 0).await;
    assert_eq!(two.served(7).await, None, "the write was lost");
    tokio::join!(one.until_heard(), two.until_heard());
    assert_eq!(two.served(7).await, None, "the write was lost");
    lives_again(&one, 7, 2).await;
    lives_again(&two, 7, 2).await;
    let position = one.publish(7).await;
    two.until_applied(position).await;
    assert_eq!(two.served(7).await, None, "positions are in order again");
}

#[tokio::test]
async fn an_own_write_on_a_log_that_went_back_counts_at_once() {
    let Some(server) = Server::start() else {
        return;
    };
    for round in 0..20 {
        let node = Node::heard(server.url()).await;
        far_ahead(&server, &[&node]).await;
        assert_eq!(node.read(7, 1).await, 1);
        server.ask(&["DEL", STREAM]);
        node.write(7).await;
        assert_eq!(node.served(7).await, None, "read your writes, {round}");
        server.ask(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn a_session_is_waited_for_where_the_log_is_ahead_of_the_clock() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    far_ahead(&server, &[&one, &two]).await;
    let position = one.publish(7).await;
    two.until_applied(position).await;
    let ahead = |millis: u64| SessionPosition::At {
        incarnation: two.larder.node().incarnation(),
        position: Position::new(position.get() + (millis << 20)),
    };
    let bound = std::time::Duration::from_millis(5);
    // One that this node has not heard of yet, and one that nobody can have given.
    assert_eq!(two.larder.reach(ahead(100), bound).await, Reached::Behind);
    assert_eq!(
        two.larder.reach(ahead(60_000), bound).await,
        Reached::Ignored
    );
}

#[tokio::test]
async fn an_incarnation_that_is_emptied_does_not_flood_the_log() {
    let Some(server) = Server::start() else {
        return;
    };
    let node = Node::heard(server.url()).await;
    assert_eq!(node.read(7, 1).await, 1);
    for value in ["", "another", "\u{0}\u{7f}"] {
        server.ask(&["SET", "larder:{larder}:incarnation", value]);
        let before = length(&server);
        node.publish(7).await;
        node.until_heard().await;
        let after = length(&server);
        assert!(after - before < 60, "{value:?}: {before} .. {after}");
        assert_eq!(node.served(7).await, None);
    }
    lives_again(&node, 7, 2).await;
}

fn length(server: &Server) -> i64 {
    match server.ask(&["XLEN", STREAM]) {
        crate::wire::Reply::Number(number) => number,
        other => panic!("{other:?}"),
    }
}
