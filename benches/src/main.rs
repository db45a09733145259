//! What a hit costs in Larder, in its peers, and at the least.
//!
//! `scripts/bench [layer|entity|analysis|load|all] [rounds] [name]` builds and runs it, and prints the tables of
//! `docs/measurements.md`. `serve bare|layer` is a server that `scripts/bench-proxy` loads, `serve load` one that `load`
//! asks; `load` is not among `all`: it takes its time from the wall clock.
#![expect(clippy::print_stdout, reason = "the tables are the product")]

mod analysis;
mod entity;
mod layer;
mod load;
mod rounds;
mod serve;
mod stopwatch;
mod table;
mod zipf;

use std::rc::Rc;

use tokio::runtime::{Builder, Runtime};

use crate::rounds::{Lane, Plan};
use crate::table::Table;

const ROUNDS: usize = 200;
/// A round of load takes seconds.
const LOADS: usize = 15;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let subject = arguments.next().unwrap_or_else(|| "all".to_owned());
    if subject == "serve" {
        return serve::serve(&arguments.next().unwrap_or_default());
    }
    let rounds = arguments.next().map(|text| text.parse());
    let plan = Plan {
        rounds: rounds
            .unwrap_or(Ok(ROUNDS))
            .expect("the rounds are a number"),
        only: arguments.next().unwrap_or_default(),
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = Rc::new(runtime.expect("a runtime can be made"));
    match subject.as_str() {
        "layer" => layers(&runtime, &plan),
        "entity" => entities(&runtime, &plan),
        "analysis" => analyses(&runtime, &plan),
        "load" => load::measure(&runtime, plan.rounds.min(LOADS)),
        "all" => {
            layers(&runtime, &plan);
            entities(&runtime, &plan);
            analyses(&runtime, &plan);
        }
        other => panic!("{other}: there are `layer`, `entity`, `analysis`, `load` and `all`"),
    }
}

fn layers(runtime: &Rc<Runtime>, plan: &Plan) {
    for (size, subject) in [
        (1024, "layer hit, body of 1 KiB"),
        (64 * 1024, "layer hit, body of 64 KiB"),
    ] {
        let lanes = layer::measure(runtime, size, plan);
        print(subject, &lanes, &[layer::CLONE, layer::HANDLER]);
    }
}

fn entities(runtime: &Rc<Runtime>, plan: &Plan) {
    let lanes = entity::measure(runtime, plan);
    let subject = "entity hit, Zipf(0.99) over 100 k keys";
    print(subject, &lanes, &[entity::MOKA]);
}

fn analyses(runtime: &Rc<Runtime>, plan: &Plan) {
    for (subject, lanes) in analysis::measure(runtime, plan) {
        print(subject, &lanes, &[analysis::BUILD]);
    }
}

fn print(subject: &str, lanes: &[Lane], baselines: &[&str]) {
    let table = Table {
        subject,
        lanes,
        baselines,
    };
    println!("{table}");
}
