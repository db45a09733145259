//! Conduit: the back end of `RealWorld`, a site for reading and writing articles.
//!
//! An ordinary axum application on `SeaORM`, answered from Larder where nothing has changed. A
//! request passes `routes` from the outside in: who asks (`auth`), the responses that are kept, the
//! handler, the statements of the handler and of `present`. The cache is named in the models (`entity`),
//! at the connection (`app`), over the routes that read (`cache`) and where rows are read by key.

mod app;
mod auth;
mod cache;
mod config;
mod database;
pub mod entity;
mod error;
mod extract;
mod migration;
mod password;
mod present;
mod routes;
mod server;
mod slug;
mod token;
mod validate;

pub use app::App;
pub use config::{Config, ConfigError, USAGE};
pub use database::Db;
pub use error::Error;
pub use server::{Server, asked_to_stop, serve, serve_over};
