//! A cached value with what it was made of, and the rules by which it may be served.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Moment;
use crate::interleave;
use crate::marks::Marks;
use crate::node::Node;
use crate::policy::Freshness;
use crate::position::Position;
use crate::region::{RegionState, Retired};
use crate::spot::Spot;

/// A value of any type; `None` says that there is none.
pub(crate) type AnyValue = Option<Arc<dyn Any + Send + Sync>>;

/// A cached value and its provenance. What a hit looks at stands first, on as few cache lines as
/// it takes.
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) value: AnyValue,
    /// Every change below it was visible to the load. Moves up when the entry is found valid.
    pub(crate) position: AtomicU64,
    pub(crate) incarnation: u64,
    /// When the load began; zero if another node loaded it, whose clock means nothing here.
    pub(crate) as_of: Moment,
    pub(crate) expires: Moment,
    pub(crate) region: Arc<RegionState>,
    pub(crate) marks: Marks,
    /// The hash of this entry's own key as a dependency.
    pub(crate) own: u64,
    pub(crate) stale_until: Moment,
    pub(crate) weight: u32,
    pub(crate) retired: Retired,
}

/// Whether an entry's dependencies changed since its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// None did.
    Valid,
    /// None did, but the user let one age at this moment.
    Softened(Moment),
    /// One did, or may have.
    Invalid,
}

/// Why an entry must not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unservable {
    /// A dependency changed, or may have.
    Invalid,
    /// It is past its grace.
    Expired,
    /// The bus has been silent for longer than the staleness allowed; that may pass.
    Unheard,
}

/// What a reader may take an entry for, and the provenance that goes with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    pub(crate) freshness: Freshness,
    /// The watermark the entry was checked against.
    pub(crate) position: Position,
    pub(crate) as_of: Moment,
    pub(crate) expires: Moment,
}

impl Entry {
    /// Returns how this entry may be served at `now`.
    ///
    /// An invalid entry is never served; grace is about time only.
    pub(crate) fn servable(&self, node: &Node, now: Moment) -> Result<Serving, Unservable> {
        let watermark = node.watermark();
        // Before the check: what is heard of later may hold a change the check has not seen.
        let heard_at = node.heard_at();
        interleave::point("servable: heard");
        let validity = self.validity(node);
        interleave::point("servable: checked");
        let as_of = heard_at.max(self.as_of);
        let (expires, stale_until) = match validity {
            Validity::Invalid => return Err(Unservable::Invalid),
            Validity::Valid => (self.expires, self.stale_until),
            Validity::Softened(at) => {
                let grace = self.stale_until.since(self.expires);
                (at.min(self.expires), at.after(grace).min(self.stale_until))
            }
        };
        // Never is not long ago: a clock may have started just now.
        if as_of == Moment::ZERO || as_of.after(node.max_staleness()) < now {
            return Err(Unservable::Unheard);
        }
        match Freshness::of(now, expires, stale_until, self.region.early_refresh()) {
            Freshness::Expired => Err(Unservable::Expired),
            freshness => Ok(Serving {
                freshness,
                position: watermark,
                as_of,
                expires,
            }),
        }
    }

    /// Returns what this entry is taken for by one who would have loaded it just so.
    pub(crate) fn as_loaded(&self) -> Serving {
        Serving {
            freshness: Freshness::Fresh,
            position: Position::new(self.position()),
            as_of: self.as_of,
            expires: self.expires,
        }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Compares the clocks of the entry's tables, and only if one moved its own dependencies.
    pub(crate) fn validity(&self, node: &Node) -> Validity {
        let position = self.position();
        if self.incarnation != node.incarnation() || node.everything() >= position {
            return Validity::Invalid;
        }
        interleave::point("validity: everything");
        let quiet = node.pending.is_quiet();
        if quiet && self.nothing_moved(node, position) {
            return Validity::Valid;
        }
        // Before the check: a change that comes while it runs must stay above the new stamp.
        let watermark = node.watermark().get();
        interleave::point("restamp: watermark");
        // `everything` once more: it was compared before the watermark was read, and the new stamp would hide a
        // change of everything, or a gap, that came between the two.
        let is_pending = !quiet && !self.nothing_pending(node);
        if is_pending || node.everything() >= position || !self.nothing_touched(node, position) {
            return Validity::Invalid;
        }
        if let Some(at) = self.softened(node, position) {
            return Validity::Softened(at);
        }
        interleave::point("restamp: checked");
        self.position.fetch_max(watermark, Ordering::AcqRel);
        Validity::Valid
    }

    /// The shortcut: one load a table, and one for all tags and keys together.
    fn nothing_moved(&self, node: &Node, position: u64) -> bool {
        self.marks.tables.iter().all(|table| table.any() < position)
            && node.soft_latest() < position
            && (node.named() < position || self.no_name_touched(node, position))
    }

    /// Some tag or key changed: not this entry's, as far as a look at two slots tells.
    fn no_name_touched(&self, node: &Node, position: u64) -> bool {
        !self.marks.named
            && node.slots.untouched_since(self.own, position)
            && node.slots.untouched_since(self.region.tag(), position)
    }

    fn nothing_pending(&self, node: &Node) -> bool {
        !node.pending.everything()
            && !self.marks.tables.iter().any(|table| table.is_pending())
            && !node.is_pending(self.own)
            && !node.is_pending(self.region.tag())
    }

    fn nothing_touched(&self, node: &Node, position: u64) -> bool {
        let marks = &self.marks;
        self.every_own_spot(&mut |spot| spot.latest(node) < position)
            && marks
                .list
                .iter()
                .all(|mark| mark.untouched_since(position, marks, node))
    }

    /// Tells whether `holds` of every spot that decides about this entry and is no single dependency's, but
    /// [`Spot::Everything`].
    pub(crate) fn every_own_spot<'a>(&'a self, holds: &mut impl FnMut(Spot<'a>) -> bool) -> bool {
        self.marks
            .tables
            .iter()
            .all(|table| holds(Spot::Wide(table)))
            && holds(Spot::Slot(self.own))
            && holds(Spot::Slot(self.region.tag()))
    }

    fn softened(&self, node: &Node, position: u64) -> Option<Moment> {
        if node.soft_latest() < position {
            return None;
        }
        node.soft_since(position, self.soft_hashes())
    }

    /// Returns the hashes by which soft changes reach this entry.
    pub(crate) fn soft_hashes(&self) -> impl Iterator<Item = u64> {
        let own = [self.own, self.region.tag()];
        let marks = self
            .marks
            .list
            .iter()
            .map(|mark| mark.soft_hash(&self.marks));
        let tables = self.marks.tables.iter().map(|table| table.wide_hash);
        own.into_iter().chain(marks).chain(tables)
    }
}
