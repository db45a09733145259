//! The figures as a Markdown table, as they stand in `docs/measurements.md`.

use std::fmt;

use crate::rounds::Lane;

/// Lanes beside the baselines they are measured against.
pub(crate) struct Table<'a> {
    /// What was done, the heading of the first column.
    pub(crate) subject: &'a str,
    /// One line each, in order.
    pub(crate) lanes: &'a [Lane],
    /// Names of lanes: a column of ratios each.
    pub(crate) baselines: &'a [&'a str],
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | median ns | p10 .. p90 |", self.subject)?;
        for name in self.baselines {
            write!(f, " x {name} |")?;
        }
        write!(f, "\n|---|---:|---:|")?;
        for _ in self.baselines {
            write!(f, "---:|")?;
        }
        writeln!(f)?;
        for lane in self.lanes {
            self.line(lane, f)?;
        }
        Ok(())
    }
}

impl Table<'_> {
    fn line(&self, lane: &Lane, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {:.0} | {:.0} .. {:.0} |",
            lane.name,
            lane.quantile(0.5),
            lane.quantile(0.1),
            lane.quantile(0.9)
        )?;
        for name in self.baselines {
            match self.lanes.iter().find(|base| base.name == *name) {
                Some(base) => write!(f, " {:.2} |", lane.ratio(base))?,
                None => write!(f, " |")?,
            }
        }
        writeln!(f)
    }
}
