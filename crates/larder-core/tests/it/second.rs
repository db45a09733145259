//! A second pair of eyes: what several nodes promise, from the issue and the design alone.

mod gaps;
mod log;
mod oracle;
mod threads;
mod world;
