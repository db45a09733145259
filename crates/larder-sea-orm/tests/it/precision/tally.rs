//! What is counted, and how it is shown.

use std::collections::BTreeMap;
use std::fmt;

use super::send::Way;

/// What became of (query, write) pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) pairs: u64,
    /// The answer really changed.
    pub(super) changed: u64,
    /// The entry was invalid.
    pub(super) precise: u64,
    /// Equalities alone would have invalidated it.
    pub(super) equality: u64,
    /// Whole tables would have.
    pub(super) whole: u64,
    /// The entry was invalid, and no row of the query's tables had changed.
    pub(super) unmoved: u64,
    /// The entry was invalid, and no row had changed that meets the query's equalities, but others had.
    pub(super) others: u64,
}

/// How the query and the write were handed over; `None`: several writes.
pub(super) type Ways = (Way, Option<Way>);

/// One pair.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one judge's verdict")]
pub(super) struct Pair {
    pub(super) changed: bool,
    pub(super) invalid: bool,
    pub(super) equality: bool,
    pub(super) whole: bool,
}

/// Everything counted in a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) all: Counts,
    pub(super) by_shape: BTreeMap<String, Counts>,
    pub(super) by_write: BTreeMap<&'static str, Counts>,
    pub(super) by_sort: BTreeMap<&'static str, Counts>,
    pub(super) by_way: BTreeMap<Ways, Counts>,
    pub(super) rounds: u64,
    pub(super) writes: u64,
    /// Writes the database refused.
    pub(super) refused: u64,
    /// Queries whose answers were not kept.
    pub(super) not_kept: u64,
    pub(super) missed: u64,
}

impl Counts {
    pub(super) fn add(&mut self, pair: Pair) {
        self.pairs += 1;
        self.changed += u64::from(pair.changed);
        self.precise += u64::from(pair.invalid);
        self.equality += u64::from(pair.equality);
        self.whole += u64::from(pair.whole);
        self.unmoved += u64::from(pair.invalid && !pair.whole);
        self.others += u64::from(pair.invalid && pair.whole && !pair.equality);
    }

    /// Adds what was counted elsewhere.
    fn add_all(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.changed += other.changed;
        self.precise += other.precise;
        self.equality += other.equality;
        self.whole += other.whole;
        self.unmoved += other.unmoved;
        self.others += other.others;
    }

    /// How many times as many pairs are invalidated as really changed.
    pub(super) fn ratio(&self) -> f64 {
        ratio(self.precise, self.changed)
    }

    /// How many times as many pairs are invalidated as would be by whole tables.
    pub(super) fn of_whole(&self) -> f64 {
        ratio(self.precise, self.whole)
    }
}

impl Tally {
    /// What was counted in plain rounds.
    pub(super) fn plain(&self) -> Counts {
        let mut plain = Counts::default();
        for (_, counts) in self
            .by_sort
            .iter()
            .filter(|(sort, _)| sort.starts_with("plain"))
        {
            plain.add_all(counts);
        }
        plain
    }

    pub(super) fn count(&mut self, shape: &str, write: &'static str, ways: Ways, pair: Pair) {
        self.all.add(pair);
        if let Some(counts) = self.by_shape.get_mut(shape) {
            counts.add(pair);
        } else {
            self.by_shape.entry(shape.to_owned()).or_default().add(pair);
        }
        self.by_way.entry(ways).or_default().add(pair);
        self.by_write.entry(write).or_default().add(pair);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rounds, {} writes ({} statements refused), {} queries not kept",
            self.rounds, self.writes, self.refused, self.not_kept
        )?;
        writeln!(
            f,
            "{:<34} {:>9} {:>8} {:>8} {:>8} {:>8} {:>6} {:>8} {:>8}",
            "", "pairs", "changed", "precise", "equality", "table", "ratio", "no row", "others"
        )?;
        writeln!(f, "{:<34} {}", "all", self.all)?;
        for (name, counts) in &self.by_sort {
            writeln!(f, "  rounds: {name:<24} {counts}")?;
        }
        for ((read, write), counts) in &self.by_way {
            let write = write.map_or("several".to_owned(), |write| format!("{write:?}"));
            let name = format!("{read:?}, {write} written");
            writeln!(f, "  read as {name:<24} {counts}")?;
        }
        for (name, counts) in &self.by_write {
            writeln!(f, "  write: {name:<25} {counts}")?;
        }
        for (name, counts) in &self.by_shape {
            writeln!(f, "  read: {name:<26} {counts}")?;
        }
        write!(f, "missed: {}", self.missed)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: u64| format!("{:.1}%", 100.0 * ratio(part, self.pairs));
        write!(
            f,
            "{:>9} {:>8} {:>8} {:>8} {:>8} {:>6.2} {:>8} {:>8}",
            self.pairs,
            share(self.changed),
            share(self.precise),
            share(self.equality),
            share(self.whole),
            self.ratio(),
            share(self.unmoved),
            share(self.others)
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is rounded to be read")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
