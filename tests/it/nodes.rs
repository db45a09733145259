//! Several nodes, each a process, over one `PostgreSQL` and one Redis: every read is judged.
//!
//! Registers have versions that only rise, and each is written by one node. Nodes write down every
//! read and every acknowledged write with the machine's monotonic time; when the run is over each read
//! is compared with what had been acknowledged before it began:
//!
//! * on its own node: a read that misses such a write breaks "read your writes" (P1);
//! * anywhere: a read is as old as the first newer write that had been acknowledged before it; more
//!   than `max_staleness` (1 s) breaks "bounded staleness" (P2).
//!
//! `LARDER_NODES_READS=1000000 LARDER_NODES_STRICT=1 cargo test --release -p larder-tests nodes -- --nocapture
//! --test-threads 1` makes the runs long, and asserts the times that are measured: on a machine that does nothing
//! else. `LARDER_NODES_SEED` replays one.

mod cached;
mod controls;
mod faults;
mod fleet;
mod node;
mod orders;
mod proxy;
mod record;
mod redis;
mod register;
mod verdict;

use std::time::Duration;

use self::fleet::{Fleet, Plan};
use self::orders::Cache;
use self::verdict::Verdict;

/// What no read may be older than.
pub(crate) const BOUND: Duration = Duration::from_secs(1);

/// How old a read may be at the 99th percentile where nothing fails.
const USUAL: Duration = Duration::from_millis(10);

/// Returns a number of the environment's, or a default.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is {text}: it is a number")),
        Err(_) => default,
    }
}

pub(crate) fn plan(cache: Cache) -> Plan {
    let seed = setting("LARDER_NODES_SEED", fastrand::u64(..1 << 32));
    println!("LARDER_NODES_SEED={seed}");
    Plan {
        nodes: 3,
        registers: 300,
        cache,
        seed,
        redis: &[],
    }
}

/// Tells whether times are asserted, and not only printed.
pub(crate) fn strict() -> bool {
    setting("LARDER_NODES_STRICT", 0) > 0
}

/// One fleet at a time has the machine to itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Waits until no other test has a fleet.
pub(crate) async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    TURN.lock().await
}

/// Starts a fleet, or says that it is left out.
pub(crate) async fn fleet(plan: Plan) -> Option<Fleet> {
    let fleet = Fleet::start(plan).await;
    if fleet.is_none() {
        // Past the capture of the test's output: who reads the run must see it.
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr(),
            "left out: the nodes need PostgreSQL and redis-server"
        );
    }
    fleet
}

async fn run(plan: Plan, writes: u32, reads: u64) -> Option<(Verdict, Vec<orders::Report>)> {
    let mut fleet = fleet(plan).await?;
    fleet.load(4000, writes);
    fleet.wait_for_reads(reads);
    Some(fleet.judge())
}

/// A plan for caches whose loads take long: few registers, so that each is read between two writes.
fn control(cache: Cache) -> Plan {
    Plan {
        registers: 30,
        ..plan(cache)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_is_older_than_the_bound_and_a_node_sees_its_own_writes() {
    let _turn = turn().await;
    let counts: &[u32] = if strict() { &[2, 3, 4] } else { &[3] };
    for &nodes in counts {
        healthy(nodes).await;
    }
}

async fn healthy(nodes: u32) {
    let plan = Plan {
        nodes,
        ..plan(Cache::Larder)
    };
    let reads = setting("LARDER_NODES_READS", 30_000);
    let Some((verdict, reports)) = run(plan, 60, reads).await else {
        return;
    };
    println!("{nodes} nodes: {verdict}");
    println!("{:#?}", reports[0]);
    assert_eq!(verdict.own_writes_missed, 0);
    assert_eq!(verdict.older_than(BOUND), 0);
    assert!(!strict() || verdict.staleness(0.99) <= USUAL);
    for report in &reports {
        assert_eq!((report.errors, &*report.last_error), (0, ""));
        assert!(report.hits > 0, "{report:?}");
    }
    let shared: u64 = reports.iter().map(|report| report.remote_hits).sum();
    assert!(shared > 0, "nodes answer for each other: {reports:?}");
}

/// The same load on caches that are made as they often are: the harness finds what is wrong with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_the_promises_elsewhere_is_found() {
    let _turn = turn().await;
    let reads = setting("LARDER_NODES_READS", 100_000);
    for (cache, found) in [
        (Cache::EarlyStamp, false),
        (Cache::LateStamp, true),
        (Cache::Delete, true),
    ] {
        let mut broken = 0;
        for _ in 0..10 {
            let Some((verdict, _)) = run(control(cache), 5, reads).await else {
                return;
            };
            println!("{cache:?}: {verdict}");
            broken = verdict.own_writes_missed + verdict.older_than(BOUND);
            if broken > 0 || !found {
                break;
            }
        }
        assert_eq!(broken > 0, found, "{cache:?}");
    }
}
