//! Memory: the tier stays within its budget, whatever it is filled with.
//!
//! Each filling runs in a process of its own: this test binary, started again with one test, so
//! that no other test is in the figures.

use std::convert::Infallible;
use std::process::{Child, Command, Stdio};

use larder_core::{Dependency, Larder, Policy, ReadScope, Region, RowKey, Scope};

use crate::allocator;
use crate::scene::{S, builder, long, region, table};

const MIB: usize = 1 << 20;
const BUDGET: usize = 4 * MIB;
const FILLINGS: [&str; 7] = [
    "kilobytes",
    "numbers",
    "rows",
    "users",
    "long keys",
    "megabytes",
    "short lives",
];
const CHILD: &str = "LARDER_TEST_FILLING";

/// What the heap may hold above the budget: a tenth for what is weighed by estimate (nodes of the
/// engine, entries it has dropped and not freed yet) and 2 MiB that do not depend on the budget:
/// the slots (512 KiB), the engine's sketch and queues, and the value that is being loaded.
const ALLOWED: usize = BUDGET + BUDGET / 10 + 2 * MIB;

/// The process is measured too, where the system says how large it is. Allocators keep freed
/// memory, in pieces that do not fit: as much again as the budget is theirs, not the tier's. And
/// 4 MiB are code and stacks that were not touched before.
const ALLOWED_RESIDENT: usize = ALLOWED + BUDGET + 4 * MIB;

/// Puts 20 times the budget into the tier, calling `measure` all along.
async fn fill(filling: &str, larder: &Larder, mut measure: impl FnMut()) {
    let region = region::<Vec<u8>>(larder, "filled");
    let (size, weighed) = match filling {
        "numbers" => (0, 400),
        "rows" => (100, 4000),
        "users" => (16, 1800),
        "long keys" => (16, 1500),
        "megabytes" => (MIB, MIB),
        _ => (1024, 1400),
    };
    for number in 0..(20 * BUDGET / weighed) as u64 {
        match filling {
            "rows" => load(&region, number, size, || rows(larder, number)).await,
            "users" => {
                let user = format!("{number}{}", "u".repeat(1000));
                load(&region.scoped(Scope::user(user)), number, size, || ()).await;
            }
            "long keys" => load(&region, (number, "k".repeat(1000)), size, || ()).await,
            "short lives" => {
                let short = larder.region::<Vec<u8>>("short", Policy::ttl(S)).unwrap();
                load(&short, number, size, || ()).await;
                short.remove(number).await.unwrap();
            }
            _ => load(&region, number, size, || ()).await,
        }
        measure();
    }
}

async fn load(
    region: &Region<Vec<u8>>,
    key: impl Into<larder_core::Key>,
    size: usize,
    read: impl Fn(),
) {
    let loader = || async {
        read();
        Ok::<_, Infallible>(vec![7; size])
    };
    region.get_or_load(key, loader).await.unwrap();
}

/// Depends on a hundred rows.
fn rows(larder: &Larder, number: u64) {
    let numbers = (0..100).map(|row| i64::try_from(number * 100 + row).unwrap());
    let table = table("offer");
    let rows: Vec<_> = numbers
        .map(|row| Dependency::row(&table, RowKey::from(row)))
        .collect();
    larder.reading(None, &rows);
}

/// Returns the memory this process takes, in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Fills the tier as the environment says and prints what that took.
async fn measure_as_told(filling: &str) {
    let (heap, process) = (allocator::live(), resident());
    // Slots are no part of the tier: as few as weigh nothing beside it.
    let larder = builder().local_capacity(BUDGET as u64).slots(1 << 16);
    let larder = larder.build().unwrap();
    let (mut most, mut largest, mut count) = (0, 0, 0_u64);
    let measure = || {
        most = most.max(allocator::live() - heap);
        count += 1;
        if count.is_multiple_of(256) {
            largest = largest.max(resident().unwrap_or(0));
        }
    };
    fill(filling, &larder, measure).await;
    largest = largest.max(resident().unwrap_or(0));
    let held = larder
        .snapshot()
        .regions
        .iter()
        .map(|region| region.bytes)
        .sum::<u64>();
    println!(
        "figures {most} {} {held}",
        largest.saturating_sub(process.unwrap_or(0))
    );
}

/// Starts a test in a process of its own, to be told its figures: heap, resident, weighed.
fn in_a_process_of_its_own(test: &str, filling: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, filling)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn figures(child: Child) -> [usize; 3] {
    let output = child.wait_with_output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(figures) = output.split("figures ").nth(1) else {
        panic!("no figures: {output}")
    };
    let mut figures = figures
        .split_whitespace()
        .map(|figure| figure.parse().unwrap());
    std::array::from_fn(|_| figures.next().unwrap())
}

#[tokio::test]
async fn the_tier_stays_within_its_budget_whatever_fills_it() {
    if let Ok(filling) = std::env::var(CHILD) {
        return measure_as_told(&filling).await;
    }
    let mut trouble = Vec::new();
    let test = "memory::the_tier_stays_within_its_budget_whatever_fills_it";
    let children = FILLINGS.map(|filling| (filling, in_a_process_of_its_own(test, filling)));
    for (filling, child) in children {
        let [heap, resident, weighed] = figures(child);
        let line = format!(
            "{filling}: heap {:.1} MiB, resident {:.1} MiB, weighed {:.1} MiB of {} MiB",
            mib(heap),
            mib(resident),
            mib(weighed),
            BUDGET / MIB
        );
        println!("{line}");
        if heap > ALLOWED || resident > ALLOWED_RESIDENT || weighed > BUDGET {
            trouble.push(line);
        }
    }
    if resident().is_none() {
        println!("left out: this system does not tell how large a process is");
    }
    assert!(
        trouble.is_empty(),
        "beyond what is allowed:\n{}",
        trouble.join("\n")
    );
}

/// Weighing that says much too much would waste the budget.
#[tokio::test]
async fn the_tier_uses_its_budget() {
    let larder = builder().local_capacity(BUDGET as u64).build().unwrap();
    fill("kilobytes", &larder, || ()).await;
    let counts = larder.snapshot().region("filled").unwrap().clone();
    assert!(counts.bytes > BUDGET as u64 * 8 / 10, "{counts:?}");
    assert!(counts.entries > BUDGET as u64 / 2048, "{counts:?}");
}

/// A task that outlives its scope reads on; nobody will ever ask what.
#[tokio::test]
async fn a_scope_that_has_ended_collects_nothing_more() {
    if std::env::var(CHILD).is_err() {
        let test = "memory::a_scope_that_has_ended_collects_nothing_more";
        let [grown, ..] = figures(in_a_process_of_its_own(test, "scope"));
        assert!(
            grown < MIB,
            "{} KiB for reads that nobody asked about",
            grown / 1024
        );
        return;
    }
    let larder = builder().build().unwrap();
    let region = larder.region::<u64>("offers", long()).unwrap();
    let gate = crate::gate::Gate::closed();
    let (its_gate, its_larder) = (gate.clone(), larder.clone());
    let task = region.get_or_load("a", || async move {
        let task = ReadScope::spawn(async move {
            its_gate.passed().await;
            let before = allocator::live();
            for row in 0..500_000_i64 {
                its_larder.reading(None, &[Dependency::row(&table("offer"), row)]);
            }
            allocator::live() - before
        });
        Err::<u64, _>(std::sync::Mutex::new(Some(task)))
    });
    let task = task.await.unwrap_err().lock().unwrap().take().unwrap();
    gate.open();
    println!("figures {} 0 0", task.await.unwrap().max(0));
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / MIB as f64
}
