//! Whole-system scenarios: a real application, served from the cache, checked against the truth.

mod client;
mod oracle;
