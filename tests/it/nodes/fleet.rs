//! The nodes of a test, each a process, and what is said between them and the test.

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use larder_test_servers::{Database, Redis, send_signal};
use tempfile::TempDir;
use tokio::time::Instant;

use super::orders::{Cache, MARK, Orders, Report, Request, VARIABLE};
use super::proxy::{Proxy, Way};
use super::record::{self, Record};
use super::verdict::{Verdict, judge};

/// One node.
pub(crate) struct NodeProcess {
    orders: Orders,
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl NodeProcess {
    fn start(orders: Orders) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "nodes::node::process",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(VARIABLE, serde_json::to_string(&orders).unwrap())
            .env_remove("LARDER_ENABLED")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (
            process.stdin.take().unwrap(),
            BufReader::new(process.stdout.take().unwrap()),
        );
        let mut node = Self {
            orders,
            process,
            to,
            from,
        };
        node.hear();
        node
    }

    /// Asks it for something and waits until it was done.
    pub(crate) fn ask(&mut self, request: Request) -> Report {
        let line = serde_json::to_string(&request).unwrap();
        writeln!(self.to, "{line}").unwrap();
        self.hear()
    }

    /// Kills it as a power cut does, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        *self = Self::start(self.orders.clone());
    }

    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.process.id(), signal);
    }

    fn hear(&mut self) -> Report {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.from.read_line(&mut line).unwrap();
            assert!(length > 0, "node {} has ended", self.orders.index);
            if let Some(report) = line.find(MARK) {
                return serde_json::from_str(&line[report + MARK.len()..]).unwrap();
            }
        }
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Several nodes over one database and one Redis.
pub(crate) struct Fleet {
    pub(crate) nodes: Vec<NodeProcess>,
    /// Before each node's Redis.
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) redis: Redis,
    directory: TempDir,
    _postgres: Database,
}

/// How a fleet is made up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: u32,
    pub(crate) registers: u32,
    pub(crate) cache: Cache,
    pub(crate) seed: u64,
    pub(crate) redis: &'static [&'static str],
}

impl Fleet {
    /// Starts all; `None` if a server is not installed.
    pub(crate) async fn start(plan: Plan) -> Option<Self> {
        let (postgres, redis) = (Database::start_postgres()?, Redis::start(plan.redis)?);
        let database = postgres.url("larder", postgres.admin());
        let pool = sea_orm::Database::connect(&database).await.unwrap();
        super::register::create(&pool, plan.registers)
            .await
            .unwrap();
        pool.close().await.unwrap();
        let directory = TempDir::new().unwrap();
        let (mut nodes, mut proxies) = (Vec::new(), Vec::new());
        for index in 0..plan.nodes {
            let proxy = Proxy::to(redis.port()).await;
            nodes.push(NodeProcess::start(Orders {
                index,
                nodes: plan.nodes,
                registers: plan.registers,
                database: database.clone(),
                redis: format!("redis://127.0.0.1:{}", proxy.port()),
                journal: journal(&directory, index),
                cache: plan.cache,
                seed: plan.seed + u64::from(index),
            }));
            proxies.push(proxy);
        }
        let mut fleet = Self {
            nodes,
            proxies,
            redis,
            directory,
            _postgres: postgres,
        };
        fleet.settle();
        Some(fleet)
    }

    /// Waits until every node hears the bus and has its store; returns how long that took.
    pub(crate) fn settle(&mut self) -> Duration {
        let begun = Instant::now();
        while !self.is_well() {
            let waited = begun.elapsed();
            assert!(waited < Duration::from_secs(30), "{:#?}", self.report());
            std::thread::yield_now();
        }
        begun.elapsed()
    }

    fn is_well(&mut self) -> bool {
        self.report()
            .iter()
            .all(|report| report.up && !report.recovering && report.silent < 400)
    }

    pub(crate) fn load(&mut self, reads: u32, writes: u32) {
        self.ask_all(Request::Load { reads, writes });
    }

    pub(crate) fn report(&mut self) -> Vec<Report> {
        self.ask_all(Request::Report)
    }

    /// Waits until all nodes together have read so much.
    pub(crate) fn wait_for_reads(&mut self, reads: u64) {
        let begun = Instant::now();
        while self.report().iter().map(|report| report.reads).sum::<u64>() < reads {
            let waited = begun.elapsed();
            assert!(waited < Duration::from_mins(20), "{:#?}", self.report());
            std::thread::yield_now();
        }
    }

    /// Lets the load go on for a while.
    pub(crate) async fn go_on(&mut self, seconds: f64) {
        tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_secs_f64(seconds))
            .await;
    }

    /// Has some nodes' connections made anew, to another Redis.
    pub(crate) async fn lead_to(&mut self, nodes: Range<usize>, redis: u16) {
        for proxy in &self.proxies[nodes.clone()] {
            proxy.lead_to(redis);
            proxy.set(Way::Cut);
        }
        self.go_on(0.1).await;
        for proxy in &self.proxies[nodes] {
            proxy.set(Way::Open);
        }
    }

    /// Ends the load and judges all that was written down.
    pub(crate) fn judge(&mut self) -> (Verdict, Vec<Report>) {
        let reports = self.ask_all(Request::Halt);
        let journals: Vec<Vec<Record>> = (0..self.nodes.len())
            .map(|index| {
                record::read(&journal(&self.directory, index.try_into().unwrap())).unwrap()
            })
            .collect();
        (judge(&journals), reports)
    }

    fn ask_all(&mut self, request: Request) -> Vec<Report> {
        self.nodes
            .iter_mut()
            .map(|node| node.ask(request))
            .collect()
    }
}

fn journal(directory: &TempDir, index: u32) -> PathBuf {
    directory.path().join(format!("node-{index}"))
}
