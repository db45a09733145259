//! Asks a server that is a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

/// How long a client waits that reads late.
const LATE: Duration = Duration::from_secs(2);

/// A server's process, and a client of it. Dropped, it ends.
pub(crate) struct Process {
    child: Child,
    address: String,
    client: Client<HttpConnector, Body>,
}

/// How long an answer took.
pub(crate) struct Took {
    pub(crate) first: Duration,
    pub(crate) all: Duration,
    pub(crate) is_hit: bool,
}

impl Process {
    /// Starts this very program as a server, and waits until it listens.
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .args(["serve", "load"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let output = child.stdout.take().expect("its output is a pipe");
        let mut address = String::new();
        BufReader::new(output)
            .read_line(&mut address)
            .expect("it says where it listens");
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            child,
            address: address.trim().to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// Sends a request, and reads its answer to the end.
    pub(crate) async fn take(&self, path: &str) -> Took {
        take(&self.client, &self.address, path).await
    }

    /// Lets so many ask for a path at once; returns when the last has its answer.
    pub(crate) async fn crowd(&self, path: &str, size: usize) -> Duration {
        let began = now();
        let mut asking = JoinSet::new();
        for _ in 0..size {
            let (client, address, path) =
                (self.client.clone(), self.address.clone(), path.to_owned());
            asking.spawn(async move { take(&client, &address, &path).await });
        }
        asking.join_all().await;
        began.elapsed()
    }

    /// How often its handler was called.
    pub(crate) async fn calls(&self) -> usize {
        let uri = format!("http://{}/calls", self.address);
        let uri = uri.parse().expect("it is a URI");
        let answer = self.client.get(uri).await.expect("it answers");
        let text = answer.into_body().collect().await.expect("it ends");
        let text = String::from_utf8(text.to_bytes().into()).expect("it is text");
        text.parse().expect("it is a number")
    }

    /// The most memory it has had in use so far, in bytes: `VmHWM` (proc(5)).
    pub(crate) fn peak_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("this runs on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let text = line.expect("it is told").trim().trim_end_matches(" kB");
        text.parse::<f64>().expect("it is a number") * 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which the next request tells.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the median.
pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn take(client: &Client<HttpConnector, Body>, address: &str, path: &str) -> Took {
    let uri = format!("http://{address}{path}");
    let uri = uri.parse().expect("it is a URI");
    let began = now();
    let mut answer = client.get(uri).await.expect("it answers");
    if path == "/slow-reader" {
        tokio::time::sleep(LATE).await;
    }
    let status = answer.headers().get("cache-status");
    let is_hit = status.is_some_and(|status| status.as_bytes().starts_with(b"larder; hit"));
    let mut first = None;
    while let Some(frame) = answer.body_mut().frame().await {
        frame.expect("its body does not break");
        first.get_or_insert_with(|| began.elapsed());
    }
    Took {
        first: first.expect("its body is not empty"),
        all: began.elapsed(),
        is_hit,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time a client waits is what is measured"
)]
fn now() -> Instant {
    Instant::now()
}
