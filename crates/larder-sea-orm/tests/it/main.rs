//! The promises of `larder-sea-orm`, on `SQLite`.

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
mod postgres;
mod probe;
mod reads;
mod repository;
mod schema;
mod transactions;
