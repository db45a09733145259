//! A load under way: from its stamp to the entry it becomes.

mod own;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::clock::Moment;
use crate::dependency::Dependency;
use crate::entry::{AnyValue, Entry, Serving, Validity};
use crate::explain::culprit;
use crate::flight::{Flight, Outcome, Seat};
use crate::history::Past;
use crate::key::Key;
use crate::local::entry_weight;
use crate::marks::MarkSet;
use crate::observer::CacheEventKind;
use crate::policy::{Lifetime, Tiers};
use crate::position::Stamp;
use crate::read_scope::{Provenance, ReadScope};
use crate::refusal::Refusal;
use crate::region::{Hit, Region};
use crate::remote::Lease;
use crate::statistics::bump;

/// What one gets who wants a key loaded.
#[derive(Debug)]
pub enum Turn<V> {
    /// Nobody else loads it: do it, for the followers too.
    Lead(Lead<V>),
    /// Another's load ended with an entry that may be served.
    Hit(Hit<V>),
    /// Another's load failed, with its error.
    Failed(Arc<dyn Any + Send + Sync>),
    /// The answer is not shared, or this load is inside the one it would wait for: load it, for
    /// yourself.
    Alone(Lead<V>),
}

/// A load: made before its first statement, ended with what it led to.
///
/// # Cancellation
/// Dropped before its end, one of its followers becomes the leader. In every case what was read
/// flows into the scope that enclosed it when it was made.
pub struct Lead<V> {
    region: Region<V>,
    key: Key,
    seat: Option<Seat>,
    scope: ReadScope,
    parent: Option<ReadScope>,
    stamp: Stamp,
    /// How many searches by pattern had begun or ended before it.
    searches: u64,
    /// A switch keeps the key out of the cache: it is loaded, and nothing kept.
    switched_off: bool,
    open: bool,
    /// What keeps other nodes from loading it meanwhile.
    lease: Option<Box<Lease>>,
}

/// How a load ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished<V> {
    /// The value, kept or not.
    pub value: Option<Arc<V>>,
    /// Whether it is kept, and if not, why.
    pub kept: Result<(), Refusal>,
}

impl<V: Send + Sync + 'static> Lead<V> {
    /// Begins a load. `parent` gets what is read.
    pub(crate) fn begin(
        region: &Region<V>,
        key: &Key,
        seat: Option<Seat>,
        parent: Option<ReadScope>,
    ) -> Self {
        let node = region.larder.node();
        // The stamp first: a change that comes after it must find the entry below itself.
        let stamp = node.stamp();
        let searches = region.state.patterns.turns();
        let flight = seat.iter().map(|seat| Arc::clone(&seat.flight)).collect();
        let scope = ReadScope::of_load(node, parent.clone(), flight, stamp);
        Self {
            region: region.clone(),
            key: key.clone(),
            seat,
            scope,
            parent,
            stamp,
            searches,
            switched_off: !region.is_on(key),
            open: true,
            lease: None,
        }
    }

    /// Polls `future` inside the load's read scope; may be called several times.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<V, F> {
        self.scope.run(future)
    }

    /// Returns the load's read scope.
    pub fn scope(&self) -> &ReadScope {
        &self.scope
    }

    /// Keeps the value from being kept. The first reason stays.
    pub fn refuse(&self, refusal: Refusal) {
        self.scope.refuse(refusal);
    }

    /// Returns why the value will not be kept, as far as that is known yet.
    pub fn refusal(&self) -> Option<Refusal> {
        self.scope.refusal()
    }

    /// Ends the load with a value, or with the knowledge that there is none.
    ///
    /// It is kept for `lifetime` if nothing it was made of has changed since the stamp. Followers
    /// get it, unless it must not be shared.
    pub fn finish(mut self, value: Option<Arc<V>>, lifetime: Lifetime) -> Finished<V> {
        let weight = value.as_deref().map_or(0, self.region.weigher);
        let any = value
            .clone()
            .map(|value| value as Arc<dyn Any + Send + Sync>);
        let provenance = self.end();
        let entry = self.entry(any, weight, lifetime, &provenance);
        let nothing_lives = lifetime == Lifetime::default();
        self.flow(
            &provenance,
            if nothing_lives {
                self.own_end()
            } else {
                entry.expires
            },
        );
        let verdict = self.verdict(&entry, &provenance);
        let kept = verdict.and_then(|()| self.keep(&entry));
        // Who waits for what is not kept may go on.
        self.lease = None;
        self.report(kept, &entry, provenance.details.as_ref());
        // What must not be shared stays with the leader, whatever else it is refused for.
        let shared = provenance.refusal.is_none()
            && matches!(verdict, Ok(()) | Err(Refusal::Changed | Refusal::Expired));
        self.land(if shared {
            Outcome::Entry(entry)
        } else {
            Outcome::Released
        });
        Finished { value, kept }
    }

    /// Ends the load with an error, for all its followers that may have it.
    ///
    /// An error is made of what was read, as a value is: it is handed only to followers who could
    /// have been handed a value made of the same.
    pub fn fail<E: Send + Sync + 'static>(mut self, error: Arc<E>) {
        let provenance = self.end();
        let record = self.entry(None, 0, self.region.policy().lifetime(), &provenance);
        self.flow(&provenance, self.own_end());
        if !self.switched_off {
            bump(&self.region.state.counters.load_errors);
            self.note(|past, now| past.failed = Some(now));
            self.region.observe(&self.key, CacheEventKind::LoadFailed);
        }
        let shared =
            provenance.refusal.is_none() && self.region.scope.admits(&provenance.scope).is_ok();
        self.land(if shared {
            Outcome::Failed(error, record)
        } else {
            Outcome::Released
        });
    }

    /// Ends the load without a value to share: the followers load for themselves, all at once.
    pub fn release(mut self) {
        let provenance = self.end();
        self.flow(&provenance, self.own_end());
        self.land(Outcome::Released);
    }

    /// Like [`release`](Self::release), for a reason that [`explain`](Region::explain) tells.
    pub fn release_as(mut self, refusal: Refusal) {
        let provenance = self.end();
        self.flow(&provenance, self.own_end());
        if !self.switched_off {
            let own_words = provenance.refusal == Some(refusal);
            self.note_refused(refusal, provenance.details.filter(|_| own_words));
        }
        self.land(Outcome::Released);
    }

    /// Begins again with a stamp of now: nothing was read yet, and time has passed.
    pub(crate) fn anew(mut self) -> Self {
        self.open = false;
        let (seat, parent) = (self.seat.take(), self.parent.take());
        let lease = self.lease.take();
        let mut anew = Self::begin(&self.region, &self.key, seat, parent);
        anew.lease = lease;
        anew
    }

    /// Has it held for all nodes, until its value is stored.
    pub(crate) fn under(mut self, lease: Box<Lease>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Returns what it loads, and since when.
    pub(crate) fn parts(&self) -> (&Region<V>, &Key, Stamp) {
        (&self.region, &self.key, self.stamp)
    }

    /// Returns the flight others wait for, if any do.
    pub(crate) fn flight(&self) -> Option<Arc<Flight>> {
        self.seat.as_ref().map(|seat| Arc::clone(&seat.flight))
    }

    /// Records a dependency; call it before the statement that reads it is sent.
    pub(crate) fn depend(&self, dependency: Dependency) {
        self.scope
            .read(self.region.larder.node(), self.stamp, &[dependency]);
    }

    /// Records all that another scope collected for this load.
    pub(crate) fn read_with(&self, shared: &Provenance) {
        let node = self.region.larder.node();
        self.scope
            .absorb(node, shared, Moment::MAX, std::iter::empty());
    }

    /// Records what an entry was made of, up to what it was just checked against.
    pub(crate) fn absorb_confirmed(&self, entry: &Entry, serving: &Serving) {
        let confirmed = Serving {
            expires: Moment::MAX,
            ..*serving
        };
        let node = self.region.larder.node();
        self.scope
            .confirmed(node, entry, &confirmed, &self.region.scope);
    }

    /// Lands the flight with an entry that somebody else loaded meanwhile.
    pub(crate) fn land_with(mut self, entry: Arc<Entry>) {
        self.open = false;
        self.land(Outcome::Entry(entry));
    }

    fn land(&mut self, outcome: Outcome) {
        if let Some(seat) = self.seat.take() {
            seat.land(outcome);
        }
    }

    fn entry(
        &self,
        value: AnyValue,
        weight: usize,
        lifetime: Lifetime,
        provenance: &Provenance,
    ) -> Arc<Entry> {
        let region = &self.region;
        let random = jitter_seed(region.own(&self.key), self.stamp.as_of);
        let lifetime = lifetime.jittered(region.state.policy.jitter, random);
        let own_end = self.stamp.as_of.after(lifetime.ttl);
        let expires = own_end.min(provenance.expires);
        // Grace is the entry's own; what it was made of may not be outlived by it.
        let outlives = provenance.expires < own_end;
        let stale_until = if outlives {
            expires
        } else {
            expires.after(lifetime.grace)
        };
        let mut marks = MarkSet::default();
        marks.add_all(&provenance.marks);
        region
            .state
            .policy_tags
            .iter()
            .for_each(|tag| marks.add_named(*tag));
        let marks = marks.take();
        let weight = entry_weight(&region.probe(&self.key).to_key(), weight, &marks);
        let own = region.own(&self.key);
        region.learn(&self.key, own);
        Arc::new(Entry {
            value,
            marks,
            own,
            position: AtomicU64::new(provenance.position.min(self.stamp.position).get()),
            incarnation: self.stamp.incarnation,
            as_of: provenance.as_of.min(self.stamp.as_of),
            expires,
            stale_until,
            region: Arc::clone(&region.state),
            weight,
            retired: AtomicBool::new(false),
        })
    }

    /// Decides whether the entry may be kept.
    fn verdict(&self, entry: &Entry, provenance: &Provenance) -> Result<(), Refusal> {
        provenance.refusal.map_or(Ok(()), Err)?;
        self.region.scope.admits(&provenance.scope)?;
        if self.region.larder.clock().now() >= entry.stale_until {
            return Err(Refusal::Expired);
        }
        match entry.validity(self.region.larder.node()) {
            Validity::Invalid => Err(Refusal::Changed),
            Validity::Valid | Validity::Softened(_) => Ok(()),
        }
    }

    fn keep(&mut self, entry: &Arc<Entry>) -> Result<(), Refusal> {
        if self.switched_off {
            return Err(Refusal::SwitchedOff);
        }
        let lease = self.lease.take();
        let local = self.region.larder.local();
        let put = || {
            if self.region.state.policy.tiers != Tiers::Remote {
                local.put(self.region.probe(&self.key).to_key(), Arc::clone(entry));
            }
            self.region.send(&self.key, entry, lease);
        };
        if self.seat.is_some() {
            put();
            return Ok(());
        }
        // Without a flight, a search by pattern does not see this load before it is put.
        let patterns = &self.region.state.patterns;
        let found = patterns.unless_ran_since(self.searches, put);
        if found { Ok(()) } else { Err(Refusal::Changed) }
    }

    fn report(&self, kept: Result<(), Refusal>, entry: &Entry, details: Option<&Arc<str>>) {
        match kept {
            Ok(()) => self.region.observe(&self.key, CacheEventKind::Loaded),
            Err(Refusal::SwitchedOff) => {}
            Err(refusal) => {
                bump(&self.region.state.counters.refused);
                let details = match refusal {
                    Refusal::Changed => Some(self.culprit(entry)),
                    _ => details.map(Arc::clone),
                };
                self.note_refused(refusal, details);
                self.region
                    .observe(&self.key, CacheEventKind::Refused(refusal));
                tracing::debug!(
                    region = self.region.name(),
                    refusal = refusal.as_str(),
                    "a loaded value is not kept"
                );
            }
        }
    }

    /// Says what changed while it was loaded.
    fn culprit(&self, entry: &Entry) -> Arc<str> {
        let culprit = culprit(entry, self.region.larder.node());
        culprit.cause().to_string().into()
    }

    fn note_refused(&self, refusal: Refusal, details: Option<Arc<str>>) {
        self.note(|past, now| past.refused = Some((now, refusal, details)));
    }

    /// Notes something in the key's history.
    fn note(&self, note: impl FnOnce(&mut Past, Moment)) {
        let region = &self.region;
        let now = region.larder.clock().now();
        let hash = region.probe(&self.key).hash;
        let history = &region.larder.local().history;
        history.note(hash, now, |past| note(past, now));
    }

    fn end(&mut self) -> Provenance {
        self.open = false;
        if !self.switched_off {
            let took = self.region.larder.clock().now().since(self.stamp.as_of);
            self.region.state.counters.loaded(took);
        }
        self.scope.take()
    }
}

impl<V> Lead<V> {
    /// Hands what was read, and the end of what became of it, to the enclosing scope.
    fn flow(&self, provenance: &Provenance, end: Moment) {
        let Some(parent) = &self.parent else { return };
        let names = [self.region.own(&self.key), self.region.state.tag()];
        let tags = self.region.state.policy_tags.iter().copied();
        parent.absorb(
            self.region.larder.node(),
            provenance,
            end,
            names.into_iter().chain(tags),
        );
        parent.narrow(&self.region.scope);
    }

    /// Returns when the ttl of the policy would end: it bounds writes no bus sees.
    fn own_end(&self) -> Moment {
        self.stamp.as_of.after(self.region.state.policy.ttl)
    }
}

impl<V> Drop for Lead<V> {
    fn drop(&mut self) {
        if self.open {
            self.flow(&self.scope.take(), self.own_end());
        }
    }
}

impl<V> fmt::Debug for Lead<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("region", &self.region.state.name)
            .field("alone", &self.seat.is_none())
            .finish_non_exhaustive()
    }
}

/// Spreads the ends of entries: the same key gets another share each time it is loaded.
fn jitter_seed(key: u64, started: Moment) -> u64 {
    crate::hash::stable_hash(&(key ^ started.as_nanos().rotate_left(32)).to_le_bytes())
}
