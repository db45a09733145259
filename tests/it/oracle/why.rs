//! Which changes made which answers invalid, and by what they depended on.

use std::collections::BTreeMap;

use larder::explain::Cause;
use larder::{Explanation, Larder};

/// More lines than this are not read.
const MOST_LINES: usize = 60;

/// Prints a tally of the invalid entries that are held now, if `LARDER_ORACLE_WHY` is set.
pub(crate) fn tell(larder: &Larder) {
    if std::env::var_os("LARDER_ORACLE_WHY").is_none() {
        return;
    }
    let mut tally = BTreeMap::<String, u64>::new();
    let regions = larder.snapshot().regions;
    for region in &regions {
        for entry in larder.explain_matching(&region.name, "*", usize::MAX) {
            *tally.entry(line(&entry)).or_default() += 1;
        }
    }
    let mut lines: Vec<_> = tally.into_iter().collect();
    lines.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("--- why");
    for (line, count) in lines.into_iter().take(MOST_LINES) {
        println!("{count:>6} {line}");
    }
}

fn line(entry: &Explanation) -> String {
    let kind = format!("{} {}", entry.region, alike(&entry.key));
    let Some(kept) = entry.entry.as_ref() else {
        return kind;
    };
    let mut changed: Vec<_> = kept
        .dependencies
        .iter()
        .filter(|dependency| dependency.has_changed)
        .map(|dependency| alike(&dependency.words))
        .collect();
    changed.sort();
    changed.dedup();
    let cause = match &entry.invalidated {
        Some(invalidation) if !changed.is_empty() => match &invalidation.cause {
            Cause::Change {
                change,
                is_collision,
                ..
            } => format!(
                "{}{}",
                alike(change),
                if *is_collision { " (collision)" } else { "" }
            ),
            other => format!("{other:?}"),
        },
        _ => String::new(),
    };
    format!(
        "{kind}: {:?} by {cause}, of {}",
        entry.state,
        changed.join("; ")
    )
}

/// The words without what differs from entry to entry: numbers and names of clients.
fn alike(words: &str) -> String {
    let mut shown = String::new();
    for character in words.chars() {
        match character {
            '0'..='9' if shown.ends_with('#') => {}
            '0'..='9' => shown.push('#'),
            other => shown.push(other),
        }
    }
    shown
}
