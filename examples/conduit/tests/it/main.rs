//! The API over HTTP, on `SQLite`, or where `CONDUIT_TEST_DATABASE` says `postgres` or `mariadb`.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod accounts;
mod api;
mod articles;
mod cache;
mod comments;
mod databases;
mod favorites;
mod lists;
mod nodes;
mod process;
mod profiles;
mod requests;
mod start;
mod walk;
