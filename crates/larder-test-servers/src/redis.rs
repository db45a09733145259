//! Redis.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{free_port, left_out, send_signal};

/// How long it may take to answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// The pause between two questions whether it does.
const PAUSE: Duration = Duration::from_millis(5);

/// A private Redis, which a test may hurt.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
    directory: TempDir,
}

impl Redis {
    /// Starts it with more settings (`--name`, `value`); `None` if it is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let mut redis = Self {
            port: free_port(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            process: None,
            directory: TempDir::new().expect("there is a place for temporary files"),
        };
        redis.restart().then_some(redis)
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again, empty, on the same port; false if it is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn restart(&mut self) -> bool {
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
            Err(error) if error.kind() == ErrorKind::NotFound => {
                left_out("redis-server");
                return false;
            }
            Err(error) => panic!("redis-server did not start: {error}"),
        }
        self.wait_until_it_answers();
        true
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Halts or continues it: `STOP`, `CONT`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            send_signal(process.id(), signal);
        }
    }

    /// Sends it a command of words without blanks; returns the raw answer, its first 4 KiB.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn wait_until_it_answers(&self) {
        let mut waited = Duration::ZERO;
        while !self
            .ask("PING")
            .is_ok_and(|answer| answer.starts_with("+PONG"))
        {
            assert!(waited < DEADLINE, "redis-server does not answer");
            std::thread::sleep(PAUSE);
            waited += PAUSE;
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
