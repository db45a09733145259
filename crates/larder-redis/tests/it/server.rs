//! Real servers on free ports, ended by their process's id.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use larder_core::{Clock as _, SystemClock};

use crate::wire::{Reply, Wire};

/// A `redis-server` of the test's own.
#[derive(Debug)]
pub(crate) struct Server {
    process: Option<Child>,
    address: SocketAddr,
    url: String,
    arguments: Vec<String>,
    folder: Folder,
}

impl Server {
    /// Starts a server that keeps nothing on disk. `None` where such tests are left out.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        let usual = ["--bind", "127.0.0.1", "--save", ""];
        Self::launch(|port, _| {
            let parts = ["--port", port].into_iter().chain(usual);
            parts
                .chain(arguments.iter().copied())
                .map(str::to_owned)
                .collect()
        })
    }

    /// Starts a Sentinel that watches a master called `main`.
    pub(crate) fn sentinel(master: SocketAddr) -> Option<Self> {
        Self::launch(|port, folder| {
            let file = folder.join("sentinel.conf");
            let text = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor main {} {} 1\n\
                 sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n",
                master.ip(),
                master.port()
            );
            fs::write(&file, text).unwrap();
            vec![file.display().to_string(), "--sentinel".to_owned()]
        })
    }

    /// Starts a server that speaks TLS only.
    #[cfg(feature = "tls")]
    pub(crate) fn start_tls(certificate: &str, key: &str) -> Option<Self> {
        let mut server = Self::launch(|port, folder| {
            let file = |name: &str, text: &str| {
                let path = folder.join(name);
                fs::write(&path, text).unwrap();
                path.display().to_string()
            };
            let (certificate, key) = (file("server.pem", certificate), file("server.key", key));
            let parts = [
                "--port",
                "0",
                "--tls-port",
                port,
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &certificate,
                "--tls-auth-clients",
                "optional",
                "--bind",
                "127.0.0.1",
                "--save",
                "",
            ];
            parts.map(str::to_owned).to_vec()
        })?;
        server.url = format!("rediss://{}", server.address);
        Some(server)
    }

    fn launch(arguments: impl FnOnce(&str, &Path) -> Vec<String>) -> Option<Self> {
        if left_out() {
            return None;
        }
        let (address, folder) = (free_address(), Folder::new());
        let mut server = Self {
            process: None,
            address,
            url: format!("redis://{address}"),
            arguments: arguments(&address.port().to_string(), folder.path()),
            folder,
        };
        server.restart();
        Some(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Starts the server that was killed again, on the same port.
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let process = Command::new("redis-server")
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.unwrap_or_else(|error| {
            panic!(
                "redis-server cannot be started ({error}): install it (package redis-server), or \
                 set LARDER_TEST_REDIS=off to leave these tests out"
            )
        });
        self.process = Some(process);
        let clock = SystemClock::new();
        let deadline = clock.now().after(Duration::from_secs(20));
        while Wire::open(self.address).is_err() {
            let process = self.process.as_mut().unwrap();
            assert_eq!(process.try_wait().unwrap(), None, "redis-server ended");
            assert!(clock.now() < deadline, "redis-server does not listen");
            std::thread::yield_now();
        }
    }

    /// Asks the server over a connection of the test's own.
    pub(crate) fn ask(&self, parts: &[&str]) -> Reply {
        Wire::open(self.address).unwrap().ask(parts).unwrap()
    }

    /// Waits until a section of INFO has a line.
    pub(crate) fn until_it_says(&self, section: &str, words: &str) {
        let clock = SystemClock::new();
        let deadline = clock.now().after(Duration::from_secs(20));
        while !self.ask(&["INFO", section]).text().contains(words) {
            assert!(clock.now() < deadline, "never {words}");
            std::thread::yield_now();
        }
    }

    /// Where snapshots would be, is a folder that cannot be replaced.
    pub(crate) fn spoil_snapshots(&self) {
        fs::create_dir_all(self.folder.path().join("dump.rdb").join("full")).unwrap();
    }

    /// Ends [`spoil_snapshots`](Self::spoil_snapshots).
    pub(crate) fn allow_snapshots(&self) {
        fs::remove_dir_all(self.folder.path().join("dump.rdb")).unwrap();
    }

    /// Asks as the user `admin`, for a server whose default user is off.
    pub(crate) fn admin(&self, parts: &[&str]) -> Reply {
        let mut wire = Wire::open(self.address).unwrap();
        wire.ask(&["AUTH", "admin", "admin"]).unwrap();
        wire.ask(parts).unwrap()
    }

    /// Ends it without a goodbye.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Lets it hang: connections stand, nothing is answered.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let status = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Tells whether tests that need a server are left out, by the user's wish.
pub(crate) fn left_out() -> bool {
    std::env::var("LARDER_TEST_REDIS").is_ok_and(|value| value == "off")
}

/// Returns an address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A folder that goes away with the test.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("larder-redis-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until something holds, for twenty seconds at most.
pub(crate) async fn eventually(what: &str, holds: impl FnMut() -> bool) {
    within(Duration::from_secs(20), what, holds).await;
}

/// Waits until something holds, and returns how long that took.
pub(crate) async fn within(
    longest: Duration,
    what: &str,
    mut holds: impl FnMut() -> bool,
) -> Duration {
    let clock = SystemClock::new();
    let began = clock.now();
    while !holds() {
        let waited = clock.now().since(began);
        assert!(waited < longest, "{what}: not within {longest:?}");
        clock.sleep(Duration::from_millis(1)).await;
    }
    clock.now().since(began)
}
