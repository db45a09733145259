//! Where Redis is, as a URL says it.

use fred::types::config::{ClusterDiscoveryPolicy, Server, ServerConfig};
use url::Url;

use crate::error::ConfigError;

const SCHEMES: &str = "`redis://`, `redis-cluster://` or `redis-sentinel://`, by TLS `rediss://`, \
    `rediss-cluster://` or `rediss-sentinel://`";

/// What a URL says.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) server: ServerConfig,
    pub(crate) tls: bool,
    pub(crate) database: Option<u8>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

/// How the servers are put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    One,
    Cluster,
    Sentinel,
}

impl Address {
    /// Reads a URL. No error shows it: it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(url).map_err(|error| wrong(format!("is no URL ({error})")))?;
        let (layout, tls) = scheme(url.scheme())?;
        let hosts = hosts(&url, layout)?;
        let (username, password) = credentials(&url)?;
        Ok(Self {
            server: server(&url, layout, hosts)?,
            tls,
            database: database(&url, layout)?,
            username,
            password,
        })
    }
}

fn wrong(trouble: impl Into<String>) -> ConfigError {
    ConfigError::setting("url", trouble)
}

fn scheme(scheme: &str) -> Result<(Layout, bool), ConfigError> {
    let (engine, layout) = match scheme.split_once('-') {
        None => (scheme, Layout::One),
        Some((engine, "cluster")) => (engine, Layout::Cluster),
        Some((engine, "sentinel")) => (engine, Layout::Sentinel),
        Some(_) => return Err(wrong(format!("begins with none of {SCHEMES}"))),
    };
    match engine {
        "redis" | "valkey" => Ok((layout, false)),
        "rediss" | "valkeys" => Ok((layout, true)),
        _ => Err(wrong(format!("begins with none of {SCHEMES}"))),
    }
}

/// Returns the host of the URL and those of its `node=` parameters.
fn hosts(url: &Url, layout: Layout) -> Result<Vec<Server>, ConfigError> {
    let default_port = if layout == Layout::Sentinel {
        26379
    } else {
        6379
    };
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| wrong("names no host: `redis://host:6379`"))?;
    let mut hosts = vec![Server::new(bare(host), url.port().unwrap_or(default_port))];
    for (name, value) in url.query_pairs() {
        match &*name {
            "node" if layout != Layout::One => hosts.push(node(&value)?),
            "sentinelServiceName" | "sentinelUsername" | "sentinelPassword"
                if layout == Layout::Sentinel => {}
            _ => {
                return Err(wrong(format!(
                    "has a parameter `{name}` that means nothing here: `node=host:port` is for \
                     clusters and Sentinel, `sentinelServiceName`, `sentinelUsername` and \
                     `sentinelPassword` are for Sentinel"
                )));
            }
        }
    }
    Ok(hosts)
}

/// Returns an address of version 6 without the brackets it has in a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn node(value: &str) -> Result<Server, ConfigError> {
    let parts = value.rsplit_once(':');
    let server = parts.and_then(|(host, port)| Some(Server::new(bare(host), port.parse().ok()?)));
    server.ok_or_else(|| wrong("has a `node=` that is no `host:port`"))
}

fn server(url: &Url, layout: Layout, hosts: Vec<Server>) -> Result<ServerConfig, ConfigError> {
    let parameter = |wanted: &str| {
        let mut pairs = url.query_pairs();
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    };
    Ok(match layout {
        Layout::One => match hosts.into_iter().next() {
            Some(server) => ServerConfig::Centralized { server },
            None => return Err(wrong("names no host: `redis://host:6379`")),
        },
        Layout::Cluster => ServerConfig::Clustered {
            hosts,
            policy: ClusterDiscoveryPolicy::ConfigEndpoint,
        },
        Layout::Sentinel => ServerConfig::Sentinel {
            hosts,
            service_name: parameter("sentinelServiceName").ok_or_else(|| {
                wrong("names no master: add `?sentinelServiceName=` and the name in sentinel.conf")
            })?,
            username: parameter("sentinelUsername"),
            password: parameter("sentinelPassword"),
        },
    })
}

fn database(url: &Url, layout: Layout) -> Result<Option<u8>, ConfigError> {
    let path = url.path().trim_start_matches('/');
    if path.is_empty() {
        return Ok(None);
    }
    if layout == Layout::Cluster {
        return Err(wrong("names a database: a cluster has only one"));
    }
    let number = path.parse();
    number.map(Some).map_err(|_| {
        wrong("ends in what is no database: a number from 0 to 255, as in `redis://host:6379/1`")
    })
}

fn credentials(url: &Url) -> Result<(Option<String>, Option<String>), ConfigError> {
    let decode = |part: &str| {
        let bytes =
            // Neither stands for anything else here.
            url::form_urlencoded::parse(format!("p={}", part.replace('+', "%2B").replace('&', "%26")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned());
        bytes.filter(|text| !text.contains('\u{fffd}'))
    };
    let username = match url.username() {
        "" => None,
        name => Some(decode(name).ok_or_else(|| wrong("has a user name that is no UTF-8"))?),
    };
    let password = match url.password() {
        None | Some("") => None,
        Some(secret) => {
            Some(decode(secret).ok_or_else(|| wrong("has a password that is no UTF-8"))?)
        }
    };
    if username.is_some() && password.is_none() {
        return Err(wrong(
            "has a user name and no password: `redis://user:password@host`, or `redis://:password@host`",
        ));
    }
    Ok((username, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(url: &str) -> String {
        Address::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn a_url_names_server_database_and_user() {
        let address = Address::parse("redis://me:p%40ss%2Bw+ord@cache.local:7000/3").unwrap();
        assert_eq!(address.username.as_deref(), Some("me"));
        assert_eq!(address.password.as_deref(), Some("p@ss+w+ord"));
        assert_eq!(address.database, Some(3));
        assert_eq!(address.server.hosts(), [Server::new("cache.local", 7000)]);
        assert!(!address.tls && !address.server.is_clustered());
        let other = Address::parse("redis://:a&b=c+d%26@[::1]").unwrap();
        assert_eq!(other.password.as_deref(), Some("a&b=c+d&"));
        assert_eq!(other.server.hosts(), [Server::new("::1", 6379)]);
    }

    #[test]
    fn the_scheme_tells_tls_cluster_and_sentinel() {
        assert!(Address::parse("rediss://localhost").unwrap().tls);
        let cluster = Address::parse("redis-cluster://a:1?node=b:2&node=c:3").unwrap();
        assert!(cluster.server.is_clustered());
        assert_eq!(cluster.server.hosts().len(), 3);
        let six = Address::parse("redis-cluster://[::1]:1?node=[::2]:2").unwrap();
        let hosts = [Server::new("::1", 1), Server::new("::2", 2)];
        assert_eq!(six.server.hosts(), hosts);
        let sentinel = Address::parse("redis-sentinel://a?sentinelServiceName=main").unwrap();
        assert_eq!(sentinel.server.hosts(), [Server::new("a", 26379)]);
        assert!(sentinel.server.is_sentinel());
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_with_the_fix() {
        assert!(trouble("localhost:6379").contains("`redis://`"));
        assert!(trouble("http://localhost").contains("`rediss-sentinel://`"));
        assert!(trouble("redis://").contains("names no host"));
        assert!(trouble("redis://h/first").contains("a number"));
        assert!(trouble("redis-cluster://h/1").contains("only one"));
        assert!(trouble("redis-sentinel://h").contains("sentinelServiceName="));
        assert!(trouble("redis://me@h").contains("redis://user:password@host"));
        assert!(trouble("redis://h?node=a:1").contains("`node`"));
        assert!(trouble("redis-cluster://h?node=a").contains("host:port"));
    }

    #[test]
    fn no_error_shows_a_password() {
        for url in [
            "redis://me:secret@h/first",
            "redis-cluster://:secret@h?node=x",
            "secret",
            "redis://me:secret@",
        ] {
            assert!(!trouble(url).contains("secret"), "{url}");
        }
    }
}
