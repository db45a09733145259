//! Whole-system scenarios: a real application, served from the cache, checked against the truth.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![expect(clippy::print_stdout, reason = "seeds and figures are to be read")]

mod client;
mod nodes;
mod oracle;
mod tiers;
