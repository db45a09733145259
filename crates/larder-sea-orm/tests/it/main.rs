//! What larder-sea-orm promises, seen from outside; each module is one kind of behaviour.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod allocations;
mod analysis;
mod analysis_entities;
mod analysis_plan;
mod analysis_raw;
mod autocommit;
mod batch;
mod blocks_raw;
mod by_hand;
mod bypass;
mod catalog;
mod catalog_code;
mod catalog_columns;
mod catalog_mysql;
mod catalog_oracle;
mod catalog_postgres;
mod catalog_servers;
mod catalog_values;
mod catalog_views;
mod catalog_warnings;
mod derive;
mod entities;
mod explain;
mod gate;
mod harness;
mod oracle;
mod postgres;
mod precision;
mod probe;
mod reads;
mod repository;
mod schema;
mod transactions;
