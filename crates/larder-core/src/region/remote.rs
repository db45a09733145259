//! The remote tier behind a region: asked by the leader before it loads, filled in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::clock::Moment;
use crate::codec::Codec;
use crate::entry::{AnyValue, Entry, Unservable, Validity};
use crate::envelope::{self, Expected, Opened, Sealed, Unreadable};
use crate::hash::stable_hash;
use crate::key::Key;
use crate::local::entry_weight;
use crate::marks::Marks;
use crate::observer::CacheEventKind;
use crate::policy::{Freshness, Tiers};
use crate::region::load::Absence;
use crate::region::{Found, Hit, Region};
use crate::remote::{Job, Lease, Remote};
use crate::statistics::bump;
use crate::store::{StoreKey, StoreValue};

/// How a region's values become bytes, and what differs if those cannot be read.
pub(crate) struct Encoding<V> {
    codec: Box<dyn Codec<V>>,
    fingerprint: u64,
}

/// What the remote tier gave.
pub(crate) enum Fetched<V> {
    /// An entry that may be served.
    Hit(Hit<V>, Arc<Entry>),
    /// It has none.
    Nothing,
    /// It was not asked, or did not answer.
    Unanswered,
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Keeps values in the remote tier too, in the form `codec` gives them.
    ///
    /// Without a [store](crate::Builder::store), or where the policy says [`Tiers::Local`], nothing
    /// changes. Values of another codec, type or policy are misses.
    #[must_use]
    pub fn with_codec(&self, codec: impl Codec<V>) -> Self {
        let own = [codec.fingerprint(), self.state.policy.fingerprint()];
        let bytes: Vec<u8> = own.iter().flat_map(|part| part.to_le_bytes()).collect();
        Self {
            encoding: Some(Arc::new(Encoding {
                codec: Box::new(codec),
                fingerprint: stable_hash(&bytes),
            })),
            ..self.clone()
        }
    }

    /// Returns the remote tier, if values of this region are kept there.
    pub(crate) fn remote(&self) -> Option<(&Arc<Remote>, &Arc<Encoding<V>>)> {
        let encoding = self.encoding.as_ref()?;
        let remote = self.larder.remote()?;
        (self.state.policy.tiers != Tiers::Local).then_some((remote, encoding))
    }

    /// Asks the remote tier for what the local one does not have, and serves what it gives.
    pub(crate) async fn fetch(&self, key: &Key, absence: Absence) -> Fetched<V> {
        if self.remote().is_none() {
            return Fetched::Unanswered;
        }
        let keys = std::slice::from_ref(key);
        let Some(found) = Box::pin(self.fetch_many(keys)).await.pop() else {
            return Fetched::Unanswered;
        };
        match found.and_then(|found| self.take_fetched(key, found, absence)) {
            Some((hit, entry)) => Fetched::Hit(hit, entry),
            None => Fetched::Nothing,
        }
    }

    /// Asks the remote tier for what a refresh would load. The answer is nobody's: recorded nowhere.
    ///
    /// What was promoted from there, or was sent there, is found again near the end of its ttl: it is not newer.
    pub(super) async fn fetch_newer(&self, key: &Key) -> Option<(Hit<V>, Arc<Entry>)> {
        let keys = std::slice::from_ref(key);
        let found = Box::pin(self.fetch_many(keys)).await.pop()??;
        let is_newer = found.serving.freshness == Freshness::Fresh;
        let hit = Self::hit_of(&found).filter(|_| is_newer);
        self.count_fetched(key, hit.is_some());
        Some((hit?, found.entry))
    }

    /// Hands out what was fetched, if it answers and is fresh.
    pub(crate) fn take_fetched(
        &self,
        key: &Key,
        found: Found,
        absence: Absence,
    ) -> Option<(Hit<V>, Arc<Entry>)> {
        let fresh = found.serving.freshness != Freshness::Stale;
        let answers = fresh && absence.answers(found.entry.value.is_some());
        let hit = answers.then(|| self.hand_out(&found)).flatten();
        self.count_fetched(key, hit.is_some());
        Some((hit?, found.entry))
    }

    /// Counts an entry that may be served, and is or is not what was asked for.
    fn count_fetched(&self, key: &Key, answers: bool) {
        let counters = &self.state.counters;
        if answers {
            bump(&counters.remote_hits);
            self.observe(key, CacheEventKind::RemoteHit);
        } else {
            bump(&counters.remote_invalid);
        }
    }

    /// Asks the remote tier for `keys` at once; what may be served is in the local tier then.
    pub(crate) async fn fetch_many(&self, keys: &[Key]) -> Vec<Option<Found>> {
        let Some((remote, encoding)) = self.remote() else {
            return Vec::new();
        };
        let names: Vec<StoreKey> = keys.iter().map(|key| self.store_key(remote, key)).collect();
        let answers = remote.ask(&names).await;
        if answers.is_empty() {
            return Vec::new();
        }
        let answers = keys.iter().zip(&names).zip(answers);
        answers
            .map(|((key, name), bytes)| self.examine(remote, encoding, key, name, bytes))
            .collect()
    }

    pub(crate) fn store_key(&self, remote: &Remote, key: &Key) -> StoreKey {
        remote.key(&self.state, &self.scope_bytes, key)
    }

    /// Checks what the store gave, and promotes what may be served; that it answers is for the caller to count.
    pub(crate) fn examine(
        &self,
        remote: &Remote,
        encoding: &Encoding<V>,
        key: &Key,
        name: &StoreKey,
        bytes: Option<Bytes>,
    ) -> Option<Found> {
        let counters = &self.state.counters;
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
            bump(&counters.remote_misses);
            return None;
        };
        let entry = match self.unpack(remote, encoding, key, name, &bytes) {
            Ok(entry) => entry,
            Err(why) => {
                remote.count_unreadable(why);
                bump(&counters.remote_misses);
                return None;
            }
        };
        let found = self.promote(key, entry);
        if found.is_err() {
            bump(&counters.remote_invalid);
        }
        found.ok()
    }

    /// Makes an entry of bytes; it keeps its own position, and says nothing of this node's clock.
    fn unpack(
        &self,
        remote: &Remote,
        encoding: &Encoding<V>,
        key: &Key,
        name: &StoreKey,
        bytes: &Bytes,
    ) -> Result<Entry, Unreadable> {
        let node = self.larder.node();
        let opened = envelope::open(
            bytes,
            &Expected {
                key: name.hash(),
                fingerprint: encoding.fingerprint,
                incarnation: node.incarnation(),
                sealing: &remote.sealing,
            },
        )?;
        let marks = Marks::decode(&opened.provenance, node)?;
        let value = self.decode(encoding, &opened)?;
        let weight = value.as_deref().map_or(0, self.weigher);
        let probe = self.probe(key);
        let weight = entry_weight(&probe.to_key(), weight, &marks);
        let times = Times::now(self.larder.clock());
        let lifetime = self.lifetime_of(value.is_some());
        // However the clock goes where it was stored, or whoever made the times up.
        let latest = times.now.after(lifetime.ttl);
        let expires = times.moment(opened.expires).min(latest);
        let stale_until = times.moment(opened.stale_until);
        let stale_until = stale_until.min(latest.after(lifetime.grace));
        let own = self.own(key);
        self.learn(key, own);
        Ok(Entry {
            value: value.map(|value| value as Arc<dyn std::any::Any + Send + Sync>),
            marks,
            own,
            position: AtomicU64::new(opened.position),
            incarnation: opened.incarnation,
            as_of: Moment::ZERO,
            expires,
            stale_until,
            region: Arc::clone(&self.state),
            weight,
            retired: AtomicBool::new(false),
        })
    }

    fn decode(
        &self,
        encoding: &Encoding<V>,
        opened: &Opened,
    ) -> Result<Option<Arc<V>>, Unreadable> {
        let Some(bytes) = opened.value.clone() else {
            return Ok(None);
        };
        match encoding.codec.decode(bytes) {
            Ok(value) => Ok(Some(Arc::new(value))),
            Err(error) => {
                let region = self.name();
                tracing::debug!(region, %error, "a value in the remote tier cannot be read");
                Err(Unreadable::Value)
            }
        }
    }

    /// Puts an entry of the remote tier into the local one, if it may be served.
    fn promote(&self, key: &Key, entry: Entry) -> Result<Found, Unservable> {
        let now = self.larder.clock().now();
        let serving = entry.servable(self.larder.node(), now)?;
        let entry = Arc::new(entry);
        let fresh = serving.freshness != Freshness::Stale;
        if fresh && self.state.policy.tiers != Tiers::Remote {
            let local = self.larder.local();
            local.put(self.probe(key).to_key(), Arc::clone(&entry));
        }
        Ok(Found {
            entry,
            serving,
            now,
        })
    }

    /// Has an entry that was just loaded stored, in the background.
    ///
    /// The lease it was loaded under, if any, is given back then.
    pub(crate) fn send(&self, key: &Key, entry: &Arc<Entry>, lease: Option<Box<Lease>>) {
        let Some((remote, _)) = self.remote() else {
            return;
        };
        let (region, key, entry) = (self.clone(), key.clone(), Arc::clone(entry));
        let bytes = entry.weight as usize;
        let job = Job::new(move || region.pack(&key, &entry), lease);
        remote.writer.add(&self.larder, remote, bytes, job);
    }

    /// Makes the bytes of an entry; `None` if it is not worth it, or cannot be written.
    fn pack(&self, key: &Key, entry: &Entry) -> Option<StoreValue> {
        let (remote, encoding) = self.remote()?;
        let times = Times::now(self.larder.clock());
        let ttl = entry.stale_until.since(times.now);
        // What was let age by hand would be fresh on other nodes that were not told.
        if ttl.is_zero() || entry.validity(self.larder.node()) != Validity::Valid {
            return None;
        }
        let value = self.encode(encoding, &entry.value)?;
        let name = self.store_key(remote, key);
        let provenance = entry.marks.encode();
        let bytes = envelope::seal(
            &Sealed {
                key: name.hash(),
                fingerprint: encoding.fingerprint,
                incarnation: entry.incarnation,
                position: entry.position(),
                loaded_at: times.wall(entry.as_of),
                expires: times.wall(entry.expires),
                stale_until: times.wall(entry.stale_until),
                provenance: &provenance,
                value: value.as_deref(),
            },
            &remote.sealing,
        );
        let fits = bytes.len() <= remote.store.largest_value();
        let counters = &self.state.counters;
        bump(if fits {
            &counters.remote_puts
        } else {
            &counters.remote_unfit
        });
        fits.then_some(StoreValue {
            key: name,
            bytes,
            ttl,
        })
    }

    #[expect(
        clippy::option_option,
        reason = "no value, and a value that there is none"
    )]
    fn encode(&self, encoding: &Encoding<V>, value: &AnyValue) -> Option<Option<Vec<u8>>> {
        let Some(any) = value else {
            return Some(None);
        };
        let value = any.downcast_ref::<V>()?;
        let mut bytes = Vec::new();
        match encoding.codec.encode(value, &mut bytes) {
            Ok(()) => Some(Some(bytes)),
            Err(error) => {
                bump(&self.state.counters.remote_unfit);
                tracing::debug!(region = self.name(), %error, "a value stays out of the remote tier");
                None
            }
        }
    }
}

/// The two times of this node, to tell others when an entry ends.
///
/// Clocks that differ make an entry end earlier or later by as much.
struct Times {
    now: Moment,
    wall: u64,
}

impl Times {
    fn now(clock: &dyn crate::clock::Clock) -> Self {
        let wall = clock.wall().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            now: clock.now(),
            wall: milliseconds(wall.unwrap_or_default()),
        }
    }

    fn wall(&self, moment: Moment) -> u64 {
        let ahead = milliseconds(moment.since(self.now));
        let behind = milliseconds(self.now.since(moment));
        self.wall.saturating_add(ahead).saturating_sub(behind)
    }

    fn moment(&self, wall: u64) -> Moment {
        let ahead = Duration::from_millis(wall.saturating_sub(self.wall));
        let behind = Duration::from_millis(self.wall.saturating_sub(wall));
        self.now.after(ahead).before(behind)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
