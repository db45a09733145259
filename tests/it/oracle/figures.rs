//! What a load came to.

use larder::RegionSnapshot;

use super::invalidation::Invalidation;

/// The counts of one load.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) regions: Vec<RegionSnapshot>,
    /// Statements that were sent to the database, `BEGIN` and `COMMIT` left out.
    pub(crate) statements: u64,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Reads whose answer is the one the same client last got there: no cache that keeps the newest
    /// answers for ever, and nothing stale, could serve more.
    pub(crate) repeated: u64,
    /// Cached answers compared with uncached ones.
    pub(crate) compared: u64,
    /// Reads whose answer was older than a write they came after; at least so many.
    pub(crate) stale: u64,
    /// Answers wrong in any way, the stale ones among them.
    pub(crate) wrong: u64,
    /// The first of them.
    pub(crate) first: Vec<String>,
}

impl Figures {
    /// The share of whole responses that were served from the cache.
    pub(crate) fn responses(&self) -> f64 {
        let responses = self.regions.iter().find(|region| region.name == "http");
        responses.map_or(0.0, RegionSnapshot::hit_ratio)
    }

    pub(crate) fn print(&self) {
        for region in &self.regions {
            println!(
                "{:<12} hits {:>8} misses {:>8} hit ratio {:>5.1} % invalidations {:>8} refused {:>4} evicted {}",
                region.name,
                region.hits,
                region.misses,
                100.0 * region.hit_ratio(),
                region.invalidations,
                region.refused,
                region.evictions,
            );
        }
        println!(
            "reads {} writes {} compared {} statements {} stale reads {} answers as before {} ({:.1} %)",
            self.reads,
            self.writes,
            self.compared,
            self.statements,
            self.stale,
            self.repeated,
            100.0 * share(self.repeated, self.reads),
        );
    }

    /// Fails if an answer was older than a write it came after, or wrong otherwise.
    pub(crate) fn assert_fresh(&self, seed: u64) {
        assert!(
            self.wrong == 0,
            "{} stale or wrong answers with LARDER_ORACLE_SEED={seed}, the first:\n{}",
            self.wrong,
            self.first.join("\n")
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

/// Prints loads side by side, as a table of Markdown.
pub(crate) fn print_beside(runs: &[(Invalidation, Figures)]) {
    let Some((_, first)) = runs.first() else {
        return;
    };
    let regions = || first.regions.iter().map(|region| &region.name);
    let titles = regions().fold(String::new(), |titles, name| titles + " " + name + " |");
    println!("| invalidation |{titles} answers as before | statements | stale reads |");
    println!("|---|{}", "---:|".repeat(first.regions.len() + 3));
    for (invalidation, figures) in runs {
        let ratio = |name: &String| {
            let region = figures.regions.iter().find(|region| region.name == *name);
            format!(
                " {:.1} % |",
                100.0 * region.map_or(0.0, RegionSnapshot::hit_ratio)
            )
        };
        let ratios: String = regions().map(ratio).collect();
        println!(
            "| {} |{ratios} {:.1} % | {} | {} |",
            invalidation.name(),
            100.0 * share(figures.repeated, figures.reads),
            figures.statements,
            figures.stale
        );
    }
}
