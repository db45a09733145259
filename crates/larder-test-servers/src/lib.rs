//! Private servers for the tests of this workspace: on free ports, in folders of their own, ended with the
//! process that started them, by process id.
//!
//! Where a server is not installed its starter gives nothing and says so, and the test is left out.

mod database;
mod redis;

use std::net::TcpListener;
use std::process::Command;

pub use database::Database;
pub use redis::Redis;

/// Returns a port that nobody listens on.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    free.expect("a port is free").port()
}

/// Sends a signal, such as `STOP`, to a process of ours.
///
/// # Panics
/// If there is no such process.
pub fn send_signal(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &process.to_string()])
        .status()
        .expect("there is a kill");
    assert!(sent.success(), "{signal} could not be sent");
}

/// Says that tests are left out, past the capture of a test's output: who reads the run must see it.
fn left_out(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "left out, {what} is not installed");
}
