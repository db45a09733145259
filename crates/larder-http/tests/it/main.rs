//! The layer's behaviour, module by module.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod allocations;
mod announced;
mod answers;
mod bodies;
mod client;
mod deception;
mod dependencies;
mod explain;
mod flights;
mod hostile;
mod hosts;
mod keeping;
mod load;
mod owners;
mod panics;
mod parts;
mod posts;
mod replay;
mod revalidation;
mod routers;
mod session;
mod shared;
mod site;
mod stale;
mod together;
mod users;
mod variants;
mod versions;
mod writes;
