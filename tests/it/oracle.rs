//! Conduit under load, every answer checked: no read may be older than a write it came after.
//!
//! Clients create, change, delete, like, follow, comment, list, filter and page. Each read notes
//! what had been acknowledged when it began and what had been begun when it ended, and its answer
//! must lie between. At quiet points every answer of the cached server must equal that of an
//! uncached server on the same database.
//!
//! `LARDER_ORACLE_OPS`, `LARDER_ORACLE_SEED`, `LARDER_ORACLE_CLIENTS`, `LARDER_ORACLE_WRITES` (in
//! percent) set how much, how, by how many and how much of it writes. The servers' clock stands
//! still but for the operations: `LARDER_ORACLE_RATE` of them are a second.
//!
//! `LARDER_ORACLE_INVALIDATION` takes something coarser for Larder's invalidation (`invalidation`).
//! With `ttl` stale reads are counted, they fail nothing. `LARDER_ORACLE_WHY=1` tells at quiet
//! points which changes made which answers invalid.

mod act;
mod check;
mod figures;
mod invalidation;
mod load;
mod quiet;
mod why;
mod world;

use figures::print_beside;
use invalidation::Invalidation;
use load::Load;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

impl Load {
    /// Returns this load as the environment would have it, and prints it.
    fn as_told(self) -> Self {
        let clients = setting("LARDER_ORACLE_CLIENTS", self.clients as u64);
        let load = Self {
            seed: setting("LARDER_ORACLE_SEED", self.seed),
            clients: usize::try_from(clients).unwrap(),
            operations: setting("LARDER_ORACLE_OPS", self.operations),
            writes: setting("LARDER_ORACLE_WRITES", self.writes),
            rate: setting("LARDER_ORACLE_RATE", self.rate),
            ..self
        };
        println!(
            "LARDER_ORACLE_SEED={} operations={} clients={} writes={}% rate={}/s",
            load.seed, load.operations, load.clients, load.writes, load.rate
        );
        load
    }
}

fn short() -> Load {
    Load {
        seed: fastrand::u64(1..1 << 32),
        clients: 8,
        operations: 8_000,
        writes: 20,
        rate: 100,
        quiet_points: 5,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_older_than_a_write_it_came_after() {
    let load = short().as_told();
    let named = std::env::var("LARDER_ORACLE_INVALIDATION").ok();
    let invalidation = named.map_or(Invalidation::Precise, |name| {
        Invalidation::named(&name).expect("precise, rows, table or ttl")
    });
    let figures = load.run(invalidation).await;
    figures.print();
    if invalidation.is_fresh() {
        figures.assert_fresh(load.seed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn precise_invalidation_leaves_more_to_the_cache_than_whole_tables_and_nothing_stale() {
    let load = Load {
        operations: 2_000,
        writes: 5,
        quiet_points: 1,
        ..short()
    };
    let load = load.as_told();
    let mut runs = Vec::new();
    for invalidation in Invalidation::ALL {
        let figures = load.run(invalidation).await;
        println!("--- {}", invalidation.name());
        figures.print();
        runs.push((invalidation, figures));
    }
    print_beside(&runs);
    for (invalidation, figures) in &runs {
        if invalidation.is_fresh() {
            figures.assert_fresh(load.seed);
        }
    }
    let of = |wanted| &runs.iter().find(|(it, _)| *it == wanted).unwrap().1;
    let precise = of(Invalidation::Precise);
    for coarse in [of(Invalidation::Rows), of(Invalidation::Table)] {
        assert!(precise.responses() > coarse.responses());
        assert!(precise.statements < coarse.statements);
    }
    assert!(
        of(Invalidation::Ttl).stale > 0,
        "time alone keeps what was overwritten"
    );
}
