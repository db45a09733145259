//! Whether the user may do all that is done, tried on keys of the doctor's own.

use fred::types::Value;
use fred::util::redis_keyslot;

use super::judge::refusal;
use super::{Finding, Report};
use crate::ask::{Ask, text};
use crate::config::Settings;
use crate::link::Link;

/// Tries each command once.
pub(super) async fn examine(link: &Link, settings: &Settings, report: &mut Report) {
    for (name, args) in commands(settings) {
        let slot = redis_keyslot(key(settings, "log").as_bytes());
        let mut answers = link.send(vec![Ask::at(slot, name, args)]).await;
        match answers.pop() {
            Some(Ok(value)) if name == "XADD" => note_clock(&value, report),
            Some(Err(error)) => report.add(finding(name, error.details(), settings)),
            _ => {}
        }
    }
}

fn key(settings: &Settings, name: &str) -> String {
    let prefix = &settings.prefix;
    format!("{prefix}:{{{prefix}}}:doctor-{name}")
}

fn commands(settings: &Settings) -> Vec<(&'static str, Vec<Value>)> {
    let value = || Value::from(key(settings, "value"));
    let log = || Value::from(key(settings, "log"));
    vec![
        ("SET", vec![value(), "1".into(), "PX".into(), 60_000.into()]),
        ("GET", vec![value()]),
        ("MGET", vec![value()]),
        (
            "XADD",
            [
                log(),
                "MAXLEN".into(),
                "~".into(),
                1.into(),
                "*".into(),
                "n".into(),
                "1".into(),
            ]
            .into(),
        ),
        (
            "XREAD",
            vec![
                "COUNT".into(),
                1.into(),
                "STREAMS".into(),
                log(),
                "0-0".into(),
            ],
        ),
        ("XINFO", vec!["STREAM".into(), log()]),
        ("UNLINK", vec![value(), log()]),
    ]
}

fn finding(name: &str, said: &str, settings: &Settings) -> Option<Finding> {
    // To a replica nothing can be written, which is told elsewhere.
    if said.starts_with("READONLY") || said.starts_with("ERR no such key") {
        return None;
    }
    if said.starts_with("OOM") {
        return Some(Finding::wrong(
            "the server's memory is full and it may evict nothing",
            "raise `maxmemory`, and set `maxmemory-policy volatile-lru`",
        ));
    }
    let named = refusal(said, settings);
    Some(named.unwrap_or_else(|| {
        Finding::wrong(format!("{name} fails ({said})"), "see the server's log")
    }))
}

/// An id of a stream is the server's time.
fn note_clock(id: &Value, report: &mut Report) {
    use larder_core::Clock as _;

    let id = text(id);
    let millis = id
        .as_deref()
        .and_then(|id| id.split('-').next()?.parse().ok());
    let now = larder_core::SystemClock::new().wall();
    let ours = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
    let ours = ours
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok());
    report.clock_ahead_millis = millis
        .zip(ours)
        .map(|(theirs, ours): (i64, i64)| theirs - ours);
}
