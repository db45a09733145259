//! What larder-redis promises, against real servers; each module is one kind of behaviour.
//!
//! `redis-server` must be installed; `LARDER_TEST_REDIS=off` leaves these tests out.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![expect(clippy::print_stdout, reason = "figures are to be read")]

mod callers;
mod changes;
mod doctor;
mod failover;
mod faults;
mod figures;
mod node;
mod proxy;
mod second;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod values;
mod warnings;
mod wire;
mod world;
