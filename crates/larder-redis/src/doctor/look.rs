//! What the server says of itself, of the log, and how soon it answers.

use std::time::Duration;

use fred::util::redis_keyslot;
use larder_core::{Clock as _, SystemClock};

use super::judge::{memory, refusal, replication, server};
use super::{Finding, Report};
use crate::ask::{Ask, line, server_said, text};
use crate::bus::log::{Log, page};
use crate::bus::place::Place;
use crate::config::Settings;
use crate::link::Link;

/// So many answers are timed.
const TIMED: usize = 20;
/// A log that reaches back less than this is soon too short for a node that was away.
const REACH: Duration = Duration::from_mins(1);
/// Clocks that differ by more are worth a word.
const SKEW: i64 = 1_000;

pub(super) async fn examine(link: &Link, settings: &Settings, report: &mut Report) {
    look(link, settings, report).await;
    log(link, settings, report).await;
    latency(link, settings, report).await;
    if let Some(millis) = report
        .clock_ahead_millis
        .filter(|millis| millis.abs() > SKEW)
    {
        report.add([Finding::worth(
            format!("the server's clock is {millis:+} ms from this machine's"),
            "let both follow NTP: no promise depends on it, but the lag shown does",
        )]);
    }
}

async fn look(link: &Link, settings: &Settings, report: &mut Report) {
    for section in ["server", "replication", "memory"] {
        // Of the node that keeps the log.
        let slot = redis_keyslot(settings.prefix.as_bytes());
        let ask = Ask::at(slot, "INFO", vec![section.into()]);
        let info = match link.send(vec![ask]).await.pop() {
            Some(Ok(info)) => text(&info).unwrap_or_default(),
            Some(Err(error)) => {
                report.add(refusal(error.details(), settings));
                return;
            }
            None => return,
        };
        match section {
            "server" => {
                report.version = line(&info, "redis_version").map(str::to_owned);
                report.add(server(&info, settings));
            }
            "replication" => report.add(replication(&info)),
            _ => report.add(memory(&info)),
        }
    }
}

async fn log(link: &Link, settings: &Settings, report: &mut Report) {
    let log = Log::new(&settings.prefix, settings.log_length);
    let newest = log.read(Place::ZERO, None);
    let page = match page(link.send(newest).await) {
        Ok(page) => page,
        Err(error) => {
            // What else cannot be read was found by the rights.
            if server_said(&error) == Some("WRONGTYPE") {
                report.add([Finding::wrong(
                    "a key of the log holds something else",
                    format!(
                        "remove `{}` and `{}`: the log is begun anew",
                        log.stream(),
                        log.incarnation_key()
                    ),
                )]);
            }
            return;
        }
    };
    if page.head != Place::ZERO && page.head.position().is_none() {
        report.add([Finding::wrong(
            format!(
                "the log's last id is {}, which was made up by hand",
                page.head
            ),
            format!("remove the stream `{}`: it is begun anew", log.stream()),
        )]);
    }
    report.log_length = Some(page.length);
    let reach = page
        .head
        .millis()
        .saturating_sub(page.first.map_or(0, Place::millis));
    let reach = Duration::from_millis(reach);
    if page.length >= settings.log_length && reach < REACH {
        report.add([Finding::worth(
            format!(
                "the log reaches back only {reach:.0?}: a node that is away for longer forgets all"
            ),
            "raise `log_length` on every node",
        )]);
    }
}

async fn latency(link: &Link, settings: &Settings, report: &mut Report) {
    let clock = SystemClock::new();
    let mut waits = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let began = clock.now();
        if let Some(Err(error)) = link
            .send(vec![Ask::anywhere("PING", Vec::new())])
            .await
            .pop()
        {
            return report.add(refusal(error.details(), settings));
        }
        waits.push(clock.now().since(began));
    }
    waits.sort_unstable();
    let (middle, longest) = (waits[TIMED / 2], waits[TIMED - 1]);
    report.latency = Some(middle);
    let timeout = settings.remote_timeout;
    let remedy = "move Redis closer, or raise `remote_timeout`";
    if middle >= timeout {
        let trouble =
            format!("answers take {middle:.1?}, more than `remote_timeout` ({timeout:?})");
        report.add([Finding::wrong(trouble, remedy)]);
    } else if longest >= timeout {
        let trouble = format!("some answers take {longest:.1?}: `remote_timeout` is {timeout:?}");
        report.add([Finding::worth(trouble, remedy)]);
    }
}
