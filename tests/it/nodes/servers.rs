//! The servers of these tests: private ones on free ports, ended with this process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

/// How long a server may take to answer.
const DEADLINE: Duration = Duration::from_secs(20);

/// Starts `PostgreSQL` in a directory of its own and ends it when its standard input closes, as it does
/// with this process.
const SUPERVISOR: &str = r#"
for bin in /usr/lib/postgresql/*/bin; do PATH="$PATH:$bin"; done
command -v initdb >/dev/null || { echo "missing"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'exit 1' INT TERM
trap 'pg_ctl -D "$dir/data" -m immediate stop >/dev/null 2>&1; rm -rf "$dir"' EXIT
{ initdb -D "$dir/data" -U larder -A trust -E UTF8 --locale=C --no-sync &&
    pg_ctl -D "$dir/data" -w -l "$dir/server" start \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200"
} >"$dir/log" 2>&1 || { cat "$dir"/log "$dir"/server >&2; exit 1; }
echo ready
read -r _
"#;

/// A private `PostgreSQL`.
pub(crate) struct Postgres {
    port: u16,
    /// Its standard input is closed with this process, which ends the server.
    _supervisor: Child,
}

impl Postgres {
    /// Starts it; `None` if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let port = free_port();
        let script = format!("port={port}\n{SUPERVISOR}");
        let mut supervisor = unprivileged_shell()
            .args(["-c", &script])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(supervisor.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        match said.trim() {
            "ready" => Some(Self {
                port,
                _supervisor: supervisor,
            }),
            "missing" => {
                supervisor.wait().unwrap();
                None
            }
            _ => panic!("PostgreSQL did not start: {:?}", supervisor.wait()),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://larder@127.0.0.1:{}/postgres", self.port)
    }
}

/// A private Redis, which a test may hurt.
pub(crate) struct Redis {
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
    directory: TempDir,
}

impl Redis {
    /// Starts it with more settings (`--name`, `value`); `None` if it is not installed.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let mut redis = Self {
            port: free_port(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            process: None,
            directory: TempDir::new().unwrap(),
        };
        redis.restart().then_some(redis)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again on the same port; false if it is not installed.
    pub(crate) fn restart(&mut self) -> bool {
        self.kill();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(&self.settings)
            .current_dir(self.directory.path())
            .stdout(Stdio::null());
        match command.spawn() {
            Ok(process) => self.process = Some(process),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return false,
            Err(error) => panic!("redis-server did not start: {error}"),
        }
        self.wait_until_it_answers();
        true
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().unwrap();
        }
    }

    /// Halts or continues it: `STOP`, `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            send_signal(process.id(), signal);
        }
    }

    /// Sends it a command of words without blanks; returns the raw answer.
    pub(crate) fn ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn wait_until_it_answers(&self) {
        let begun = Instant::now();
        while !self
            .ask("PING")
            .is_ok_and(|answer| answer.starts_with("+PONG"))
        {
            assert!(begun.elapsed() < DEADLINE, "redis-server does not answer");
            std::thread::yield_now();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn send_signal(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success(), "{signal} could not be sent");
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A shell of a user `PostgreSQL` is willing to run as: any but root.
fn unprivileged_shell() -> Command {
    use std::os::unix::fs::MetadataExt;
    let root = Path::new("/proc/self")
        .metadata()
        .is_ok_and(|process| process.uid() == 0);
    if !root {
        return Command::new("sh");
    }
    let mut shell = Command::new("runuser");
    shell.args(["-u", "nobody", "--", "sh"]);
    shell
}
