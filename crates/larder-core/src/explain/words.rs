//! The text of an explanation.

use std::fmt;
use std::time::Duration;

use super::{Cause, Explanation, Invalidation, KeptEntry, RefusedLoad, State, ToldDependency};
use crate::change::{Change, Image, RowChange, What};
use crate::shape::Columns;

/// The text names no more dependencies than this.
const MOST_DEPENDENCIES: usize = 12;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key, region, scope, ..
        } = self;
        write!(f, "{key} of {region} ({scope}): {}", self.state)?;
        if self.is_loading {
            f.write_str(", being loaded")?;
        }
        if let Some(entry) = &self.entry {
            entry.write(f, self.watermark)?;
        }
        self.write_past(f)
    }
}

impl Explanation {
    fn write_past(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(aged) = &self.aged {
            write!(f, "\n  made to age {aged}")?;
        }
        if let Some(invalidated) = &self.invalidated {
            let last = match self.state {
                State::Invalid => "became",
                _ => "last became",
            };
            write!(f, "\n  {last} invalid {invalidated}")?;
        }
        if let Some(refused) = &self.refused {
            write!(f, "\n  {refused}")?;
        }
        let ends = [
            ("a load last failed", self.failed),
            ("last found expired", self.expired),
            ("last went by capacity", self.evicted),
        ];
        for (what, ago) in ends {
            if let Some(ago) = ago {
                write!(f, "\n  {what} {} ago", Spelled(ago))?;
            }
        }
        if self.entry.is_none() && self.is_unheard_of() {
            f.write_str("\n  nothing is known of it: not read yet, or long ago")?;
        }
        Ok(())
    }

    fn is_unheard_of(&self) -> bool {
        let ends = [self.failed, self.expired, self.evicted];
        self.state == State::Absent
            && !self.is_loading
            && self.invalidated.is_none()
            && self.refused.is_none()
            && ends.iter().all(Option::is_none)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "cached, fresh",
            Self::Stale => "cached, stale: served while it is loaded anew",
            Self::Expired => "expired, not served",
            Self::Invalid => "invalid, not served",
            Self::Unheard => "not served: the bus has been silent for too long",
            Self::Absent => "not cached",
            Self::SwitchedOff => "switched off, not served",
            Self::PassedBy(reason) => return write!(f, "passed by: {reason}"),
        })
    }
}

impl KeptEntry {
    fn write(&self, f: &mut fmt::Formatter<'_>, watermark: u64) -> fmt::Result {
        if !self.has_value {
            f.write_str("\n  says that there is none")?;
        }
        for (index, dependency) in self.dependencies.iter().take(MOST_DEPENDENCIES).enumerate() {
            let before = if index == 0 { "made of" } else { "       " };
            write!(f, "\n  {before} {dependency}")?;
        }
        if let more @ 1.. = self.dependencies.len().saturating_sub(MOST_DEPENDENCIES) {
            write!(f, "\n          and {more} more")?;
        }
        let Self {
            position, bytes, ..
        } = self;
        write!(f, "\n  position {position} of {watermark}, {bytes} bytes")?;
        match self.age {
            Some(age) => write!(f, ", loaded {} ago", Spelled(age))?,
            None => f.write_str(", loaded by another node")?,
        }
        match (self.ttl_left, self.grace_left) {
            (Duration::ZERO, Duration::ZERO) => f.write_str(", past its ttl"),
            (Duration::ZERO, left) => write!(f, ", past its ttl, {} of grace left", Spelled(left)),
            (left, _) => write!(f, ", {} of its ttl left", Spelled(left)),
        }
    }
}

impl fmt::Display for ToldDependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = if self.has_changed { ": changed" } else { "" };
        write!(f, "{}{changed}", self.words)
    }
}

impl fmt::Display for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ago by {}", Spelled(self.ago), self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change {
                change,
                position,
                is_collision,
                may_be_later,
            } => {
                write!(f, "{change}, at position {position}")?;
                if *is_collision {
                    f.write_str(", whose hash shares a slot with a dependency's")?;
                }
                if *may_be_later {
                    f.write_str("; an earlier change may have been the first")?;
                }
                Ok(())
            }
            Self::Pending => f.write_str("a committed change that was not yet on the bus"),
            Self::NewLog => f.write_str("a new log of the bus"),
            Self::Collision => f.write_str(
                "a change of something else whose hash shares a slot with a dependency's",
            ),
            Self::Forgotten => f.write_str("a change that is no longer remembered"),
        }
    }
}

impl fmt::Display for RefusedLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ago, reason, .. } = self;
        write!(
            f,
            "last loaded and not kept {} ago: {reason}",
            Spelled(*ago)
        )?;
        match &self.details {
            Some(details) => write!(f, " ({details})"),
            None => Ok(()),
        }
    }
}

/// Says what a change did, as far as it tells.
pub(super) fn change_in_words(change: &Change) -> String {
    match change.what() {
        What::Row(row) => format!("{} row {} of {}", verb(row), row.key, row.table) + &columns(row),
        _ => format!("a change of {change}"),
    }
}

fn verb(row: &RowChange) -> &'static str {
    match (&row.before, &row.after) {
        (Image::Absent, Image::Absent) => "a change of",
        (Image::Absent, _) => "the insertion of",
        (_, Image::Absent) => "the deletion of",
        _ if row.columns != Columns::All => "an update of",
        _ => "a change of",
    }
}

fn columns(row: &RowChange) -> String {
    match &row.columns {
        Columns::Named(columns) => format!(" ({})", columns.join(", ")),
        Columns::All => String::new(),
    }
}

/// A duration as people say it: two units at most.
struct Spelled(Duration);

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match seconds {
            0 => write!(f, "{millis} ms"),
            1..10 => write!(f, "{seconds}.{} s", millis / 100),
            10..60 => write!(f, "{seconds} s"),
            60..3600 => write!(f, "{minutes} min {} s", seconds % 60),
            3600..172_800 => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::TableName;

    #[test]
    fn durations_are_spelled_in_two_units_at_most() {
        let spelled = |millis| Spelled(Duration::from_millis(millis)).to_string();
        assert_eq!(spelled(0), "0 ms");
        assert_eq!(spelled(1_250), "1.2 s");
        assert_eq!(spelled(42_999), "42 s");
        assert_eq!(spelled(597_000), "9 min 57 s");
        assert_eq!(spelled(7_260_000), "2 h 1 min");
        assert_eq!(spelled(180_000_000), "2 d 2 h");
    }

    #[test]
    fn a_change_is_told_as_far_as_it_is_known() {
        let table = TableName::new("main", "article");
        let known = || Image::Known([].into());
        let title = || Columns::named(["title".into()]);
        let row = || Change::row(&table, 7);
        for (change, words) in [
            (row(), "a change of row 7 of main.article"),
            (
                row().images(Image::Absent, known()),
                "the insertion of row 7 of main.article",
            ),
            (
                row().images(known(), Image::Absent),
                "the deletion of row 7 of main.article",
            ),
            (
                row().images(known(), known()).columns(title()),
                "an update of row 7 of main.article (title)",
            ),
            (Change::rows(&table), "a change of rows of main.article"),
            (Change::tag("prices"), "a change of tag prices"),
            (Change::everything(), "a change of everything"),
        ] {
            assert_eq!(change_in_words(&change), words);
        }
    }
}
