//! The same load while something fails: Redis, the way to it, or a node.
//!
//! With every fault, alone and in pairs: no read fails because of the cache, none is older than the
//! bound, no node misses a write of its own, nobody waits longer than the remote timeout, and all is
//! well again within two seconds of the fault's end. Two cannot be borne by a bus in Redis: a writer that
//! is cut off alone, and a replaced master that still answers. They are provoked, and their stale reads
//! counted and printed.

use std::time::Duration;

use larder_test_servers::Redis;

use super::fleet::Fleet;
use super::orders::{Cache, Report, Request};
use super::proxy::Way;
use super::verdict::Verdict;
use super::{BOUND, fleet, plan, setting, strict, turn};

/// How long a caller may wait inside the guard: the remote timeout, and what scheduling takes.
const LONGEST_WAIT: Duration = Duration::from_millis(30);

/// How soon all is well after a fault has ended.
const RECOVERY: Duration = Duration::from_secs(2);

const READS: u32 = 3000;
const WRITES: u32 = 40;

/// Something that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Redis is killed and starts again, empty.
    Kill,
    /// Redis stands still for five seconds.
    Stop,
    /// Redis is killed and started over and over.
    RestartLoop,
    /// Redis forgets everything.
    FlushAll,
    /// Redis answers nobody for three seconds, by its own command.
    Pause,
    /// All connections are closed from Redis's side.
    KillConnections,
    /// Redis has no room, and evicts what has a ttl.
    Evict,
    /// What all nodes say to Redis is swallowed.
    Swallow,
    /// All nodes' connections are closed, and new ones too.
    Cut,
    /// A node that only reads is cut off alone.
    CutReader,
    /// A node is killed and starts again.
    NodeRestart,
    /// A node stands still for three seconds.
    NodeStop,
}

/// Of two, the one that has something to say to Redis begins first: the other may take it away.
const ALL: [Fault; 12] = [
    Fault::FlushAll,
    Fault::KillConnections,
    Fault::Evict,
    Fault::Pause,
    Fault::Kill,
    Fault::Stop,
    Fault::RestartLoop,
    Fault::Swallow,
    Fault::Cut,
    Fault::CutReader,
    Fault::NodeRestart,
    Fault::NodeStop,
];

impl Fault {
    async fn begin(self, fleet: &mut Fleet) {
        match self {
            Self::Kill => fleet.redis.kill(),
            Self::Stop => fleet.redis.signal("STOP"),
            Self::RestartLoop => {
                for _ in 0..8 {
                    fleet.redis.restart();
                    fleet.go_on(0.15).await;
                }
            }
            Self::FlushAll => drop(fleet.redis.ask("FLUSHALL")),
            Self::Pause => drop(fleet.redis.ask("CLIENT PAUSE 3000 ALL")),
            Self::KillConnections => drop(fleet.redis.ask("CLIENT KILL TYPE normal")),
            Self::Evict => evict(fleet),
            Self::Swallow => fleet
                .proxies
                .iter()
                .for_each(|proxy| proxy.set(Way::Swallowed)),
            Self::Cut => fleet.proxies.iter().for_each(|proxy| proxy.set(Way::Cut)),
            Self::CutReader => fleet.proxies[2].set(Way::Swallowed),
            Self::NodeRestart => {
                fleet.nodes[1].restart();
                fleet.nodes[1].ask(load(WRITES));
            }
            Self::NodeStop => fleet.nodes[1].signal("STOP"),
        }
    }

    /// How long it lasts, in seconds.
    fn lasts(self) -> f64 {
        match self {
            Self::Stop => 5.0,
            Self::Pause | Self::NodeStop => 3.0,
            Self::RestartLoop | Self::FlushAll | Self::KillConnections | Self::NodeRestart => 0.0,
            Self::Kill | Self::Evict | Self::Swallow | Self::Cut | Self::CutReader => 2.5,
        }
    }

    fn end(self, fleet: &mut Fleet) {
        match self {
            Self::Kill => drop(fleet.redis.restart()),
            Self::Stop => fleet.redis.signal("CONT"),
            Self::Evict => drop(fleet.redis.ask("CONFIG SET maxmemory 0")),
            Self::Swallow | Self::Cut => {
                fleet.proxies.iter().for_each(|proxy| proxy.set(Way::Open));
            }
            Self::CutReader => fleet.proxies[2].set(Way::Open),
            Self::NodeStop => fleet.nodes[1].signal("CONT"),
            Self::RestartLoop
            | Self::FlushAll
            | Self::Pause
            | Self::KillConnections
            | Self::NodeRestart => {}
        }
    }
}

fn load(writes: u32) -> Request {
    Request::Load {
        reads: READS,
        writes,
    }
}

/// Fills Redis to its limit with what may be evicted.
fn evict(fleet: &Fleet) {
    let redis = &fleet.redis;
    for command in [
        "CONFIG SET maxmemory-policy volatile-lru".to_owned(),
        "CONFIG SET maxmemory 8mb".to_owned(),
    ] {
        redis.ask(&command).unwrap();
    }
    let filling = "x".repeat(1000);
    for number in 0..8000 {
        let _ = redis.ask(&format!("SET filling-{number} {filling} EX 100"));
    }
}

/// What a run with faults showed.
struct Outcome {
    verdict: Verdict,
    reports: Vec<Report>,
    recovery: Duration,
}

/// Runs the load, with `faults` at the same time in its middle. The last node only reads.
async fn strike(faults: &[Fault], cache: Cache) -> Option<Outcome> {
    let mut fleet = fleet(plan(cache)).await?;
    let last = fleet.nodes.len() - 1;
    for (index, node) in fleet.nodes.iter_mut().enumerate() {
        node.ask(load(if index == last { 0 } else { WRITES }));
    }
    fleet.go_on(1.0).await;
    let mut lasts = 0.0;
    for fault in faults {
        fault.begin(&mut fleet).await;
        lasts = fault.lasts().max(lasts);
    }
    fleet.go_on(lasts).await;
    for fault in faults.iter().rev() {
        fault.end(&mut fleet);
    }
    let recovery = fleet.settle();
    fleet.go_on(1.0).await;
    let (verdict, reports) = fleet.judge();
    Some(Outcome {
        verdict,
        reports,
        recovery,
    })
}

fn tell(faults: &[Fault], outcome: &Outcome) {
    let longest = outcome
        .reports
        .iter()
        .map(|report| report.longest_wait)
        .max();
    println!(
        "{faults:?}: {}; recovery {:.2?}, longest wait {:?} us",
        outcome.verdict, outcome.recovery, longest
    );
    for report in &outcome.reports {
        println!("  {}", report.redis.replace('\n', "\n  "));
    }
}

fn check(faults: &[Fault], outcome: &Outcome) {
    tell(faults, outcome);
    let Outcome {
        verdict,
        reports,
        recovery,
    } = outcome;
    assert_eq!(verdict.own_writes_missed, 0, "{faults:?}");
    assert_eq!(verdict.older_than(BOUND), 0, "{faults:?}");
    assert!(
        !strict() || *recovery <= RECOVERY,
        "{faults:?}: {recovery:?}"
    );
    for report in reports {
        assert_eq!((report.errors, &*report.last_error), (0, ""), "{faults:?}");
    }
}

async fn bears(faults: &[Fault]) {
    if let Some(outcome) = strike(faults, Cache::Larder).await {
        check(faults, &outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_alone_is_borne() {
    let _turn = turn().await;
    for fault in ALL {
        bears(&[fault]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_in_pairs_are_borne() {
    let _turn = turn().await;
    let all = setting("LARDER_NODES_PAIRS", 0) > 0;
    let few = [
        (Fault::Stop, Fault::NodeRestart),
        (Fault::Kill, Fault::CutReader),
    ];
    let every = ALL
        .iter()
        .enumerate()
        .flat_map(|(index, one)| ALL[index + 1..].iter().map(|other| (*one, *other)));
    let pairs: Vec<_> = if all { every.collect() } else { few.to_vec() };
    for (one, other) in pairs {
        bears(&[one, other]).await;
    }
}

/// The exception of a bus in Redis: who cannot say what it wrote, while others hear that nothing was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_cut_off_alone_is_the_exception_and_ends_with_it() {
    let _turn = turn().await;
    let Some(mut fleet) = fleet(plan(Cache::Larder)).await else {
        return;
    };
    fleet.load(READS, WRITES);
    fleet.go_on(1.0).await;
    fleet.proxies[0].set(Way::Swallowed);
    fleet.go_on(4.0).await;
    fleet.proxies[0].set(Way::Open);
    let recovery = fleet.settle();
    let (verdict, _) = fleet.judge();
    println!("a writer cut off alone: {verdict}; recovery {recovery:.2?}");
    println!("reads beyond the bound: {}", verdict.older_than(BOUND));
    assert_eq!(verdict.own_writes_missed, 0);
    assert!(
        verdict.older_than(BOUND) > 0,
        "the exception was not provoked"
    );
    // It ends with the fault: what could not be said then was said after it.
    fleet.load(READS, 0);
    fleet.go_on(1.0).await;
    let (after, _) = fleet.judge();
    assert_eq!(after.older_than(BOUND), verdict.older_than(BOUND));
}

/// The other exception: a master that was replaced and still answers a node, which hears nothing of what
/// is written on the new one. With `min-replicas-to-write` no writer is left on the old one either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_master_that_still_answers_is_the_exception_and_ends_with_it() {
    let _turn = turn().await;
    let Some(mut fleet) = fleet(plan(Cache::Larder)).await else {
        return;
    };
    let old = fleet.redis.port().to_string();
    let new = Redis::start(&["--replicaof", "127.0.0.1", &old]).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !new
        .ask("INFO replication")
        .is_ok_and(|info| info.contains("master_link_status:up"))
    {
        assert!(tokio::time::Instant::now() < deadline, "no replica");
    }
    let last = fleet.nodes.len() - 1;
    for (index, node) in fleet.nodes.iter_mut().enumerate() {
        node.ask(load(if index == last { 0 } else { WRITES }));
    }
    fleet.go_on(1.0).await;
    new.ask("REPLICAOF NO ONE").unwrap();
    fleet.lead_to(0..last, new.port()).await;
    fleet.go_on(4.0).await;
    // The old one steps down.
    fleet.lead_to(last..last + 1, new.port()).await;
    let recovery = fleet.settle();
    let (verdict, _) = fleet.judge();
    println!("an old master that still answers a node: {verdict}; recovery {recovery:.2?}");
    println!("reads beyond the bound: {}", verdict.older_than(BOUND));
    assert_eq!(verdict.own_writes_missed, 0);
    assert!(
        verdict.older_than(BOUND) > 0,
        "the exception was not provoked"
    );
    fleet.load(READS, 0);
    fleet.go_on(1.0).await;
    let (after, _) = fleet.judge();
    assert_eq!(after.older_than(BOUND), verdict.older_than(BOUND));
}

/// Without the bound on what a silent bus lets live, an outage is seen. The time of the others' outage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_bound_an_outage_makes_old_answers() {
    let _turn = turn().await;
    let Some(outcome) = strike(&[Fault::Swallow], Cache::Unbounded).await else {
        return;
    };
    tell(&[Fault::Swallow], &outcome);
    assert!(outcome.verdict.older_than(BOUND) > 0);
}

/// What the reads cost while Redis fails, beside the database alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_longer_than_the_remote_timeout() {
    let _turn = turn().await;
    let faults = [Fault::Stop, Fault::Swallow, Fault::Kill];
    let faults = if strict() { &faults[..] } else { &faults[..1] };
    for &fault in faults {
        for cache in [Cache::Larder, Cache::Off] {
            let Some(outcome) = strike(&[fault], cache).await else {
                return;
            };
            println!("{cache:?}");
            tell(&[fault], &outcome);
            for report in &outcome.reports {
                let longest = Duration::from_micros(report.longest_wait);
                assert!(
                    !strict() || longest <= LONGEST_WAIT,
                    "{fault:?}: {longest:?}"
                );
            }
        }
    }
}
