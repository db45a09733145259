//! A server behind the layer under load, on real sockets: how long who waits, and how much memory it takes.
//!
//! The server is a process of its own, whose memory is its own; this one asks.

mod asking;
pub(crate) mod server;

use std::time::Duration;

use tokio::runtime::Runtime;

use self::asking::{Process, median};

/// How many ask at once.
const CROWD: usize = 20;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures and prints all of it; `rounds` times what takes long, more often what does not.
pub(crate) fn measure(runtime: &Runtime, rounds: usize) {
    runtime.block_on(async {
        let server = Process::start();
        crowds(&server, rounds).await;
        first_halves(&server, rounds.min(3)).await;
        first_bytes(&server, rounds * 10).await;
        memory().await;
    });
}

/// Twenty misses at once of a handler that takes 300 ms.
async fn crowds(server: &Process, rounds: usize) {
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut calls: [Vec<usize>; 3] = Default::default();
    for round in 0..rounds {
        times[0].push(server.crowd(&format!("/kept/one/{round}"), 1).await);
        for (lane, path) in ["kept", "private", "private"].into_iter().enumerate() {
            let before = server.calls().await;
            let path = format!("/{path}/all/{round}");
            times[lane + 1].push(server.crowd(&path, CROWD).await);
            calls[lane].push(server.calls().await - before);
        }
    }
    let one = median(&mut times[0]);
    println!(
        "| {CROWD} misses at once of a handler that takes 300 ms, median of {rounds} | calls | ms | x one miss |"
    );
    println!("|---|---:|---:|---:|");
    println!("| one miss alone | 1 | {:.1} | 1.00 |", millis(one));
    let names = [
        "kept",
        "`private`, the first time",
        "`private`, remembered as such",
    ];
    for ((name, times), calls) in names.into_iter().zip(&mut times[1..]).zip(&calls) {
        let time = median(times);
        let calls = one_of(calls);
        let ratio = time.as_secs_f64() / one.as_secs_f64();
        println!("| {name} | {calls} | {:.1} | {ratio:.2} |", millis(time));
    }
    println!();
}

/// The first byte of a body whose second half comes after two seconds.
async fn first_halves(server: &Process, rounds: usize) {
    println!(
        "| the first byte of a body whose second half comes after 2 s, median of {rounds} | ms | all of it, ms |"
    );
    println!("|---|---:|---:|");
    for kind in ["kept", "private", "events"] {
        let (mut first, mut all) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let took = server.take(&format!("/halves/{kind}/{round}")).await;
            first.push(took.first);
            all.push(took.all);
        }
        let (first, all) = (median(&mut first), median(&mut all));
        println!("| {kind} | {:.1} | {:.0} |", millis(first), millis(all));
    }
    println!();
}

/// The first byte of a hit, large and small in turn.
async fn first_bytes(server: &Process, rounds: usize) {
    let mut lanes = [("small", Vec::new()), ("large", Vec::new())];
    for _ in 0..=rounds {
        for (size, times) in &mut lanes {
            // What the one before has left to do - 32 MiB to let go of - is not this one's.
            server.calls().await;
            let took = server.take(&format!("/{size}")).await;
            assert!(times.is_empty() || took.is_hit, "{size} is no hit");
            times.push(took.first);
        }
    }
    println!("| the first byte of a hit, median of {rounds} | ms | x 1 KiB |");
    println!("|---|---:|---:|");
    let mut small = Duration::ZERO;
    for (size, times) in &mut lanes {
        times.remove(0);
        let time = median(times);
        if *size == "small" {
            small = time;
        }
        let name = if *size == "small" { "1 KiB" } else { "32 MiB" };
        let ratio = time.as_secs_f64() / small.as_secs_f64();
        println!("| {name} | {:.3} | {ratio:.2} |", millis(time));
    }
    println!();
}

/// The most memory a process takes that serves 32 MiB three times: a miss, two hits.
async fn memory() {
    println!("| 32 MiB served three times | before, MiB | at most, MiB | x the body |");
    println!("|---|---:|---:|---:|");
    for (path, name) in [
        ("/large", "its handler sends it in chunks of 64 KiB"),
        ("/slow-reader", "the same, to a client that reads it late"),
        ("/whole", "its handler sends it as one"),
    ] {
        let server = Process::start();
        let before = server.peak_memory();
        for time in 0..3 {
            let took = server.take(path).await;
            assert!(time == 0 || took.is_hit, "{path} is no hit");
        }
        let after = server.peak_memory();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let ratio = after / server::LARGE as f64;
        println!(
            "| {name} | {:.1} | {:.1} | {ratio:.2} |",
            before / MIB,
            after / MIB
        );
    }
    println!();
}

/// Says how many, if it was always as many.
fn one_of(calls: &[usize]) -> String {
    let (least, most) = (calls.iter().min(), calls.iter().max());
    match (least, most) {
        (Some(least), Some(most)) if least < most => format!("{least} .. {most}"),
        (Some(least), _) => least.to_string(),
        _ => String::new(),
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
