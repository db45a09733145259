//! What larder-sea-orm promises, seen from outside; each module is one kind of behaviour.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod allocations;
mod analysis;
mod analysis_entities;
mod analysis_raw;
mod autocommit;
mod batch;
mod by_hand;
mod derive;
mod entities;
mod gate;
mod harness;
mod oracle;
mod postgres;
mod probe;
mod reads;
mod repository;
mod schema;
mod transactions;
