//! What larder-core promises, seen from outside; each module is one kind of behaviour.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![expect(clippy::print_stdout, reason = "seeds and figures are to be read")]

mod allocations;
#[expect(dead_code, reason = "the tests within the crate call the others")]
mod allocator;
mod bad_input;
mod batch;
mod changes;
mod close;
mod explain;
mod faulty_bus;
mod filters;
mod flights;
mod freshness;
mod gate;
mod keys;
mod matching;
mod memory;
mod nesting;
mod nesting_through_flights;
mod observers;
mod oracle;
mod precision;
mod region;
mod remote;
mod scene;
mod second;
mod session;
mod shapes;
mod spawned_tasks;
mod statistics;
mod switches;
mod tracing_events;
