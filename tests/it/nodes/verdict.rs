//! Judges what all nodes wrote down: whether a node read its own writes, and how old reads were.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::record::{Kind, Record};

/// What a run showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    /// Reads that came after a write was acknowledged on the same node, and did not see it.
    pub(crate) own_writes_missed: usize,
    /// How old each read was: how long ago a newer version had been acknowledged when it began.
    staleness: Vec<u64>,
    took: Vec<u64>,
    /// The worst reads, for people.
    worst: Vec<Worst>,
}

#[derive(Clone, Copy, Debug)]
struct Worst {
    node: usize,
    record: Record,
    newer: u64,
    staleness: u64,
}

/// An acknowledged write, as the readers must see it.
#[derive(Clone, Copy)]
struct Acknowledged {
    version: u64,
    at: u64,
}

/// The writes of one register in the order of their versions, each with the first moment at which it
/// or a newer one had been acknowledged.
#[derive(Default)]
struct History(Vec<Acknowledged>);

impl History {
    fn of(mut writes: Vec<Acknowledged>) -> Self {
        writes.sort_by_key(|write| write.version);
        let mut first = u64::MAX;
        for write in writes.iter_mut().rev() {
            first = first.min(write.at);
            write.at = first;
        }
        Self(writes)
    }

    /// Returns the oldest version above `version` and when it, or a newer one, was acknowledged.
    fn above(&self, version: u64) -> Option<Acknowledged> {
        let index = self.0.partition_point(|write| write.version <= version);
        self.0.get(index).copied()
    }
}

/// Judges the records of all nodes.
pub(crate) fn judge(journals: &[Vec<Record>]) -> Verdict {
    let all = histories(journals.iter().flatten());
    let mut verdict = Verdict::default();
    for (node, journal) in journals.iter().enumerate() {
        let own = histories(journal.iter());
        for record in journal {
            match record.kind {
                Kind::Write => verdict.writes += 1,
                Kind::Read => verdict.read(node, *record, &own, &all),
            }
        }
    }
    verdict.staleness.sort_unstable();
    verdict.took.sort_unstable();
    verdict
        .worst
        .sort_by_key(|worst| std::cmp::Reverse(worst.staleness));
    verdict.worst.truncate(5);
    verdict
}

fn histories<'a>(records: impl Iterator<Item = &'a Record>) -> HashMap<u32, History> {
    let mut writes: HashMap<u32, Vec<Acknowledged>> = HashMap::new();
    for record in records.filter(|record| record.kind == Kind::Write) {
        let Record { version, at, .. } = *record;
        let of_register = writes.entry(record.register).or_default();
        of_register.push(Acknowledged { version, at });
    }
    let each = writes.into_iter();
    each.map(|(register, writes)| (register, History::of(writes)))
        .collect()
}

impl Verdict {
    fn read(
        &mut self,
        node: usize,
        record: Record,
        own: &HashMap<u32, History>,
        all: &HashMap<u32, History>,
    ) {
        self.reads += 1;
        self.took.push(record.took);
        let newer = |histories: &HashMap<u32, History>| {
            let newer = histories.get(&record.register)?.above(record.version)?;
            (newer.at < record.at).then_some(newer)
        };
        if newer(own).is_some() {
            self.own_writes_missed += 1;
        }
        let Some(newer) = newer(all) else {
            return self.staleness.push(0);
        };
        let staleness = record.at - newer.at;
        self.staleness.push(staleness);
        self.worst.push(Worst {
            node,
            record,
            newer: newer.version,
            staleness,
        });
        if self.worst.len() > 10_000 {
            self.worst
                .sort_by_key(|worst| std::cmp::Reverse(worst.staleness));
            self.worst.truncate(5);
        }
    }

    /// Returns the staleness of the read at this share of all reads, from 0 to 1.
    pub(crate) fn staleness(&self, share: f64) -> Duration {
        Duration::from_nanos(at_share(&self.staleness, share))
    }

    /// Returns how long the read at this share of all took.
    pub(crate) fn took(&self, share: f64) -> Duration {
        Duration::from_nanos(at_share(&self.took, share))
    }

    /// Returns how many reads were older than this.
    pub(crate) fn older_than(&self, bound: Duration) -> usize {
        let bound = u64::try_from(bound.as_nanos()).unwrap();
        self.staleness.len() - self.staleness.partition_point(|age| *age <= bound)
    }

    /// Returns how many reads were stale at all.
    pub(crate) fn stale(&self) -> usize {
        self.older_than(Duration::ZERO)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a list"
)]
fn at_share(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).ceil() as usize)
        .copied()
        .unwrap_or_default()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} reads, {} writes; own writes missed: {}; stale reads: {} (staleness of all reads \
             p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, max {:.1?}); a read took p50 {:.1?}, p99 {:.1?}, \
             max {:.1?}",
            self.reads,
            self.writes,
            self.own_writes_missed,
            self.stale(),
            self.staleness(0.5),
            self.staleness(0.99),
            self.staleness(0.999),
            self.staleness(1.0),
            self.took(0.5),
            self.took(0.99),
            self.took(1.0),
        )?;
        for Worst {
            node,
            record,
            newer,
            staleness,
        } in &self.worst
        {
            write!(
                f,
                "\n    node {node} read version {} of register {}; {newer} had been acknowledged \
                 {:.1?} before",
                record.version,
                record.register,
                Duration::from_nanos(*staleness)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(version: u64, at: u64) -> Record {
        Record {
            kind: Kind::Write,
            register: 1,
            version,
            at,
            took: 1,
        }
    }

    fn read(version: u64, at: u64) -> Record {
        Record {
            kind: Kind::Read,
            ..write(version, at)
        }
    }

    #[test]
    fn a_read_is_as_old_as_the_first_newer_write_that_was_acknowledged_before_it() {
        let verdict = judge(&[
            vec![write(1, 10), write(2, 20)],
            vec![read(0, 25), read(2, 30)],
        ]);
        assert_eq!(verdict.own_writes_missed, 0);
        assert_eq!(verdict.stale(), 1);
        assert_eq!(verdict.staleness(1.0), Duration::from_nanos(15));
    }

    #[test]
    fn a_read_that_began_before_the_acknowledgement_may_see_either() {
        let verdict = judge(&[vec![write(1, 10)], vec![read(0, 10), read(1, 5)]]);
        assert_eq!(verdict.stale(), 0);
    }

    #[test]
    fn a_node_that_does_not_see_its_own_write_is_told() {
        let verdict = judge(&[vec![write(1, 10), read(0, 11)], vec![read(0, 11)]]);
        assert_eq!(verdict.own_writes_missed, 1);
        assert_eq!(verdict.stale(), 2);
    }
}
