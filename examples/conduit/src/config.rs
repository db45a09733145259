//! What `conduit` can be told, by arguments or by environment variables of the same names.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::ValueExt;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: conduit [OPTIONS]

Serves the RealWorld API under /api and the statistics of its cache at /stats.

Options, each with the environment variable that says the same:
  --listen ADDRESS      LISTEN       address and port; port 0 takes a free one [127.0.0.1:3000]
  --database URL        DATABASE     sqlite://FILE, postgres://... or mysql://... [a SQLite file]
  --directory DIR       DIRECTORY    where that SQLite file is kept [a fresh temporary directory]
  --redis URL           REDIS        redis://..., shared by several nodes on one database [none: one node]
  --secret TEXT         SECRET       signs the tokens; the same on every node [random at each start]
  --hash-memory KIB     HASH_MEMORY  argon2 memory of one password in KiB [19456]
  --hash-passes COUNT   HASH_PASSES  argon2 passes over it [2]
  --log LEVEL           LOG          off, error, warn, info, debug or trace, to stderr [info]
  --help

The cache is switched by LARDER_ENABLED, LARDER_DISABLE and LARDER_PERCENT; its regions are http
and the tables.
";

/// Settings of one server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address and port; port 0 takes a free one. Default: `127.0.0.1:3000`.
    pub listen: String,
    /// URL of the database. Default: none, which is a `SQLite` file.
    pub database: Option<String>,
    /// Where that `SQLite` file is kept. Default: none, which is a fresh temporary directory.
    pub directory: Option<PathBuf>,
    /// URL of the Redis that nodes share: what they keep, and what they hear of each other's writes.
    /// Default: none, which is one node.
    pub redis: Option<String>,
    /// Signs the tokens. Default: none, which is random at each start.
    pub secret: Option<String>,
    /// argon2 memory of one password in KiB. Default: 19456.
    pub hash_memory: u32,
    /// argon2 passes over it. Default: 2.
    pub hash_passes: u32,
    /// What the cache reads its switches from (`LARDER_ENABLED`, ...). Default: none, which is the
    /// environment.
    pub switches: Option<Vec<(String, String)>>,
    /// What is logged. Default: `info`.
    pub log: tracing::level_filters::LevelFilter,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:3000".to_owned(),
            database: None,
            directory: None,
            redis: None,
            secret: None,
            hash_memory: argon2::Params::DEFAULT_M_COST,
            hash_passes: argon2::Params::DEFAULT_T_COST,
            switches: None,
            log: tracing::level_filters::LevelFilter::INFO,
        }
    }
}

impl Config {
    /// Reads arguments (without the program's name) over environment over defaults.
    ///
    /// `None` when `--help` is asked for.
    ///
    /// # Errors
    /// Names the option or variable that is unknown or cannot be read.
    pub fn read<A>(
        arguments: A,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, ConfigError>
    where
        A: IntoIterator,
        A::Item: Into<OsString>,
    {
        let mut config = Self::default();
        for name in [
            "listen",
            "database",
            "directory",
            "redis",
            "secret",
            "hash-memory",
            "hash-passes",
            "log",
        ] {
            let spelled = name.to_uppercase().replace('-', "_");
            if let Some(value) = variable(&spelled) {
                config.set(name, value).map_err(|source| ConfigError {
                    setting: spelled,
                    source,
                })?;
            }
        }
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(ConfigError::arguments)? {
            match argument {
                lexopt::Arg::Short('h') | lexopt::Arg::Long("help") => return Ok(None),
                lexopt::Arg::Long(name) => {
                    let name = name.to_owned();
                    let value = parser.value().map_err(ConfigError::arguments)?;
                    config.set(&name, value).map_err(|source| ConfigError {
                        setting: format!("--{name}"),
                        source,
                    })?;
                }
                other => return Err(ConfigError::arguments(other.unexpected())),
            }
        }
        Ok(Some(config))
    }

    fn set(&mut self, name: &str, value: OsString) -> Result<(), lexopt::Error> {
        match name {
            "listen" => self.listen = value.string()?,
            "database" => self.database = Some(value.string()?),
            "directory" => self.directory = Some(value.into()),
            "redis" => self.redis = Some(value.string()?),
            "secret" => self.secret = Some(value.string()?),
            "hash-memory" => self.hash_memory = value.parse()?,
            "hash-passes" => self.hash_passes = value.parse()?,
            "log" => self.log = value.parse()?,
            _ => return Err("there is no such option".into()),
        }
        Ok(())
    }
}

/// A setting that is unknown or cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {setting}")]
pub struct ConfigError {
    setting: String,
    source: lexopt::Error,
}

impl ConfigError {
    fn arguments(source: lexopt::Error) -> Self {
        Self {
            setting: "the arguments".to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Option<Config>, ConfigError> {
        Config::read(arguments.iter().copied(), |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn an_argument_wins_over_the_environment_and_that_over_the_default() {
        let variables = [("LISTEN", "127.0.0.1:1"), ("HASH_PASSES", "3")];
        let config = read(&["--listen", "127.0.0.1:2"], &variables)
            .unwrap()
            .unwrap();
        assert_eq!(config.listen, "127.0.0.1:2");
        assert_eq!(config.hash_passes, 3);
        assert_eq!(config.hash_memory, 19_456);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let named = |arguments: &[&str], variables: &[(&str, &str)]| {
            read(arguments, variables).unwrap_err().to_string()
        };
        assert_eq!(
            named(&["--hash-passes", "many"], &[]),
            "cannot read --hash-passes"
        );
        assert_eq!(named(&["--lisen", "x"], &[]), "cannot read --lisen");
        assert_eq!(
            named(&[], &[("HASH_MEMORY", "-1")]),
            "cannot read HASH_MEMORY"
        );
    }

    #[test]
    fn help_is_asked_for_not_read() {
        assert!(read(&["--help"], &[]).unwrap().is_none());
    }
}
