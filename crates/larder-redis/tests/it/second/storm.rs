//! Two nodes that write and read all the time, every answer judged, while somebody meddles with their server.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_core::{Change, Clock as _, Dependency, Moment, SystemClock};
use tokio::task::{JoinSet, block_in_place};

use crate::node::{Node, table};
use crate::server::{Server, within};
use crate::wire::{Reply, Wire};
use crate::world::TRUSTED;

/// So many that a row is written again only long after `max_staleness`.
const ROWS: usize = 600;
const STALENESS: Duration = Duration::from_secs(1);
const STREAM: &str = "larder:{larder}:changes";
const INCARNATION: &str = "larder:{larder}:incarnation";

/// Registers that only grow, and when each of their versions was acknowledged.
struct Field {
    clock: SystemClock,
    database: Vec<AtomicU64>,
    acknowledged: Vec<Mutex<Vec<(Moment, u64)>>>,
    over: AtomicBool,
    reads: AtomicU64,
    step: Mutex<&'static str>,
    broken: Mutex<BTreeMap<String, (u64, Duration)>>,
}

impl Field {
    fn new() -> Self {
        Self {
            clock: SystemClock::new(),
            database: (0..ROWS).map(|_| AtomicU64::new(1)).collect(),
            acknowledged: (0..ROWS).map(|_| Mutex::default()).collect(),
            over: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            step: Mutex::new("calm"),
            broken: Mutex::default(),
        }
    }

    /// Returns when the version that `seen` lacks was acknowledged first.
    fn lacking(&self, row: usize, seen: u64, before: Moment) -> Option<Moment> {
        let acknowledged = self.acknowledged[row].lock().unwrap();
        let newer = acknowledged
            .iter()
            .filter(|(at, version)| *at <= before && *version > seen);
        newer.map(|(at, _)| *at).min()
    }

    async fn write(&self, node: &Node, parity: usize) {
        while !self.over.load(Ordering::Relaxed) {
            for row in (parity..ROWS).step_by(2) {
                let version = self.database[row].fetch_add(1, Ordering::SeqCst) + 1;
                let change = Change::row(&table(), i64::try_from(row).unwrap());
                // Queued or published: the writer goes on.
                let _ = node.larder.publish(change).await;
                let now = self.clock.now();
                self.acknowledged[row].lock().unwrap().push((now, version));
                self.clock.sleep(Duration::from_millis(6)).await;
            }
        }
    }

    async fn read(&self, node: &Node, parity: usize, mut row: usize) {
        while !self.over.load(Ordering::Relaxed) {
            row = (row + 1) % ROWS;
            let began = self.clock.now();
            let number = i64::try_from(row).unwrap();
            let load = async || {
                let row_read = Dependency::row(&table(), number);
                node.larder.reading(None, &[row_read]);
                let value = self.value(row);
                tokio::task::yield_now().await;
                Ok::<_, io::Error>(value)
            };
            let seen = node.numbers.get_or_load(number, load);
            let seen = *seen.await.unwrap();
            self.reads.fetch_add(1, Ordering::Relaxed);
            let own = row % 2 == parity;
            let bound = if own { Duration::ZERO } else { STALENESS };
            if let Some(at) = self.lacking(row, seen, began.before(bound)) {
                self.note(if own { "own write" } else { "staleness" }, began.since(at));
            }
            tokio::task::yield_now().await;
        }
    }

    fn value(&self, row: usize) -> u64 {
        self.database[row].load(Ordering::SeqCst)
    }

    fn note(&self, what: &str, age: Duration) {
        let name = format!("{}: {what}", self.step.lock().unwrap());
        let mut broken = self.broken.lock().unwrap();
        let (count, oldest) = broken.entry(name).or_default();
        *count += 1;
        *oldest = age.max(*oldest);
    }
}

/// What is done, for how long, and what ends it.
struct Step(&'static str, fn(&mut Server), u64, fn(&mut Server));

fn ask(server: &Server, parts: &[&str]) {
    let reply = server.ask(parts);
    assert!(
        !matches!(reply, Reply::Error(_)),
        "{parts:?}: {}",
        reply.text()
    );
}

fn script(server: &Server, text: &str) {
    ask(server, &["EVAL", text, "3", STREAM, "copy", INCARNATION]);
}

/// The one client that is let in.
static INSIDE: Mutex<Option<Wire>> = Mutex::new(None);

fn nothing(_: &mut Server) {}

const RESTORE: &str = "redis.call('RESTORE', KEYS[1], 0, redis.call('GET', KEYS[2]), 'REPLACE')";
const DUMP: &str = "redis.call('SET', KEYS[2], redis.call('DUMP', KEYS[1]))";
const AHEAD: &str = "local now = redis.call('TIME') \
    redis.call('XADD', KEYS[1], tostring(now[1] + 5) .. '000-0', 'n', '1')";
const HUGE: &str = "redis.call('XADD', KEYS[1], '*', 'c', string.rep('x', 24 * 1024 * 1024))";

#[expect(clippy::too_many_lines, reason = "a list")]
fn steps() -> Vec<Step> {
    vec![
        Step("calm", nothing, 1_500, nothing),
        Step(
            "XTRIM",
            |s| ask(s, &["XTRIM", STREAM, "MAXLEN", "0"]),
            1_500,
            nothing,
        ),
        Step("DEL", |s| ask(s, &["DEL", STREAM]), 1_500, nothing),
        Step("FLUSHDB", |s| ask(s, &["FLUSHDB"]), 1_500, nothing),
        Step(
            "DEL of the incarnation",
            |s| ask(s, &["DEL", INCARNATION]),
            1_500,
            nothing,
        ),
        Step(
            "another incarnation",
            |s| ask(s, &["SET", INCARNATION, "x"]),
            1_500,
            nothing,
        ),
        Step(
            "foreign entries",
            |s| {
                ask(s, &["XADD", STREAM, "*", "hello", "world"]);
                ask(s, &["XADD", STREAM, "*", "c", "not a change"]);
                ask(s, &["XADD", STREAM, "*", "c", "", "o", "", "n", ""]);
                ask(s, &["XADD", STREAM, "*", "o", "x"]);
            },
            1_500,
            nothing,
        ),
        Step("a huge entry", |s| script(s, HUGE), 1_500, nothing),
        Step("the log is ahead", |s| script(s, AHEAD), 1_500, nothing),
        Step(
            "DEL while it is ahead",
            |s| ask(s, &["DEL", STREAM]),
            1_500,
            nothing,
        ),
        Step(
            "RENAME away and back",
            |s| ask(s, &["RENAME", STREAM, "away"]),
            700,
            |s| ask(s, &["RENAME", "away", STREAM]),
        ),
        Step(
            "a string in its place",
            |s| ask(s, &["SET", STREAM, "text"]),
            1_500,
            |s| ask(s, &["DEL", STREAM]),
        ),
        Step(
            "a list as incarnation",
            |s| {
                ask(s, &["DEL", INCARNATION]);
                s.ask(&["LPUSH", INCARNATION, "x"]);
            },
            1_500,
            |s| ask(s, &["DEL", INCARNATION]),
        ),
        Step(
            "a copy restored",
            |s| script(s, DUMP),
            700,
            |s| script(s, RESTORE),
        ),
        Step(
            "memory full",
            |s| ask(s, &["CONFIG", "SET", "maxmemory", "1"]),
            2_500,
            |s| ask(s, &["CONFIG", "SET", "maxmemory", "0"]),
        ),
        Step(
            "CLIENT KILL",
            |s| ask(s, &["CLIENT", "KILL", "TYPE", "normal"]),
            500,
            nothing,
        ),
        Step(
            "CLIENT PAUSE",
            |s| ask(s, &["CLIENT", "PAUSE", "1500", "ALL"]),
            1_500,
            nothing,
        ),
        Step(
            "CLIENT PAUSE WRITE",
            |s| ask(s, &["CLIENT", "PAUSE", "2500", "WRITE"]),
            2_500,
            nothing,
        ),
        Step(
            "DEBUG SLEEP",
            |s| ask(s, &["DEBUG", "SLEEP", "1.5"]),
            100,
            nothing,
        ),
        Step(
            "DEBUG RELOAD of an old snapshot",
            |s| ask(s, &["SAVE"]),
            700,
            |s| ask(s, &["DEBUG", "RELOAD", "NOSAVE"]),
        ),
        Step(
            "killed, and an old snapshot",
            Server::kill,
            500,
            Server::restart,
        ),
        Step(
            "killed, and empty",
            |s| {
                ask(s, &["FLUSHALL"]);
                ask(s, &["SAVE"]);
                s.kill();
            },
            100,
            Server::restart,
        ),
        Step(
            "rights taken away",
            |s| ask(s, &["ACL", "SETUSER", "default", "-xread", "-get"]),
            1_500,
            |s| ask(s, &["ACL", "SETUSER", "default", "+@all"]),
        ),
        Step(
            "INFO taken away",
            |s| ask(s, &["ACL", "SETUSER", "default", "-info"]),
            1_500,
            |s| ask(s, &["ACL", "SETUSER", "default", "+@all"]),
        ),
        Step(
            "another password",
            |s| {
                ask(s, &["CONFIG", "SET", "requirepass", "new"]);
                let mut wire = Wire::open(s.address()).unwrap();
                wire.ask(&["AUTH", "new"]).unwrap();
                wire.ask(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
            },
            1_500,
            |s| {
                let mut wire = Wire::open(s.address()).unwrap();
                wire.ask(&["AUTH", "new"]).unwrap();
                wire.ask(&["CONFIG", "SET", "requirepass", ""]).unwrap();
            },
        ),
        Step(
            "no place for clients",
            |s| {
                let mut wire = Wire::open(s.address()).unwrap();
                wire.ask(&["CONFIG", "SET", "maxclients", "1"]).unwrap();
                let others = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
                wire.ask(&others).unwrap();
                *INSIDE.lock().unwrap() = Some(wire);
            },
            1_500,
            |_| {
                let mut wire = INSIDE.lock().unwrap().take().unwrap();
                wire.ask(&["CONFIG", "SET", "maxclients", "1000"]).unwrap();
            },
        ),
        Step(
            "a replica for a while",
            |s| ask(s, &["REPLICAOF", "127.0.0.1", "1"]),
            1_500,
            |s| ask(s, &["REPLICAOF", "NO", "ONE"]),
        ),
        Step("calm again", nothing, 1_500, nothing),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_too_old_whatever_is_done_to_the_server() {
    let Some(mut server) = Server::start_with(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    let nodes = [Arc::new(one), Arc::new(two)];
    let field = Arc::new(Field::new());
    let mut tasks = JoinSet::new();
    for (parity, node) in nodes.iter().enumerate() {
        let (of, at) = (Arc::clone(&field), Arc::clone(node));
        tasks.spawn(async move { of.write(&at, parity).await });
        let (of, at) = (Arc::clone(&field), Arc::clone(node));
        tasks.spawn(async move { of.read(&at, parity, 0).await });
    }
    let mut slow = Vec::new();
    for Step(name, begin, lasts, end) in steps() {
        *field.step.lock().unwrap() = name;
        block_in_place(|| begin(&mut server));
        field.clock.sleep(Duration::from_millis(lasts)).await;
        block_in_place(|| end(&mut server));
        let heard = || nodes.iter().all(|node| node.is_heard());
        let took = within(Duration::from_secs(30), name, heard).await;
        if took > TRUSTED {
            slow.push((name, took));
        }
        println!(
            "{name}: trusted after {took:.2?}, {:?}",
            field.broken.lock().unwrap().len()
        );
        // What is served wrongly only now is seen by this.
        field.clock.sleep(STALENESS).await;
    }
    field.over.store(true, Ordering::Relaxed);
    while tasks.join_next().await.is_some() {}
    let reads = field.reads.load(Ordering::Relaxed);
    let hits = nodes.each_ref().map(|node| node.bus().to_string());
    println!("{reads} reads; {hits:?}");
    assert_eq!(*field.broken.lock().unwrap(), BTreeMap::new());
    assert!(slow.is_empty(), "not trusted again in time: {slow:?}");
}
