//! How a connection is configured.

use std::fmt;
use std::time::Duration;

use fred::types::config::Config;

use crate::address::Address;
use crate::error::ConfigError;
use crate::redis::Redis;
use crate::tuning::drained_within;

/// Configures a [`Redis`].
#[derive(Clone)]
#[must_use = "nothing is connected before `build`"]
pub struct Builder {
    url: String,
    username: Option<String>,
    password: Option<String>,
    prefix: String,
    remote_timeout: Duration,
    in_flight: usize,
    largest_value: usize,
    log_length: u64,
    recovery_window: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: crate::tls::Tls,
}

/// What was configured and found right. Holds the password: never shown.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) prefix: String,
    pub(crate) remote_timeout: Duration,
    pub(crate) in_flight: usize,
    pub(crate) largest_value: usize,
    pub(crate) log_length: u64,
    pub(crate) recovery_window: Duration,
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            username: None,
            password: None,
            prefix: "larder".to_owned(),
            remote_timeout: Duration::from_millis(25),
            in_flight: 1024,
            largest_value: 1024 * 1024,
            log_length: 65_536,
            recovery_window: None,
            #[cfg(feature = "tls")]
            tls: crate::tls::Tls::default(),
        }
    }

    /// Signs in as this user. Default: the URL's, else `default`.
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self
    }

    /// Signs in with this password. Default: the URL's, else none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Begins every key with this and `:`. Services that share it share the log of changes, so
    /// they should be those of one database; no others may have it. Default: `larder`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Lets no caller wait longer than this for Redis, from 1 ms to 5 s. Default: 25 ms.
    pub fn remote_timeout(mut self, timeout: Duration) -> Self {
        self.remote_timeout = timeout;
        self
    }

    /// Lets this many calls wait for Redis at once; more are not sent. Default: 1,024.
    pub fn in_flight(mut self, calls: usize) -> Self {
        self.in_flight = calls;
        self
    }

    /// Sends and takes no values of more bytes than this. Default: 1 MiB.
    pub fn largest_value(mut self, bytes: usize) -> Self {
        self.largest_value = bytes;
        self
    }

    /// Keeps about this many changes on the log. A node that is further behind, or starts after
    /// more changes than these, takes all it had for invalid. At least 1,000. Default: 65,536.
    pub fn log_length(mut self, changes: u64) -> Self {
        self.log_length = changes;
        self
    }

    /// Does not trust the log for this long after a silence: other nodes publish meanwhile what
    /// they could not. Default: 1.3 s, or more where the remote timeout is long.
    pub fn recovery_window(mut self, window: Duration) -> Self {
        self.recovery_window = Some(window);
        self
    }

    /// Trusts these certificates, in PEM, instead of the system's.
    #[cfg(feature = "tls")]
    pub fn tls_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(pem.into());
        self
    }

    /// Shows this certificate to the server, both in PEM.
    #[cfg(feature = "tls")]
    pub fn tls_identity(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Checks the settings and begins to connect in the background.
    ///
    /// # Errors
    /// Names the setting that cannot be, and what would be right. That Redis is not there is no
    /// error: see [`Redis::connect`].
    pub fn build(self) -> Result<Redis, ConfigError> {
        let settings = self.settings()?;
        Redis::start(settings)
    }

    pub(crate) fn settings(self) -> Result<Settings, ConfigError> {
        let address = Address::parse(&self.url)?;
        self.check()?;
        Ok(Settings {
            config: self.config(address)?,
            recovery_window: self.window()?,
            prefix: self.prefix,
            remote_timeout: self.remote_timeout,
            in_flight: self.in_flight,
            largest_value: self.largest_value,
            log_length: self.log_length,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if self.prefix.is_empty() || !self.prefix.chars().all(plain) {
            let trouble = "must be one or more letters, digits, `-`, `_`, `.` or `:`";
            return Err(ConfigError::setting("prefix", trouble));
        }
        let timeout = self.remote_timeout;
        if !(Duration::from_millis(1)..=Duration::from_secs(5)).contains(&timeout) {
            return Err(ConfigError::setting(
                "remote_timeout",
                format!("is {timeout:?}: it must be from 1 ms to 5 s"),
            ));
        }
        if !(1..=1 << 20).contains(&self.in_flight) {
            return Err(ConfigError::setting("in_flight", "must be from 1 to 2^20"));
        }
        if !(1..=512 * 1024 * 1024).contains(&self.largest_value) {
            let trouble = "must be from 1 byte to 512 MiB, which is Redis's own bound";
            return Err(ConfigError::setting("largest_value", trouble));
        }
        if self.log_length < 1_000 {
            let trouble = "must be at least 1,000: nodes that lag would miss changes all the time";
            return Err(ConfigError::setting("log_length", trouble));
        }
        Ok(())
    }

    fn window(&self) -> Result<Duration, ConfigError> {
        let drained = drained_within(self.remote_timeout);
        let Some(window) = self.recovery_window else {
            return Ok(Duration::from_millis(1300).max(drained * 3 / 2));
        };
        if window <= drained {
            return Err(ConfigError::setting(
                "recovery_window",
                format!(
                    "is {window:?}: other nodes need up to {drained:?} to publish what they queued"
                ),
            ));
        }
        Ok(window)
    }

    fn config(&self, address: Address) -> Result<Config, ConfigError> {
        let password = self.password.clone().or(address.password);
        let username = self.username.clone().or(address.username);
        if username.is_some() && password.is_none() {
            let trouble = "is given and `password` is not: a user signs in with both";
            return Err(ConfigError::setting("username", trouble));
        }
        Ok(Config {
            #[cfg(feature = "tls")]
            tls: self.tls.config(address.tls)?,
            username,
            password,
            database: address.database,
            server: without_tls(address.server, address.tls)?,
            ..Config::default()
        })
    }
}

/// Hands the server on, if this build can speak to it.
fn without_tls(
    server: fred::types::config::ServerConfig,
    tls: bool,
) -> Result<fred::types::config::ServerConfig, ConfigError> {
    if tls && cfg!(not(feature = "tls")) {
        let trouble = "asks for TLS, which is not built in: enable the feature `tls` of \
            larder-redis (`redis-tls` of larder)";
        return Err(ConfigError::setting("url", trouble));
    }
    Ok(server)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the URL nor the password: both may end up in a log.
        f.debug_struct("Builder")
            .field("prefix", &self.prefix)
            .field("remote_timeout", &self.remote_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Builder {
        Builder::new("redis://h".to_owned())
    }

    fn trouble(builder: Builder) -> String {
        let error = builder.settings().map(|_| ()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn what_cannot_be_is_named_with_what_would_be_right() {
        assert!(trouble(here().prefix("a{b}")).starts_with("`prefix` must be"));
        assert!(trouble(here().prefix("")).starts_with("`prefix` must be"));
        assert!(trouble(here().remote_timeout(Duration::ZERO)).contains("from 1 ms to 5 s"));
        assert!(
            trouble(here().remote_timeout(Duration::from_mins(1))).contains("`remote_timeout`")
        );
        assert!(trouble(here().in_flight(0)).contains("`in_flight`"));
        assert!(trouble(here().largest_value(0)).contains("`largest_value`"));
        assert!(trouble(here().log_length(10)).contains("at least 1,000"));
        assert!(trouble(here().username("me")).contains("`password` is not"));
        #[cfg(not(feature = "tls"))]
        assert!(trouble(Builder::new("rediss://h".to_owned())).contains("`redis-tls`"));
    }

    #[test]
    fn a_window_shorter_than_others_need_to_publish_is_refused() {
        let short = here().recovery_window(drained_within(Duration::from_millis(25)));
        assert!(trouble(short).contains("publish what they queued"));
        for millis in [1, 25, 100, 1000, 5000] {
            let timeout = Duration::from_millis(millis);
            let settings = here().remote_timeout(timeout).settings();
            let window = settings.map(|settings| settings.recovery_window).unwrap();
            assert!(window >= drained_within(timeout) * 3 / 2, "{timeout:?}");
        }
    }

    #[test]
    fn setters_come_before_the_url() {
        let builder = Builder::new("redis://me:old@h".to_owned()).password("new");
        let settings = builder.settings().map(|settings| settings.config).unwrap();
        assert_eq!(settings.username.as_deref(), Some("me"));
        assert_eq!(settings.password.as_deref(), Some("new"));
    }

    #[test]
    fn nothing_that_is_shown_holds_the_password() {
        let builder = Builder::new("redis://me:secret@h".to_owned()).password("secret");
        assert!(!format!("{builder:?}").contains("secret"));
    }
}
