//! Conduit: the back end of `RealWorld`, a site for reading and writing articles.
//!
//! An ordinary axum application on `SeaORM`. A request passes `routes` from the outside in: who
//! asks (`auth`), the handler, the statements of the handler and of `present`.

mod app;
mod auth;
mod config;
mod database;
pub mod entity;
mod error;
mod extract;
mod migration;
mod password;
mod present;
mod repository;
mod routes;
mod server;
mod slug;
mod token;
mod validate;

pub use app::App;
pub use config::{Config, ConfigError, USAGE};
pub use database::Db;
pub use error::Error;
pub use server::{Server, asked_to_stop, serve};
