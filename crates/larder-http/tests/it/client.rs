//! The layer around outbound HTTP clients, each against a real server: hyper-util's and reqwest's.

pub(crate) mod callers;
mod failures;
mod freshness;
mod methods;
mod revalidation;
mod sharing;
mod tls;
