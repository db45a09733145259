//! What others do to the server of a running service, or the server by itself, and what is promised all the same.

mod meddling;
mod refusing;
mod scripted;
mod stored;
mod storm;
