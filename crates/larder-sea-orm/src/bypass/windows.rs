//! The times in which what a write past the cache touched is not kept.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use larder_core::{Change, Moment};

/// For so long a window stands for another that would be opened for the same change.
///
/// Much shorter than a window lasts (`Larder::publish_unsure`): what is left of it is what the last write gets.
const STANDS_FOR: Duration = Duration::from_secs(1);

/// When a window was last opened for each change.
///
/// Many writes past the cache to one table would otherwise hold a task each.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<Vec<(Change, Moment)>>);

impl Windows {
    /// Returns the changes a window is to be opened for, out of those there are.
    ///
    /// What is not `lasting` may close at any time, and stands for nothing.
    pub(super) fn opened(&self, changes: Vec<Change>, now: Moment, lasting: bool) -> Vec<Change> {
        if !lasting {
            return changes;
        }
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, since)| now.since(*since) < STANDS_FOR);
        let stands = |change: &Change| {
            open.iter()
                .any(|(known, _)| known == change || *known == Change::everything())
        };
        let fresh: Vec<Change> = changes.into_iter().filter(|it| !stands(it)).collect();
        open.extend(fresh.iter().map(|change| (change.clone(), now)));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder_core::TableName;

    fn table(name: &str) -> Change {
        Change::table(&TableName::new("main", name))
    }

    fn at(millis: u64) -> Moment {
        Moment::ZERO.after(Duration::from_millis(millis))
    }

    #[test]
    fn a_window_stands_for_the_next_ones_for_a_while() {
        let windows = Windows::default();
        let opened = |name, now| windows.opened(vec![table(name)], at(now), true).len();
        assert_eq!(opened("article", 0), 1);
        assert_eq!(opened("article", 999), 0);
        assert_eq!(opened("author", 999), 1, "that is another table");
        assert_eq!(opened("article", 1000), 1);
    }

    #[test]
    fn a_window_of_everything_stands_for_every_table() {
        let windows = Windows::default();
        let everything = vec![Change::everything()];
        assert_eq!(windows.opened(everything, at(0), true).len(), 1);
        assert_eq!(windows.opened(vec![table("article")], at(1), true), []);
    }

    #[test]
    fn what_may_close_early_stands_for_nothing() {
        let windows = Windows::default();
        for _ in 0..2 {
            let opened = windows.opened(vec![table("article")], at(0), false);
            assert_eq!(opened, [table("article")]);
        }
    }
}
