//! Puts an explanation together.

use wildmatch::WildMatch;

use super::culprit::{Culprit, culprit, softener};
use super::told::told;
use super::words::change_in_words;
use super::{Cause, Explanation, Invalidation, KeptEntry, RefusedLoad, State};
use crate::clock::Moment;
use crate::entry::{Entry, Serving, Unservable, Validity};
use crate::hash::stable_hash;
use crate::key::Key;
use crate::larder::Larder;
use crate::local::{LocalKey, Probe};
use crate::node::Node;
use crate::policy::Freshness;
use crate::recent::PastChange;
use crate::region::RegionState;
use crate::scope::Scope;
use crate::spot::Meeting;

/// Which key is asked about.
pub(crate) struct Asked<'a> {
    pub(crate) larder: &'a Larder,
    pub(crate) region: &'a RegionState,
    pub(crate) scope: &'a Scope,
    pub(crate) key: &'a Key,
    pub(crate) probe: Probe<'a>,
}

/// Returns what is known of a key. Serves nothing, counts nothing, drops nothing.
pub(crate) fn explain(asked: &Asked<'_>) -> Explanation {
    let (larder, node) = (asked.larder, asked.larder.node());
    let now = larder.clock().now();
    let entry = larder.local().get(&asked.probe);
    let past = larder.local().history.of(asked.probe.hash);
    let met = entry.as_deref().map(|entry| entry.servable(node, now));
    let invalid = match (&met, entry.as_deref()) {
        (Some(Err(Unservable::Invalid)), Some(entry)) => Some((now, culprit(entry, node))),
        _ => None,
    };
    let ago = |moment: Moment| now.since(moment);
    Explanation {
        region: asked.region.name.to_string(),
        key: asked.key.to_string(),
        scope: asked.scope.to_string(),
        state: state(asked, met.as_ref()),
        is_loading: larder.flights().is_under_way(&asked.probe),
        aged: entry.as_deref().and_then(|entry| aged(entry, node, now)),
        entry: entry.map(|entry| kept(&entry, larder, now, met)),
        watermark: node.watermark().get(),
        invalidated: invalid
            .or(past.invalidated)
            .map(|(at, culprit)| invalidation(&culprit, at, now)),
        refused: past.refused.map(|(at, refusal, details)| RefusedLoad {
            ago: ago(at),
            reason: refusal.as_str().to_owned(),
            details: details.map(|details| details.to_string()),
        }),
        failed: past.failed.map(ago),
        expired: past.expired.map(ago),
        evicted: past.evicted.map(ago),
    }
}

/// Explains the entries of a region whose key in words matches, `most` at most, in their keys' order.
pub(crate) fn explain_matching(
    larder: &Larder,
    region: &RegionState,
    pattern: &str,
    most: usize,
) -> Vec<Explanation> {
    let pattern = WildMatch::new(pattern);
    let matches =
        |key: &LocalKey| key.region() == region.id && pattern.matches(&key.key().to_string());
    let mut keys = larder.local().keys(matches);
    keys.sort_by_cached_key(LocalKey::key);
    keys.truncate(most);
    let one = |key: &LocalKey| {
        explain(&Asked {
            larder,
            region,
            scope: &Scope::decoded(key.scope_bytes()),
            key: &key.key(),
            probe: key.probe(),
        })
    };
    keys.iter().map(one).collect()
}

fn state(asked: &Asked<'_>, met: Option<&Result<Serving, Unservable>>) -> State {
    let is_on = asked
        .region
        .share()
        .admits(|| stable_hash(asked.key.as_bytes()));
    match met {
        _ if !is_on => State::SwitchedOff,
        None => State::Absent,
        Some(Ok(serving)) if serving.freshness == Freshness::Stale => State::Stale,
        Some(Ok(_)) => State::Fresh,
        Some(Err(Unservable::Invalid)) => State::Invalid,
        Some(Err(Unservable::Expired)) => State::Expired,
        Some(Err(Unservable::Unheard)) => State::Unheard,
    }
}

fn kept(
    entry: &Entry,
    larder: &Larder,
    now: Moment,
    met: Option<Result<Serving, Unservable>>,
) -> KeptEntry {
    let invalid = matches!(met, Some(Err(Unservable::Invalid)));
    let expires = match met {
        Some(Ok(serving)) => serving.expires,
        _ => entry.expires,
    };
    KeptEntry {
        has_value: entry.value.is_some(),
        dependencies: told(entry, larder, invalid),
        position: entry.position(),
        age: (entry.as_of != Moment::ZERO).then(|| now.since(entry.as_of)),
        ttl_left: expires.since(now),
        grace_left: entry.stale_until.since(now),
        bytes: entry.weight.into(),
    }
}

fn aged(entry: &Entry, node: &Node, now: Moment) -> Option<Invalidation> {
    let Validity::Softened(at) = entry.validity(node) else {
        return None;
    };
    let cause = softener(entry, node).map_or(Cause::Forgotten, |past| soft_cause(&past));
    Some(Invalidation {
        ago: now.since(at),
        cause,
    })
}

/// Tells what was found at `at`.
fn invalidation(culprit: &Culprit, at: Moment, now: Moment) -> Invalidation {
    let at = match culprit {
        Culprit::Change(found) => found.past.at,
        _ => at,
    };
    Invalidation {
        ago: now.since(at),
        cause: culprit.cause(),
    }
}

fn soft_cause(past: &PastChange) -> Cause {
    Cause::Change {
        change: change_in_words(&past.change),
        position: past.position,
        is_collision: false,
        may_be_later: false,
    }
}

impl Culprit {
    /// Returns it in words.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Change(found) => Cause::Change {
                change: change_in_words(&found.past.change),
                position: found.past.position,
                is_collision: found.meeting == Meeting::Collision,
                may_be_later: found.may_be_later,
            },
            Self::Pending => Cause::Pending,
            Self::NewLog => Cause::NewLog,
            Self::Collision => Cause::Collision,
            Self::Forgotten => Cause::Forgotten,
        }
    }
}
