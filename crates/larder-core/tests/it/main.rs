//! What larder-core promises, seen from outside; each module is one kind of behaviour.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![expect(clippy::print_stdout, reason = "seeds and figures are to be read")]

mod allocations;
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
mod scene;
mod shapes;
mod spawned_tasks;
mod statistics;
mod switches;
mod tracing_events;
