//! A server under load, on real sockets: who waits for whom, and that no byte is held back.
//!
//! How long it takes is `scripts/bench-load`'s to say; here only the order of things counts.

pub(crate) mod server;

mod bodies;
mod crowds;
