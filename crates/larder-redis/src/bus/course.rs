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
    /// What follows the cursor; `holed` for those that read from the beginning.
    Follows {
        /// The log.
        log: u64,
        /// Entries behind the cursor were lost before they were read.
        holed: bool,
    },
}

impl Course {
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
        if self.log != Some(incarnation) || page.head < self.cursor.max(self.followed) {
            return Verdict::Gap(incarnation);
        }
        let lost = |from: Place| page.head > from && page.first.is_none_or(|first| first > from);
        if any_begun && lost(self.followed) {
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
    use crate::bus::log::Identity;

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
            identity: Identity {
                master: true,
                incarnation: Some(LOG),
            },
        }
    }

    /// Read up to `followed`.
    fn course(followed: u64) -> Course {
        Course {
            log: Some(LOG),
            cursor: place(followed),
            followed: place(followed),
        }
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
    fn the_first_log_another_log_and_a_lower_head_are_gaps() {
        let gap = Verdict::Gap(LOG);
        assert_eq!(Course::default().judge(&page(10, 50), false), gap);
        let other = Course {
            log: Some(8),
            ..course(50)
        };
        assert_eq!(other.judge(&page(10, 60), true), gap);
        assert_eq!(course(50).judge(&page(10, 49), true), gap);
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
