//! How fred's clients are made: the one place that knows fred's settings.

use std::time::Duration;

use fred::clients::Client;
use fred::types::RespVersion;
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, TcpConfig, UnresponsiveConfig,
};
use socket2::TcpKeepalive;

use crate::tuning::Tuning;

/// Makes clients for one connection, all alike. Holds the password: never shown.
#[derive(Clone)]
pub(crate) struct Recipe {
    config: Config,
    tuning: Tuning,
    lives: Lives,
    redirections: u32,
}

/// What a client does when its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lives {
    /// It connects again, for ever.
    On,
    /// It ends with it.
    Once,
}

impl Recipe {
    /// Clients that connect again by themselves, and follow a cluster's redirections.
    pub(crate) fn lasting(config: Config, tuning: Tuning) -> Self {
        Self {
            config,
            tuning,
            lives: Lives::On,
            redirections: 3,
        }
    }

    /// The same, but a redirection is an error: the commands of a pipeline stay together.
    pub(crate) fn without_redirections(mut self) -> Self {
        self.redirections = 0;
        self
    }

    /// Clients that connect once.
    pub(crate) fn once(config: Config, tuning: Tuning) -> Self {
        Self {
            lives: Lives::Once,
            ..Self::lasting(config, tuning).without_redirections()
        }
    }

    pub(crate) fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Returns what goes with every command.
    pub(crate) fn options(&self) -> Options {
        self.options_within(self.tuning.timeout)
    }

    /// The options of a call for which nobody waits.
    pub(crate) fn patient_options(&self) -> Options {
        self.options_within(self.tuning.patience)
    }

    fn options_within(&self, timeout: Duration) -> Options {
        Options {
            max_attempts: Some(1),
            max_redirections: Some(self.redirections),
            timeout: Some(timeout),
            // Nobody waits for a connection to stand.
            fail_fast: true,
            ..Options::default()
        }
    }

    /// Makes a client that is not connected yet.
    pub(crate) fn client(&self) -> Client {
        let lasting = self.lives == Lives::On;
        let mut config = self.config.clone();
        config.version = RespVersion::RESP3;
        // As a command's own: an attempt to connect fails only if there is no other one.
        config.fail_fast = !lasting;
        let policy = lasting.then(|| self.tuning.policy());
        Client::new(
            config,
            Some(self.performance()),
            Some(self.connection()),
            policy,
        )
    }

    fn performance(&self) -> PerformanceConfig {
        PerformanceConfig {
            default_command_timeout: self.tuning.timeout,
            broadcast_channel_capacity: 8192,
            ..PerformanceConfig::default()
        }
    }

    fn connection(&self) -> ConnectionConfig {
        ConnectionConfig {
            connection_timeout: self.tuning.connect,
            internal_command_timeout: self.tuning.connect,
            // Three would do a command over that may have been done.
            max_command_attempts: 1,
            max_redirections: self.redirections,
            // Any other bound leaves the client dead after it was reached.
            max_command_buffer_len: 0,
            unresponsive: self.unresponsive(),
            tcp: tcp(),
            ..ConnectionConfig::default()
        }
    }

    fn unresponsive(&self) -> UnresponsiveConfig {
        // A client that ends with its connection is dropped as a whole.
        let max_timeout = (self.lives == Lives::On).then_some(self.tuning.unresponsive);
        UnresponsiveConfig {
            max_timeout,
            interval: Duration::from_millis(25),
        }
    }
}

fn tcp() -> TcpConfig {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3));
    TcpConfig {
        nodelay: Some(true),
        keepalive: Some(keepalive),
        #[cfg(target_os = "linux")]
        user_timeout: Some(Duration::from_secs(1)),
        ..TcpConfig::default()
    }
}
