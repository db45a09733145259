//! What a read of the log means for those who have read so far. Pure.

use super::log::Page;
use super::place::Place;

/// How far the log was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Course {
    /// Which log; `None` before the first answer.
    pub(crate) log: Option<u64>,
    /// The last entry read.
    pub(crate) cursor: Place,
    /// The last entry that nodes which have begun were given; behind the cursor's while it reads
    /// anew for others.
    pub(crate) followed: Place,
    /// Where the log ended when it was last read.
    head: Place,
    /// How many entries were ever added up to `followed`, where that is known.
    added: Option<u64>,
}

/// What a page means for those who have read so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A replica answered: it tells nothing of what the master has.
    Misled,
    /// There is no log: it has to be begun.
    Absent,
    /// Another log, or one that lost entries: changes may have been missed.
    Gap(u64),
    /// The same log ends before what was read of it: positions will be given again.
    WentBack,
    /// What follows the cursor; `holed` for those that read from the beginning.
    Follows {
        /// The log.
        log: u64,
        /// Entries behind the cursor were lost before they were read.
        holed: bool,
    },
}

impl Course {
    /// Begins at the head of a log.
    pub(crate) fn at(log: u64, head: Place) -> Self {
        Self {
            log: Some(log),
            cursor: head,
            followed: head,
            head,
            added: None,
        }
    }

    /// Takes note of a page, before the cursor is moved behind it.
    pub(crate) fn note(&mut self, page: &Page) {
        let count = |added: u64| added.saturating_add(self.new_entries(page));
        self.added = if self.last(page) == page.head {
            page.added
        } else {
            self.added.map(count)
        };
        self.head = page.head;
    }

    /// Returns the last entry that is read with a page.
    fn last(&self, page: &Page) -> Place {
        let last = page.entries.last().map_or(Place::ZERO, |entry| entry.place);
        last.max(self.followed)
    }

    fn new_entries(&self, page: &Page) -> u64 {
        let places = page.entries.iter().map(|entry| entry.place);
        let count = places.filter(|place| *place > self.followed).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Entries were removed from the midst of the log or from its end, or it is a copy of before that went on.
    fn lacks_some(&self, page: &Page) -> bool {
        if !page.full && self.last(page) < self.head {
            return true;
        }
        let at_end = self.last(page) == page.head;
        let added = page.added.zip(self.added).filter(|_| at_end);
        added.is_some_and(|(now, before)| now != before.saturating_add(self.new_entries(page)))
    }

    /// Says what a page means. Pure.
    pub(crate) fn judge(&self, page: &Page, any_begun: bool) -> Verdict {
        if !page.identity.master {
            return Verdict::Misled;
        }
        let Some(incarnation) = page.identity.incarnation else {
            return Verdict::Absent;
        };
        if page.head == Place::ZERO {
            return Verdict::Absent;
        }
        if self.log != Some(incarnation) {
            return Verdict::Gap(incarnation);
        }
        if page.head < self.cursor.max(self.followed) {
            return Verdict::WentBack;
        }
        let lost = |from: Place| page.head > from && page.first.is_none_or(|first| first > from);
        if any_begun && (lost(self.followed) || self.lacks_some(page)) {
            return Verdict::Gap(incarnation);
        }
        Verdict::Follows {
            log: incarnation,
            holed: self.cursor != Place::ZERO && lost(self.cursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::log::{Entry, Identity};

    const LOG: u64 = 7;

    fn place(millis: u64) -> Place {
        Place::parse(&format!("{millis}-0")).unwrap()
    }

    /// A log that keeps what was placed from `first` to `head`.
    fn page(first: u64, head: u64) -> Page {
        Page {
            entries: Vec::new(),
            full: false,
            head: place(head),
            first: Some(place(first)),
            length: 1,
            added: None,
            identity: Identity {
                master: true,
                incarnation: Some(LOG),
            },
            refused: None,
        }
    }

    /// Read up to `followed`.
    fn course(followed: u64) -> Course {
        Course::at(LOG, place(followed))
    }

    const FOLLOWS: Verdict = Verdict::Follows {
        log: LOG,
        holed: false,
    };

    #[test]
    fn what_follows_the_cursor_is_taken() {
        assert_eq!(course(50).judge(&page(10, 50), true), FOLLOWS);
        assert_eq!(course(50).judge(&page(50, 60), true), FOLLOWS);
    }

    #[test]
    fn the_first_log_and_another_log_are_gaps() {
        let gap = Verdict::Gap(LOG);
        assert_eq!(Course::default().judge(&page(10, 50), false), gap);
        let other = Course {
            log: Some(8),
            ..course(50)
        };
        assert_eq!(other.judge(&page(10, 60), true), gap);
    }

    #[test]
    fn a_log_that_ends_before_what_was_read_of_it_has_to_be_another_one() {
        assert_eq!(course(50).judge(&page(10, 49), true), Verdict::WentBack);
        let anew = Course {
            cursor: place(20),
            ..course(50)
        };
        assert_eq!(anew.judge(&page(10, 49), false), Verdict::WentBack);
    }

    #[test]
    fn entries_trimmed_before_they_were_read_are_a_gap() {
        assert_eq!(course(50).judge(&page(51, 60), true), Verdict::Gap(LOG));
        let empty = Page {
            first: None,
            ..page(0, 60)
        };
        assert_eq!(course(50).judge(&empty, true), Verdict::Gap(LOG));
        assert_eq!(
            course(60).judge(&empty, true),
            FOLLOWS,
            "nothing was missed"
        );
    }

    fn entry(millis: u64) -> Entry {
        Entry {
            place: place(millis),
            changes: Vec::new(),
            origin: None,
        }
    }

    #[test]
    fn entries_removed_before_they_were_read_are_a_gap() {
        let counted = |entries: &[u64], head, added| Page {
            entries: entries.iter().map(|millis| entry(*millis)).collect(),
            added: Some(added),
            ..page(10, head)
        };
        let mut course = course(50);
        course.note(&counted(&[], 50, 9));
        assert_eq!(course.judge(&counted(&[60, 70], 70, 11), true), FOLLOWS);
        assert_eq!(
            course.judge(&counted(&[60, 70], 70, 12), true),
            Verdict::Gap(LOG)
        );
        assert_eq!(
            course.judge(&counted(&[70], 70, 3), true),
            Verdict::Gap(LOG),
            "a copy of before that went on"
        );
        // One was added behind the read: it is counted with the next.
        course.note(&counted(&[60], 70, 11));
        course.followed = place(60);
        course.cursor = place(60);
        assert_eq!(course.judge(&counted(&[70], 70, 11), true), FOLLOWS);
        assert_eq!(
            course.judge(&counted(&[80], 80, 12), true),
            Verdict::Gap(LOG)
        );
        assert_eq!(
            course.judge(&counted(&[], 70, 11), true),
            Verdict::Gap(LOG),
            "it was the last one"
        );
    }

    #[test]
    fn a_hole_matters_only_to_those_who_have_it() {
        // Reads anew for a node that has come, while others are far ahead.
        let anew = Course {
            cursor: place(20),
            ..course(50)
        };
        let holed = Verdict::Follows {
            log: LOG,
            holed: true,
        };
        assert_eq!(anew.judge(&page(30, 50), true), holed);
        let beginning = Course {
            cursor: Place::ZERO,
            ..course(50)
        };
        assert_eq!(beginning.judge(&page(30, 50), true), FOLLOWS);
        assert_eq!(
            course(50).judge(&page(51, 60), false),
            Verdict::Follows {
                log: LOG,
                holed: true
            }
        );
    }

    #[test]
    fn a_replica_is_not_read_and_a_log_that_is_not_there_is_begun() {
        let mut replica = page(10, 50);
        replica.identity.master = false;
        assert_eq!(course(50).judge(&replica, true), Verdict::Misled);
        let mut nameless = page(10, 50);
        nameless.identity.incarnation = None;
        assert_eq!(course(50).judge(&nameless, true), Verdict::Absent);
        let deleted = Page {
            head: Place::ZERO,
            first: None,
            ..page(0, 0)
        };
        assert_eq!(course(50).judge(&deleted, true), Verdict::Absent);
    }
}
