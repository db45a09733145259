//! What else a row must be to have a part in an answer, beside the equalities it is kept by.
//!
//! A filter says which rows certainly have none. Slots cannot tell: they are found by values that are equal. So it is
//! asked only of an entry that a change has touched, about the changes remembered since (`filtered.rs`). What is
//! not known of a row may be anything.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use crate::change::Image;
use crate::hash::{NULL_HASH, number_of};

/// A condition on the columns of one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// The column's number is one of this range, both ends included; NULL is none.
    Within(Arc<str>, i64, i64),
    /// The hash of the column's value is one of these, which are sorted; NULL is none of them.
    ///
    /// `true`: values that have one hash are equal, so that one which has may be left out as well.
    Among(Arc<str>, Arc<[u64]>, bool),
    /// The column is NULL.
    Null(Arc<str>),
    /// All of these.
    All(Arc<[Condition]>),
    /// One of these.
    Any(Arc<[Condition]>),
    /// This is false; not if it is neither true nor false.
    Not(Arc<Condition>),
    /// Nothing is known of it.
    Unknown,
}

/// What a row must be, beside matching equalities, so that a change of it counts.
///
/// All conditions of a side must be met by the row before a change, or after it, as far as it is known.
#[derive(Debug, Default)]
pub struct Filter {
    always: Sides,
    /// What the answer tells: nothing until it has come.
    told: Option<OnceLock<Sides>>,
    /// A row that comes or goes counts for nothing.
    existing: bool,
}

/// Conditions on a row as it was, and as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Sides {
    before: Arc<[Condition]>,
    after: Arc<[Condition]>,
}

/// Before a change or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

impl Filter {
    /// A filter of rows as they were, and of rows as they are.
    pub fn new(
        before: impl IntoIterator<Item = Condition>,
        after: impl IntoIterator<Item = Condition>,
    ) -> Self {
        Self {
            always: Sides {
                before: before.into_iter().collect(),
                after: after.into_iter().collect(),
            },
            told: None,
            existing: false,
        }
    }

    /// Lets only rows through that are there before a change and after it.
    ///
    /// For rows that count through others alone, which come and go with them: of a table joined by a foreign key that
    /// refers to it.
    #[must_use]
    pub fn of_existing(mut self) -> Self {
        self.existing = true;
        self
    }

    /// The same of one answer, which will [tell](Self::tell) more.
    #[must_use]
    pub fn of_one_answer(&self) -> Self {
        Self {
            always: self.always.clone(),
            told: Some(OnceLock::new()),
            existing: self.existing,
        }
    }

    /// Adds what the answer tells; only the first time, and only of a filter of one answer.
    pub fn tell(
        &self,
        before: impl IntoIterator<Item = Condition>,
        after: impl IntoIterator<Item = Condition>,
    ) {
        let sides = || Sides {
            before: before.into_iter().collect(),
            after: after.into_iter().collect(),
        };
        if let Some(told) = &self.told {
            told.get_or_init(sides);
        }
    }

    /// Returns what a row must have been before a change that counts.
    pub fn before(&self) -> impl Iterator<Item = &Condition> {
        self.sides().flat_map(|sides| &*sides.before)
    }

    /// Returns what a row must be after a change that counts.
    pub fn after(&self) -> impl Iterator<Item = &Condition> {
        self.sides().flat_map(|sides| &*sides.after)
    }

    /// Tells whether it lets every row through, now and later.
    pub fn is_empty(&self) -> bool {
        self.told.is_none() && !self.existing && self.always == Sides::default()
    }

    /// Tells whether a row counts that comes or goes.
    pub(crate) fn is_of_existing(&self) -> bool {
        self.existing
    }

    pub(crate) fn admits(&self, side: Side, row: &Image) -> bool {
        match side {
            Side::Before => self.before().all(|condition| condition.may_hold(row)),
            Side::After => self.after().all(|condition| condition.may_hold(row)),
        }
    }

    /// Returns roughly the heap bytes it takes, what it shares with others included.
    pub(crate) fn weight(&self) -> usize {
        self.before()
            .chain(self.after())
            .map(Condition::weight)
            .sum()
    }

    fn sides(&self) -> impl Iterator<Item = &Sides> {
        let told = self.told.as_ref().and_then(OnceLock::get);
        std::iter::once(&self.always).chain(told)
    }
}

/// A filter of one answer is equal to itself only.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        match (&self.told, &other.told) {
            (None, None) => self.always == other.always && self.existing == other.existing,
            _ => std::ptr::eq(self, other),
        }
    }
}

impl Eq for Filter {}

impl Hash for Filter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.told {
            None => (&self.always, self.existing).hash(state),
            Some(_) => std::ptr::from_ref(self).hash(state),
        }
    }
}

/// What a condition may be of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Possible {
    truth: bool,
    falsehood: bool,
}

const ANYTHING: Possible = Possible {
    truth: true,
    falsehood: true,
};

/// Neither true nor false: something is compared with NULL.
const NEITHER: Possible = Possible {
    truth: false,
    falsehood: false,
};

impl Condition {
    /// Tells whether this may be true of a row.
    pub fn may_hold(&self, row: &Image) -> bool {
        self.possible(row).truth
    }

    fn weight(&self) -> usize {
        let inner = match self {
            Self::Among(_, hashes, _) => hashes.len() * size_of::<u64>(),
            Self::All(inner) | Self::Any(inner) => inner.iter().map(Self::weight).sum(),
            Self::Not(inner) => inner.weight(),
            Self::Within(..) | Self::Null(_) | Self::Unknown => 0,
        };
        size_of::<Self>() + inner
    }

    fn possible(&self, row: &Image) -> Possible {
        match self {
            Self::Within(column, least, most) => match row.value(column) {
                None => ANYTHING,
                Some(NULL_HASH) => NEITHER,
                Some(value) => Possible::certain((*least..=*most).contains(&number_of(value))),
            },
            Self::Among(column, hashes, exact) => match row.value(column) {
                None => ANYTHING,
                Some(NULL_HASH) => NEITHER,
                Some(value) => match hashes.binary_search(&value) {
                    Ok(_) if !exact => ANYTHING,
                    found => Possible::certain(found.is_ok()),
                },
            },
            Self::Null(column) => {
                let value = row.value(column);
                value.map_or(ANYTHING, |value| Possible::certain(value == NULL_HASH))
            }
            Self::All(all) => Possible {
                truth: all.iter().all(|it| it.possible(row).truth),
                falsehood: all.iter().any(|it| it.possible(row).falsehood),
            },
            Self::Any(any) => Possible {
                truth: any.iter().any(|it| it.possible(row).truth),
                falsehood: any.iter().all(|it| it.possible(row).falsehood),
            },
            Self::Not(inner) => {
                let inner = inner.possible(row);
                Possible {
                    truth: inner.falsehood,
                    falsehood: inner.truth,
                }
            }
            Self::Unknown => ANYTHING,
        }
    }
}

impl Possible {
    fn certain(truth: bool) -> Self {
        Self {
            truth,
            falsehood: !truth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash_number;

    fn column() -> Arc<str> {
        "n".into()
    }

    fn row(number: impl Into<Option<i64>>) -> Image {
        let hash = number
            .into()
            .map_or(NULL_HASH, |it| hash_number(it).unwrap());
        Image::Known([(column(), hash)].into())
    }

    fn hashes(numbers: &[i64]) -> Arc<[u64]> {
        let hashes = numbers.iter().filter_map(|it| hash_number(*it));
        let mut hashes: Vec<u64> = hashes.collect();
        hashes.sort_unstable();
        hashes.into()
    }

    fn not(condition: Condition) -> Condition {
        Condition::Not(Arc::new(condition))
    }

    #[test]
    fn what_is_compared_with_null_is_neither_true_nor_false() {
        let among = || Condition::Among(column(), hashes(&[1, 2]), true);
        for condition in [
            Condition::Within(column(), 1, 2),
            among(),
            not(Condition::Within(column(), 1, 2)),
            not(among()),
            Condition::All([among(), Condition::Unknown].into()),
        ] {
            assert!(!condition.may_hold(&row(None)), "{condition:?}");
            assert!(condition.may_hold(&Image::Unknown), "{condition:?}");
        }
        let either = Condition::Any([among(), Condition::Null(column())].into());
        assert!(either.may_hold(&row(None)) && !either.may_hold(&row(3)));
        assert!(!not(either).may_hold(&row(None)), "true is not false");
    }

    #[test]
    fn numbers_are_compared_and_values_found() {
        let within = Condition::Within(column(), -5, 7);
        assert!(within.may_hold(&row(-5)) && within.may_hold(&row(7)) && !within.may_hold(&row(8)));
        let outside = not(Condition::Within(column(), -5, 7));
        assert!(!outside.may_hold(&row(0)) && outside.may_hold(&row(-6)));
        let among = |exact| Condition::Among(column(), hashes(&[1, 2]), exact);
        assert!(among(true).may_hold(&row(2)) && !among(false).may_hold(&row(3)));
        assert!(!not(among(true)).may_hold(&row(2)));
        assert!(
            not(among(false)).may_hold(&row(2)),
            "two values may share a hash"
        );
    }

    #[test]
    fn what_is_not_known_may_be_anything() {
        let conditions = [
            Condition::Within(column(), 1, 1),
            Condition::Among(column(), hashes(&[]), true),
            Condition::Null(column()),
            Condition::Unknown,
        ];
        for condition in conditions {
            assert!(condition.may_hold(&Image::Unknown), "{condition:?}");
            assert!(
                not(condition.clone()).may_hold(&Image::Unknown),
                "{condition:?}"
            );
        }
    }

    #[test]
    fn a_filter_of_one_answer_is_told_more_once() {
        let null = || [Condition::Null(column())];
        let filter = Filter::new([], null()).of_one_answer();
        assert!(filter.admits(Side::Before, &row(1)) && !filter.admits(Side::After, &row(1)));
        filter.tell(null(), []);
        assert!(!filter.admits(Side::Before, &row(1)));
        filter.tell([], []);
        assert!(!filter.admits(Side::Before, &row(1)));
        assert!(filter != filter.of_one_answer() && filter == filter);
    }
}
