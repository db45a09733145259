//! Where a change leaves its position, and where a dependency looks for it.
//!
//! Applying a change raises spots; an entry is invalid once a spot it looks at is at or above its
//! position; an explanation looks for the change that raised one of them. All three are told the
//! spots by the same functions (`Table::spots`, `Spot::of_name`, `Entry::every_spot`), so what is
//! explained cannot differ from what was done.

use std::sync::atomic::Ordering;

use crate::change::What;
use crate::dependency::{key_hash, tag_hash};
use crate::node::Node;
use crate::slots::Slots;
use crate::table::{ShapeClock, Table};

/// One place where the position of a change is left.
#[derive(Clone, Copy)]
pub(crate) enum Spot<'a> {
    /// The slot of this hash: a row, a match, a tag, an entry.
    Slot(u64),
    /// Anything in a table.
    Any(&'a Table),
    /// Changes of a table whose rows are not known.
    Wide(&'a Table),
    /// Changes of a table whose rows' keys are not known.
    Keyless(&'a Table),
    /// Changes whose values of the equalities' columns are not known.
    Unknown(&'a ShapeClock),
    /// All tags and keys together.
    Names,
    /// Everything.
    Everything,
    /// A tag or key by its hash, while a change of it is not yet on the bus.
    Pending(u64),
}

/// How a spot that was raised meets one that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meeting {
    /// Not at all.
    No,
    /// Two hashes share a slot.
    Collision,
    /// It is the same.
    Same,
}

impl Spot<'_> {
    /// Calls `at` with the spots of a change that is of no table.
    pub(crate) fn of_name(what: &What, at: &mut impl FnMut(Self)) {
        let hash = match what {
            What::Tag(name) => tag_hash(name),
            What::Key(region, scope, key) => key_hash(region, &scope.encoded(), key.as_bytes()),
            What::Everything => return at(Self::Everything),
            What::Row(_) | What::Rows(_) | What::Table(_) => return,
        };
        at(Self::Slot(hash));
        at(Self::Names);
    }

    /// Leaves `position` here, unless a higher one is here already.
    pub(crate) fn raise(self, node: &Node, position: u64) {
        match self {
            Self::Slot(hash) => node.slots.touch(hash, position),
            Self::Any(table) => raise(&table.any, position),
            Self::Wide(table) => raise(&table.wide, position),
            Self::Keyless(table) => raise(&table.keyless, position),
            Self::Unknown(shape) => raise(&shape.unknown, position),
            Self::Names => raise(&node.named, position),
            Self::Everything => raise(&node.everything, position),
            Self::Pending(_) => {}
        }
    }

    /// Returns the highest position left here.
    pub(crate) fn latest(self, node: &Node) -> u64 {
        match self {
            Self::Slot(hash) => node.slots.get(hash),
            Self::Any(table) => table.any(),
            Self::Wide(table) => table.wide(),
            Self::Keyless(table) => table.keyless(),
            Self::Unknown(shape) => shape.unknown.load(Ordering::Acquire),
            Self::Names => node.named(),
            Self::Everything => node.everything(),
            Self::Pending(hash) if node.is_pending(hash) => u64::MAX,
            Self::Pending(_) => 0,
        }
    }

    /// Tells whether what raises this spot is seen at `looked_at`.
    pub(crate) fn meets(self, looked_at: Spot<'_>, slots: &Slots) -> Meeting {
        let same = match (self, looked_at) {
            (Self::Slot(own), Spot::Slot(other)) if own != other => {
                return if slots.share(own, other) {
                    Meeting::Collision
                } else {
                    Meeting::No
                };
            }
            (Self::Slot(_), Spot::Slot(_)) | (Self::Everything, Spot::Everything) => true,
            (Self::Any(own), Spot::Any(other))
            | (Self::Wide(own), Spot::Wide(other))
            | (Self::Keyless(own), Spot::Keyless(other)) => std::ptr::eq(own, other),
            (Self::Unknown(own), Spot::Unknown(other)) => std::ptr::eq(own, other),
            _ => false,
        };
        if same { Meeting::Same } else { Meeting::No }
    }
}

fn raise(highest: &std::sync::atomic::AtomicU64, position: u64) {
    highest.fetch_max(position, Ordering::AcqRel);
}
