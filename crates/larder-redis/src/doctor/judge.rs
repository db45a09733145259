//! What a server's words and figures mean. Pure.

use super::Finding;
use crate::ask::line;
use crate::config::Settings;

/// The oldest Redis whose commands are all used, and whose bugs are not.
const OLDEST: (u32, u32) = (6, 2);

/// Returns the ACL line for the user that is used here.
pub(super) fn acl_line(settings: &Settings) -> String {
    let user = settings.config.username.as_deref().unwrap_or("larder");
    let more = match &settings.config.server {
        server if server.is_clustered() => " +cluster|slots +cluster|info",
        server if server.is_sentinel() => " +role",
        _ => "",
    };
    let select = if settings.config.database.is_some() {
        " +select"
    } else {
        ""
    };
    format!(
        "ACL SETUSER {user} on >password resetchannels ~{}:* -@all +hello +auth +client|id +info \
         +ping +get +mget +set +unlink +xadd +xread +xinfo|stream{more}{select}",
        settings.prefix
    )
}

/// Says what an error of the server's means, if it is one of those that keep everybody out.
pub(super) fn refusal(said: &str, settings: &Settings) -> Option<Finding> {
    let acl = || format!("give the user what it needs: `{}`", acl_line(settings));
    let code = said.split(' ').next().unwrap_or_default();
    match code {
        "WRONGPASS" => Some(Finding::wrong(
            "user name or password are wrong, or the user is switched off",
            "correct `username` and `password` (or those in `url`)",
        )),
        "NOAUTH" => Some(Finding::wrong(
            "the server asks for a password and was given none",
            "set `password`, and `username` if there are users",
        )),
        "NOPERM" if said.contains("key") && !said.contains("command") => Some(Finding::wrong(
            format!(
                "the user may not touch keys that begin with `{}:`",
                settings.prefix
            ),
            acl(),
        )),
        "NOPERM" => Some(Finding::wrong(
            format!("the user lacks a command ({said})"),
            acl(),
        )),
        "LOADING" => Some(Finding::wrong(
            "the server still loads its data",
            "wait until it has",
        )),
        "ERR" if said.contains("HELLO") || said.contains("hello") => Some(Finding::wrong(
            "the server does not know HELLO: it is older than Redis 6",
            "use Redis 6.2 or newer, or Valkey",
        )),
        "ERR" if said.contains("cluster support disabled") => Some(Finding::wrong(
            "`url` asks for a cluster and the server is none",
            "begin `url` with `redis://` or `rediss://`",
        )),
        "ERR" if said.contains("DB index") => Some(Finding::wrong(
            "the server has no database of that number",
            "correct the number at the end of `url`",
        )),
        _ => None,
    }
}

/// Judges the version and how the server runs.
pub(super) fn server(info: &str, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let version = line(info, "redis_version").unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let numbers = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if numbers < OLDEST {
        findings.push(Finding::wrong(
            format!("the server is Redis {version}"),
            "use Redis 6.2 or newer, or Valkey",
        ));
    }
    let is_cluster = line(info, "redis_mode") == Some("cluster");
    if is_cluster && !settings.config.server.is_clustered() {
        findings.push(Finding::wrong(
            "the server is a node of a cluster and `url` does not say so",
            "begin `url` with `redis-cluster://` or `rediss-cluster://`",
        ));
    }
    findings
}

/// Judges the server's part in a replication.
pub(super) fn replication(info: &str) -> Option<Finding> {
    let master = line(info, "role") == Some("master");
    (!master).then(|| {
        let host = line(info, "master_host").unwrap_or("?");
        let port = line(info, "master_port").unwrap_or("?");
        Finding::wrong(
            "the server is a replica: nothing can be written, and what it has may be behind",
            format!("name its master in `url` ({host}:{port}), or Sentinel"),
        )
    })
}

/// Judges what happens when memory runs out.
pub(super) fn memory(info: &str) -> Option<Finding> {
    let policy = line(info, "maxmemory_policy")?;
    let bounded = line(info, "maxmemory")? != "0";
    if policy.starts_with("allkeys") {
        return Some(Finding::wrong(
            format!(
                "`maxmemory-policy {policy}` may evict the log of changes{}",
                if bounded {
                    ""
                } else {
                    " once `maxmemory` is set"
                }
            ),
            "set `maxmemory-policy volatile-lru` (values have a ttl, the log has none)",
        ));
    }
    if !bounded {
        return Some(Finding::worth(
            "`maxmemory` is not set: values may take all the machine has",
            "set it, with `maxmemory-policy volatile-lru`",
        ));
    }
    (policy == "noeviction").then(|| {
        Finding::worth(
            "`maxmemory-policy noeviction`: when memory runs out no change can be published",
            "set `maxmemory-policy volatile-lru`, which lets values go instead",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Builder;
    use crate::doctor::Gravity;

    fn settings(url: &str) -> Settings {
        Builder::new(url.to_owned()).settings().unwrap()
    }

    #[test]
    fn old_servers_are_named() {
        let here = settings("redis://h");
        for (version, finds) in [
            ("6.0.16", 1),
            ("5.0.7", 1),
            ("6.2.0", 0),
            ("7.0.15", 0),
            ("10.0.1", 0),
        ] {
            let info = format!("redis_version:{version}\r\nredis_mode:standalone\r\n");
            assert_eq!(server(&info, &here).len(), finds, "{version}");
        }
    }

    #[test]
    fn a_cluster_that_is_not_called_one_is_wrong() {
        let info = "redis_version:7.2.0\r\nredis_mode:cluster\r\n";
        assert_eq!(server(info, &settings("redis://h")).len(), 1);
        assert_eq!(server(info, &settings("redis-cluster://h")).len(), 0);
    }

    #[test]
    fn evicting_all_keys_is_wrong_and_only_that() {
        let gravity = |policy: &str, most: u32| {
            let info = format!("maxmemory:{most}\r\nmaxmemory_policy:{policy}\r\n");
            memory(&info).map(|finding| finding.gravity)
        };
        assert_eq!(gravity("allkeys-lfu", 1), Some(Gravity::Wrong));
        assert_eq!(gravity("allkeys-random", 0), Some(Gravity::Wrong));
        assert_eq!(gravity("noeviction", 1), Some(Gravity::Worth));
        assert_eq!(gravity("noeviction", 0), Some(Gravity::Worth));
        assert_eq!(gravity("volatile-ttl", 1), None);
    }

    #[test]
    fn a_missing_right_is_told_with_the_line_that_grants_it() {
        let said = "NOPERM this user has no permissions to run the 'xadd' command";
        let finding = refusal(said, &settings("redis://me:secret@h"))
            .unwrap()
            .to_string();
        assert!(
            finding.contains("'xadd'") && finding.contains("ACL SETUSER me on"),
            "{finding}"
        );
        assert!(!finding.contains("secret"), "{finding}");
        let said =
            "NOPERM this user has no permissions to access one of the keys used as arguments";
        let finding = refusal(said, &settings("redis://h")).unwrap().to_string();
        assert!(finding.contains("`larder:`"), "{finding}");
    }
}
